/** Inline SVG icons: 24 x 24, drawn with the text's own colour, hidden from screen readers. */
import { html } from "../preact.js";

const PATHS = {
  check: "M5 12.5l4.5 4.5L19 7.5",
  "check-circle": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM8 12.3l2.7 2.7L16 9.5",
  cross: "M6 6l12 12M18 6L6 18",
  "cross-circle": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9 9l6 6M15 9l-6 6",
  alert: "M12 4L2.8 20h18.4L12 4zM12 10v4.5M12 17.3v.2",
  info: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 11v5.5M12 7.6v.2",
  spinner: "M12 3a9 9 0 1 0 9 9",
  circle: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16z",
  "circle-dot": "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 10a2 2 0 1 0 0 4 2 2 0 0 0 0-4z",
  clock: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM12 7.5V12l3 2",
  pause: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM10 9v6M14 9v6",
  stop: "M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM9.5 9.5h5v5h-5z",
  undo: "M4 9h10a5.5 5.5 0 0 1 0 11H8M4 9l4.5-4.5M4 9l4.5 4.5",
  copy: "M9 9h11v11H9zM5 15H4V4h11v1",
  external: "M14 4h6v6M20 4l-9 9M18 14v6H4V6h6",
  download: "M12 4v11M7 10.5l5 5 5-5M5 20h14",
  arrow: "M5 12h14M13 6l6 6-6 6",
  "arrow-up": "M12 19V5M6 11l6-6 6 6",
  plus: "M12 5v14M5 12h14",
  minus: "M5 12h14",
  chart: "M4 20V4M4 20h16M8 15l4-5 3 3 5-7",
  user: "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM4.5 20a7.5 7.5 0 0 1 15 0",
  mail: "M3 6h18v13H3zM3.5 6.5L12 13l8.5-6.5",
  lock: "M5 11h14v10H5zM8 11V8a4 4 0 0 1 8 0v3",
  box: "M12 3l8 4.5v9L12 21l-8-4.5v-9L12 3zM4.3 7.6L12 12l7.7-4.4M12 12v9",
  link: "M9.5 14.5l5-5M11 6.5l1.5-1.5a4.6 4.6 0 0 1 6.5 6.5L17.5 13M13 17.5L11.5 19A4.6 4.6 0 0 1 5 12.5L6.5 11",
  sun: "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3L19 19M19 5l-1.7 1.7M6.7 17.3L5 19",
  moon: "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
  screen: "M3 5h18v12H3zM8 21h8M12 17v4",
  card: "M3 6h18v12H3zM3 10h18M7 14.5h3",
};

export function Icon({ name, spin = false }) {
  return html`<svg class=${`icon${spin ? " spin" : ""}`} viewBox="0 0 24 24" aria-hidden="true">
    <path d=${PATHS[name]} />
  </svg>`;
}

/** The mark of the brand, the same drawing as the tab's icon. */
export function Mark() {
  return html`<svg viewBox="0 0 32 32" aria-hidden="true">
    <rect width="32" height="32" rx="8" fill="#121922" />
    <path
      d="M7 10l4 13 5-11 5 11 4-13"
      fill="none"
      stroke="#4cc38a"
      stroke-width="3"
      stroke-linecap="round"
      stroke-linejoin="round"
    />
  </svg>`;
}
