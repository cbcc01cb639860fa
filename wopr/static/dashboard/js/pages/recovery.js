/** A forgotten password, and the page behind the link for a new one. */
import * as auth from "../auth.js";
import { Field, PasswordField, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { navigate } from "../router.js";

export function ForgotPassword() {
  const [sent, setSent] = useState(null);
  const { busy, errors, error, submit, form } = useForm(["email"], async ({ email }) => {
    await auth.requestReset(email);
    setSent(email);
  });
  if (sent) {
    // The same words whether or not the address is known: nobody learns who is a customer.
    return html`<${Page} title="Look into your mailbox" narrow>
      <${Notice} title="A link is on its way">
        If ${sent} belongs to an account, it gets a link for a new password within a minute.
      <//>
    <//>`;
  }
  return html`<${Page} title="Forgot your password?" lead="We send you a link for a new one." narrow>
    <form class="panel panel-body" ref=${form} onSubmit=${submit} novalidate>
      <${ErrorNotice} error=${error} title="No link was sent" />
      <${Field}
        id="email"
        label="E-mail address"
        type="email"
        autocomplete="username"
        required
        errors=${errors.email}
      />
      <${Submit} busy=${busy} busyText="Sending">Send the link<//>
      <p><a href="/login">Back to signing in</a></p>
    </form>
  <//>`;
}

export function NewPassword({ params }) {
  const fields = ["password"];
  const { busy, errors, error, submit, form } = useForm(fields, async ({ password }) => {
    await auth.resetPassword(params.key, password);
    toast("Your password is changed");
    navigate("/login", { replace: true });
  });
  const stale = error?.fields.key;
  return html`<${Page} title="Choose a new password" narrow>
    <form class="panel panel-body" ref=${form} onSubmit=${submit} novalidate>
      <${ErrorNotice} error=${error} title="Your password was not changed" />
      ${stale && html`<p><a href="/account/reset">Ask for a new link</a></p>`}
      <${PasswordField}
        id="password"
        label="New password"
        autocomplete="new-password"
        required
        errors=${errors.password}
      />
      <${Submit} busy=${busy} busyText="Changing">Change the password<//>
    </form>
  <//>`;
}
