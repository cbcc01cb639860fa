/** Where Stripe returns the customer: cancelled, stale, being confirmed, or on to provisioning. */
import { Journey } from "../parts/journey.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Loading } from "../parts/panel.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { Cancelled, Confirming, Expired, Unfinished } from "./checkout-states.js";
import { Provisioning } from "./provisioning.js";

const CONFIRM_EVERY = 1200;
const ENDED = ["complete", "expired"];

/** What to show: Stripe's word (the status) weighs more than the address the customer came by. */
function phase(checkout, query) {
  if (ENDED.includes(checkout.status)) return checkout.status;
  if (query.has("cancelled")) return "cancelled";
  return query.has("session_id") ? "confirming" : "unfinished";
}

const VIEWS = {
  complete: Provisioning,
  expired: Expired,
  cancelled: Cancelled,
  confirming: Confirming,
  unfinished: Unfinished,
};

function Order({ checkout, phase: shown, onDone }) {
  const tenant = useResource(`/tenants/${checkout.tenant}`);
  const plans = useResource("/plans");
  const plan = plans.data?.find(({ code }) => code === checkout.plan);
  const known = { checkout, tenant: tenant.data, plan, onDone };
  return html`<${VIEWS[shown]} key=${shown} ...${known} />`;
}

export function Checkout({ params, query }) {
  const returned = query.has("session_id");
  const { data, error, reload, loading } = useResource(`/checkouts/${params.id}`, (checkout) =>
    returned && !ENDED.includes(checkout.status) ? CONFIRM_EVERY : 0,
  );
  const [done, setDone] = useState(false);
  const shown = data && phase(data, query);
  const paid = shown === "complete";
  return html`<${Journey} stage=${done ? 5 : paid ? 4 : 3} />
    <${Page} title=${paid ? "Your bot" : "Your checkout"}>
      <${ErrorNotice}
        error=${!data && error}
        title="This checkout could not be read"
        retry=${reload}
      />
      ${loading && html`<div class="panel panel-body"><${Loading} what="your checkout" /></div>`}
      ${data && html`<${Order} checkout=${data} phase=${shown} onDone=${setDone} />`}
    <//>`;
}
