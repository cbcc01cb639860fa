/** A number with one button for fewer and one for more. */
import { html } from "../preact.js";
import { Icon } from "./icons.js";

export function CountField({ id, label, hint, value, min = 0, max, onChange }) {
  const set = (wanted) => onChange(Math.min(Math.max(wanted, min), max));
  const typed = (event) => {
    const wanted = Math.round(Number(event.target.value));
    if (event.target.value !== "" && !Number.isNaN(wanted)) set(wanted);
    event.target.value = value;
  };
  const step = (name, by, word) =>
    html`<button
      class="icon-button"
      type="button"
      aria-label=${`${word}: ${label}`}
      aria-controls=${id}
      disabled=${value + by < min || value + by > max}
      onClick=${() => set(value + by)}
    >
      <${Icon} name=${name} />
    </button>`;
  return html`<div class="count-field">
    <div>
      <label for=${id}>${label}</label>
      <p class="muted small" id=${`${id}-note`}>${hint}</p>
    </div>
    <div class="stepper">
      ${step("minus", -1, "One fewer")}
      <input
        id=${id}
        type="number"
        class="mono"
        inputmode="numeric"
        min=${min}
        max=${max}
        aria-describedby=${`${id}-note`}
        value=${value}
        onChange=${typed}
      />
      ${step("plus", 1, "One more")}
    </div>
  </div>`;
}
