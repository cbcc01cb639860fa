/** What a tenant pays, and what can be done about it. */
import { money } from "../format.js";
import { Documents } from "../parts/documents.js";
import { Facts } from "../parts/facts.js";
import { times } from "../parts/order.js";
import { Empty, Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { PortalButton } from "../parts/portal.js";
import { TenantPage } from "../parts/tenant-page.js";
import { Day, RelativeTime } from "../parts/time.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";
import { mayPay } from "../roles.js";

const PAPERS = ["invoice", "receipt", "credit_note"];
const HOW = { month: "monthly", year: "yearly" };

const amount = (subscription) =>
  html`<span class="mono">${money(subscription)}</span> a ${subscription.interval}`;

const nameOf = (code, addOns) => addOns?.find((addOn) => addOn.code === code)?.name ?? code;

const addOnText = (subscription, addOns) =>
  Object.entries(subscription.add_ons)
    .map(([code, quantity]) => times(nameOf(code, addOns), quantity))
    .join(", ");

function NextInvoice({ subscription }) {
  if (subscription.cancel_at_period_end) {
    return html`none; ends on <${Day} value=${subscription.current_period_end} />`;
  }
  return html`<span class="mono">${money(subscription)}</span> on
    ${" "}<${Day} value=${subscription.current_period_end} />`;
}

const rows = (subscription, addOns) => [
  ["State", html`<${Pill} state=${subscription.status} />`],
  ["Plan", times(subscription.plan_name, subscription.quantity)],
  ["Bots", subscription.bots],
  ["Paid", HOW[subscription.interval]],
  ["Add-ons", addOnText(subscription, addOns)],
  ["Amount", amount(subscription)],
  ["Next invoice", html`<${NextInvoice} subscription=${subscription} />`],
  [
    "Checked with Stripe",
    subscription.refreshed_at && html`<${RelativeTime} value=${subscription.refreshed_at} />`,
  ],
];

function Actions({ tenant, subscription }) {
  const at = `/tenants/${tenant.id}/billing`;
  if (!mayPay(tenant)) {
    return html`<p class="muted">
      Your role here is ${tenant.role}: an owner, an admin or a person for billing can change this.
    </p>`;
  }
  return html`<div class="actions">
    ${subscription.entitled &&
    html`<a class="button primary" href=${`${at}/change`}>Change plan</a>`}
    <${PortalButton} tenant=${tenant} />
    ${!subscription.cancel_at_period_end &&
    html`<a class="button" href=${`${at}/cancel`}>Cancel the subscription</a>`}
  </div>`;
}

function Subscribed({ tenant, subscription }) {
  const addOns = useResource("/add-ons");
  return html`<div class="stack">
    <${Facts} rows=${rows(subscription, addOns.data)} />
    <${Actions} tenant=${tenant} subscription=${subscription} />
  </div>`;
}

function Unsubscribed({ tenant, subscription }) {
  const choose = html`<a class="button primary" href=${`/tenants/${tenant.id}/plans`}>
    Choose a plan
  </a>`;
  // Cards and old invoices stay reachable for who has ever paid.
  const portal = subscription.status !== "none" && html`<${PortalButton} tenant=${tenant} />`;
  return html`<${Empty}
    title="Nothing is paid for now"
    action=${mayPay(tenant) && html`${choose}${portal}`}
  >
    No card is charged. A plan starts when you choose and pay one.
  <//>`;
}

function Papers({ tenant }) {
  const documents = useResource(`/tenants/${tenant.id}/documents`, () => 20000);
  return html`<${Documents}
    title="Invoices, receipts and credit notes"
    read=${documents}
    kinds=${PAPERS}
    empty=${html`<${Empty} title="No invoice yet">
      Each payment brings an invoice and a receipt, each refund a credit note.
    <//>`}
  />`;
}

export function Billing({ params }) {
  return html`<${TenantPage} id=${params.id} current="/billing" title="Billing">
    ${(known) => html`<div class="stack">
      <${Panel} title="Subscription" padded=${known.subscription.subscribed}>
        ${known.subscription.subscribed
          ? html`<${Subscribed} ...${known} />`
          : html`<${Unsubscribed} ...${known} />`}
      <//>
      <${Papers} tenant=${known.tenant} />
    </div>`}
  <//>`;
}
