/** A small line chart of days; the same numbers stand in a table for everybody. */
import { figure, shortDay } from "../format.js";
import { html } from "../preact.js";

const WIDTH = 300;
const HEIGHT = 80;
const TOP = 4;
const DAY = 86400000;

/** The last `length` days up to today (UTC), those without a row with nothing. */
export function lastDays(rows, length) {
  const used = new Map(rows.map(({ day, quantity }) => [day, quantity]));
  return Array.from({ length }, (_, index) => {
    const day = new Date(Date.now() - (length - 1 - index) * DAY).toISOString().slice(0, 10);
    return { day, quantity: used.get(day) ?? 0 };
  });
}

function Line({ days, most }) {
  const x = (index) => (index * WIDTH) / (days.length - 1);
  const y = (quantity) => HEIGHT - 1 - (quantity / most) * (HEIGHT - TOP - 1);
  const points = days.map(({ quantity }, index) => `${x(index).toFixed(1)},${y(quantity).toFixed(1)}`);
  return html`<polygon class="area" points=${`0,${HEIGHT} ${points.join(" ")} ${WIDTH},${HEIGHT}`} />
    <polyline points=${points.join(" ")} />`;
}

const Numbers = ({ title, days }) => html`<details>
  <summary>Show the numbers<span class="visually-hidden"> of ${title}</span></summary>
  <table class="sums" aria-label=${`${title}, day by day`}>
    <thead>
      <tr><th scope="col">Day</th><th scope="col" class="end">Used</th></tr>
    </thead>
    <tbody>
      ${[...days].reverse().map(
        ({ day, quantity }) =>
          html`<tr><td>${shortDay(day)}</td><td class="end mono">${figure(quantity)}</td></tr>`,
      )}
    </tbody>
  </table>
</details>`;

export function DayChart({ title, days }) {
  const peak = days.reduce((best, each) => (each.quantity > best.quantity ? each : best), days[0]);
  const about = `${title} on the last ${days.length} days: at most ${figure(peak.quantity)}, on ${shortDay(peak.day)}`;
  return html`<figure class="chart">
    <p class="small muted">Most on a day: <span class="mono">${figure(peak.quantity)}</span></p>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${about}>
      <${Line} days=${days} most=${peak.quantity || 1} />
    </svg>
    <p class="chart-ends small muted" aria-hidden="true">
      <span>${shortDay(days[0].day)}</span><span>today</span>
    </p>
    <${Numbers} title=${title} days=${days} />
  </figure>`;
}
