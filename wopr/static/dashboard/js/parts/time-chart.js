/** A line chart over time; the same numbers stand in a table for everybody. */
import { absoluteTime } from "../format.js";
import { html } from "../preact.js";

const WIDTH = 600;
const HEIGHT = 120;
const TABLE_ROWS = 24;

/** Lines between points that follow on one another; a stretch that was not seen stays empty. */
function stretches(points, step, value) {
  const found = [];
  let last = null;
  for (const point of points) {
    const here = value(point);
    if (here !== null) {
      const at = Date.parse(point.at);
      if (last === null || at - last > step * 2500) found.push([]);
      found[found.length - 1].push([at, here]);
      last = at;
    }
  }
  return found;
}

function Line({ points, step, since, value, most, dashed }) {
  const span = Math.max(Date.now() - since, 1);
  const x = (at) => (((at - since) / span) * WIDTH).toFixed(1);
  const y = (amount) => (HEIGHT - 2 - (Math.min(amount / most, 1) * (HEIGHT - 6))).toFixed(1);
  return stretches(points, step, value).map((stretch) => {
    // A single reading would be a line without length.
    const [[at, amount]] = stretch;
    const drawn = stretch.length > 1 ? stretch : [[at - step * 500, amount], [at, amount]];
    const path = drawn.map(([moment, height]) => `${x(moment)},${y(height)}`).join(" ");
    return html`<polyline class=${dashed ? "second" : ""} points=${path} />`;
  });
}

function Numbers({ title, points, series, text }) {
  const every = Math.max(1, Math.ceil(points.length / TABLE_ROWS));
  const rows = points.filter((_, index) => (points.length - 1 - index) % every === 0).reverse();
  return html`<details>
    <summary>Show the numbers<span class="visually-hidden"> of ${title}</span></summary>
    <table class="sums" aria-label=${title}>
      <thead>
        <tr>
          <th scope="col">When</th>
          ${series.map(({ name }) => html`<th scope="col" class="end">${name}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.map(
          (point) => html`<tr>
            <td><time datetime=${point.at}>${absoluteTime(new Date(point.at))}</time></td>
            ${series.map(({ value }) => html`<td class="end mono">${shown(value(point), text)}</td>`)}
          </tr>`,
        )}
      </tbody>
    </table>
  </details>`;
}

const shown = (amount, text) => (amount === null ? "–" : text(amount));

const latest = (points, value) => {
  const known = points.map(value).filter((amount) => amount !== null);
  return known.length ? known[known.length - 1] : null;
};

/** `series`: {name, value(point)}, at most two; `limit` is the top of the chart where there is one. */
export function TimeChart({ title, reading, series, text, limit = 0 }) {
  const { points, step } = reading;
  const amounts = points.flatMap((point) => series.map(({ value }) => value(point) ?? 0));
  const peak = Math.max(0, ...amounts);
  const now = series.map(({ name, value }) => `${name} ${shown(latest(points, value), text)}`).join(", ");
  const of = limit ? ` of ${text(limit)}` : "";
  const about = `${title}: ${now}${of}; at most ${text(peak)}`;
  return html`<figure class="chart time-chart">
    <p class="small muted">${now}${of}; at most <span class="mono">${text(peak)}</span></p>
    <svg viewBox=${`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none" role="img" aria-label=${about}>
      ${series.map(
        ({ value }, index) => html`<${Line}
          points=${points}
          step=${step}
          since=${Date.parse(reading.since)}
          value=${value}
          most=${Math.max(limit, peak) || 1}
          dashed=${index > 0}
        />`,
      )}
    </svg>
    <${Numbers} title=${title} points=${points} series=${series} text=${text} />
  </figure>`;
}
