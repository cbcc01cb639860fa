/** Proving anew who one is, before something dangerous; then on to where one wanted to go. */
import * as auth from "../auth.js";
import { PasswordField, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Loading } from "../parts/panel.js";
import { SingleSignOn } from "../parts/single-sign-on.js";
import { html, useEffect, useState } from "../preact.js";
import { go, safePath } from "../router.js";
import { useSession } from "../session.js";
import { CodeForm } from "./second-factor.js";

export function PasswordProof({ done }) {
  const { busy, errors, error, submit, form } = useForm(["password"], async ({ password }) => {
    await auth.proveByPassword(password);
    await done();
  });
  useEffect(() => form.current.elements.password.focus(), []);
  return html`<form class="panel panel-body" ref=${form} onSubmit=${submit} novalidate>
    <${ErrorNotice} error=${error} title="That was not right" />
    <${PasswordField}
      id="password"
      label="Password"
      autocomplete="current-password"
      required
      errors=${errors.password}
    />
    <${Submit} busy=${busy} busyText="Checking">Go on<//>
  </form>`;
}

const CodeProof = ({ done }) => html`<${CodeForm}
  giveCode=${auth.proveByCode}
  givePasskey=${auth.proveByPasskey}
  done=${done}
  action="Go on"
/>`;

const NoFactor = () => html`<${Notice} tone="warning" title="The admin needs a second factor">
  Add an authenticator app or a passkey on <a href="/account/security">your account's page</a>, then come back.
<//>`;

const ElsewhereProof = ({ next }) => html`<div class="panel panel-body">
  <p>Your account has no password. Sign in once more where you always do.</p>
  <${SingleSignOn} process="login" back=${next}>Go on with single sign-on<//>
</div>`;

/** Who has a second factor gives that; the others give their password, which the admin does not take. */
export function Prove({ query }) {
  const { me } = useSession();
  const [factors, setFactors] = useState(null);
  const [error, setError] = useState(null);
  const next = safePath(query.get("next"), "/");
  useEffect(() => {
    auth.factors().then(setFactors, setError);
  }, []);
  const done = () => go(next);
  const proof = me.has_password ? PasswordProof : ElsewhereProof;
  const has = factors?.some(({ type }) => type !== "recovery_codes");
  return html`<${Page} title="Is it you?" lead=${`You are signed in as ${me.email}.`} narrow>
    <${ErrorNotice} error=${error} title="Your second factors could not be read" />
    ${!factors && !error && html`<${Loading} what="your account" />`}
    ${factors && has && html`<${CodeProof} done=${done} />`}
    ${factors && !has && next.startsWith("/admin") && html`<${NoFactor} />`}
    ${factors && !has && !next.startsWith("/admin") && html`<${proof} done=${done} next=${next} />`}
  <//>`;
}
