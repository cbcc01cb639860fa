/** How an account is protected: second factors, recovery codes, and the places where it is signed in. */
import * as auth from "../auth.js";
import { Field, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Empty, Loading, Panel } from "../parts/panel.js";
import { DataTable } from "../parts/table.js";
import { RelativeTime } from "../parts/time.js";
import { toast } from "../parts/toast.js";
import { html, useCallback, useEffect, useState } from "../preact.js";
import { navigate } from "../router.js";
import { RecoveryCodes } from "./authenticator-app.js";

const HERE = "/account/security";
const proving = (next) => `/account/prove?next=${encodeURIComponent(next)}`;

/** Reads by `read()`; `act(call, said)` calls, says so and reads again, or asks for a proof first. */
function useAllauth(read) {
  const [state, setState] = useState({ data: null, error: null });
  const reload = useCallback(() => {
    read().then(
      (data) => setState({ data, error: null }),
      (error) => setState((before) => ({ ...before, error })),
    );
  }, []);
  useEffect(reload, []);
  const act = async (call, said) => {
    try {
      const answer = await call();
      if (said) toast(said);
      reload();
      return answer;
    } catch (error) {
      if (error.code === auth.NOT_PROVED) navigate(proving(HERE));
      else setState((before) => ({ ...before, error }));
      return null;
    }
  };
  return { ...state, reload, act };
}

const NAMES = { totp: "Authenticator app", webauthn: "Passkey", recovery_codes: "Recovery codes" };

function lastUse(factor) {
  if (factor.type === "recovery_codes") return `${factor.unused_code_count} left`;
  if (!factor.last_used_at) return "never used";
  return html`used <${RelativeTime} value=${new Date(factor.last_used_at * 1000).toISOString()} />`;
}

function Factor({ factor, act }) {
  const remove =
    factor.type === "totp"
      ? () => act(auth.removeTotp, "The app is removed")
      : () => act(() => auth.removePasskey(factor.id), "The passkey is removed");
  return html`<li class="actions">
    <span>${NAMES[factor.type]}${factor.name && `: ${factor.name}`}</span>
    <span class="muted">${lastUse(factor)}</span>
    ${factor.type !== "recovery_codes" &&
    html`<button class="button slim" type="button" onClick=${remove}>
      Remove<span class="visually-hidden"> ${NAMES[factor.type]} ${factor.name}</span>
    </button>`}
  </li>`;
}

function AddPasskey({ act }) {
  const { busy, submit, form } = useForm([], async ({ name }) => {
    await act(() => auth.addPasskey(name.trim() || "Passkey"), "The passkey is added");
    form.current?.reset();
  });
  return html`<form ref=${form} onSubmit=${submit} novalidate>
    <${Field} id="name" label="Name of the passkey" autocomplete="off" hint="Such as My laptop." />
    <${Submit} busy=${busy} busyText="Asking" wide=${false} primary=${false}>Add a passkey<//>
  </form>`;
}

function Factors() {
  const { data, error, reload, act } = useAllauth(auth.factors);
  const [codes, setCodes] = useState(null);
  const anew = async () => {
    const made = await act(auth.newRecoveryCodes);
    if (made) setCodes(made.unused_codes);
  };
  if (codes) return html`<${RecoveryCodes} codes=${codes} />`;
  const has = (type) => data?.some((factor) => factor.type === type);
  return html`<${Panel} title="Second factors">
    <${ErrorNotice} error=${error} title="That was not done" retry=${reload} />
    ${!data && !error && html`<${Loading} what="second factors" />`}
    ${data?.length === 0 &&
    html`<${Empty} title="None yet">
      With one, a stolen password alone opens nothing. Add an app or a passkey.
    <//>`}
    ${data?.length > 0 &&
    html`<ul class="stack tight">
      ${data.map((factor) => html`<${Factor} key=${factor.id ?? factor.type} factor=${factor} act=${act} />`)}
    </ul>`}
    ${data &&
    html`<div class="stack">
      <div class="actions">
        ${!has("totp") &&
        html`<a class="button primary" href=${proving("/account/app")}>Add an authenticator app</a>`}
        ${has("recovery_codes") &&
        html`<button class="button" type="button" onClick=${anew}>Make new recovery codes</button>`}
      </div>
      <${AddPasskey} act=${act} />
    </div>`}
  <//>`;
}

const sessionColumns = (end) => [
  {
    key: "where",
    label: "Browser",
    value: (row) => row.user_agent,
    cell: (row) => html`<span class="breakable">${row.user_agent}</span>${row.is_current && " (this one)"}`,
  },
  { key: "ip", label: "Address", value: (row) => row.ip },
  {
    key: "since",
    label: "Since",
    value: (row) => row.created_at,
    cell: (row) => html`<${RelativeTime} value=${new Date(row.created_at * 1000).toISOString()} />`,
  },
  {
    key: "end",
    end: true,
    cell: (row) =>
      !row.is_current &&
      html`<button class="button slim" type="button" onClick=${() => end([row.id])}>
        Sign out<span class="visually-hidden"> ${row.ip}</span>
      </button>`,
  },
];

function Sessions() {
  const { data, error, reload, act } = useAllauth(auth.sessions);
  const end = (ids) => act(() => auth.endSessions(ids), "Signed out there");
  const others = (data ?? []).filter((row) => !row.is_current).map((row) => row.id);
  return html`<div class="stack">
    <${ErrorNotice} error=${error} title="That was not done" retry=${reload} />
    ${!data && !error && html`<${Loading} what="sessions" />`}
    ${data &&
    html`<${DataTable}
      title="Where you are signed in"
      rows=${data}
      columns=${sessionColumns(end)}
      empty=${html`<${Empty} title="Nowhere">You are signed in nowhere else.<//>`}
    />`}
    ${others.length > 0 &&
    html`<p>
      <button class="button" type="button" onClick=${() => end(others)}>Sign out everywhere else</button>
    </p>`}
  </div>`;
}

export const Security = () => html`<${Page}
  title="Signing in"
  crumbs=${html`<a href="/account">Your account</a> / Signing in`}
  lead="What protects your account, and where it is open."
>
  <div class="stack medium">
    <${Factors} />
    <${Sessions} />
  </div>
<//>`;
