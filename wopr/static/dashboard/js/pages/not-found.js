/** An address that is no page of the dashboard. */
import { Page } from "../parts/page.js";
import { html } from "../preact.js";

export function NotFound() {
  return html`<${Page}
    title="There is no such page"
    lead="The address may be mistyped, or the link to it is out of date. Nothing is lost."
    narrow
  >
    <a class="button primary" href="/">Go to your bots</a>
  <//>`;
}
