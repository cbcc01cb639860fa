/** Who is signed in: read once from the API, shared with every page. */
import { SIGNED_OUT, get } from "./api.js";
import * as auth from "./auth.js";
import { meta } from "./meta.js";
import { createContext, html, useCallback, useContext, useEffect, useState } from "./preact.js";

const SessionContext = createContext(null);

/** `{state: "loading" | "in" | "out" | "error", me, error, refresh, signOut}` */
export const useSession = () => useContext(SessionContext);

const OUT = { state: "out", me: null, error: null };

// The shell knows whether the request had a session: a visitor is spared a call that can only
// answer 401, and sees the page at once.
const FIRST = meta("signed-in") === "yes" ? { ...OUT, state: "loading" } : OUT;

async function whoAmI() {
  try {
    return { state: "in", me: await get("/me"), error: null };
  } catch (error) {
    return error.status === 401 || error.status === 403 ? OUT : { ...OUT, state: "error", error };
  }
}

export function SessionProvider({ children }) {
  const [session, setSession] = useState(FIRST);
  const refresh = useCallback(async () => {
    const next = await whoAmI();
    setSession(next);
    return next;
  }, []);
  const signOut = useCallback(async () => {
    await auth.signOut();
    setSession(OUT);
  }, []);
  useEffect(() => {
    if (FIRST.state === "loading") refresh();
    const onSignedOut = () => setSession(OUT);
    window.addEventListener(SIGNED_OUT, onSignedOut);
    return () => window.removeEventListener(SIGNED_OUT, onSignedOut);
  }, [refresh]);
  const value = { ...session, refresh, signOut };
  return html`<${SessionContext.Provider} value=${value}>${children}<//>`;
}
