/** A table that sorts by a click on a heading and, from a few rows on, filters by typing. */
import { html, useState } from "../preact.js";
import { Icon } from "./icons.js";
import { Empty, Panel } from "./panel.js";

const FILTER_FROM = 6;

const compare = (a, b) =>
  typeof a === "number" && typeof b === "number"
    ? a - b
    : String(a ?? "").localeCompare(String(b ?? ""), undefined, { numeric: true });

function arrange(rows, columns, sort, filter) {
  const wanted = filter.trim().toLowerCase();
  const texts = (row) => columns.map(({ value }) => String(value?.(row) ?? "")).join("\n");
  const kept = rows.filter((row) => texts(row).toLowerCase().includes(wanted));
  if (!sort) return kept;
  const { value } = columns.find(({ key }) => key === sort.key);
  return kept.sort((a, b) => (sort.down ? -1 : 1) * compare(value(a), value(b)));
}

function Heading({ column, sort, onSort }) {
  if (!column.value) {
    return html`<th scope="col" role="columnheader" class=${column.end ? "end" : ""}>
      ${column.label ?? html`<span class="visually-hidden">Actions</span>`}
    </th>`;
  }
  const active = sort?.key === column.key;
  const direction = active ? (sort.down ? "descending" : "ascending") : "none";
  const toggle = () => onSort({ key: column.key, down: active && !sort.down });
  return html`<th scope="col" role="columnheader" aria-sort=${direction}>
    <button type="button" onClick=${toggle}>${column.label}<${Icon} name="arrow-up" /></button>
  </th>`;
}

function Row({ row, columns }) {
  return html`<tr role="row">
    ${columns.map(
      ({ key, label, cell, value, end }) =>
        html`<td key=${key} role="cell" data-label=${label ?? ""} class=${end ? "end" : ""}>
          ${cell ? cell(row) : value(row)}
        </td>`,
    )}
  </tr>`;
}

/**
 * `columns`: {key, label, value(row) to sort and filter by, cell(row) to show, end}. The roles are
 * spelled out since the narrow layout, which is made of blocks, would drop them.
 */
export function DataTable({ title, rows, columns, empty }) {
  const [sort, setSort] = useState(null);
  const [filter, setFilter] = useState("");
  const shown = arrange(rows, columns, sort, filter);
  const tools = html`<div class="table-tools">
    <label>
      <span class="visually-hidden">Filter ${title}</span>
      <input
        type="search"
        placeholder="Filter"
        value=${filter}
        onInput=${(event) => setFilter(event.target.value)}
      />
    </label>
  </div>`;
  return html`<${Panel} title=${title} padded=${false} tools=${rows.length >= FILTER_FROM && tools}>
    ${rows.length === 0 && empty}
    ${rows.length > 0 &&
    html`<table role="table" aria-label=${title}>
      <thead role="rowgroup">
        <tr role="row">
          ${columns.map(
            (column) =>
              html`<${Heading} key=${column.key} column=${column} sort=${sort} onSort=${setSort} />`,
          )}
        </tr>
      </thead>
      <tbody role="rowgroup">
        ${shown.map((row) => html`<${Row} key=${row.id} row=${row} columns=${columns} />`)}
      </tbody>
    </table>`}
    ${rows.length > 0 &&
    shown.length === 0 &&
    html`<${Empty} title="Nothing matches">Change or clear the filter to see all rows.<//>`}
  <//>`;
}
