/** What a tenant spends on inference this month, and the limit that it set itself. */
import { put } from "../api.js";
import { figure, micros } from "../format.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { mayPay } from "../roles.js";
import { Field, Submit } from "./field.js";
import { useForm } from "./form.js";
import { ErrorNotice, Notice } from "./notice.js";
import { Loading, Panel } from "./panel.js";
import { toast } from "./toast.js";

const MILLION = 1000000;

const most = (budget) => Math.min(budget.limit ?? budget.allowed, budget.allowed);

function Spent({ budget }) {
  const money = (amount) => micros(amount, budget.currency);
  const limit = most(budget);
  const share = limit === 0 ? 1 : Math.min((budget.spent + budget.held) / limit, 1);
  const tone = budget.left === 0 ? "danger" : share >= 0.8 ? "warning" : "info";
  return html`<p>
      <span class="price mono">${money(budget.spent)}</span>
      ${" "}<span class="muted"
        >of ${money(limit)} spent this month: ${figure(budget.tokens)} tokens,
        ${" "}${figure(budget.seconds)} seconds of audio</span
      >
    </p>
    <div class=${`progress tone-${tone}`}>
      <div
        class="progress-track"
        role="meter"
        aria-label="Spent of your inference budget"
        aria-valuemin="0"
        aria-valuemax=${limit}
        aria-valuenow=${Math.min(budget.spent + budget.held, limit)}
        aria-valuetext=${`${money(budget.spent)} of ${money(limit)}`}
      >
        <div class="progress-fill" style=${{ translate: `${share * 100 - 100}% 0` }}></div>
      </div>
    </div>
    ${budget.held > 0 &&
    html`<p class="muted">${money(budget.held)} more is set aside for requests under way.</p>`}
    ${budget.left === 0 &&
    html`<${Notice} tone="warning" title="Your budget is used up">
      Your bots get no more answers from our models until the next month begins.
      ${budget.limit !== null && budget.limit < budget.allowed ? " A higher limit lifts this at once." : ""}
    <//>`}`;
}

function LimitForm({ tenant, budget, onBudget }) {
  const [typed, setTyped] = useState(null);
  const limit = useForm(["limit"], async ({ limit: wanted }) => {
    const sum = wanted.trim() === "" ? null : Math.round(Number(wanted) * MILLION);
    onBudget(await put(`/tenants/${tenant.id}/inference/limit`, { limit: sum }));
    setTyped(null);
    toast(sum === null ? "Your limit is removed" : `Your limit is ${micros(sum, budget.currency)} now`);
  });
  return html`<form class="cap-form" ref=${limit.form} onSubmit=${limit.submit}>
    <${Field}
      id="inference-limit"
      name="limit"
      label=${`Your limit for each month, in ${budget.currency.toUpperCase()}`}
      inputClass="mono"
      type="number"
      inputmode="decimal"
      min="0"
      step="0.01"
      placeholder=${budget.allowed / MILLION}
      value=${typed ?? (budget.limit === null ? "" : budget.limit / MILLION)}
      onInput=${(event) => setTyped(event.target.value)}
      errors=${limit.errors.limit}
      hint=${`Up to ${micros(budget.allowed, budget.currency)}. Empty means all of it.`}
    />
    <div class="actions">
      <${Submit} busy=${limit.busy} busyText="Saving" wide=${false} primary=${false}>
        Save<span class="visually-hidden"> the limit of your inference budget</span>
      <//>
    </div>
    <${ErrorNotice} error=${limit.error} title="The limit was not saved" />
  </form>`;
}

export function InferenceBudget({ tenant }) {
  const read = useResource(`/tenants/${tenant.id}/inference`, () => 60000);
  const [saved, setSaved] = useState(null);
  const budget = saved && saved.after === read.data ? saved.answer : read.data;
  return html`<${Panel} title="Inference budget">
    <div class="stack tight">
      ${budget && html`<${Spent} budget=${budget} />`}
      ${budget &&
      mayPay(tenant) &&
      html`<${LimitForm}
        tenant=${tenant}
        budget=${budget}
        onBudget=${(answer) => setSaved({ after: read.data, answer })}
      />`}
      ${!budget && !read.error && html`<${Loading} lines=${3} what="your budget" />`}
      ${!budget &&
      html`<${ErrorNotice}
        error=${read.error}
        title="Your budget could not be read"
        retry=${read.reload}
      />`}
    </div>
  <//>`;
}
