/** Who belongs to a tenant: members and their roles, invitations, leaving, giving it away. */
import { post, put, remove } from "../api.js";
import { ConfirmDialog } from "../parts/dialog.js";
import { Field, SelectField, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Leaving } from "../parts/leaving.js";
import { Looks } from "../parts/looks.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { DataTable } from "../parts/table.js";
import { TenantPage } from "../parts/tenant-page.js";
import { Day, RelativeTime } from "../parts/time.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { useResource } from "../resource.js";
import { isOwner, mayManage } from "../roles.js";
import { navigate } from "../router.js";
import { useSession } from "../session.js";

const ROLES = [
  ["admin", "admin: everything but giving it away"],
  ["member", "member: sees and operates bots"],
  ["billing", "billing: pays, and sees no logs"],
];

/** Asks with `what` before it calls `what.call`; says how it ended. */
function useAsk(done) {
  const [state, setState] = useState({ what: null, error: null });
  const confirm = async () => {
    const { what } = state;
    setState({ what: null, error: null });
    try {
      await what.call();
      toast(what.said);
      done();
    } catch (error) {
      setState({ what: null, error });
    }
  };
  const dialog = state.what
    ? html`<${ConfirmDialog}
        title=${state.what.title}
        effects=${state.what.effects}
        action=${state.what.action}
        danger
        onConfirm=${confirm}
        onCancel=${() => setState({ what: null, error: null })}
      />`
    : html`<${ErrorNotice} error=${state.error} title="That was not done" />`;
  return { ask: (what) => setState({ what, error: null }), dialog };
}

const removal = (at, row) => ({
  title: `Remove ${row.email}?`,
  effects: ["They see nothing of it any more.", "The API keys that they made end."],
  action: "Remove the member",
  said: `${row.email} is removed`,
  call: () => remove(`${at}/members/${row.id}`),
});

const gift = (at, row) => ({
  title: `Make ${row.email} the owner?`,
  effects: [
    "They decide about everything, and get its letters and invoices.",
    "You become an admin, and cannot take it back yourself.",
  ],
  action: "Make them the owner",
  said: `${row.email} is the owner now`,
  call: () => post(`${at}/transfer`, { member: row.id }),
});

function Role({ tenant, row, at, reload }) {
  const [error, setError] = useState(null);
  if (!mayManage(tenant) || row.role === "owner") return row.role;
  const change = async (event) => {
    try {
      await put(`${at}/members/${row.id}`, { role: event.target.value });
      setError(null);
      toast(`${row.email} is ${event.target.value} now`);
    } catch (failure) {
      setError(failure);
    }
    reload();
  };
  return html`<select aria-label=${`Role of ${row.email}`} value=${row.role} onChange=${change}>
      ${ROLES.map(([role]) => html`<option value=${role}>${role}</option>`)}
    </select>
    <${ErrorNotice} error=${error} title="The role was not changed" />`;
}

function Actions({ tenant, row, at, ask }) {
  if (row.role === "owner" || row.is_you) return null;
  return html`${isOwner(tenant) &&
    html`<button class="button slim" type="button" onClick=${() => ask(gift(at, row))}>
      Make owner<span class="visually-hidden">: ${row.email}</span>
    </button>`}
    ${" "}${mayManage(tenant) &&
    html`<button class="button slim" type="button" onClick=${() => ask(removal(at, row))}>
      Remove<span class="visually-hidden"> ${row.email}</span>
    </button>`}`;
}

const memberColumns = (tenant, at, ask, reload) => [
  {
    key: "email",
    label: "Person",
    value: (row) => row.email,
    cell: (row) => html`<span class="breakable">${row.email}</span>${row.is_you && " (you)"}`,
  },
  {
    key: "role",
    label: "Role",
    value: (row) => row.role,
    cell: (row) => html`<${Role} tenant=${tenant} row=${row} at=${at} reload=${reload} />`,
  },
  {
    key: "since",
    label: "Since",
    value: (row) => row.created_at,
    cell: (row) => html`<${RelativeTime} value=${row.created_at} />`,
  },
  {
    key: "acts",
    end: true,
    cell: (row) => html`<${Actions} tenant=${tenant} row=${row} at=${at} ask=${ask} />`,
  },
];

const invitationColumns = (takeBack) => [
  { key: "email", label: "Invited", value: (row) => row.email },
  { key: "role", label: "As", value: (row) => row.role },
  {
    key: "until",
    label: "Until",
    value: (row) => row.expires_at,
    cell: (row) => html`<${Day} value=${row.expires_at} />`,
  },
  {
    key: "end",
    end: true,
    cell: (row) =>
      html`<button class="button slim" type="button" onClick=${() => takeBack(row)}>
        Take back<span class="visually-hidden"> the invitation of ${row.email}</span>
      </button>`,
  },
];

