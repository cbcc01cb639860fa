/** The frame of every page: the tab's title, one heading that takes the focus after a move. */
import { html, useEffect, useRef } from "../preact.js";
import { takeFocusRequest } from "../router.js";

export function Page({ title, tab = title, lead, crumbs, actions, narrow = false, children }) {
  const heading = useRef();
  useEffect(() => {
    document.title = `${tab} · WOPR`;
  }, [tab]);
  useEffect(() => {
    if (takeFocusRequest()) heading.current.focus({ preventScroll: true });
  }, []);
  return html`<div class=${narrow ? "narrow" : ""}>
    <div class="page-head">
      <div>
        ${crumbs && html`<p class="crumbs">${crumbs}</p>`}
        <h1 tabindex="-1" class="breakable" ref=${heading}>${title}</h1>
        ${lead && html`<p class="lead">${lead}</p>`}
      </div>
      ${actions && html`<div class="actions">${actions}</div>`}
    </div>
    ${children}
  </div>`;
}
