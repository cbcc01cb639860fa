/** A definition list: rows of [term, value]; rows without a value are left out. */
import { html } from "../preact.js";

export function Facts({ rows }) {
  const present = rows.filter(([, value]) => value !== null && value !== undefined && value !== "");
  return html`<dl class="facts">
    ${present.map(([term, value]) => [html`<dt>${term}</dt>`, html`<dd>${value}</dd>`])}
  </dl>`;
}
