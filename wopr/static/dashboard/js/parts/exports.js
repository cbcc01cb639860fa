/** What bots stored, to take along: of each the last backup that was proven. */
import { fileSize } from "../format.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";
import { Icon } from "./icons.js";
import { ErrorNotice } from "./notice.js";
import { Empty, Panel } from "./panel.js";
import { DataTable } from "./table.js";
import { Day, RelativeTime } from "./time.js";

const TITLE = "Last backups";

const COLUMNS = [
  { key: "bot", label: "Bot", value: (row) => row.slug },
  {
    key: "taken",
    label: "Taken",
    value: (row) => row.taken_at,
    cell: (row) => html`<${RelativeTime} value=${row.taken_at} />`,
  },
  { key: "size", label: "Size", value: (row) => row.size, cell: (row) => fileSize(row.size) },
  {
    key: "until",
    label: "Kept until",
    value: (row) => row.expires_at ?? "",
    cell: (row) => (row.expires_at ? html`<${Day} value=${row.expires_at} />` : "replaced by the next"),
  },
  {
    key: "get",
    end: true,
    // A plain link: whoever has to prove first that it is them is led there by it.
    cell: (row) => html`<a class="button slim" href=${row.url}>
      <${Icon} name="download" />Download<span class="visually-hidden"> the backup of ${row.slug}</span>
    </a>`,
  },
];

/** For those who may manage the tenant: a bot's credentials are in its backup. */
export function Exports({ tenant }) {
  const read = useResource(`/tenants/${tenant.id}/exports`, () => 60000);
  if (read.error && !read.data) {
    return html`<${Panel} title=${TITLE}>
      <${ErrorNotice} error=${read.error} title="Not read" retry=${read.reload} />
    <//>`;
  }
  return html`<${DataTable}
    title=${TITLE}
    rows=${read.data ?? []}
    columns=${COLUMNS}
    empty=${html`<${Empty} title="No backup yet">
      Of each bot the last backup that was tested by restoring it is here, also for a time after the
      bot is deleted.
    <//>`}
  />`;
}
