/** Choosing a plan: the amount is said before the customer leaves for Stripe. */
import { count, money } from "../format.js";
import { Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { Journey } from "../parts/journey.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Empty, Loading } from "../parts/panel.js";
import { PlanChoice, priceText } from "../parts/plan.js";
import { goToPayment } from "../payment.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";

function Order({ plan, tenant, busy }) {
  const trial = plan.trial_days > 0;
  const first = trial
    ? `Free for ${count(plan.trial_days, "day")}, then ${priceText(plan)}.`
    : `${priceText(plan)}; the first ${money(plan.price)} is due now.`;
  return html`<div class="panel order">
    <p aria-live="polite"><strong>${plan.name} for ${tenant.slug}: ${first}</strong></p>
    <${Submit} busy=${busy} busyText="Opening Stripe" wide=${false}>
      Go to payment<${Icon} name="arrow" />
    <//>
  </div>`;
}

function Choice({ plans, tenant }) {
  const [code, setCode] = useState(plans[0].code);
  const { busy, error, submit, form } = useForm([], ({ plan }) => goToPayment(tenant.id, plan));
  return html`<form ref=${form} onSubmit=${submit}>
    <${ErrorNotice} error=${error} title="Checkout was not opened" />
    <fieldset class="plans">
      <legend class="visually-hidden">Plan</legend>
      ${plans.map(
        (plan) =>
          html`<${PlanChoice}
            key=${plan.code}
            plan=${plan}
            chosen=${plan.code === code}
            onChoose=${setCode}
          />`,
      )}
    </fieldset>
    <p class="muted">
      You pay on Stripe's page and come back here. Nothing is charged before you confirm there.
    </p>
    <${Order} plan=${plans.find((plan) => plan.code === code)} tenant=${tenant} busy=${busy} />
  </form>`;
}

const Subscribed = ({ tenant }) => html`<${Notice}
  tone="good"
  title=${`${tenant.slug} already has a plan`}
  actions=${html`<a class="button primary" href=${`/tenants/${tenant.id}`}>Go to ${tenant.slug}</a>`}
>
  Nothing more is to be paid here.
<//>`;

function PlanPage({ tenant, plans, subscription }) {
  if (subscription.entitled) return html`<${Subscribed} tenant=${tenant} />`;
  if (plans.length === 0) {
    return html`<div class="panel">
      <${Empty} title="No plan is on sale now">Your name stays yours. Come back a little later.<//>
    </div>`;
  }
  return html`<${Choice} plans=${plans} tenant=${tenant} />`;
}

export function Plans({ params }) {
  const tenant = useResource(`/tenants/${params.id}`);
  const plans = useResource("/plans");
  const subscription = useResource(`/tenants/${params.id}/subscription`);
  const parts = [tenant, plans, subscription];
  const error = parts.find((part) => part.error && !part.data)?.error;
  const ready = parts.every((part) => part.data);
  const reload = () => parts.forEach((part) => part.reload());
  return html`<${Journey} stage=${2} />
    <${Page}
      title="Choose a plan"
      lead=${tenant.data ? `For ${tenant.data.hostname}` : "\u00a0"}
    >
      <${ErrorNotice} error=${error} title="The plans could not be read" retry=${reload} />
      ${!ready &&
      !error &&
      html`<div class="panel panel-body"><${Loading} lines=${9} what="plans" /></div>`}
      ${ready &&
      html`<${PlanPage} tenant=${tenant.data} plans=${plans.data} subscription=${subscription.data} />`}
    <//>`;
}
