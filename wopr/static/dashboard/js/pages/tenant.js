/** One tenant: its bot, its subscription, what was done, its documents. */
import { fileSize, longDay } from "../format.js";
import { useOperation } from "../live.js";
import { BotRow, NeedsProvider } from "../parts/bot.js";
import { Facts } from "../parts/facts.js";
import { Hostname } from "../parts/hostname.js";
import { Icon } from "../parts/icons.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { RetryNote } from "../parts/operation.js";
import { Page } from "../parts/page.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { OperationPill, Pill } from "../parts/pill.js";
import { priceText } from "../parts/plan.js";
import { ProgressBar } from "../parts/progress.js";
import { DataTable } from "../parts/table.js";
import { RelativeTime } from "../parts/time.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";

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
  if (!subscription.current_period_end) return null;
  const date = longDay(new Date(subscription.current_period_end));
  return subscription.cancel_at_period_end ? `ends ${date}` : `renews ${date}`;
}

const DUNNING = html`<${Notice} tone="warning" title="The last payment failed">
  Stripe tries again. Your bot runs meanwhile; without a payment it will be suspended.
<//>`;

function Subscription({ tenant, read, plans }) {
  const { data } = read;
  const plan = plans.data?.find(({ code }) => code === data?.plan);
  const error = html`<${ErrorNotice} error=${read.error} title="Not read" retry=${read.reload} />`;
  if (!data) {
    return html`<${Panel} title="Subscription">${read.error ? error : html`<${Loading} />`}<//>`;
  }
  return html`<${Panel} title="Subscription">
    <div class="stack tight">
      <${Facts}
        rows=${[
          ["State", html`<${Pill} state=${data.status} />`],
          ["Plan", plan?.name ?? data.plan],
          ["Price", plan && priceText(plan)],
          ["Period", renewal(data)],
          ["Checked", data.refreshed_at && html`<${RelativeTime} value=${data.refreshed_at} />`],
        ]}
      />
      ${data.status === "past_due" && DUNNING}
      ${!data.entitled &&
      html`<p class="muted">
        Nothing is paid for now. <a href=${`/tenants/${tenant.id}/plans`}>Choose a plan</a>
      </p>`}
    </div>
  <//>`;
}

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

const DOCUMENT_COLUMNS = [
  { key: "title", label: "Document", value: (row) => row.title },
  { key: "size", label: "Size", value: (row) => row.size, cell: (row) => fileSize(row.size) },
  {
    key: "created",
    label: "Made",
    value: (row) => row.created_at,
    cell: (row) => html`<${RelativeTime} value=${row.created_at} />`,
  },
  {
    key: "get",
    end: true,
    cell: (row) => html`<a class="button slim" href=${row.url} download=${row.filename}>
      <${Icon} name="download" />PDF<span class="visually-hidden"> of ${row.title}</span>
    </a>`,
  },
];

function Sections({ tenant }) {
  const at = `/tenants/${tenant.id}`;
  const bots = useResource(`${at}/instances`, (list) =>
    often(list.some(({ status, operation }) => status === "starting" || BUSY.includes(operation?.state))),
  );
  const operations = useResource(`${at}/operations`, (list) =>
    often(list.some(({ state }) => BUSY.includes(state))),
  );
  const documents = useResource(`${at}/documents`, () => often(false));
  const subscription = useResource(`${at}/subscription`, () => often(false));
  const plans = useResource("/plans");
  return html`<div class="columns">
    <div class="stack">
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
      <${DataTable}
        title="Documents"
        rows=${documents.data ?? []}
        columns=${DOCUMENT_COLUMNS}
        empty=${html`<${Empty} title="No documents yet">
          Your welcome letter is here as soon as your bot runs.
        <//>`}
      />
    </div>
    <${Subscription} tenant=${tenant} read=${subscription} plans=${plans} />
  </div>`;
}

export function Tenant({ params }) {
  const { data, error, reload, loading } = useResource(`/tenants/${params.id}`);
  return html`<${Page}
    title=${data?.name ?? "\u00a0"}
    tab=${data?.name ?? "Your bot"}
    crumbs=${html`<a href="/">Your bots</a>`}
    lead=${data ? html`<${Hostname} value=${data.hostname} />` : "\u00a0"}
  >
    <${ErrorNotice} error=${!data && error} title="This page could not be read" retry=${reload} />
    ${loading && html`<div class="panel panel-body"><${Loading} lines=${6} what="the tenant" /></div>`}
    ${data && html`<${Sections} tenant=${data} />`}
  <//>`;
}
