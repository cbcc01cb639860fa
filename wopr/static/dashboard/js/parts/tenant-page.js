/** The frame of a tenant's pages: its name, the way between them, and how it stands with us. */
import { html } from "../preact.js";
import { mayManage } from "../roles.js";
import { ErrorNotice } from "./notice.js";
import { Page } from "./page.js";
import { Loading } from "./panel.js";
import { StandingNotice, useTenant } from "./standing.js";

const TABS = [
  ["", "Overview"],
  ["/billing", "Billing"],
  ["/usage", "Usage"],
  ["/members", "Members"],
  ["/keys", "API keys", mayManage],
];

function Tabs({ tenantId, tenant, current }) {
  const shown = TABS.filter(([, , to]) => !to || (tenant && to(tenant)));
  return html`<nav class="tabs" aria-label="Pages of this bot">
    ${shown.map(
      ([path, name]) =>
        html`<a
          class="nav-link"
          href=${`/tenants/${tenantId}${path}`}
          aria-current=${path === current ? "page" : null}
          >${name}</a
        >`,
    )}
  </nav>`;
}

const Crumbs = ({ tenant, current }) =>
  html`<a href="/">Your bots</a>${tenant &&
    current !== "" &&
    html` / <a class="breakable" href=${`/tenants/${tenant.id}`}>${tenant.name}</a>`}`;

/**
 * `children({tenant, subscription, reload})` is shown once both are read; `lead(tenant)` below the
 * title. Without a title the tenant's name is the title. `current` is one of the tabs' paths.
 */
export function TenantPage({ id, current, title, lead, children }) {
  const { tenant, subscription } = useTenant(id);
  const name = tenant.data?.name;
  const error = tenant.error ?? subscription.error;
  const ready = tenant.data && subscription.data;
  const again = () => [tenant, subscription].forEach((part) => part.reload());
  const known = ready && { tenant: tenant.data, subscription: subscription.data, reload: again };
  return html`<${Page}
    title=${title ?? name ?? "\u00a0"}
    tab=${title ? `${title}${name ? ` of ${name}` : ""}` : (name ?? "Your bot")}
    crumbs=${html`<${Crumbs} tenant=${tenant.data} current=${current} />`}
    lead=${lead && (tenant.data ? lead(tenant.data) : "\u00a0")}
  >
    <${Tabs} tenantId=${id} tenant=${tenant.data} current=${current} />
    ${!ready && html`<${ErrorNotice} error=${error} title="This page could not be read" retry=${again} />`}
    ${!ready &&
    !error &&
    html`<div class="panel panel-body"><${Loading} lines=${6} what="the page" /></div>`}
    ${ready &&
    html`<${StandingNotice}
      tenant=${known.tenant}
      subscription=${known.subscription}
      onChange=${known.reload}
    />`}
    ${ready && children(known)}
  <//>`;
}
