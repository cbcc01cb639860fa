/** How a tenant stands with us, on each of its pages, in the words of the letters about it. */
import { post } from "../api.js";
import { money } from "../format.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";
import { mayPay } from "../roles.js";
import { Submit } from "./field.js";
import { useForm } from "./form.js";
import { ErrorNotice, Notice } from "./notice.js";
import { PortalButton } from "./portal.js";
import { Day } from "./time.js";
import { toast } from "./toast.js";

const DAY = 86400000;
const TRIAL_WARNING = 3 * DAY;

const sum = ({ amount, currency }) => money({ amount, currency });

const PlanLink = ({ tenant }) =>
  html`<a class="button primary slim" href=${`/tenants/${tenant.id}/plans`}>Choose a plan</a>`;

/** What is stored, and until when. Without a date nothing is said of it. */
const Kept = ({ until }) => until && html`What it stored is kept until <${Day} value=${until} />.`;

const Unpaid = ({ tenant, subscription }) => html`<${Notice}
  tone="warning"
  title=${`Your payment of ${sum(subscription)} did not go through`}
  actions=${mayPay(tenant) && html`<${PortalButton} tenant=${tenant} primary />`}
>
  <p>
    We could not collect ${sum(subscription)} for ${tenant.name}. Nothing else has happened yet:
    ${" "}your bot goes on running until <${Day} value=${subscription.suspends_at} />.
    ${" "}<${Kept} until=${subscription.ends_at} />
  </p>
  <p>
    What to do: check your card, or enter another one. Stripe tries again by itself, and your
    service goes on as if nothing had been.
  </p>
<//>`;

const Reprieved = ({ tenant, subscription }) => html`<${Notice}
  tone="warning"
  title=${`${sum(subscription)} for ${tenant.name} is still unpaid`}
  actions=${mayPay(tenant) && html`<${PortalButton} tenant=${tenant} primary />`}
>
  We agreed to wait with stopping your bot. It goes on running meanwhile.
<//>`;

const Suspended = ({ tenant, subscription }) => html`<${Notice}
  tone="danger"
  title="Your bot is suspended"
  actions=${mayPay(tenant) && html`<${PortalButton} tenant=${tenant} primary />`}
>
  <p>
    It was stopped, and its address shows a page that says so.
    ${" "}<${Kept} until=${subscription.ends_at} />
  </p>
  <p>
    Paying what is open, or choosing a plan again, brings it back by itself, usually within minutes.
  </p>
<//>`;

const Held = ({ subscription }) => html`<${Notice} tone="danger" title="Your bot is suspended">
  <p>
    It was stopped, and its address shows a page that says so.
    ${" "}${subscription.ends_at ? html`<${Kept} until=${subscription.ends_at} />` : "What it stored is kept."}
  </p>
  <p>
    This was not done for a missing payment. Answer one of our e-mails and we will tell you what is
    needed.
  </p>
<//>`;

/** Until when a bot runs whose subscription has ended; without a day for who was given time. */
function RunsOn({ subscription: { service, suspends_at } }) {
  if (service !== "run") return "is stopped";
  if (Date.parse(suspends_at) < Date.now()) return "runs on for now";
  return html`runs on until <${Day} value=${suspends_at} />`;
}

const Ended = ({ tenant, subscription }) => html`<${Notice}
  tone="warning"
  title="Your subscription has ended"
  actions=${mayPay(tenant) && html`<${PlanLink} tenant=${tenant} />`}
>
  <p>
    The subscription of ${tenant.name} ended on <${Day} value=${subscription.ended_at} />.
    ${" "}Your bot <${RunsOn} subscription=${subscription} />. Nothing more is charged.
  </p>
  <p>
    What it stored is kept until <${Day} value=${subscription.ends_at} />; then it is deleted, after
    a last backup. Choosing a plan before that day brings it back as it was.
  </p>
<//>`;

