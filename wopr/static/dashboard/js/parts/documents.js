/** A table of documents, each with its download. */
import { fileSize } from "../format.js";
import { html } from "../preact.js";
import { Icon } from "./icons.js";
import { ErrorNotice } from "./notice.js";
import { Loading, Panel } from "./panel.js";
import { DataTable } from "./table.js";
import { RelativeTime } from "./time.js";

const COLUMNS = [
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

/** `read`: the resource of all documents; `kinds`: those to show, all of them when left out. */
export function Documents({ title, read, kinds, empty }) {
  if (!read.data) {
    return html`<${Panel} title=${title}>
      ${read.error
        ? html`<${ErrorNotice} error=${read.error} title="Not read" retry=${read.reload} />`
        : html`<${Loading} what="documents" />`}
    <//>`;
  }
  const rows = read.data.filter(({ kind }) => !kinds || kinds.includes(kind));
  return html`<${DataTable} title=${title} rows=${rows} columns=${COLUMNS} empty=${empty} />`;
}
