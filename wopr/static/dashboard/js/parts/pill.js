/** One word, one icon and one colour for each state, everywhere. */
import { html } from "../preact.js";
import { Icon } from "./icons.js";

const looks = (tone, icon, word, spin = false) => ({ tone, icon, word, spin });

const STATES = {
  // bots
  starting: looks("info", "spinner", "starting", true),
  running: looks("good", "check-circle", "running"),
  stopped: looks("idle", "stop", "stopped"),
  suspended: looks("warning", "pause", "suspended"),
  failed: looks("danger", "cross-circle", "failed"),
  terminated: looks("idle", "cross-circle", "terminated"),
  unknown: looks("warning", "alert", "unknown"),
  // operations
  queued: looks("idle", "clock", "queued"),
  working: looks("info", "spinner", "running", true),
  undoing: looks("warning", "undo", "undoing"),
  succeeded: looks("good", "check-circle", "succeeded"),
  // custom domains
  pending: looks("info", "clock", "pending"),
  verifying: looks("info", "spinner", "verifying", true),
  failing: looks("warning", "alert", "failing"),
  expired: looks("danger", "cross-circle", "expired"),
  removing: looks("info", "spinner", "being removed", true),
  // subscriptions
  none: looks("idle", "circle", "none"),
  active: looks("good", "check-circle", "active"),
  trialing: looks("good", "clock", "trial"),
  past_due: looks("warning", "alert", "past due"),
  unpaid: looks("danger", "alert", "unpaid"),
  incomplete: looks("warning", "clock", "incomplete"),
  incomplete_expired: looks("idle", "cross-circle", "expired"),
  paused: looks("warning", "pause", "paused"),
  canceled: looks("idle", "cross-circle", "cancelled"),
};

export function Pill({ state }) {
  const look = STATES[state] ?? looks("idle", "info", state);
  return html`<span class=${`pill tone-${look.tone}`} data-state=${state}>
    <${Icon} name=${look.icon} spin=${look.spin} />${look.word}
  </span>`;
}

/** An operation that runs is work in progress, not a healthy bot: same word, other colour. */
export const OperationPill = ({ state }) =>
  html`<${Pill} state=${state === "running" ? "working" : state} />`;
