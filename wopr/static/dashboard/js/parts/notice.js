/** Messages that stay on the page: what happened, what it means, what to do, the reference. */
import { html } from "../preact.js";
import { Copyable } from "./copy.js";
import { Icon } from "./icons.js";

const ICONS = { info: "info", good: "check-circle", warning: "alert", danger: "cross-circle" };

export function Reference({ value }) {
  if (!value) return null;
  return html`<p class="reference">
    Reference <${Copyable} text=${value} label="reference" mono />
  </p>`;
}

export function Notice({ tone = "info", title, reference, actions, children }) {
  return html`<div
    class=${`notice tone-${tone}`}
    role=${tone === "danger" ? "alert" : "status"}
  >
    <${Icon} name=${ICONS[tone]} />
    <div>
      ${title && html`<strong>${title}</strong>`}
      <div>${children}</div>
      <${Reference} value=${reference} />
      ${actions && html`<div class="actions">${actions}</div>`}
    </div>
  </div>`;
}

/** A failed request, named by what it was to do ("Your bots could not be read"). */
export function ErrorNotice({ error, title, retry }) {
  if (!error) return null;
  const again = html`<button class="button slim" type="button" onClick=${retry}>Try again</button>`;
  return html`<${Notice}
    tone="danger"
    title=${title}
    reference=${error.reference}
    actions=${retry && again}
  >
    ${error.message}
  <//>`;
}
