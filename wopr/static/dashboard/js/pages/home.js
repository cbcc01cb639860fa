/** A customer's first page: their bots, or how to get the first one. */
import { BotRow } from "../parts/bot.js";
import { Icon } from "../parts/icons.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Empty, Loading } from "../parts/panel.js";
import { html } from "../preact.js";
import { useResource } from "../resource.js";
import { useSession } from "../session.js";

const settling = (instances) => (instances.some(({ status }) => status === "starting") ? 3000 : 30000);

const newBot = (primary) =>
  html`<a class=${`button${primary ? " primary" : ""}`} href="/tenants/new">
    <${Icon} name="plus" />Name a bot
  </a>`;

function TenantBots({ tenant }) {
  const { data, error, reload, loading } = useResource(`/tenants/${tenant.id}/instances`, settling);
  const choose = html`<a class="button primary" href=${`/tenants/${tenant.id}/plans`}>
    Choose a plan
  </a>`;
  return html`<section class="panel" aria-label=${tenant.name}>
    <div class="panel-head">
      <h2><a class="breakable" href=${`/tenants/${tenant.id}`}>${tenant.name}</a></h2>
      <span class="muted small">${tenant.role}</span>
    </div>
    <${ErrorNotice} error=${error} title="These bots could not be read" retry=${reload} />
    ${loading && html`<div class="panel-body"><${Loading} lines=${2} what="bots" /></div>`}
    ${data?.map((instance) => html`<${BotRow} key=${instance.id} instance=${instance} />`)}
    ${data?.length === 0 &&
    html`<${Empty} title="No bot yet" action=${choose}>
      The name ${tenant.slug} is yours. A plan brings it to life.
    <//>`}
  </section>`;
}

export function Home() {
  const { me } = useSession();
  const none = me.tenants.length === 0;
  return html`<${Page} title="Your bots" actions=${!none && newBot(false)}>
    <div class="stack">
      ${me.tenants.map((tenant) => html`<${TenantBots} key=${tenant.id} tenant=${tenant} />`)}
      ${none &&
      html`<div class="panel">
        <${Empty} title="You have no bot yet" action=${newBot(true)}>
          Give it a name first: the name becomes its address. You pay after that, not now.
        <//>
      </div>`}
    </div>
  <//>`;
}
