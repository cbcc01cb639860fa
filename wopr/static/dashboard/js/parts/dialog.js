/** Ask before something with effects: the effects are listed above the button that does it. */
import { html, useEffect, useRef } from "../preact.js";
import { Icon } from "./icons.js";

export function ConfirmDialog({ title, effects, action, danger = false, onConfirm, onCancel }) {
  const dialog = useRef();
  useEffect(() => {
    dialog.current.showModal();
  }, []);
  return html`<dialog ref=${dialog} aria-labelledby="confirm-title" onClose=${onCancel}>
    <h2 id="confirm-title">${title}</h2>
    <ul class="effects">
      ${effects.map((effect) => html`<li><${Icon} name="arrow" /><span>${effect}</span></li>`)}
    </ul>
    <div class="actions">
      <button
        class=${`button ${danger ? "danger" : "primary"}`}
        type="button"
        onClick=${onConfirm}
      >
        ${action}
      </button>
      <button class="button" type="button" onClick=${() => dialog.current.close()}>
        Not now
      </button>
    </div>
  </dialog>`;
}
