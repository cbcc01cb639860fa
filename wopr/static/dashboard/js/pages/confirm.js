/** The last step of signing up: the code that was mailed to the address. */
import * as auth from "../auth.js";
import { ApiError } from "../http.js";
import { Field, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { toast } from "../parts/toast.js";
import { html, useEffect } from "../preact.js";

async function again() {
  try {
    await auth.mailCodeAgain();
    toast("Another code is on its way");
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toast(error.status === 403 ? "No more codes: sign in to get one" : error.message, "alert");
  }
}

/** `done()` is called once the address is confirmed. */
export function ConfirmAddress({ email, done }) {
  const { busy, errors, error, submit, form } = useForm(["code"], async ({ code }) => {
    await auth.verifyEmail(code);
    await done();
  });
  useEffect(() => form.current.elements.code.focus(), []);
  return html`<${Page} title="Confirm your e-mail address" lead=${`We sent a code to ${email}.`} narrow>
    <form class="panel panel-body" ref=${form} onSubmit=${submit} novalidate>
      <${ErrorNotice} error=${error} title="Your address was not confirmed" />
      <${Field}
        id="code"
        label="Code"
        autocomplete="one-time-code"
        autocapitalize="characters"
        spellcheck=${false}
        inputClass="mono"
        required
        hint="It is valid for 15 minutes; look among unwanted mail, too."
        errors=${errors.code}
      />
      <${Submit} busy=${busy} busyText="Confirming">Confirm<//>
      <p>
        Nothing has come? <button class="nav-link" type="button" onClick=${again}>Send another code</button>
      </p>
    </form>
  <//>`;
}
