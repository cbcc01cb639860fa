/** A bot's backups: which there are, whether they were seen to restore, one more, and the way back. */
import { fileSize } from "../format.js";
import { Act } from "../parts/act.js";
import { BotCrumbs } from "../parts/bot-crumbs.js";
import { Icon } from "../parts/icons.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { DataTable } from "../parts/table.js";
import { RelativeTime } from "../parts/time.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";

const REASONS = {
  nightly: "Nightly",
  demand: "On demand",
  update: "Before an update",
  restore: "Before a restore",
  move: "Before a move",
  final: "Before its end",
};

const BACK_UP = {
  path: "backups",
  title: "Back this bot up now?",
  action: "Back up now",
  effects: [
    "It is frozen for moments while its data are copied.",
    "The backup is restored elsewhere once, to see that it can be.",
    "Beyond the number that your plan keeps, the oldest is deleted.",
  ],
};

const CLONE = {
  path: "clone",
  title: "Make another bot of this one's data?",
  action: "Clone",
  effects: [
    "This bot is backed up, and a new one of yours gets the backup.",
    "The new one has an address and tokens of its own, and the same variables.",
    "It takes a place of your plan that no bot has yet.",
  ],
};

const copying = (into) => ({
  path: "clone",
  body: { into: into.id },
  title: `Put this bot's data in the place of ${into.slug}'s?`,
  action: `Copy into ${into.slug}`,
  danger: true,
  effects: [
    `This bot is backed up, and ${into.slug} gets the backup. This one goes on as it is.`,
    `What ${into.slug} has now is backed up first; it can be restored on its own page.`,
    `${into.slug} keeps its address, its tokens and its variables.`,
  ],
});

const restoring = (backup) => ({
  path: "restore",
  body: { backup: backup.id },
  title: "Put this backup in the place of the bot's data?",
  action: "Restore",
  danger: true,
  effects: [
    "It is stopped, and what it has now is backed up first.",
    "It then has exactly what the backup holds; what it learned since is in the newer backup.",
    "If it does not get healthy with it, everything is put back.",
  ],
});

const Proven = ({ backup }) =>
  backup.proven_at
    ? html`<${Icon} name="check-circle" /> <${RelativeTime} value=${backup.proven_at} />`
    : html`<span class="muted">not yet</span>`;

const columns = (instance) => [
  {
    key: "taken",
    label: "Taken",
    value: (row) => row.taken_at,
    cell: (row) => html`<${RelativeTime} value=${row.taken_at} />`,
  },
  { key: "reason", label: "Why", value: (row) => REASONS[row.reason] },
  {
    key: "size",
    label: "Size",
    value: (row) => row.size,
    cell: (row) => html`<span class="mono">${fileSize(row.size)}</span> in ${row.files} files`,
  },
  {
    key: "proven",
    label: "Seen to restore",
    value: (row) => row.proven_at,
    cell: (row) => html`<${Proven} backup=${row} />`,
  },
  {
    key: "restore",
    end: true,
    cell: (row) =>
      row.proven_at &&
      ["running", "stopped"].includes(instance?.status) &&
      html`<${Act} id=${instance.id} what=${restoring(row)} slim label=${`of ${row.taken_at}`} />`,
  },
];

/** A new bot, for which the plan needs a place, or one that is there: say, one just added. */
function Copies({ instance }) {
  const { data } = useResource(`/tenants/${instance.tenant}/instances`);
  const others = (data ?? []).filter(
    ({ id, status }) => id !== instance.id && ["running", "stopped"].includes(status),
  );
  return html`<${Panel} title="Another bot like this one">
    <p>A bot with the same data, for trying something out or for somebody else.</p>
    <div class="actions">
      <${Act} id=${instance.id} what=${CLONE} />
      ${others.map(
        (other) => html`<${Act} key=${other.id} id=${instance.id} what=${copying(other)} />`,
      )}
    </div>
  <//>`;
}

export function Backups({ params }) {
  const bot = useResource(`/instances/${params.id}`);
  const { data, error, reload, loading } = useResource(
    `/instances/${params.id}/backups`,
    () => 10000,
  );
  const lives = ["running", "stopped"].includes(bot.data?.status);
  return html`<${Page}
    title="Backups"
    tab=${`Backups of ${bot.data?.slug ?? "a bot"}`}
    crumbs=${html`<${BotCrumbs} instance=${bot.data} /> / Backups`}
    lead="Taken every night and before whatever could do harm; each counts once it was restored."
    actions=${lives && html`<${Act} id=${params.id} what=${BACK_UP} primary />`}
  >
    <${ErrorNotice} error=${!data && error} title="The backups could not be read" retry=${reload} />
    ${loading && html`<div class="panel panel-body"><${Loading} lines=${4} what="the backups" /></div>`}
    ${data &&
    html`<div class="stack">
      <${DataTable}
        title="Backups"
        rows=${data}
        columns=${columns(bot.data)}
        empty=${html`<${Empty} title="No backup yet">The first one is taken tonight.<//>`}
      />
      ${lives && html`<${Copies} instance=${bot.data} />`}
    </div>`}
  <//>`;
}
