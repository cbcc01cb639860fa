/** The customer's own account: who they are, their password, signing out. */
import * as auth from "../auth.js";
import { ConfirmDialog } from "../parts/dialog.js";
import { Facts } from "../parts/facts.js";
import { PasswordField, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Leaving } from "../parts/leaving.js";
import { ErrorNotice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { Panel } from "../parts/panel.js";
import { SingleSignOn } from "../parts/single-sign-on.js";
import { toast } from "../parts/toast.js";
import { html, useState } from "../preact.js";
import { useSession } from "../session.js";

const EFFECTS = [
  "This browser stays signed in; every other one is signed out.",
  "Your bots, your subscription and your data are not touched.",
];

const LEAVING = [
  "For some days you can take this back, here.",
  "Then your personal bots are stopped and removed, with their data and backups.",
  "Their subscriptions end, and nothing more is charged. What is paid is not given back.",
  "Who you are is erased here. Invoices and the record of who changed what are kept, by law.",
];

function PasswordForm() {
  const [asking, setAsking] = useState(false);
  const fields = ["current_password", "new_password"];
  const { busy, errors, error, submit, form } = useForm(fields, async (values) => {
    await auth.changePassword(values.current_password, values.new_password);
    form.current.reset();
    toast("Your password is changed");
  });
  const ask = (event) => {
    event.preventDefault();
    if (form.current.reportValidity()) setAsking(true);
  };
  const confirm = () => {
    setAsking(false);
    submit();
  };
  return html`<form ref=${form} onSubmit=${ask}>
    <${ErrorNotice} error=${error} title="Your password was not changed" />
    <${PasswordField}
      id="current_password"
      label="Current password"
      autocomplete="current-password"
      required
      errors=${errors.current_password}
    />
    <${PasswordField}
      id="new_password"
      label="New password"
      autocomplete="new-password"
      required
      errors=${errors.new_password}
    />
    <div><${Submit} busy=${busy} busyText="Changing" wide=${false}>Change the password<//></div>
    ${asking &&
    html`<${ConfirmDialog}
      title="Change your password?"
      effects=${EFFECTS}
      action="Change the password"
      onConfirm=${confirm}
      onCancel=${() => setAsking(false)}
    />`}
  </form>`;
}

export function Account() {
  const { me } = useSession();
  return html`<${Page} title="Your account">
    <div class="stack medium">
      <${Panel} title="You">
        <${Facts}
          rows=${[
            ["E-mail", me.email],
            ["Signing in", html`<a href="/account/security">Second factors and sessions</a>`],
            ["Bots", html`<a href="/">${me.tenants.length}</a>`],
          ]}
        />
      <//>
      <${Panel} title="Password"><${PasswordForm} /><//>
      <${SingleSignOn} process="connect" back="/account">Connect single sign-on<//>
      <${Leaving} at="/me" what="your account" effects=${LEAVING}>
        <p>
          An organisation that you own is given to another member, or deleted, first. Its members' page
          has both. To take your data along, open the members' page of each of your bots.
        </p>
      <//>
    </div>
  <//>`;
}
