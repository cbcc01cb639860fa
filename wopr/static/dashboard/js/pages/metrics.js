/** What a bot used over time, and what happened to it. */
import { figure, memory } from "../format.js";
import { BotCrumbs } from "../parts/bot-crumbs.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { DataTable } from "../parts/table.js";
import { TimeChart } from "../parts/time-chart.js";
import { RelativeTime } from "../parts/time.js";
import { html, useMemo, useState } from "../preact.js";
import { useResource } from "../resource.js";

const HOUR = 3600000;
const SPANS = [
  ["Hour", HOUR],
  ["Day", 24 * HOUR],
  ["Week", 7 * 24 * HOUR],
  ["Month", 30 * 24 * HOUR],
];
const READ_EVERY = 30000;

const cpus = (millis) => `${figure(millis / 1000)} CPU`;
const megabytes = (bytes) => memory(Math.round(bytes / 1024 / 1024));
const disk = (bytes) =>
  bytes < 1e9 ? `${figure(Math.round(bytes / 1e5) / 10)} MB` : `${figure(Math.round(bytes / 1e7) / 100)} GB`;
const rate = (bytes) => `${figure(Math.round(bytes / 100) / 10)} kB/s`;

const of = (name, key) => ({ name, value: (point) => point[key] });

const CHARTS = [
  { title: "CPU", series: [of("Now", "cpu_millis")], text: cpus, limit: "cpu_limit_millis" },
  { title: "Memory", series: [of("Now", "memory")], text: megabytes, limit: "memory_limit" },
  { title: "Network", series: [of("In", "received_rate"), of("out", "sent_rate")], text: rate },
  { title: "Disk", series: [of("Now", "disk")], text: disk, limit: "disk_limit" },
];

const HAPPENINGS = {
  started: "Started",
  ended: "Ended",
  out_of_memory: "Ran out of memory",
  crash_loop: "Ends again and again",
  calm: "Runs without ending again",
  disk_nearly_full: "Disk nearly full",
  disk_full: "Disk full",
  disk_fine: "Disk has room again",
};

const EVENT_COLUMNS = [
  { key: "kind", label: "What", value: (row) => HAPPENINGS[row.kind] ?? row.kind },
  { key: "code", label: "Exit code", value: (row) => row.exit_code ?? "–" },
  { key: "message", label: "About", value: (row) => row.message || "–" },
  {
    key: "at",
    label: "When",
    value: (row) => row.happened_at,
    cell: (row) => html`<${RelativeTime} value=${row.happened_at} />`,
  },
];

const Chart = ({ chart, reading }) => html`<${Panel} title=${chart.title}>
  <${TimeChart}
    title=${chart.title}
    reading=${reading}
    series=${chart.series}
    text=${chart.text}
    limit=${chart.limit ? reading[chart.limit] : 0}
  />
<//>`;

const Spans = ({ chosen, onChoose }) => html`<div class="actions" role="group" aria-label="Time">
  ${SPANS.map(
    ([name, span]) => html`<button
      class="button slim"
      type="button"
      aria-pressed=${span === chosen}
      onClick=${() => onChoose(span)}
    >
      ${name}
    </button>`,
  )}
</div>`;

export function Metrics({ params }) {
  const at = `/instances/${params.id}`;
  const [span, setSpan] = useState(HOUR);
  const since = useMemo(() => new Date(Date.now() - span).toISOString(), [span]);
  const bot = useResource(at);
  const reading = useResource(`${at}/metrics?since=${since}`, () => READ_EVERY);
  const events = useResource(`${at}/events`, () => READ_EVERY);
  const error = (!bot.data && bot.error) || (!reading.data && reading.error);
  return html`<${Page}
    title="Use"
    tab=${bot.data ? `Use of ${bot.data.slug}` : "Use"}
    crumbs=${html`<${BotCrumbs} instance=${bot.data} />`}
    actions=${html`<${Spans} chosen=${span} onChoose=${setSpan} />`}
  >
    <${ErrorNotice} error=${error} title="What the bot uses could not be read" retry=${reading.reload} />
    ${reading.loading && html`<div class="panel panel-body"><${Loading} lines=${8} what="charts" /></div>`}
    ${reading.data?.points.length === 0 &&
    html`<div class="panel"><${Empty} title="Nothing was measured in this time">
      A running bot is measured twice a minute; the charts fill by themselves.
    <//></div>`}
    ${reading.data?.points.length > 0 &&
    html`<div class="charts">
      ${CHARTS.map((chart) => html`<${Chart} key=${chart.title} chart=${chart} reading=${reading.data} />`)}
    </div>`}
    <${DataTable}
      title="Events"
      rows=${events.data ?? []}
      columns=${EVENT_COLUMNS}
      empty=${html`<${Empty} title="Nothing happened yet">Starts, ends and their codes are listed here.<//>`}
    />
  <//>`;
}
