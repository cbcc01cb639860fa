/** Paid: the bot is set up before the customer's eyes, then handed over. */
import { isOver, useOperation } from "../live.js";
import { NeedsProvider, OpenBot } from "../parts/bot.js";
import { Copyable } from "../parts/copy.js";
import { Facts } from "../parts/facts.js";
import { Hostname } from "../parts/hostname.js";
import { Icon } from "../parts/icons.js";
import { ErrorNotice } from "../parts/notice.js";
import { OperationFailure, RetryNote, StepsPanel } from "../parts/operation.js";
import { Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { priceOf, priceText } from "../parts/plan.js";
import { ProgressBar } from "../parts/progress.js";
import { html, useEffect } from "../preact.js";
import { useResource } from "../resource.js";
import { useSession } from "../session.js";
import { StatusPanel } from "./checkout-states.js";

const LOOK_EVERY = 1000;

const provisionOf = (operations) => operations?.find(({ kind }) => kind === "provision");

/** The provision operation of a tenant, from the moment that it exists. */
function useProvision(tenantId) {
  const list = useResource(`/tenants/${tenantId}/operations`, (operations) =>
    provisionOf(operations) ? 0 : LOOK_EVERY,
  );
  const found = provisionOf(list.data);
  const live = useOperation(found?.id);
  return { ...live, operation: live.operation ?? found ?? null, error: live.error ?? list.error };
}

function useInstance(tenantId, operation) {
  const ready = operation?.state === "succeeded";
  const { data } = useResource(ready ? `/tenants/${tenantId}/instances` : null, (instances) =>
    instances.some(({ status }) => status === "running") ? 0 : LOOK_EVERY,
  );
  return data?.find(({ status }) => status === "running") ?? null;
}

const Building = ({ operation, tenant }) => html`<${StatusPanel}
  tone="info"
  icon="spinner"
  spin
  title=${tenant ? `Setting up ${tenant.slug}` : "Setting up your bot"}
  foot=${operation
    ? html`<${ProgressBar} operation=${operation} />`
    : html`<p class="fine-print">Payment confirmed. The first step begins in a moment.</p>`}
>
  You are paid up. This takes about a minute; it goes on even if you close this page.
<//>`;

/** Comes a moment later than the rest, so it stands last: what is there does not move away. */
function Welcome({ tenantId }) {
  const { data } = useResource(`/tenants/${tenantId}/documents`, (documents) =>
    documents.length ? 0 : LOOK_EVERY * 3,
  );
  const welcome = data?.find(({ kind }) => kind === "welcome") ?? data?.[0];
  if (!welcome) return null;
  return html`<a class="button" href=${welcome.url} download=${welcome.filename}>
    <${Icon} name="download" />Welcome PDF
  </a>`;
}

const Done = ({ instance, tenantId }) => html`<${StatusPanel}
  tone="good"
  icon="check-circle"
  title=${html`${instance.slug} is <${Pill} state=${instance.status} />`}
  foot=${html`<div class="actions">
    <${OpenBot} instance=${instance} />
    <a class="button" href=${`/tenants/${tenantId}`}>Dashboard</a>
    <${Welcome} tenantId=${tenantId} />
  </div>`}
>
  It answered under its own name: <${Hostname} value=${instance.hostname} />
<//>`;

const Failed = ({ operation }) => html`<${StatusPanel}
  tone="danger"
  icon="cross-circle"
  title="Your bot could not be set up"
  foot=${html`<${ProgressBar} operation=${operation} />`}
>
  What was begun has been undone. Below is the reason, and what it means for you.
<//>`;

function Head({ operation, instance, tenant, checkout }) {
  if (instance) return html`<${Done} instance=${instance} tenantId=${checkout.tenant} />`;
  if (operation?.state === "failed") return html`<${Failed} operation=${operation} />`;
  return html`<${Building} operation=${operation} tenant=${tenant} />`;
}

function useTabTitle(operation, instance) {
  useEffect(() => {
    if (instance) document.title = `${instance.slug} is running · WOPR`;
    else if (operation?.state === "failed") document.title = "Not set up · WOPR";
    else document.title = `${Math.round(operation?.progress ?? 0)} % · Setting up your bot · WOPR`;
  }, [operation, instance]);
}

function Summary({ checkout, tenant, plan, operation }) {
  const price = plan && priceOf(plan, checkout.interval);
  const reference = operation?.correlation_id;
  return html`<${Panel} title="Your order">
    <${Facts}
      rows=${[
        ["Bot", tenant && html`<span class="mono">${tenant.slug}</span>`],
        ["Address", tenant && html`<${Hostname} value=${tenant.hostname} />`],
        ["Plan", plan && plan.name],
        ["Price", price && priceText(price)],
        ["Quantity", checkout.quantity > 1 ? checkout.quantity : null],
        ["Reference", reference && html`<${Copyable} text=${reference} label="reference" mono />`],
      ]}
    />
  <//>`;
}

function Next() {
  const { me } = useSession();
  const steps = [
    ["external", "Open your bot and choose its inference provider: it needs one to think."],
    ["mail", html`Your welcome e-mail goes to <b class="breakable">${me.email}</b>, with the PDF.`],
    ["card", "Your plan renews by itself; your dashboard shows when."],
  ];
  return html`<${Panel} title="What happens next">
    <ul class="next">
      ${steps.map(([icon, text]) => html`<li><${Icon} name=${icon} /><span>${text}</span></li>`)}
    </ul>
  <//>`;
}

export function Provisioning({ checkout, tenant, plan, onDone }) {
  const { operation, error, link } = useProvision(checkout.tenant);
  const instance = useInstance(checkout.tenant, operation);
  useTabTitle(operation, instance);
  useEffect(() => onDone(Boolean(instance)), [instance]);
  return html`<div class="columns">
    <div class="stack">
      <${Head} operation=${operation} instance=${instance} tenant=${tenant} checkout=${checkout} />
      ${operation?.state === "failed" && html`<${OperationFailure} operation=${operation} />`}
      ${operation && !isOver(operation) && html`<${RetryNote} operation=${operation} />`}
      ${!operation && html`<${ErrorNotice} error=${error} title="Progress could not be read" />`}
      <${StepsPanel} operation=${operation} link=${link} />
      ${instance && html`<${NeedsProvider} instance=${instance} />`}
    </div>
    <div class="stack">
      <${Summary} checkout=${checkout} tenant=${tenant} plan=${plan} operation=${operation} />
      ${operation?.state !== "failed" && html`<${Next} />`}
    </div>
  </div>`;
}
