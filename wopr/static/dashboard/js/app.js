/** The start of the dashboard: the frame around every page, and which page an address shows. */
import { Footer, Header, SeenBy } from "./frame.js";
import { Account } from "./pages/account.js";
import { AuthenticatorApp } from "./pages/authenticator-app.js";
import { Backups } from "./pages/backups.js";
import { Billing } from "./pages/billing.js";
import { Cancel } from "./pages/cancel.js";
import { Change } from "./pages/change.js";
import { Checkout } from "./pages/checkout.js";
import { Domains } from "./pages/domains.js";
import { Home } from "./pages/home.js";
import { Instance } from "./pages/instance.js";
import { Invitation } from "./pages/invitation.js";
import { KeysPage } from "./pages/keys.js";
import { Landing } from "./pages/landing.js";
import { Logs } from "./pages/logs.js";
import { MembersPage } from "./pages/members.js";
import { Metrics } from "./pages/metrics.js";
import { NotFound } from "./pages/not-found.js";
import { Operation } from "./pages/operation.js";
import { Plans } from "./pages/plans.js";
import { Prove } from "./pages/prove.js";
import { ForgotPassword, NewPassword } from "./pages/recovery.js";
import { Security } from "./pages/security.js";
import { Settings } from "./pages/settings.js";
import { SignIn, SignUp } from "./pages/sign.js";
import { Tenant } from "./pages/tenant.js";
import { TenantNew } from "./pages/tenant-new.js";
import { Usage } from "./pages/usage.js";
import { Updates } from "./pages/updates.js";
import { ErrorNotice } from "./parts/notice.js";
import { Loading } from "./parts/panel.js";
import { Toasts } from "./parts/toast.js";
import { html, render, useEffect } from "./preact.js";
import { go, matchRoute, safePath, takeOverLinks, useLocation } from "./router.js";
import { SessionProvider, useSession } from "./session.js";

/**
 * `who`: "out" for visitors only (who signs in there goes `onward`, or where they wanted to go),
 * "any" for everybody; the other pages want a session.
 */
const ROUTES = [
  { path: "/signup", page: SignUp, who: "out", onward: "/tenants/new" },
  { path: "/login", page: SignIn, who: "out", onward: "/" },
  { path: "/account/reset", page: ForgotPassword, who: "any" },
  { path: "/account/reset/:key", page: NewPassword, who: "any" },
  { path: "/", page: Home },
  { path: "/account", page: Account },
  { path: "/account/prove", page: Prove },
  { path: "/account/security", page: Security },
  { path: "/account/app", page: AuthenticatorApp },
  { path: "/tenants/new", page: TenantNew },
  { path: "/tenants/:id", page: Tenant },
  { path: "/tenants/:id/plans", page: Plans },
  { path: "/tenants/:id/billing", page: Billing },
  { path: "/tenants/:id/billing/change", page: Change },
  { path: "/tenants/:id/billing/cancel", page: Cancel },
  { path: "/tenants/:id/usage", page: Usage },
  { path: "/tenants/:id/members", page: MembersPage },
  { path: "/tenants/:id/keys", page: KeysPage },
  { path: "/invitations/:id", page: Invitation },
  { path: "/checkout/:id", page: Checkout },
  { path: "/instances/:id", page: Instance },
  { path: "/instances/:id/updates", page: Updates },
  { path: "/instances/:id/backups", page: Backups },
  { path: "/instances/:id/settings", page: Settings },
  { path: "/instances/:id/domains", page: Domains },
  { path: "/instances/:id/log", page: Logs },
  { path: "/instances/:id/use", page: Metrics },
  { path: "/operations/:id", page: Operation },
];

function Redirect({ to }) {
  useEffect(() => go(to), [to]);
  return null;
}

function Routed({ place }) {
  const { state, me, error, refresh } = useSession();
  const route = matchRoute(ROUTES, place.path);
  if (!route || (me?.seen_by && place.path.startsWith("/account"))) return html`<${NotFound} />`;
  if (state === "loading") return html`<${Loading} lines=${6} what="your account" />`;
  if (state === "error") {
    return html`<${ErrorNotice} error=${error} title="Your account could not be read" retry=${refresh} />`;
  }
  if (state === "out" && place.path === "/") return html`<${Landing} />`;
  if (state === "out" && !route.who) {
    const next = encodeURIComponent(place.path + location.search);
    return html`<${Redirect} to=${`/login?next=${next}`} />`;
  }
  if (state === "in" && route.who === "out") {
    return html`<${Redirect} to=${safePath(place.query.get("next"), route.onward)} />`;
  }
  return html`<${route.page} key=${place.path} params=${route.params} query=${place.query} />`;
}

function App() {
  const place = useLocation();
  return html`<a class="skip" href="#main">Skip to the content</a>
    <${Header} place=${place} />
    <main id="main" tabindex="-1"><${SeenBy} /><${Routed} place=${place} /></main>
    <${Footer} />
    <${Toasts} />`;
}

const root = document.getElementById("app");
root.replaceChildren();
takeOverLinks();
render(html`<${SessionProvider}><${App} /><//>`, root);
