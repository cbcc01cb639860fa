/** One tenant: its bot, its subscription, what was done, its documents. */
import { useOperation } from "../live.js";
import { BotRow, NeedsProvider } from "../parts/bot.js";
import { Documents } from "../parts/documents.js";
import { Exports } from "../parts/exports.js";
import { Facts } from "../parts/facts.js";
import { Hostname } from "../parts/hostname.js";
import { DueDeletion } from "../parts/leaving.js";
import { ErrorNotice } from "../parts/notice.js";
import { RetryNote } from "../parts/operation.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { OperationPill, Pill } from "../parts/pill.js";
import { priceText } from "../parts/plan.js";
import { ProgressBar } from "../parts/progress.js";
import { DataTable } from "../parts/table.js";
import { TenantPage } from "../parts/tenant-page.js";
import { Day, RelativeTime } from "../parts/time.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";
import { mayManage } from "../roles.js";

const BUSY = ["queued", "running", "undoing"];
const often = (busy) => (busy ? 3000 : 20000);

function LiveOperation({ operation }) {
  const live = useOperation(operation.id);
  const shown = live.operation ?? operation;
  if (!BUSY.includes(shown.state)) return null;
  return html`<div class="panel-body stack tight">
    <${ProgressBar} operation=${shown} />
    <${RetryNote} operation=${shown} />
    <p><a href=${`/operations/${shown.id}`}>See every step of “${shown.title}”</a></p>
  </div>`;
}

function Bots({ tenant, list }) {
  const choose = html`<a class="button primary" href=${`/tenants/${tenant.id}/plans`}>
    Choose a plan
  </a>`;
  const busy = list.data?.map(({ operation }) => operation).filter((it) => BUSY.includes(it?.state));
  return html`<${Panel} title="Bots" padded=${false}>
    <${ErrorNotice} error=${!list.data && list.error} title="Bots could not be read" retry=${list.reload} />
    ${list.loading && html`<div class="panel-body"><${Loading} what="bots" /></div>`}
    ${list.data?.map((instance) => html`<${BotRow} key=${instance.id} instance=${instance} />`)}
    ${busy?.map((operation) => html`<${LiveOperation} key=${operation.id} operation=${operation} />`)}
    ${list.data?.length === 0 &&
    html`<${Empty} title="No bot yet" action=${choose}>
      ${tenant.hostname} is kept for you. Choose a plan, and the bot is set up as soon as you have paid.
    <//>`}
  <//>`;
}

function renewal(subscription) {
  if (!subscription.entitled) return null;
  const day = html`<${Day} value=${subscription.current_period_end} />`;
  return subscription.cancel_at_period_end ? html`ends ${day}` : html`renews ${day}`;
}

const Subscription = ({ tenant, subscription }) => html`<${Panel} title="Subscription">
  <div class="stack tight">
    <${Facts}
      rows=${[
        ["State", html`<${Pill} state=${subscription.status} />`],
        ["Plan", subscription.plan_name],
        ["Price", subscription.entitled ? priceText(subscription) : null],
        ["Period", renewal(subscription)],
      ]}
    />
    <p>
      ${subscription.entitled
        ? html`<a href=${`/tenants/${tenant.id}/billing`}>Change, cancel, invoices</a>`
        : html`<span class="muted">Nothing is paid for now.</span>
            ${" "}<a href=${`/tenants/${tenant.id}/plans`}>Choose a plan</a>`}
    </p>
  </div>
<//>`;

const OPERATION_COLUMNS = [
  {
    key: "title",
    label: "What",
    value: (row) => row.title,
    cell: (row) => html`<a href=${`/operations/${row.id}`}>${row.title}</a>`,
  },
  {
    key: "state",
    label: "State",
    value: (row) => row.state,
    cell: (row) => html`<${OperationPill} state=${row.state} />`,
  },
  {
    key: "created",
    label: "Begun",
    value: (row) => row.created_at,
    cell: (row) => html`<${RelativeTime} value=${row.created_at} />`,
  },
];

function Sections({ tenant, subscription }) {
  const at = `/tenants/${tenant.id}`;
  const bots = useResource(`${at}/instances`, (list) =>
    often(list.some(({ status, operation }) => status === "starting" || BUSY.includes(operation?.state))),
  );
  const operations = useResource(`${at}/operations`, (list) =>
    often(list.some(({ state }) => BUSY.includes(state))),
  );
  const documents = useResource(`${at}/documents`, () => often(false));
  return html`<div class="columns">
    <div class="stack">
      <${DueDeletion} at=${at} />
      <${Bots} tenant=${tenant} list=${bots} />
      ${bots.data?.map((instance) => html`<${NeedsProvider} key=${instance.id} instance=${instance} />`)}
      <${DataTable}
        title="Operations"
        rows=${operations.data ?? []}
        columns=${OPERATION_COLUMNS}
        empty=${html`<${Empty} title="Nothing was done yet">
          All that WOPR does for ${tenant.slug} is listed here, step by step.
        <//>`}
      />
      <${Documents}
        title="Documents"
        read=${documents}
        empty=${html`<${Empty} title="No documents yet">
          Your welcome letter is here as soon as your bot runs.
        <//>`}
      />
      ${mayManage(tenant) && html`<${Exports} tenant=${tenant} />`}
    </div>
    <${Subscription} tenant=${tenant} subscription=${subscription} />
  </div>`;
}

export function Tenant({ params }) {
  return html`<${TenantPage}
    id=${params.id}
    current=""
    lead=${({ hostname }) => html`<${Hostname} value=${hostname} />`}
  >
    ${(known) => html`<${Sections} ...${known} />`}
  <//>`;
}
