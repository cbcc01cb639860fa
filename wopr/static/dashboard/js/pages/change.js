/** Another plan, number of bots or add-ons: chosen, priced by Stripe, confirmed, and seen. */
import { post } from "../api.js";
import { count, longDay, money } from "../format.js";
import { ConfirmDialog } from "../parts/dialog.js";
import { Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import {
  Extras,
  IntervalChoice,
  PlanChoices,
  Sum,
  orderText,
  sameOrder,
  soldBy,
  totalOf,
  useOrder,
  wanted,
} from "../parts/order.js";
import { Loading, Panel } from "../parts/panel.js";
import { withoutTrial } from "../parts/plan.js";
import { TenantPage } from "../parts/tenant-page.js";
import { Day } from "../parts/time.js";
import { html, useEffect, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { mayPay } from "../roles.js";
import { Changed } from "./changed.js";

const orderOf = ({ plan, interval, quantity, add_ons }) => ({ plan, interval, quantity, add_ons });

function Lines({ preview }) {
  const { currency } = preview;
  return html`<table class="sums" aria-label="What is due now">
    <tbody>
      ${preview.lines.map(
        ({ description, amount }) =>
          html`<tr>
            <td>${description}</td>
            <td class="end mono">${money({ amount, currency })}</td>
          </tr>`,
      )}
    </tbody>
    <tfoot>
      <tr>
        <th scope="row">Due now</th>
        <td class="end mono">${money({ amount: preview.due_now, currency })}</td>
      </tr>
      ${preview.credit > 0 &&
      html`<tr>
        <th scope="row">Taken off your next invoices</th>
        <td class="end mono">${money({ amount: preview.credit, currency })}</td>
      </tr>`}
    </tfoot>
  </table>`;
}

/** Of what is changed, and what it does to bots that run; `fewer`: bots that are not paid then. */
function effectsOf(preview, words, fewer) {
  const cost = (amount) => money({ amount, currency: preview.currency });
  const due = preview.credit
    ? `Nothing is charged now; ${cost(preview.credit)} is taken off your next invoices.`
    : `${cost(preview.due_now)} is charged to your card now.`;
  const next = `${cost(preview.next_amount)} a ${preview.interval} from ${longDay(new Date(preview.next_at))}.`;
  const bots = fewer
    ? `Only your oldest bots run on: ${count(fewer, "bot is", "bots are")} stopped, with what is stored there kept.`
    : "Running bots get their new limits without a restart.";
  return [`You have ${words} from now on.`, due, next, bots];
}

/** The price that Stripe names, and the last question before it is done. */
function Priced({ preview, words, fewer, busy, onConfirm }) {
  const [asking, setAsking] = useState(false);
  const next = { amount: preview.next_amount, currency: preview.currency, interval: preview.interval };
  return html`<div class="stack tight" aria-live="polite">
    <${Lines} preview=${preview} />
    <p>
      Next invoice: <${Sum} value=${next} />, on <${Day} value=${preview.next_at} />, before taxes
      and discounts.
    </p>
    <button
      class="button primary wide"
      type="button"
      aria-disabled=${busy ? "true" : "false"}
      onClick=${() => !busy && setAsking(true)}
    >
      ${busy ? "Changing" : "Change the plan"}
    </button>
    ${asking &&
    html`<${ConfirmDialog}
      title=${`Change to ${words}?`}
      effects=${effectsOf(preview, words, fewer)}
      action="Change now"
      onConfirm=${() => {
        setAsking(false);
        onConfirm();
      }}
      onCancel=${() => setAsking(false)}
    />`}
  </div>`;
}

/** A preview is of one order: another choice puts it away. */
function usePreview(tenant, order) {
  const [preview, setPreview] = useState(null);
  const key = JSON.stringify(order);
  useEffect(() => setPreview(null), [key]);
  const asked = useForm([], async () => {
    setPreview(await post(`/tenants/${tenant.id}/subscription/preview`, order));
  });
  return { preview, putAway: () => setPreview(null), ...asked };
}

const botsOf = (order, plans) =>
  (plans.find(({ code }) => code === order.plan)?.bots ?? 1) * order.quantity;

function Cost({ tenant, held, order, offers, onChanged }) {
  const body = { ...order, add_ons: wanted(order.add_ons) };
  const asked = usePreview(tenant, body);
  const change = useForm([], async () => {
    const { quote } = asked.preview;
    try {
      onChanged(await post(`/tenants/${tenant.id}/subscription/change`, { ...body, quote }));
    } catch (error) {
      // Another price holds by now: it is to be seen before it is confirmed.
      if (error.code === "quote_expired") asked.putAway();
      throw error;
    }
  });
  const same = sameOrder(order, held);
  const words = orderText(order, ...offers);
  const total = totalOf(order, ...offers);
  return html`<${Panel} title="What it costs">
    <form class="stack tight" ref=${asked.form} onSubmit=${asked.submit}>
      <p aria-live="polite">
        <strong>${words}</strong>${total && html`: <${Sum} value=${total} />`}
      </p>
      ${same && html`<p class="muted">This is what you have now. Choose something else to change.</p>`}
      ${!same &&
      !asked.preview &&
      html`<${Submit} busy=${asked.busy} busyText="Asking Stripe">See what is due now<//>`}
      <${ErrorNotice} error=${asked.error} title="The change could not be priced" />
    </form>
    <form ref=${change.form} onSubmit=${change.submit}>
      <${ErrorNotice} error=${change.error} title="Nothing was changed" />
      ${!same &&
      asked.preview &&
      html`<${Priced}
        preview=${asked.preview}
        words=${words}
        fewer=${Math.max(botsOf(held, offers[0]) - botsOf(order, offers[0]), 0)}
        busy=${change.busy}
        onConfirm=${change.submit}
      />`}
    </form>
  <//>`;
}

function Choice({ tenant, subscription, offers, onChanged }) {
  const held = orderOf(subscription);
  const [order, set] = useOrder(held);
  const [plans, addOns] = offers;
  const pay = (interval) => {
    const kept = soldBy(plans, interval).some(({ code }) => code === order.plan);
    set({ interval, plan: kept ? order.plan : soldBy(plans, interval)[0].code });
  };
  return html`<div class="columns ordering">
    <div class="stack">
      <${IntervalChoice} plans=${plans} value=${order.interval} onChange=${pay} />
      <${PlanChoices} plans=${plans} order=${order} set=${set} held=${subscription.plan} />
      <${Extras} plans=${plans} addOns=${addOns} order=${order} set=${set} />
    </div>
    <${Cost}
      tenant=${tenant}
      held=${held}
      order=${order}
      offers=${offers}
      onChanged=${onChanged}
    />
  </div>`;
}

const Refused = ({ tenant, subscription }) =>
  subscription.entitled
    ? html`<${Notice} tone="info" title="Your role does not allow this">
        You are a ${tenant.role} here: an owner, an admin or a person for billing can change the plan.
      <//>`
    : html`<${Notice}
        tone="info"
        title="There is no subscription to change"
        actions=${html`<a class="button primary" href=${`/tenants/${tenant.id}/plans`}>
          Choose a plan
        </a>`}
      >
        A plan starts when you choose and pay one.
      <//>`;

function Body({ tenant, subscription, reload }) {
  const plans = useResource("/plans");
  const addOns = useResource("/add-ons");
  const [changed, setChanged] = useState(null);
  const parts = [plans, addOns];
  const error = parts.find((part) => part.error && !part.data)?.error;
  const again = () => parts.forEach((part) => part.reload());
  const done = (now) => {
    setChanged(now);
    reload();
  };
  if (changed) return html`<${Changed} tenant=${tenant} subscription=${changed} />`;
  if (!mayPay(tenant) || !subscription.entitled) {
    return html`<${Refused} tenant=${tenant} subscription=${subscription} />`;
  }
  if (error) {
    return html`<${ErrorNotice} error=${error} title="The plans could not be read" retry=${again} />`;
  }
  if (!parts.every((part) => part.data)) {
    return html`<div class="panel panel-body"><${Loading} lines=${9} what="plans" /></div>`;
  }
  return html`<${Choice}
    tenant=${tenant}
    subscription=${subscription}
    offers=${[withoutTrial(plans.data), addOns.data]}
    onChanged=${done}
  />`;
}

export function Change({ params }) {
  return html`<${TenantPage} id=${params.id} current="/billing" title="Change plan">
    ${(known) => html`<${Body} ...${known} />`}
  <//>`;
}
