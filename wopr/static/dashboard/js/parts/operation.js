/** An operation as customers see it: bar, steps, and, if it failed, what that means for them. */
import { html } from "../preact.js";
import { Icon } from "./icons.js";
import { Notice } from "./notice.js";
import { Loading, Panel } from "./panel.js";
import { OperationPill } from "./pill.js";
import { ProgressBar } from "./progress.js";
import { RelativeTime } from "./time.js";
import { Timeline } from "./timeline.js";

const LINKS = {
  connecting: ["spinner", "connecting"],
  live: ["circle-dot", "live"],
  reconnecting: ["spinner", "reading every 2 s"],
  silent: ["alert", "WOPR does not answer; trying again"],
};

/** How this page hears of changes; nothing once there are no more to come. */
export function LinkState({ link }) {
  if (!LINKS[link]) return null;
  const [icon, word] = LINKS[link];
  return html`<span class="live-state">
    <${Icon} name=${icon} spin=${icon === "spinner"} />${word}
  </span>`;
}

export function StepsPanel({ operation, link }) {
  const tools = html`<${LinkState} link=${link} />`;
  return html`<${Panel} title="Steps" padded=${false} tools=${tools}>
    ${operation
      ? html`<${Timeline} operation=${operation} />`
      : html`<div class="panel-body"><${Loading} lines=${9} what="the steps" /></div>`}
  <//>`;
}

export function OperationFailure({ operation }) {
  return html`<${Notice}
    tone="danger"
    title=${`“${operation.title}” stopped: ${operation.error}`}
    reference=${operation.correlation_id}
  >
    Your bot is not running. Your payment and your subscription stand, and you will not be charged
    again for this. Our staff see this operation; to ask about it, answer any of our e-mails with
    the reference.
  <//>`;
}

/** Said while an operation waits for its next try, so that waiting does not look like hanging. */
export function RetryNote({ operation }) {
  if (!operation.next_attempt_at || operation.finished_at || !operation.error) return null;
  return html`<${Notice} tone="warning" title=${operation.error}>
    Nothing is lost: WOPR tries again <${RelativeTime} value=${operation.next_attempt_at} />.
  <//>`;
}

export function OperationHead({ operation }) {
  return html`<div class="panel status-panel">
    <div class="status-foot">
      <div><${OperationPill} state=${operation.state} /></div>
      <${ProgressBar} operation=${operation} />
    </div>
  </div>`;
}
