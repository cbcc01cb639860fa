/** Choosing a plan: the amount is said before the customer leaves for Stripe. */
import { count } from "../format.js";
import { Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Journey } from "../parts/journey.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import {
  Extras,
  IntervalChoice,
  PlanChoices,
  orderText,
  soldBy,
  totalOf,
  useOrder,
  wanted,
} from "../parts/order.js";
import { Page } from "../parts/page.js";
import { Empty, Loading } from "../parts/panel.js";
import { priceText, withoutTrial } from "../parts/plan.js";
import { RegionChoice } from "../parts/region.js";
import { TenantStanding } from "../parts/standing.js";
import { goToPayment } from "../payment.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";
import { mayPay } from "../roles.js";

function Order({ order, offers, tenant, busy }) {
  const total = totalOf(order, ...offers);
  const plan = offers[0].find(({ code }) => code === order.plan);
  const due = plan.trial_days
    ? `free for ${count(plan.trial_days, "day")}, then ${priceText(total)}`
    : `${priceText(total)}, due now for the first ${total.interval}`;
  return html`<div class="panel order">
    <p aria-live="polite">
      <strong>${orderText(order, ...offers)} for ${tenant.slug}: ${due}.</strong>
    </p>
    <${Submit} busy=${busy} busyText="Opening Stripe" wide=${false}>
      Go to payment<${Icon} name="arrow" />
    <//>
  </div>`;
}

const FIRST = { interval: "month", quantity: 1, add_ons: {} };

function Choice({ offers, tenant }) {
  const [plans, addOns] = offers;
  const interval = soldBy(plans, FIRST.interval).length ? FIRST.interval : "year";
  const [order, set] = useOrder({ ...FIRST, interval, plan: soldBy(plans, interval)[0].code });
  const { busy, error, submit, form } = useForm([], () =>
    goToPayment(tenant.id, { ...order, add_ons: wanted(order.add_ons) }),
  );
  const pay = (how) => {
    const sold = soldBy(plans, how);
    const kept = sold.some(({ code }) => code === order.plan);
    set({ interval: how, plan: kept ? order.plan : sold[0].code });
  };
  return html`<form ref=${form} onSubmit=${submit}>
    <${ErrorNotice} error=${error} title="Checkout was not opened" />
    <${IntervalChoice} plans=${plans} value=${order.interval} onChange=${pay} />
    <${PlanChoices} plans=${plans} order=${order} set=${set} />
    <${Extras} plans=${plans} addOns=${addOns} order=${order} set=${set} />
    <${RegionChoice} tenantId=${tenant.id} />
    <p class="muted">
      You pay on Stripe's page and come back here. Nothing is charged before you confirm there.
    </p>
    <${Order} order=${order} offers=${offers} tenant=${tenant} busy=${busy} />
  </form>`;
}

const Subscribed = ({ tenant }) => html`<${Notice}
  tone="good"
  title=${`${tenant.slug} already has a plan`}
  actions=${html`<a class="button primary" href=${`/tenants/${tenant.id}`}>Go to ${tenant.slug}</a>`}
>
  Nothing more is to be paid here.
<//>`;

const Unpaid = ({ tenant }) => html`<${Notice}
  tone="warning"
  title=${`${tenant.slug} has a plan that is not paid`}
  actions=${html`<a class="button primary" href=${`/tenants/${tenant.id}/billing`}>Go to billing</a>`}
>
  Paying what is open brings everything back. To choose another plan, cancel this one first.
<//>`;

const NotYours = ({ tenant }) => html`<${Notice} tone="info" title="Your role does not allow this">
  You are a ${tenant.role} here: an owner, an admin or a person for billing can choose a plan.
<//>`;

function PlanPage({ tenant, plans, addOns, subscription }) {
  if (subscription.entitled) return html`<${Subscribed} tenant=${tenant} />`;
  if (subscription.subscribed) return html`<${Unpaid} tenant=${tenant} />`;
  // What there is to know then stands above, on each page.
  if (subscription.reason === "held") return null;
  if (!mayPay(tenant)) return html`<${NotYours} tenant=${tenant} />`;
  if (plans.length === 0) {
    return html`<div class="panel">
      <${Empty} title="No plan is on sale now">Your name stays yours. Come back a little later.<//>
    </div>`;
  }
  return html`<${Choice} offers=${[plans, addOns]} tenant=${tenant} />`;
}

export function Plans({ params }) {
  const tenant = useResource(`/tenants/${params.id}`);
  const plans = useResource("/plans");
  const subscription = useResource(`/tenants/${params.id}/subscription`);
  const addOns = useResource("/add-ons");
  const parts = [tenant, plans, addOns, subscription];
  const error = parts.find((part) => part.error && !part.data)?.error;
  const ready = parts.every((part) => part.data);
  const reload = () => parts.forEach((part) => part.reload());
  return html`<${Journey} stage=${2} />
    <${Page}
      title="Choose a plan"
      lead=${tenant.data ? `For ${tenant.data.hostname}` : "\u00a0"}
    >
      <${TenantStanding} tenantId=${params.id} />
      <${ErrorNotice} error=${error} title="The plans could not be read" retry=${reload} />
      ${!ready &&
      !error &&
      html`<div class="panel panel-body"><${Loading} lines=${9} what="plans" /></div>`}
      ${ready &&
      html`<${PlanPage}
        tenant=${tenant.data}
        plans=${subscription.data.trial_possible ? plans.data : withoutTrial(plans.data)}
        addOns=${addOns.data}
        subscription=${subscription.data}
      />`}
    <//>`;
}
