/** A titled surface, and what stands in it while there is nothing to show yet. */
import { html, useState } from "../preact.js";

let nextId = 1;

export function Panel({ title, tools, padded = true, children }) {
  const [id] = useState(() => `panel-${nextId++}`);
  return html`<section class="panel" aria-labelledby=${id}>
    <div class="panel-head">
      <h2 id=${id}>${title}</h2>
      ${tools}
    </div>
    ${padded ? html`<div class="panel-body">${children}</div>` : children}
  </section>`;
}

/** Lines as tall as the text they stand for: the layout is there before the data. */
export function Loading({ lines = 3, what }) {
  return html`<div role="status">
    <span class="visually-hidden">Loading ${what}</span>
    ${Array.from({ length: lines }, () => html`<span class="skeleton"></span>`)}
  </div>`;
}

/** What to do first, where nothing is yet. */
export function Empty({ title, action, children }) {
  return html`<div class="empty">
    <strong>${title}</strong>
    <p>${children}</p>
    ${action && html`<div class="actions">${action}</div>`}
  </div>`;
}