const Gone = ({ tenant, subscription }) => html`<${Notice}
  tone="warning"
  title="Your bot is deleted"
  actions=${mayPay(tenant) && html`<${PlanLink} tenant=${tenant} />`}
>
  What it stored was kept until <${Day} value=${subscription.ends_at} />. A last backup is made
  before anything is deleted: it is under <a href=${`/tenants/${tenant.id}`}>Last backups</a> for the
  owner and admins, until the day that is named there.
<//>`;

const Deleting = ({ tenant }) => html`<${Notice} tone="danger" title="This is being deleted">
  The bots of ${tenant.name} are being removed, with their backups. Nothing more is charged.
<//>`;

/** Takes a cancellation back. `onChange` reads the subscription anew. */
export function Resume({ tenant, onChange }) {
  const { busy, error, submit, form } = useForm([], async () => {
    await post(`/tenants/${tenant.id}/subscription/resume`);
    toast("Your subscription goes on");
    onChange();
  });
  return html`<form class="button-form" ref=${form} onSubmit=${submit}>
    <${Submit} busy=${busy} busyText="Resuming" wide=${false}>Resume the subscription<//>
    <${ErrorNotice} error=${error} title="The subscription was not resumed" />
  </form>`;
}

const keptUntil = ({ current_period_end: end, retention_days: days }) =>
  new Date(Date.parse(end) + days * DAY).toISOString();

const Leaving = ({ tenant, subscription, onChange }) => html`<${Notice}
  tone="info"
  title=${html`Your subscription ends on <${Day} value=${subscription.current_period_end} />`}
  actions=${mayPay(tenant) && html`<${Resume} tenant=${tenant} onChange=${onChange} />`}
>
  Your bot runs until then, and nothing more is charged. What it stored is kept until
  ${" "}<${Day} value=${keptUntil(subscription)} />; then it is deleted, after a last backup.
<//>`;

const TrialEnding = ({ tenant, subscription }) => html`<${Notice}
  tone="info"
  title=${html`Your trial ends on <${Day} value=${subscription.current_period_end} />`}
>
  From then on your plan ${subscription.plan_name} costs ${sum(subscription)}, and we will charge
  the card that you gave. You need to do nothing to go on. To stop,
  ${" "}<a href=${`/tenants/${tenant.id}/billing/cancel`}>cancel</a> before that day; then nothing
  is charged.
<//>`;

const trialEnds = ({ status, current_period_end: end }) =>
  status === "trialing" && Date.parse(end) - Date.now() < TRIAL_WARNING;

/** Which of the notices fits; null while there is nothing to tell. */
function noticeOf(subscription) {
  const { status, service, reason, suspends_at, entitled, cancel_at_period_end } = subscription;
  if (service === "end") return Gone;
  if (reason === "held") return Held;
  if (reason === "deletion") return Deleting;
  if (reason === "payment") {
    if (status === "canceled") return Ended;
    if (service === "suspend") return Suspended;
    return Date.parse(suspends_at) > Date.now() ? Unpaid : Reprieved;
  }
  if (entitled && cancel_at_period_end) return Leaving;
  return trialEnds(subscription) ? TrialEnding : null;
}

export function StandingNotice({ tenant, subscription, onChange }) {
  const Fitting = noticeOf(subscription);
  if (!Fitting) return null;
  return html`<div class="standing">
    <${Fitting} tenant=${tenant} subscription=${subscription} onChange=${onChange} />
  </div>`;
}

/** Soon again while something is owed: whoever comes back from paying sees that it arrived. */
const pace = ({ reason }) => (reason ? 4000 : 20000);

/** A tenant and its subscription, kept up to date. */
export function useTenant(id) {
  const tenant = useResource(id && `/tenants/${id}`);
  const subscription = useResource(id && `/tenants/${id}/subscription`, pace);
  return { tenant, subscription };
}

/** The same for a page that shows something else of the tenant. */
export function TenantStanding({ tenantId }) {
  const { tenant, subscription } = useTenant(tenantId);
  if (!tenant.data || !subscription.data) return null;
  return html`<${StandingNotice}
    tenant=${tenant.data}
    subscription=${subscription.data}
    onChange=${subscription.reload}
  />`;
}
