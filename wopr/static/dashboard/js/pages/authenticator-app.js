/** Adding an authenticator app: a key to type into it, the first code that it shows, recovery codes. */
import * as auth from "../auth.js";
import { Copyable, CopyButton } from "../parts/copy.js";
import { Field, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Loading, Panel } from "../parts/panel.js";
import { html, useEffect, useState } from "../preact.js";

export const RecoveryCodes = ({ codes }) => html`<${Panel} title="Your recovery codes">
  <${Notice} tone="warning" title="Keep these now">
    Each opens your account once when your device is lost. They are not shown again.
  <//>
  <pre class="mono" data-codes>${codes.join("\n")}</pre>
  <p><${CopyButton} text=${codes.join("\n")} label="recovery codes" /> Copy them all</p>
  <p><a class="button primary" href="/account/security">I have kept them</a></p>
<//>`;

function Enter({ app, onDone }) {
  const { busy, errors, error, submit, form } = useForm(["code"], async ({ code }) => {
    await auth.addTotp(code.trim());
    const { unused_codes } = await auth.recoveryCodes();
    onDone(unused_codes ?? []);
  });
  return html`<form class="panel panel-body" ref=${form} onSubmit=${submit} novalidate>
    <${ErrorNotice} error=${error} title="The app was not added" />
    <p>Point the app's camera at this picture:</p>
    <img
      class="qr-code"
      src=${app.picture}
      alt="The key below as a QR code"
      width="216"
      height="216"
    />
    <p>Or type this key into the app, or <a href=${app.totp_url}>open the app with it</a>:</p>
    <p data-key><${Copyable} text=${app.secret} label="key" mono /></p>
    <${Field}
      id="code"
      label="Code"
      autocomplete="one-time-code"
      inputmode="numeric"
      inputClass="mono"
      required
      hint="The six digits that the app shows now."
      errors=${errors.code}
    />
    <${Submit} busy=${busy} busyText="Adding">Add the app<//>
  </form>`;
}

export function AuthenticatorApp() {
  const [state, setState] = useState({});
  useEffect(() => {
    auth.newTotp().then(
      (app) => setState({ app }),
      (error) => setState({ error }),
    );
  }, []);
  return html`<${Page} title="Add an authenticator app" narrow>
    <${ErrorNotice} error=${state.error} title="No app can be added now" />
    ${!state.app && !state.error && html`<${Loading} what="a key" />`}
    ${state.codes
      ? html`<${RecoveryCodes} codes=${state.codes} />`
      : state.app && html`<${Enter} app=${state.app} onDone=${(codes) => setState({ ...state, codes })} />`}
  <//>`;
}
