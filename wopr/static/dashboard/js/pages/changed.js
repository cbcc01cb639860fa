/** After a change: what is paid now, and the bots as they get their new limits. */
import { money } from "../format.js";
import { isOver, useOperation } from "../live.js";
import { RetryNote } from "../parts/operation.js";
import { ErrorNotice } from "../parts/notice.js";
import { Loading } from "../parts/panel.js";
import { OperationPill } from "../parts/pill.js";
import { ProgressBar } from "../parts/progress.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";
import { StatusPanel } from "./checkout-states.js";

const LOOK_EVERY = 2000;

/** The operations that the change has opened: those made since Stripe was read after it. */
const openedBy = (operations, subscription) =>
  operations.filter(({ created_at }) => Date.parse(created_at) >= Date.parse(subscription.refreshed_at));

function Live({ operation }) {
  const live = useOperation(operation.id);
  const shown = live.operation ?? operation;
  return html`<div class="panel panel-body stack tight">
    <${ProgressBar} operation=${shown} />
    <${RetryNote} operation=${shown} />
    <p>
      <${OperationPill} state=${shown.state} />
      ${" "}<a href=${`/operations/${shown.id}`}>See every step of “${shown.title}”</a>
    </p>
  </div>`;
}

function words(operations) {
  if (operations.length === 0) return "Nothing about your bots has to change for it.";
  if (!operations.every(isOver)) return "Your bots follow now; each of them is looked at afterwards.";
  return operations.every(({ state }) => state === "succeeded")
    ? "Your bots have followed: we looked at each of them."
    : "Not every bot has followed yet. Our staff see which, and you are not charged again for it.";
}

export function Changed({ tenant, subscription }) {
  const list = useResource(`/tenants/${tenant.id}/operations`, () => LOOK_EVERY);
  const opened = list.data && openedBy(list.data, subscription);
  const over = opened?.every(isOver);
  const foot = html`<div class="actions">
    <a class="button primary" href=${`/tenants/${tenant.id}/billing`}>Back to billing</a>
    <a class="button" href=${`/tenants/${tenant.id}`}>Your bots</a>
  </div>`;
  return html`<div class="stack">
    <${StatusPanel}
      tone=${over ? "good" : "info"}
      icon=${over ? "check-circle" : "spinner"}
      spin=${!over}
      title=${`You have ${subscription.plan_name} now: ${money(subscription)} a ${subscription.interval}`}
      foot=${foot}
    >
      ${opened ? words(opened) : "The change is made at Stripe."}
    <//>
    ${list.loading && html`<${Loading} what="what follows" />`}
    ${!list.data &&
    html`<${ErrorNotice} error=${list.error} title="The operations could not be read" retry=${list.reload} />`}
    ${opened?.map((operation) => html`<${Live} key=${operation.id} operation=${operation} />`)}
  </div>`;
}
