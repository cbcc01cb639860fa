/** Times as people say them, with the exact one on hover, in the reader's zone. */
import { absoluteTime, longDay, relativeTime } from "../format.js";
import { html } from "../preact.js";
import { useNow } from "../resource.js";

export function RelativeTime({ value, none = "–" }) {
  const now = useNow(Boolean(value), 15000);
  if (!value) return none;
  const date = new Date(value);
  return html`<time datetime=${value} title=${absoluteTime(date)}>${relativeTime(date, now)}</time>`;
}

/** The day of a deadline. */
export function Day({ value }) {
  const date = new Date(value);
  return html`<time datetime=${value} title=${absoluteTime(date)}>${longDay(date)}</time>`;
}
