/** Ending a subscription: when, and what becomes of the bots and of what they stored. */
import { post } from "../api.js";
import { longDay } from "../format.js";
import { ConfirmDialog } from "../parts/dialog.js";
import { useForm } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { TenantPage } from "../parts/tenant-page.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { mayPay } from "../roles.js";
import { navigate } from "../router.js";

const DAY = 86400000;
const dayAfter = (moment, days) => longDay(new Date(moment + days * DAY));

function atPeriodEnd({ current_period_end, retention_days }) {
  const end = Date.parse(current_period_end);
  const kept = dayAfter(end, retention_days);
  return {
    when: "period_end",
    title: `On ${dayAfter(end, 0)}, at the end of what is paid`,
    effects: [
      `Your bots run until ${dayAfter(end, 0)}; then they are stopped, and their addresses say so.`,
      "Nothing more is charged.",
      `What they stored is kept until ${kept}; then it is deleted, after a last backup.`,
      `Until ${dayAfter(end, 0)} you can take this back by one button.`,
    ],
    done: `The subscription ends on ${dayAfter(end, 0)}`,
  };
}

function atOnce({ current_period_end, retention_days }) {
  const kept = dayAfter(Date.now(), retention_days);
  return {
    when: "now",
    title: "Now",
    effects: [
      "Your bots are stopped at once, and their addresses say so.",
      `Nothing more is charged. What is paid until ${dayAfter(Date.parse(current_period_end), 0)} is not given back.`,
      `What they stored is kept until ${kept}; then it is deleted, after a last backup.`,
      "This cannot be taken back; choosing a plan before that day brings your bots back as they were.",
    ],
    done: "The subscription has ended",
  };
}

function unpaid({ retention_days }) {
  const kept = dayAfter(Date.now(), retention_days);
  return {
    when: "now",
    title: "Now",
    effects: [
      "What is open is collected no more, and nothing more is charged.",
      `What your bots stored is kept until ${kept}; then it is deleted, after a last backup.`,
      "This cannot be taken back; choosing a plan before that day brings your bots back as they were.",
    ],
    done: "The subscription has ended",
  };
}

function optionsFor(subscription) {
  if (!subscription.entitled) return [unpaid(subscription)];
  if (subscription.cancel_at_period_end) return [atOnce(subscription)];
  return [atPeriodEnd(subscription), atOnce(subscription)];
}

const Option = ({ option, chosen, onChoose }) => html`<label class="panel option">
  <input
    type="radio"
    name="when"
    value=${option.when}
    checked=${chosen}
    aria-label=${option.title}
    aria-describedby=${`effects-${option.when}`}
    onChange=${() => onChoose(option.when)}
  />
  <span class="option-body">
    <span class="plan-name">
      ${option.title}
      <span class="radio"><${Icon} name=${chosen ? "check-circle" : "circle"} /></span>
    </span>
    <ul class="effects" id=${`effects-${option.when}`}>
      ${option.effects.map((effect) => html`<li><${Icon} name="arrow" /><span>${effect}</span></li>`)}
    </ul>
  </span>
</label>`;

function CancelForm({ tenant, subscription }) {
  const options = optionsFor(subscription);
  const [when, setWhen] = useState(options[0].when);
  const [asking, setAsking] = useState(false);
  const option = options.find((each) => each.when === when);
  const { busy, error, submit, form } = useForm([], async () => {
    await post(`/tenants/${tenant.id}/subscription/cancel`, { when });
    navigate(`/tenants/${tenant.id}/billing`);
    toast(option.done);
  });
  const ask = (event) => {
    event.preventDefault();
    if (!busy) setAsking(true);
  };
  const confirm = () => {
    setAsking(false);
    submit();
  };
  return html`<form class="medium" ref=${form} onSubmit=${ask}>
    <${ErrorNotice} error=${error} title="The subscription was not cancelled" />
    <fieldset class="stack tight">
      <legend class="visually-hidden">When it ends</legend>
      ${options.map(
        (each) =>
          html`<${Option}
            key=${each.when}
            option=${each}
            chosen=${each.when === when}
            onChoose=${setWhen}
          />`,
      )}
    </fieldset>
    <div class="actions">
      <button class="button danger" type="submit" aria-disabled=${busy ? "true" : "false"}>
        ${busy ? "Cancelling" : "Cancel the subscription"}
      </button>
      <a class="button" href=${`/tenants/${tenant.id}/billing`}>Keep it</a>
    </div>
    ${asking &&
    html`<${ConfirmDialog}
      title=${`Cancel the subscription of ${tenant.name}?`}
      effects=${option.effects}
      action=${when === "now" ? "Cancel now" : "Cancel at the end"}
      danger
      onConfirm=${confirm}
      onCancel=${() => setAsking(false)}
    />`}
  </form>`;
}

function Body({ tenant, subscription }) {
  const back = html`<a class="button" href=${`/tenants/${tenant.id}/billing`}>Back to billing</a>`;
  if (!subscription.subscribed) {
    return html`<${Notice} tone="info" title="There is no subscription to cancel" actions=${back}>
      Nothing is charged.
    <//>`;
  }
  if (!mayPay(tenant)) {
    return html`<${Notice} tone="info" title="Your role does not allow this" actions=${back}>
      You are a ${tenant.role} here: an owner, an admin or a person for billing can cancel.
    <//>`;
  }
  return html`<${CancelForm} tenant=${tenant} subscription=${subscription} />`;
}

export function Cancel({ params }) {
  return html`<${TenantPage} id=${params.id} current="/billing" title="Cancel the subscription">
    ${(known) => html`<${Body} ...${known} />`}
  <//>`;
}
