/** How far an operation is: a bar with its percentage and the name of the current step. */
import { html } from "../preact.js";

const TONES = { succeeded: "good", failed: "danger", undoing: "warning" };

const words = (operation, step) =>
  ({
    queued: "Queued: it begins in a moment",
    undoing: `Undoing: ${step}`,
    succeeded: "Finished",
    failed: "Stopped",
  })[operation.state] ?? step;

export function currentStep(operation) {
  const step = operation.steps.find(({ name }) => name === operation.current_step);
  return step?.title ?? operation.title;
}

export function ProgressBar({ operation }) {
  const text = words(operation, currentStep(operation));
  const percent = Math.round(operation.progress);
  return html`<div class=${`progress tone-${TONES[operation.state] ?? "info"}`}>
    <div class="progress-label">
      <span class="truncate" id="progress-step">${text}</span>
      <span class="mono">${percent} %</span>
    </div>
    <div
      class="progress-track"
      role="progressbar"
      aria-labelledby="progress-step"
      aria-valuemin="0"
      aria-valuemax="100"
      aria-valuenow=${percent}
      aria-valuetext=${`${percent} %, ${text}`}
    >
      <div class="progress-fill" style=${{ translate: `${percent - 100}% 0` }}></div>
    </div>
    <p class="visually-hidden" aria-live="polite">${text}</p>
  </div>`;
}
