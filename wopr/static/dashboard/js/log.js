/** Following a bot's log: the stream's lines, kept in order and within bounds. */
import { logStream } from "./api.js";
import { useEffect, useRef, useState } from "./preact.js";

const MOST = 2000; // lines that the page keeps
const DRAW_EVERY = 120; // milliseconds; a bot may write hundreds of lines in a second
const RETRY_AFTER = 4000;

class LogWatch {
  constructor(id, report) {
    this.address = logStream(id);
    this.report = report;
    this.lines = [];
    this.connect();
  }

  connect() {
    this.source = new EventSource(this.address);
    this.source.addEventListener("line", ({ data }) => this.add(JSON.parse(data)));
    this.source.addEventListener("state", ({ data }) => this.tell(JSON.parse(data)));
    this.source.addEventListener("trouble", ({ data }) => {
      this.tell({ state: "trouble", message: JSON.parse(data).message });
    });
    // The browser comes back by itself, with the last line's id. Only a refusal closes the stream.
    this.source.onerror = () => {
      if (this.source.readyState !== EventSource.CLOSED) return;
      this.tell({ state: "refused" });
      this.timer = setTimeout(() => this.connect(), RETRY_AFTER);
    };
  }

  /** A stream that had to be opened anew begins at the beginning: what is known is passed over. */
  add(line) {
    const last = this.lines[this.lines.length - 1];
    if (last && !isAfter(line.id, last.id)) return;
    this.lines.push(line);
    if (this.lines.length > MOST) this.lines.splice(0, this.lines.length - MOST);
    this.drawing ??= setTimeout(() => this.draw(), DRAW_EVERY);
  }

  draw() {
    this.drawing = null;
    this.report({ lines: [...this.lines] });
  }

  tell(news) {
    this.report({ message: "", ...news });
  }

  stop() {
    this.source.close();
    clearTimeout(this.timer);
    clearTimeout(this.drawing);
  }
}

function isAfter(id, other) {
  const [first, second] = id.split("-").map(BigInt);
  const [otherFirst, otherSecond] = other.split("-").map(BigInt);
  return first > otherFirst || (first === otherFirst && second > otherSecond);
}

/** `{lines, state, message}` of a bot's log; while `paused` what is shown stays as it is. */
export function useLog(id, paused) {
  const [log, setLog] = useState({ lines: [], state: "connecting", message: "" });
  const held = useRef(null);
  useEffect(() => {
    const watch = new LogWatch(id, (news) => setLog((before) => ({ ...before, ...news })));
    return () => watch.stop();
  }, [id]);
  if (!paused) held.current = log.lines;
  return { ...log, lines: held.current };
}
