/** Who of the staff looked at a tenant as one of its people. */
import { html } from "../preact.js";
import { useResource } from "../resource.js";
import { ErrorNotice } from "./notice.js";
import { Empty } from "./panel.js";
import { DataTable } from "./table.js";
import { RelativeTime } from "./time.js";

const COLUMNS = [
  {
    key: "staff",
    label: "Who",
    value: (row) => row.staff,
    cell: (row) => html`<span class="breakable">${row.staff}</span>`,
  },
  {
    key: "person",
    label: "As",
    value: (row) => row.person,
    cell: (row) => html`<span class="breakable">${row.person}</span>`,
  },
  {
    key: "began",
    label: "Begun",
    value: (row) => row.began_at,
    cell: (row) => html`<${RelativeTime} value=${row.began_at} />`,
  },
  {
    key: "ended",
    label: "Ended",
    value: (row) => row.ended_at,
    cell: (row) => html`<${RelativeTime} value=${row.ended_at} none="looking now" />`,
  },
];

export function Looks({ at }) {
  const { data, error, reload } = useResource(`${at}/impersonations`);
  if (!data) {
    return html`<${ErrorNotice} error=${error} title="Who of us looked could not be read" retry=${reload} />`;
  }
  return html`<${DataTable}
    title="Looked at by our staff"
    rows=${data}
    columns=${COLUMNS}
    empty=${html`<${Empty} title="Nobody has looked">
      When one of our staff looks at these pages as you or a member see them, it is noted here. They
      change nothing.
    <//>`}
  />`;
}
