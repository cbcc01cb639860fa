/** What stands around every page: the bar with the way home and the account, the foot. */
import { remove } from "./api.js";
import { ApiError } from "./http.js";
import { meta } from "./meta.js";
import { Icon, Mark } from "./parts/icons.js";
import { Notice } from "./parts/notice.js";
import { ThemeSwitch } from "./parts/theme-switch.js";
import { toast } from "./parts/toast.js";
import { html } from "./preact.js";
import { navigate } from "./router.js";
import { useSession } from "./session.js";

function NavLink({ href, place, children }) {
  const current = place.path === href ? "page" : null;
  return html`<a class="nav-link" href=${href} aria-current=${current}>${children}</a>`;
}

function SignedIn({ place }) {
  const { me, signOut } = useSession();
  const leave = async () => {
    try {
      await signOut();
      navigate("/");
      toast("You are signed out. Your bots run on.");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(`You are still signed in: ${error.message}`, "alert");
    }
  };
  return html`<nav aria-label="Bots"><${NavLink} href="/" place=${place}>Your bots<//></nav>
    <nav class="end" aria-label="Account">
      ${me.is_staff && html`<a class="nav-link wide-only" href="/admin/">Admin</a>`}
      <${NavLink} href="/account" place=${place}>
        <${Icon} name="user" /><span class="wide-only">${me.email}</span>
        <span class="visually-hidden">Your account</span>
      <//>
      <button class="nav-link" type="button" onClick=${leave}>Sign out</button>
    </nav>`;
}

const Visitor = ({ place }) => html`<nav class="end" aria-label="Account">
  <${NavLink} href="/login" place=${place}>Sign in<//>
  <${NavLink} href="/signup" place=${place}>Create account<//>
</nav>`;

export function Header({ place }) {
  const { state } = useSession();
  return html`<header class="topbar">
    <div class="topbar-inner">
      <a class="brand" href="/" aria-label="WOPR, to the first page"><${Mark} />WOPR</a>
      ${state === "in" && html`<${SignedIn} place=${place} />`}
      ${state === "out" && html`<${Visitor} place=${place} />`}
    </div>
  </header>`;
}

/** On every page, while somebody of the staff looks as a customer. */
export function SeenBy() {
  const { me } = useSession();
  if (!me?.seen_by) return null;
  const end = async () => {
    try {
      await remove("/impersonation");
      location.assign("/admin/");
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      toast(error.message, "alert");
    }
  };
  return html`<div class="standing">
    <${Notice}
      tone="warning"
      title=${`You look as ${me.email}`}
      actions=${html`<button class="button" type="button" onClick=${end}>End it</button>`}
    >
      You are ${me.seen_by}, of the staff. You see what they see, and change nothing. It is noted.
    <//>
  </div>`;
}

export function Footer() {
  return html`<footer class="footer">
    <div class="footer-inner">
      <span>WOPR ${meta("version")}</span>
      <a href="/api/v1/docs">API</a>
      <a href="/api/health">Health</a>
      <${ThemeSwitch} />
    </div>
  </footer>`;
}
