/** The second step of signing in: a code or a passkey. */
import * as auth from "../auth.js";
import { Field, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { html, useEffect } from "../preact.js";

/** `giveCode(code)` and `givePasskey()` do it; `done()` follows when they have. */
export function CodeForm({ giveCode, givePasskey, done, action }) {
  const code = useForm(["code"], async (values) => {
    await giveCode(values.code.trim());
    await done();
  });
  const key = useForm([], async () => {
    await givePasskey();
    await done();
  });
  useEffect(() => code.form.current.elements.code.focus(), []);
  return html`<div class="panel panel-body stack">
    <form ref=${code.form} onSubmit=${code.submit} novalidate>
      <${ErrorNotice} error=${code.error} title="That was not right" />
      <${Field}
        id="code"
        label="Code"
        autocomplete="one-time-code"
        spellcheck=${false}
        inputClass="mono"
        required
        hint="From your authenticator app, or one of your recovery codes."
        errors=${code.errors.code}
      />
      <${Submit} busy=${code.busy} busyText="Checking">${action}<//>
    </form>
    <form ref=${key.form} onSubmit=${key.submit}>
      <${ErrorNotice} error=${key.error} title="No passkey was used" />
      <${Submit} busy=${key.busy} busyText="Asking" primary=${false}>Use a passkey<//>
    </form>
  </div>`;
}

export const SecondFactor = ({ done }) => html`<${Page} title="Your second factor" narrow>
  <${CodeForm}
    giveCode=${auth.giveSecondFactor}
    givePasskey=${auth.givePasskey}
    done=${done}
    action="Sign in"
  />
<//>`;
