/** One bot: where it is, what it runs, how much it may use. */
import { memory } from "../format.js";
import { NeedsProvider, OpenBot } from "../parts/bot.js";
import { Copyable } from "../parts/copy.js";
import { CrashNotice } from "../parts/crash.js";
import { DiskNotice } from "../parts/disk.js";
import { Facts } from "../parts/facts.js";
import { Hostname } from "../parts/hostname.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Operate } from "../parts/operate.js";
import { Page } from "../parts/page.js";
import { Loading, Panel } from "../parts/panel.js";
import { OperationPill, Pill } from "../parts/pill.js";
import { TenantStanding } from "../parts/standing.js";
import { RelativeTime } from "../parts/time.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";

const MEANINGS = {
  starting: ["info", "It is being set up", "It opens here as soon as it answers under its name."],
  stopped: ["warning", "It is stopped", "Its data is kept, and its address says that it is stopped. Start it below."],
  suspended: ["warning", "It is suspended", "Its data is kept. It runs again when the plan is paid."],
  failed: ["danger", "It does not run", "The newest operation below says why, with a reference."],
  terminated: ["warning", "It is gone", "Its container, its data and its address were removed."],
};

function Meaning({ status }) {
  if (!MEANINGS[status]) return null;
  const [tone, title, text] = MEANINGS[status];
  return html`<${Notice} tone=${tone} title=${title}>${text}<//>`;
}

/** "registry/name@sha256:9f2c41d0b7e3…" -> "sha256:9f2c41d0b7e3…" */
const short = (digest) => `${digest.replace(/^.*@/, "").slice(0, 19)}…`;

function Details({ instance }) {
  const digest = instance.image_digest;
  return html`<${Panel} title="Details">
    <${Facts}
      rows=${[
        ["State", html`<${Pill} state=${instance.status} />`],
        ["Address", html`<${Copyable} text=${instance.url} label="address" mono />`],
        ["Image", html`<span class="mono">${instance.image}</span>`],
        [
          "Digest",
          digest && html`<${Copyable} text=${digest} shown=${short(digest)} label="digest" mono />`,
        ],
        ["Watch", html`<a href=${`/instances/${instance.id}/log`}>Log</a> · <a href=${`/instances/${instance.id}/use`}>Use and events</a>`],
        ["Updates", html`<a href=${`/instances/${instance.id}/updates`}>Releases and updates</a>`],
        ["Names", html`<a href=${`/instances/${instance.id}/domains`}>Custom domains</a>`],
        ["Data", html`<a href=${`/instances/${instance.id}/backups`}>Backups</a>`],
        ["Settings", html`<a href=${`/instances/${instance.id}/settings`}>Name and variables</a>`],
        ["Made", html`<${RelativeTime} value=${instance.created_at} />`],
      ]}
    />
  <//>`;
}

const Limits = ({ instance }) => html`<${Panel} title="Limits">
  <${Facts}
    rows=${[
      ["Memory", html`<span class="mono">${memory(instance.memory_mb)}</span>`],
      ["CPUs", html`<span class="mono">${Number(instance.cpus)}</span>`],
      ["Processes", html`<span class="mono">${instance.pids}</span>`],
    ]}
  />
<//>`;

const Newest = ({ operation }) => html`<${Panel} title="Newest operation">
  <${Facts}
    rows=${[
      ["What", html`<a href=${`/operations/${operation.id}`}>${operation.title}</a>`],
      ["State", html`<${OperationPill} state=${operation.state} />`],
      ["Begun", html`<${RelativeTime} value=${operation.created_at} />`],
      ["Reason", operation.error],
    ]}
  />
<//>`;

export function Instance({ params }) {
  const { data, error, reload, loading } = useResource(`/instances/${params.id}`, (instance) =>
    instance.status === "starting" ? 2000 : 15000,
  );
  return html`<${Page}
    title=${data?.slug ?? "\u00a0"}
    tab=${data?.slug ?? "Bot"}
    crumbs=${html`<a href="/">Your bots</a>${data && html` / <a href=${`/tenants/${data.tenant}`}>${data.slug}</a>`}`}
    lead=${data ? html`<${Hostname} value=${data.hostname} />` : "\u00a0"}
    actions=${data?.status === "running" && html`<${OpenBot} instance=${data} />`}
  >
    <${TenantStanding} tenantId=${data?.tenant} />
    <${ErrorNotice} error=${!data && error} title="This bot could not be read" retry=${reload} />
    ${loading && html`<div class="panel panel-body"><${Loading} lines=${6} what="the bot" /></div>`}
    ${data &&
    html`<div class="columns">
      <div class="stack">
        <${Meaning} status=${data.status} />
        <${CrashNotice} id=${data.id} state=${data} />
        <${DiskNotice} instance=${data} reload=${reload} />
        <${NeedsProvider} instance=${data} />
        <${Operate} instance=${data} />
        <${Details} instance=${data} />
      </div>
      <div class="stack">
        <${Limits} instance=${data} />
        ${data.operation && html`<${Newest} operation=${data.operation} />`}
      </div>
    </div>`}
  <//>`;
}
