/** Where the customer is on the way from sign-up to a running bot. */
import { html } from "../preact.js";
import { Icon } from "./icons.js";

const STAGES = ["Account", "Name", "Plan", "Payment", "Running"];

/** `stage` is the index of the current one; past the end means that all is done. */
export function Journey({ stage }) {
  return html`<ol class="journey" aria-label="Your way to a running bot">
    ${STAGES.map((name, index) => {
      const done = index < stage;
      return html`<li class=${done ? "done" : ""} aria-current=${index === stage ? "step" : null}>
        ${done && html`<${Icon} name="check" />`}
        <span>${name}${done && html`<span class="visually-hidden"> done</span>`}</span>
      </li>`;
    })}
  </ol>`;
}
