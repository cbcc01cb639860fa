/** Following an operation live: events first, polling whenever they fail. */
import { get, operationEvents } from "./api.js";
import { useEffect, useState } from "./preact.js";

const OVER = ["succeeded", "failed"];
/** While events arrive, a slow poll is only the safety net against a proxy that swallows them. */
const SLOW = 12000;
const FAST = 2000;

export const isOver = (operation) => OVER.includes(operation.state);

class OperationWatch {
  constructor(id, report) {
    this.id = id;
    this.report = report;
    this.revision = -1;
    this.connect();
    this.poll();
  }

  connect() {
    this.source = new EventSource(operationEvents(this.id));
    this.source.onopen = () => this.report({ link: "live" });
    // The browser reconnects by itself and resumes after the last event's id; only a refused
    // stream stays closed, and then the poll below opens it anew.
    this.source.onerror = () => this.report({ link: "reconnecting" });
    this.source.addEventListener("operation", (event) => this.accept(JSON.parse(event.data)));
    this.source.addEventListener("end", () => this.source.close());
  }

  accept(operation) {
    if (this.stopped || operation.revision < this.revision) return;
    this.revision = operation.revision;
    this.report({ operation, error: null });
    if (isOver(operation)) {
      this.report({ link: "over" });
      this.stop();
    }
  }

  async poll() {
    try {
      const operation = await get(`/operations/${this.id}`);
      if (this.silent) this.report({ link: "reconnecting" });
      this.silent = false;
      this.accept(operation);
    } catch (error) {
      if (this.stopped) return;
      this.silent = true;
      this.report({ error, link: "silent" });
      if (error.status >= 400 && error.status < 500 && error.status !== 429) this.stop();
    }
    this.pollLater();
  }

  pollLater() {
    if (this.stopped) return;
    const live = this.source.readyState === EventSource.OPEN;
    this.timer = setTimeout(() => {
      if (this.source.readyState === EventSource.CLOSED) this.connect();
      this.poll();
    }, live ? SLOW : FAST);
  }

  stop() {
    this.stopped = true;
    this.source.close();
    clearTimeout(this.timer);
  }
}

const NOTHING = { operation: null, error: null, link: "connecting" };

/** `{operation, error, link}` of the operation, renewed as it moves; link says how we hear of it. */
export function useOperation(id) {
  const [state, setState] = useState(NOTHING);
  useEffect(() => {
    setState(NOTHING);
    if (!id) return undefined;
    const report = (news) => setState((before) => ({ ...before, ...news }));
    const watch = new OperationWatch(id, report);
    return () => watch.stop();
  }, [id]);
  return state;
}
