/** A bot's own domains: the records to set, what of them is missing, and what the world sees. */
import { post, remove } from "../api.js";
import { Copyable } from "../parts/copy.js";
import { ConfirmDialog } from "../parts/dialog.js";
import { Field, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Icon } from "../parts/icons.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { Pill } from "../parts/pill.js";
import { RelativeTime } from "../parts/time.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { mayManage } from "../roles.js";

const UNDER_WAY = ["pending", "verifying", "removing"];
const often = (domains) => (domains.some(({ state }) => UNDER_WAY.includes(state)) ? 3000 : 20000);

const MEANINGS = {
  pending: ["info", "Set the records below where your domain's DNS is managed. We look by ourselves."],
  verifying: ["info", "All records are there. The certificate is being obtained."],
  failing: ["warning", "The records have changed. The bot is reached here for a few more days only."],
  paused: ["danger", "The bot is not reached here. Set the records again, and it goes on by itself."],
  expired: ["danger", "We have stopped looking. Set the records, then check again."],
  removing: ["info", "It is being taken off the edge."],
};

const Record = ({ record }) => html`<tr role="row">
  <td role="cell" data-label="Type"><span class="mono">${record.type}</span></td>
  <td role="cell" data-label="Name">
    <${Copyable} text=${record.name} label=${`name of the ${record.type} record`} mono />
  </td>
  <td role="cell" data-label="Value">
    <${Copyable} text=${record.value} label=${`value of the ${record.type} record`} mono />
  </td>
  <td role="cell" data-label="Why">${record.purpose}</td>
</tr>`;

const Records = ({ domain }) => html`<table role="table" aria-label=${`Records of ${domain.hostname}`}>
  <thead role="rowgroup">
    <tr role="row">
      ${["Type", "Name", "Value", "Why"].map(
        (label) => html`<th scope="col" role="columnheader">${label}</th>`,
      )}
    </tr>
  </thead>
  <tbody role="rowgroup">
    ${domain.records.map((record) => html`<${Record} key=${record.type} record=${record} />`)}
  </tbody>
</table>`;

/** What public resolvers see that is not as it has to be. */
function Findings({ findings }) {
  if (!findings.length) return null;
  return html`<div class="panel-body" role="status">
    <h3>What is missing</h3>
    <ul class="effects">
      ${findings.map(
        ({ problem, expected, resolvers }) => html`<li>
          <${Icon} name="alert" />
          <span>
            ${problem} It has to be: <span class="mono breakable">${expected}</span>
            ${resolvers.length > 0 &&
            html`<span class="muted"> (seen from ${resolvers.join(", ")})</span>`}
          </span>
        </li>`,
      )}
    </ul>
  </div>`;
}

function Actions({ domain, changes, reload }) {
  const [asking, setAsking] = useState(false);
  const [error, setError] = useState(null);
  const act = (call, said) => async () => {
    setAsking(false);
    try {
      await call();
      setError(null);
      toast(said);
      reload();
    } catch (failure) {
      setError(failure);
    }
  };
  const check = act(() => post(`/domains/${domain.id}/check`), "We are looking");
  const drop = act(() => remove(`/domains/${domain.id}`), `${domain.hostname} is being removed`);
  return html`<div class="panel-body">
    <${ErrorNotice} error=${error} title="That was not done" />
    <div class="actions">
      ${domain.state === "active" &&
      html`<a class="button primary" href=${domain.url} target="_blank" rel="noopener">
        <${Icon} name="external" />Open ${domain.hostname}
      </a>`}
      ${domain.state !== "removing" &&
      html`<button class="button" type="button" onClick=${check}>Check now</button>`}
      ${domain.guide_url &&
      html`<a class="button" href=${domain.guide_url} download=${`${domain.hostname}.pdf`}>
        <${Icon} name="download" />Guide (PDF)
      </a>`}
      ${changes &&
      domain.state !== "removing" &&
      html`<button class="button" type="button" onClick=${() => setAsking(true)}>Remove</button>`}
    </div>
    ${asking &&
    html`<${ConfirmDialog}
      title=${`Remove ${domain.hostname}?`}
      effects=${[
        `Your bot is not reached at ${domain.hostname} any more, at once.`,
        "Its certificate is deleted.",
        "Your bot and its own address stay as they are.",
      ]}
      action="Remove the domain"
      onConfirm=${drop}
      onCancel=${() => setAsking(false)}
    />`}
  </div>`;
}

function Domain({ domain, changes, reload }) {
  const [tone, text] = MEANINGS[domain.state] ?? [];
  return html`<${Panel}
    title=${domain.hostname}
    padded=${false}
    tools=${html`<${Pill} state=${domain.state} />`}
  >
    <div class="panel-body">
      ${text && html`<${Notice} tone=${tone}>${text}<//>`}
      <p class="muted">
        ${domain.checked_at
          ? html`Looked at <${RelativeTime} value=${domain.checked_at} />.`
          : "Not looked at yet."}
      </p>
    </div>
    <${Findings} findings=${domain.findings} />
    <${Records} domain=${domain} />
    <${Actions} domain=${domain} changes=${changes} reload=${reload} />
  <//>`;
}

function Add({ instanceId, reload }) {
  const { busy, sent, errors, error, submit, form } = useForm(["hostname"], async (values) => {
    await post(`/instances/${instanceId}/domains`, values);
    form.current.reset();
    reload();
  });
  return html`<${Panel} title="Add a domain">
    <form ref=${form} onSubmit=${submit} novalidate>
      <${ErrorNotice} error=${error} title="The domain was not added" />
      <${Field}
        id="hostname"
        label="Host name"
        autocomplete="off"
        autocapitalize="none"
        spellcheck="false"
        inputClass="mono"
        hint="A whole name of a domain that is yours, such as chat.example.com."
        errors=${errors.hostname}
        value=${errors.hostname ? sent.hostname : undefined}
      />
      <${Submit} busy=${busy} busyText="Adding" wide=${false}>Add the domain<//>
    </form>
  <//>`;
}

export function Domains({ params }) {
  const bot = useResource(`/instances/${params.id}`);
  const { data, error, reload, loading } = useResource(`/instances/${params.id}/domains`, often);
  const tenant = useResource(bot.data && `/tenants/${bot.data.tenant}`);
  const name = bot.data?.slug;
  const changes = Boolean(tenant.data && mayManage(tenant.data));
  return html`<${Page}
    title="Custom domains"
    crumbs=${html`<a href="/">Your bots</a>${name && html` / <a href=${`/instances/${params.id}`}>${name}</a>`}`}
    lead="Names of your own under which your bot is reached, beside the one that it has."
  >
    <${ErrorNotice} error=${!data && error} title="The domains could not be read" retry=${reload} />
    ${loading && html`<div class="panel panel-body"><${Loading} lines=${4} what="the domains" /></div>`}
    ${data &&
    html`<div class="stack">
      ${data.map(
        (domain) =>
          html`<${Domain} key=${domain.id} domain=${domain} changes=${changes} reload=${reload} />`,
      )}
      ${data.length === 0 &&
      html`<${Panel} title="Domains" padded=${false}>
        <${Empty} title="No domain yet">
          ${changes
            ? "Add a name of yours below. You then get the exact records to set."
            : "An owner or an admin can add one."}
        <//>
      <//>`}
      ${changes && html`<${Add} instanceId=${params.id} reload=${reload} />`}
    </div>`}
  <//>`;
}
