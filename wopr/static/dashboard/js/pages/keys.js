/** A tenant's API keys: made here, shown once, revoked here. */
import { post, remove } from "../api.js";
import { CopyButton } from "../parts/copy.js";
import { ConfirmDialog } from "../parts/dialog.js";
import { CheckField, Field, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { DataTable } from "../parts/table.js";
import { TenantPage } from "../parts/tenant-page.js";
import { Day, RelativeTime } from "../parts/time.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { mayManage } from "../roles.js";

const SCOPES = [
  ["read", "Read", "bots, operations and logs"],
  ["operate", "Operate", "start, stop, back up and change bots"],
  ["billing", "Billing", "plans, invoices and caps"],
  ["admin", "Admin", "members, invitations and exports"],
];

function standing(key) {
  if (key.revoked_at) return html`revoked <${RelativeTime} value=${key.revoked_at} />`;
  if (new Date(key.expires_at) <= new Date()) return html`expired <${Day} value=${key.expires_at} />`;
  return html`until <${Day} value=${key.expires_at} />`;
}

const isOpen = (key) => !key.revoked_at && new Date(key.expires_at) > new Date();

const columns = (revoke) => [
  {
    key: "name",
    label: "Key",
    value: (row) => row.name,
    cell: (row) => html`${row.name} <span class="mono muted">${row.hint}…</span>`,
  },
  { key: "scopes", label: "May", value: (row) => row.scopes.join(", ") },
  { key: "by", label: "Made by", value: (row) => row.made_by },
  {
    key: "used",
    label: "Last used",
    value: (row) => row.last_used_at ?? "",
    cell: (row) => (row.last_used_at ? html`<${RelativeTime} value=${row.last_used_at} />` : "never"),
  },
  { key: "valid", label: "Valid", value: (row) => row.expires_at, cell: standing },
  {
    key: "end",
    end: true,
    cell: (row) =>
      isOpen(row) &&
      html`<button class="button slim" type="button" onClick=${() => revoke(row)}>
        Revoke<span class="visually-hidden"> ${row.name}</span>
      </button>`,
  },
];

const Made = ({ text }) => html`<${Notice} tone="good" title="Copy your key now">
  It is shown this once; nobody can show it again.
  <p class="with-copy">
    <code class="mono breakable" data-key>${text}</code><${CopyButton} text=${text} label="key" />
  </p>
<//>`;

function Make({ at, onMade }) {
  const { busy, errors, error, submit, form } = useForm(["name", "scopes", "days"], async (values) => {
    const scopes = SCOPES.map(([scope]) => scope).filter((scope) => values[scope]);
    const { key } = await post(at, { name: values.name, days: Number(values.days), scopes });
    form.current.reset();
    onMade(key);
  });
  return html`<${Panel} title="Make a key">
    <form ref=${form} onSubmit=${submit} novalidate>
      <${ErrorNotice} error=${error} title="No key was made" />
      <${Field}
        id="name"
        label="What it is for"
        autocomplete="off"
        maxlength="100"
        required
        hint="So that you recognise it, such as Nightly report."
        errors=${errors.name}
      />
      <fieldset class="field" aria-describedby="scopes-note">
        <legend class="label">What it may do</legend>
        ${SCOPES.map(
          ([scope, name, what]) =>
            html`<${CheckField} id=${scope} label=${name} defaultChecked=${scope === "read"}>${what}<//>`,
        )}
        <p class=${`field-note ${errors.scopes ? "bad" : ""}`} id="scopes-note">
          ${errors.scopes ? "Choose at least one." : "It never may more than you may here."}
        </p>
      </fieldset>
      <${Field}
        id="days"
        label="Valid for (days)"
        type="number"
        inputmode="numeric"
        min="1"
        max="365"
        inputClass="mono"
        defaultValue="90"
        hint="From 1 to 365. Then make a new one."
        errors=${errors.days}
      />
      <${Submit} busy=${busy} busyText="Making" wide=${false}>Make the key<//>
    </form>
  <//>`;
}

function Listed({ at, read }) {
  const [state, setState] = useState({ row: null, error: null });
  const close = () => setState({ row: null, error: null });
  const confirm = async () => {
    const { row } = state;
    close();
    try {
      await remove(`${at}/${row.id}`);
      toast(`${row.name} is revoked`);
      read.reload();
    } catch (error) {
      setState({ row: null, error });
    }
  };
  return html`<${ErrorNotice} error=${state.error} title="The key was not revoked" />
    <${DataTable}
      title="Keys"
      rows=${read.data}
      columns=${columns((row) => setState({ row, error: null }))}
      empty=${html`<${Empty} title="No key yet">Make one for a program that acts for you.<//>`}
    />
    ${state.row &&
    html`<${ConfirmDialog}
      title=${`Revoke “${state.row.name}”?`}
      effects=${["Whatever uses it is refused from this moment on.", "It cannot be taken back."]}
      action="Revoke the key"
      danger
      onConfirm=${confirm}
      onCancel=${close}
    />`}`;
}

function Keys({ tenant }) {
  const at = `/tenants/${tenant.id}/keys`;
  const read = useResource(at);
  const [made, setMade] = useState(null);
  const onMade = (text) => {
    setMade(text);
    read.reload();
  };
  return html`<div class="stack">
    <${ErrorNotice} error=${!read.data && read.error} title="The keys could not be read" retry=${read.reload} />
    ${read.loading && html`<div class="panel panel-body"><${Loading} lines=${5} what="keys" /></div>`}
    ${made && html`<${Made} text=${made} />`}
    ${read.data && html`<${Listed} at=${at} read=${read} /><${Make} at=${at} onMade=${onMade} />`}
  </div>`;
}

const NotYours = ({ tenant }) => html`<${Notice}>
  Your role here is ${tenant.role}: an owner or an admin makes keys.
<//>`;

export const KeysPage = ({ params }) => html`<${TenantPage}
  id=${params.id}
  current="/keys"
  title="API keys"
  lead=${() => "For programs that act for you by the API, in this account alone."}
>
  ${({ tenant }) =>
    mayManage(tenant) ? html`<${Keys} tenant=${tenant} />` : html`<${NotYours} tenant=${tenant} />`}
<//>`;
