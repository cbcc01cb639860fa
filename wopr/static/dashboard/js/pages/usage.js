/** What a tenant used this month on each meter, against what is included and its own caps. */
import { put } from "../api.js";
import { figure, longDay } from "../format.js";
import { InferenceBudget } from "../parts/budget.js";
import { DayChart, lastDays } from "../parts/chart.js";
import { Field, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { TenantPage } from "../parts/tenant-page.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { mayPay } from "../roles.js";

const DAYS_SHOWN = 30;

/** When the next calendar month begins, in UTC as meters count it. */
function nextMonth() {
  const now = new Date();
  return new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1, 1));
}

const against = ({ included, cap, cappable }) =>
  [
    included > 0 ? `${figure(included)} included` : "nothing included",
    cappable && (cap === null ? "no cap" : `cap ${figure(cap)}`),
  ]
    .filter(Boolean)
    .join(", ");

/** The bar is of the cap, or of what is included where there is none; else there is no bar. */
function Bar({ meter }) {
  const limit = meter.cap ?? (meter.included || null);
  if (limit === null) return null;
  const share = limit === 0 ? 1 : Math.min(meter.used / limit, 1);
  const tone = meter.left === 0 ? "danger" : share >= 0.8 ? "warning" : "info";
  const of = meter.cap === null ? "included" : "your cap";
  return html`<div class=${`progress tone-${tone}`}>
    <div
      class="progress-track"
      role="meter"
      aria-label=${`${meter.title} of ${of}`}
      aria-valuemin="0"
      aria-valuemax=${limit}
      aria-valuenow=${Math.min(meter.used, limit)}
      aria-valuetext=${`${figure(meter.used)} of ${figure(limit)} (${of})`}
    >
      <div class="progress-fill" style=${{ translate: `${share * 100 - 100}% 0` }}></div>
    </div>
  </div>`;
}

const Reached = ({ meter }) => html`<${Notice} tone="warning" title="Your cap is reached">
  Nothing more of it is used until ${longDay(nextMonth())}, when the next month begins. A higher cap
  lifts this at once.
<//>`;

function useCap(tenant, meter, onUsage) {
  return useForm([meter.meter, "caps"], async (values) => {
    const wanted = values.cap.trim();
    const cap = wanted === "" ? null : Number(wanted);
    onUsage(await put(`/tenants/${tenant.id}/usage/caps`, { caps: { [meter.meter]: cap } }));
    toast(cap === null ? "The cap is removed" : `The cap is ${figure(cap)} now`);
  });
}

function CapForm({ tenant, meter, onUsage }) {
  const [typed, setTyped] = useState(null);
  const shown = typed ?? meter.cap ?? "";
  const cap = useCap(tenant, meter, (usage) => {
    setTyped(null);
    onUsage(usage);
  });
  // The button that removes empties the field first, so that both ways are one form.
  const remove = () => {
    cap.form.current.elements.cap.value = "";
    cap.submit();
  };
  return html`<form class="cap-form" ref=${cap.form} onSubmit=${cap.submit}>
    <${Field}
      id=${`cap-${meter.meter}`}
      name="cap"
      label="Your cap for each month"
      inputClass="mono"
      type="number"
      inputmode="numeric"
      min="0"
      step="1"
      placeholder="none"
      value=${shown}
      onInput=${(event) => setTyped(event.target.value)}
      errors=${cap.errors[meter.meter] ?? cap.errors.caps}
      hint="Nothing is used beyond it. Empty means no cap."
    />
    <div class="actions">
      <${Submit} busy=${cap.busy} busyText="Saving" wide=${false} primary=${false}>
        Save<span class="visually-hidden"> the cap of ${meter.title}</span>
      <//>
      ${meter.cap !== null &&
      html`<button class="button" type="button" onClick=${remove}>
        Remove<span class="visually-hidden"> the cap of ${meter.title}</span>
      </button>`}
    </div>
    <${ErrorNotice} error=${cap.error} title="The cap was not saved" />
  </form>`;
}

function Meter({ tenant, meter, days, onUsage }) {
  const rows = days.filter((day) => day.meter === meter.meter);
  return html`<${Panel} title=${meter.title}>
    <div class="meter">
      <div class="stack tight">
        <p>
          <span class="price mono">${figure(meter.used)}</span>
          ${" "}<span class="muted">used this month; ${against(meter)}</span>
        </p>
        <${Bar} meter=${meter} />
        ${meter.left === 0 && html`<${Reached} meter=${meter} />`}
        ${meter.cappable && mayPay(tenant) &&
        html`<${CapForm} tenant=${tenant} meter=${meter} onUsage=${onUsage} />`}
      </div>
      <${DayChart} title=${meter.title} days=${lastDays(rows, DAYS_SHOWN)} />
    </div>
  <//>`;
}

function Meters({ tenant }) {
  const read = useResource(`/tenants/${tenant.id}/usage`, () => 60000);
  const [saved, setSaved] = useState(null);
  const usage = newer(read.data, saved);
  if (!usage) {
    return html`<div class="panel panel-body">
      ${read.error
        ? html`<${ErrorNotice} error=${read.error} title="Your usage could not be read" retry=${read.reload} />`
        : html`<${Loading} lines=${9} what="usage" />`}
    </div>`;
  }
  if (usage.meters.length === 0) {
    return html`<div class="panel">
      <${Empty} title="Nothing is metered">Your plan has one price, whatever your bots do.<//>
    </div>`;
  }
  const keep = (answer) => setSaved({ after: read.data, answer });
  return usage.meters.map(
    (meter) =>
      html`<${Meter}
        key=${meter.meter}
        tenant=${tenant}
        meter=${meter}
        days=${usage.days}
        onUsage=${keep}
      />`,
  );
}

/** The answer to a saved cap counts until the usage is read again. */
const newer = (read, saved) => (saved && saved.after === read ? saved.answer : read);

export function Usage({ params }) {
  return html`<${TenantPage}
    id=${params.id}
    current="/usage"
    title="Usage"
    lead=${() => `Of this calendar month. It is counted in UTC and begins anew on ${longDay(nextMonth())}.`}
  >
    ${({ tenant }) =>
      html`<div class="stack">
        <${InferenceBudget} tenant=${tenant} />
        <${Meters} tenant=${tenant} />
      </div>`}
  <//>`;
}
