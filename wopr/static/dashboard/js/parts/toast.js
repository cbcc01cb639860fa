/** Short confirmations in the corner. A toast never holds the only copy of a message. */
import { html, useEffect, useState } from "../preact.js";
import { Icon } from "./icons.js";

const TOAST = "wopr:toast";
const SHOWN_FOR = 4000;
let nextId = 1;

export function toast(text, icon = "check") {
  window.dispatchEvent(new CustomEvent(TOAST, { detail: { id: nextId++, text, icon } }));
}

export function Toasts() {
  const [toasts, setToasts] = useState([]);
  useEffect(() => {
    const show = ({ detail }) => {
      setToasts((shown) => [...shown, detail]);
      setTimeout(() => setToasts((shown) => shown.filter(({ id }) => id !== detail.id)), SHOWN_FOR);
    };
    window.addEventListener(TOAST, show);
    return () => window.removeEventListener(TOAST, show);
  }, []);
  return html`<div class="toasts" role="status" aria-live="polite">
    ${toasts.map(
      ({ id, text, icon }) => html`<p class="toast" key=${id}><${Icon} name=${icon} />${text}</p>`,
    )}
  </div>`;
}
