/** Parts about one bot: its open button, its row, the note that it needs a provider. */
import { html } from "../preact.js";
import { Hostname } from "./hostname.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";
import { Pill } from "./pill.js";

export function OpenBot({ instance, primary = true, slim = false }) {
  const look = `button${primary ? " primary" : ""}${slim ? " slim" : ""}`;
  return html`<a class=${look} href=${instance.url} target="_blank" rel="noopener">
    Open your bot<${Icon} name="external" /><span class="visually-hidden"> in a new tab</span>
  </a>`;
}

/** `/ready` of the bot informs; it does not gate `running`. */
export function NeedsProvider({ instance }) {
  if (instance.status !== "running" || instance.provider_ready !== false) return null;
  return html`<${Notice} tone="info" title="Your bot needs a provider">
    It runs and answers, but cannot think yet: open it and give it an inference provider. Until
    then it says so to everybody who talks to it.
  <//>`;
}

export function BotRow({ instance }) {
  return html`<div class="bot-row">
    <div>
      <p class="bot-name">
        <a class="breakable" href=${`/instances/${instance.id}`}>${instance.slug}</a>
        <${Pill} state=${instance.status} />
      </p>
      <p class="muted"><${Hostname} value=${instance.hostname} /></p>
    </div>
    ${instance.status === "running" && html`<${OpenBot} instance=${instance} primary=${false} slim />`}
  </div>`;
}