function Invite({ at, reload }) {
  const { busy, errors, error, submit, form } = useForm(["email", "role"], async (values) => {
    await post(`${at}/invitations`, values);
    form.current.reset();
    toast(`${values.email} is invited`);
    reload();
  });
  return html`<form ref=${form} onSubmit=${submit} novalidate>
    <${ErrorNotice} error=${error} title="Nobody was invited" />
    <${Field}
      id="email"
      label="E-mail address"
      type="email"
      autocomplete="off"
      required
      hint="They get a letter, and sign in with this address to accept."
      errors=${errors.email}
    />
    <${SelectField} id="role" label="Role" options=${ROLES} value="member" errors=${errors.role} />
    <${Submit} busy=${busy} busyText="Inviting" wide=${false}>Invite<//>
  </form>`;
}

function BecomeOrganisation({ tenant, reload }) {
  const [error, setError] = useState(null);
  const become = async () => {
    try {
      await put(`/tenants/${tenant.id}`, { name: tenant.name, kind: "organisation" });
      reload();
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<${ErrorNotice} error=${error} title="It stays personal" />
    <p>It is personal: yours alone. As an organisation it can have members with roles.</p>
    <p><button class="button" type="button" onClick=${become}>Make it an organisation</button></p>`;
}

function Invitations({ tenant, at, reload }) {
  const open = useResource(`${at}/invitations`);
  const [error, setError] = useState(null);
  const takeBack = async (row) => {
    try {
      await remove(`${at}/invitations/${row.id}`);
      toast(`The invitation of ${row.email} is taken back`);
      open.reload();
    } catch (failure) {
      setError(failure);
    }
  };
  return html`<${ErrorNotice} error=${error ?? open.error} title="That was not done" />
    ${open.data?.length > 0 &&
    html`<${DataTable}
      title="Open invitations"
      rows=${open.data}
      columns=${invitationColumns(takeBack)}
      empty=${null}
    />`}
    <${Panel} title="Invite somebody">
      ${tenant.kind === "organisation"
        ? html`<${Invite} at=${at} reload=${open.reload} />`
        : html`<${BecomeOrganisation} tenant=${tenant} reload=${reload} />`}
    <//>`;
}

function Leave({ tenant, at }) {
  const { refresh } = useSession();
  const gone = async () => {
    await refresh();
    navigate("/");
  };
  const { ask, dialog } = useAsk(gone);
  const leave = {
    title: `Leave ${tenant.name}?`,
    effects: ["You see nothing of it any more.", "The API keys that you made for it end."],
    action: "Leave",
    said: `You have left ${tenant.name}`,
    call: () => post(`${at}/leave`),
  };
  return html`<${Panel} title="Leave">
    ${dialog}
    <p>Your account and what else you belong to stay.</p>
    <p><button class="button" type="button" onClick=${() => ask(leave)}>Leave ${tenant.name}</button></p>
  <//>`;
}

const END = [
  "For some days you can take this back, here.",
  "Then its bots are stopped and removed, with their data and all their backups.",
  "The subscription ends, and nothing more is charged. What is paid is not given back.",
  "Members lose their access. Invoices and the record of who changed what are kept, by law.",
];

/** What can be taken along: everything that is known, and the last backup of each bot. */
function Takeaway({ at }) {
  const { data } = useResource(`${at}/exports`);
  return html`<p>What we keep here, in one file, and of each bot its last tested backup.</p>
  <p>
    <a class="button slim" href=${`/api/v1${at}/export`}>Download what is kept</a>
    ${(data ?? []).map(
      (row) => html` <a class="button slim" href=${row.url}>Download the backup of ${row.slug}</a>`,
    )}
  </p>`;
}

function Members({ tenant, reload }) {
  const at = `/tenants/${tenant.id}`;
  const members = useResource(`${at}/members`);
  const again = () => {
    members.reload();
    reload();
  };
  const { ask, dialog } = useAsk(again);
  if (!members.data) {
    return members.error
      ? html`<${ErrorNotice} error=${members.error} title="The members could not be read" retry=${members.reload} />`
      : html`<div class="panel panel-body"><${Loading} lines=${5} what="members" /></div>`;
  }
  return html`<div class="stack">
    ${dialog}
    <${DataTable}
      title="Members"
      rows=${members.data}
      columns=${memberColumns(tenant, at, ask, members.reload)}
      empty=${html`<${Empty} title="Nobody">There is nobody here.<//>`}
    />
    ${mayManage(tenant)
      ? html`<${Invitations} tenant=${tenant} at=${at} reload=${reload} />`
      : html`<${Notice}>Your role here is ${tenant.role}: an owner or an admin invites people.<//>`}
    ${mayManage(tenant) && html`<${Panel} title="Your data"><${Takeaway} at=${at} /><//>`}
    ${!isOwner(tenant) && html`<${Leave} tenant=${tenant} at=${at} />`}
    ${isOwner(tenant) && html`<${Looks} at=${at} />`}
    ${isOwner(tenant) && html`<${Leaving} at=${at} what=${tenant.name} effects=${END} />`}
  </div>`;
}

export const MembersPage = ({ params }) => html`<${TenantPage}
  id=${params.id}
  current="/members"
  title="Members"
  lead=${() => "Who may do what here."}
>
  ${({ tenant, reload }) => html`<${Members} tenant=${tenant} reload=${reload} />`}
<//>`;
