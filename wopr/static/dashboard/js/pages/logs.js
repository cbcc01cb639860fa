/** A bot's log while it is written: follow, pause, search, copy. */
import { useLog } from "../log.js";
import { BotCrumbs } from "../parts/bot-crumbs.js";
import { CopyButton } from "../parts/copy.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Empty, Panel } from "../parts/panel.js";
import { html, useLayoutEffect, useRef, useState } from "../preact.js";
import { useResource } from "../resource.js";

const STATES = {
  connecting: "Connecting",
  waiting: "Waiting for the log. If this stays, WOPR cannot read logs now; your bot is not affected.",
  following: "Live",
  stopped: "The bot is stopped: these are its last lines.",
  absent: "The bot has no container now, so it writes nothing.",
  away: "The bot's machine does not answer WOPR now. The log goes on when it does.",
  refused: "Too many live logs are open, or you are signed out. Trying again.",
};

const matching = (lines, text) => {
  const wanted = text.trim().toLowerCase();
  return wanted ? lines.filter((line) => line.text.toLowerCase().includes(wanted)) : lines;
};

const clock = (at) => new Date(at).toLocaleTimeString(undefined, { hour12: false });

function Lines({ lines, following, onScrolledAway }) {
  const box = useRef();
  useLayoutEffect(() => {
    if (following) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, following]);
  const onScroll = () => {
    const { scrollTop, scrollHeight, clientHeight } = box.current;
    if (following && scrollHeight - scrollTop - clientHeight > 80) onScrolledAway();
  };
  return html`<div
    class="log mono"
    role="log"
    aria-live="off"
    aria-label="Lines of the log"
    tabindex="0"
    ref=${box}
    onScroll=${onScroll}
  >
    ${lines.map(
      (line) => html`<p key=${line.id}>
        <time datetime=${line.at} title=${line.at}>${clock(line.at)}</time>
        <span>${line.text}</span>
      </p>`,
    )}
  </div>`;
}

function Tools({ paused, onPause, search, onSearch, text }) {
  return html`<div class="log-tools">
    <label>
      <span class="visually-hidden">Search the log</span>
      <input
        type="search"
        placeholder="Search"
        value=${search}
        onInput=${(event) => onSearch(event.target.value)}
      />
    </label>
    <button class="button slim" type="button" aria-pressed=${paused} onClick=${onPause}>
      ${paused ? "Follow" : "Pause"}
    </button>
    <${CopyButton} text=${text} label="lines shown" />
  </div>`;
}

export function Logs({ params }) {
  const { data, error, reload } = useResource(`/instances/${params.id}`);
  const [paused, setPaused] = useState(false);
  const [search, setSearch] = useState("");
  const log = useLog(params.id, paused);
  const shown = matching(log.lines, search);
  const text = shown.map((line) => `${line.at} ${line.text}`).join("\n");
  const state = paused ? "Paused: new lines wait." : log.message || STATES[log.state];
  const tools = html`<${Tools}
    paused=${paused}
    onPause=${() => setPaused(!paused)}
    search=${search}
    onSearch=${setSearch}
    text=${text}
  />`;
  return html`<${Page}
    title="Log"
    tab=${data ? `Log of ${data.slug}` : "Log"}
    crumbs=${html`<${BotCrumbs} instance=${data} />`}
  >
    <${ErrorNotice} error=${!data && error} title="This bot could not be read" retry=${reload} />
    ${!error &&
    html`<${Panel} title="Lines" padded=${false} tools=${tools}>
      <p class="log-state small muted" role="status">${state}</p>
      ${shown.length > 0
        ? html`<${Lines}
            lines=${shown}
            following=${!paused}
            onScrolledAway=${() => setPaused(true)}
          />`
        : html`<div class="log"><${Empty} title=${search ? "No line has this" : "No lines yet"}>
            ${search ? "Search for something else." : "What the bot writes appears here by itself."}
          <//></div>`}
    <//>`}
  <//>`;
}
