/** The steps of an operation, each with its state, what it says and how long it took. */
import { duration } from "../format.js";
import { html } from "../preact.js";
import { useNow } from "../resource.js";
import { Icon } from "./icons.js";

const STATES = {
  pending: ["circle", "not started"],
  running: ["spinner", "running"],
  waiting: ["clock", "waiting"],
  done: ["check-circle", "done"],
  failed: ["cross-circle", "failed"],
  undone: ["undo", "undone"],
};

const ACTIVE = ["running", "waiting"];

function elapsed(step, now) {
  if (!step.started_at) return "";
  if (!step.finished_at && !ACTIVE.includes(step.state)) return "";
  const end = step.finished_at ? Date.parse(step.finished_at) : now;
  return duration(end - Date.parse(step.started_at), { tenths: Boolean(step.finished_at) });
}

function message(step) {
  const tries = step.attempts > 1 && ACTIVE.includes(step.state) ? `Try ${step.attempts}. ` : "";
  return tries + (step.message ?? "");
}

function Step({ step, now }) {
  const [icon, word] = STATES[step.state] ?? STATES.pending;
  return html`<li class=${`step ${step.state}`} data-step=${step.name} data-state=${step.state}>
    <${Icon} name=${icon} spin=${step.state === "running"} />
    <span class="step-title">${step.title}<span class="visually-hidden">: ${word}</span></span>
    <span class="step-message" title=${message(step)}>${message(step)}</span>
    <span class="step-time mono">${elapsed(step, now)}</span>
  </li>`;
}

export function Timeline({ operation }) {
  const live = !operation.finished_at;
  const now = useNow(live);
  return html`<ol class="timeline">
    ${operation.steps.map(
      (step) => html`<${Step} key=${step.name} step=${step} now=${now} />`,
    )}
  </ol>`;
}
