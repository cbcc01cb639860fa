/** A host name in monospace that breaks at its dots, if it must. */
import { html } from "../preact.js";

export function Hostname({ value }) {
  const [first, ...rest] = value.split(".");
  return html`<span class="mono breakable">
    ${first}${rest.map((label) => [html`<wbr />`, `.${label}`])}
  </span>`;
}
