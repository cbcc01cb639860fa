/** A small router over the History API. Plain links work: clicks on them are taken over here. */
import { useLayoutEffect, useState } from "./preact.js";

const MOVED = "wopr:moved";
/** Paths that the server answers itself; the rest of this origin is the dashboard's. */
const SERVER = ["/admin", "/api/", "/_allauth/", "/static/"];

let focusWanted = false;

/** True once after each move within the dashboard: the new page then takes the focus. */
export function takeFocusRequest() {
  const wanted = focusWanted;
  focusWanted = false;
  return wanted;
}

function announce() {
  focusWanted = true;
  window.dispatchEvent(new Event(MOVED));
}

export function navigate(to, { replace = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", to);
  window.scrollTo(0, 0);
  announce();
}

/** The same, for a path that the server may have to answer. */
export function go(to) {
  if (SERVER.some((prefix) => to.startsWith(prefix))) window.location.assign(to);
  else navigate(to, { replace: true });
}

const here = () => ({ path: location.pathname, query: new URLSearchParams(location.search) });

export function useLocation() {
  const [place, setPlace] = useState(here);
  // A layout effect: it listens before the effect of any child can move (a redirect does).
  useLayoutEffect(() => {
    const update = () => setPlace(here());
    window.addEventListener(MOVED, update);
    window.addEventListener("popstate", announce);
    return () => {
      window.removeEventListener(MOVED, update);
      window.removeEventListener("popstate", announce);
    };
  }, []);
  return place;
}

/** The parameters of `path` under a pattern such as "/tenants/:id", or null. */
function parameters(pattern, path) {
  const names = pattern.split("/");
  const parts = path.replace(/(.)\/$/, "$1").split("/");
  if (names.length !== parts.length) return null;
  const found = {};
  for (const [index, name] of names.entries()) {
    if (name.startsWith(":")) found[name.slice(1)] = decodeURIComponent(parts[index]);
    else if (name !== parts[index]) return null;
  }
  return found;
}

/** The first route of the table that fits, with its parameters; null when none does. */
export function matchRoute(table, path) {
  for (const route of table) {
    const params = parameters(route.path, path);
    if (params) return { ...route, params };
  }
  return null;
}

function isOurs(link) {
  if (link.target || link.hasAttribute("download") || link.origin !== location.origin) return false;
  if (link.pathname === location.pathname && link.hash) return false;
  return !SERVER.some((prefix) => link.pathname.startsWith(prefix));
}

/** Let clicks on links to dashboard pages move without loading the document again. */
export function takeOverLinks() {
  document.addEventListener("click", (event) => {
    const modified = event.metaKey || event.ctrlKey || event.shiftKey || event.altKey;
    const link = event.target.closest?.("a[href]");
    if (!link || event.defaultPrevented || event.button !== 0 || modified || !isOurs(link)) return;
    event.preventDefault();
    navigate(link.pathname + link.search);
  });
}

/** Only a path of this site may follow a sign-in: never an address given from outside. */
export function safePath(wanted, otherwise) {
  return wanted && /^\/(?![/\\])/.test(wanted) ? wanted : otherwise;
}
