/** Said on every page of a bot that ends again and again. */
import { html } from "../preact.js";
import { Notice } from "./notice.js";
import { RelativeTime } from "./time.js";

export function CrashNotice({ id, state }) {
  const { crashing_since, exit_code } = state;
  if (!crashing_since) return null;
  return html`<${Notice} tone="warning" title="It ends again and again">
    Since <${RelativeTime} value=${crashing_since} />, the last time with exit code ${exit_code}. It is
    started again each time, and its data is kept. <a href=${`/instances/${id}/log`}>Its log</a> says
    why it ended. If this began with an update, <a href=${`/instances/${id}/updates`}>going back</a>${" "}
    helps.
  <//>`;
}
