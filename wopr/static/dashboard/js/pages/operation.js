/** One operation, live: how far it is, every step, and its reference. */
import { useOperation } from "../live.js";
import { Copyable } from "../parts/copy.js";
import { Facts } from "../parts/facts.js";
import { ErrorNotice } from "../parts/notice.js";
import { OperationFailure, OperationHead, RetryNote, StepsPanel } from "../parts/operation.js";
import { Page } from "../parts/page.js";
import { Loading, Panel } from "../parts/panel.js";
import { TenantStanding } from "../parts/standing.js";
import { RelativeTime } from "../parts/time.js";
import { html } from "../preact.js";

const Details = ({ operation }) => html`<${Panel} title="Details">
  <${Facts}
    rows=${[
      ["Queued", html`<${RelativeTime} value=${operation.created_at} />`],
      ["Begun", html`<${RelativeTime} value=${operation.started_at} none="not yet" />`],
      ["Ended", html`<${RelativeTime} value=${operation.finished_at} none="not yet" />`],
      ["Tries", operation.attempts],
      ["Reference", html`<${Copyable} text=${operation.correlation_id} label="reference" mono />`],
    ]}
  />
<//>`;

export function Operation({ params }) {
  const { operation, error, link } = useOperation(params.id);
  return html`<${Page}
    title=${operation?.title ?? "\u00a0"}
    tab=${operation?.title ?? "Operation"}
    crumbs=${html`<a href="/">Your bots</a>${operation?.tenant &&
    html` / <a href=${`/tenants/${operation.tenant}`}>Overview</a>`}`}
  >
    <${TenantStanding} tenantId=${operation?.tenant} />
    ${!operation &&
    (error
      ? html`<${ErrorNotice} error=${error} title="This operation could not be read" />`
      : html`<div class="panel panel-body"><${Loading} lines=${9} what="the operation" /></div>`)}
    ${operation &&
    html`<div class="columns">
      <div class="stack">
        <${OperationHead} operation=${operation} />
        ${operation.state === "failed" && html`<${OperationFailure} operation=${operation} />`}
        <${RetryNote} operation=${operation} />
        <${StepsPanel} operation=${operation} link=${link} />
      </div>
      <${Details} operation=${operation} />
    </div>`}
  <//>`;
}
