/** Reading the API from a component, once or again and again. */
import { get } from "./api.js";
import { useCallback, useEffect, useRef, useState } from "./preact.js";

const EMPTY = { data: null, error: null };
const RETRY_AFTER = 4000;

/**
 * Read `path` (nothing while it is null). `every(data)` answers in how many milliseconds to read
 * again, 0 for never. A failed re-read keeps the data that was there and is tried again.
 */
export function useResource(path, every = () => 0) {
  const [state, setState] = useState(EMPTY);
  const [round, setRound] = useState(0);
  const pace = useRef(every);
  pace.current = every;

  useEffect(() => {
    if (!path) return undefined;
    const abort = new AbortController();
    let timer = 0;
    let data = null;
    const again = (delay) => {
      if (delay && !abort.signal.aborted) timer = setTimeout(read, delay);
    };
    const read = async () => {
      try {
        data = await get(path, abort.signal);
        setState({ data, error: null });
        again(pace.current(data));
      } catch (error) {
        if (abort.signal.aborted) return;
        setState((before) => ({ data: before.data, error }));
        again(data && RETRY_AFTER);
      }
    };
    read();
    return () => {
      abort.abort();
      clearTimeout(timer);
    };
  }, [path, round]);

  const reload = useCallback(() => {
    setState((before) => ({ ...before, error: null }));
    setRound((count) => count + 1);
  }, []);
  return { ...state, reload, loading: Boolean(path) && !state.data && !state.error };
}

/** A clock for elapsed times: the current time, renewed each second while `ticking`. */
export function useNow(ticking = true, period = 1000) {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!ticking) return undefined;
    const timer = setInterval(() => setNow(Date.now()), period);
    return () => clearInterval(timer);
  }, [ticking, period]);
  return now;
}
