/** The way back from a page about one bot. */
import { html } from "../preact.js";

export function BotCrumbs({ instance }) {
  return html`<a href="/">Your bots</a>
    ${instance && html` / <a href=${`/instances/${instance.id}`}>${instance.slug}</a>`}`;
}
