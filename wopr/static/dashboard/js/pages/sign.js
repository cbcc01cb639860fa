/** Sign-up and sign-in: two forms of the same shape. */
import * as auth from "../auth.js";
import { meta } from "../meta.js";
import { Field, PasswordField, Submit } from "../parts/field.js";
import { useForm } from "../parts/form.js";
import { Journey } from "../parts/journey.js";
import { ErrorNotice, Notice } from "../parts/notice.js";
import { Page } from "../parts/page.js";
import { SingleSignOn, signOnProblem } from "../parts/single-sign-on.js";
import { html, useEffect, useState } from "../preact.js";
import { useSession } from "../session.js";
import { ConfirmAddress } from "./confirm.js";
import { SecondFactor } from "./second-factor.js";

function EmailField({ errors }) {
  return html`<${Field}
    id="email"
    label="E-mail address"
    type="email"
    autocomplete="username"
    inputmode="email"
    spellcheck=${false}
    required
    errors=${errors}
  />`;
}

// Once the session is read anew, the router moves the customer on: both pages are for visitors only.

const notCreated = (error) =>
  error?.code === "mail_away" ? "The letter to you is late" : "Your account was not created";

export function SignUp() {
  const { refresh } = useSession();
  const [waiting, setWaiting] = useState(null);
  const { busy, errors, error, submit, form } = useForm(["email", "password"], async (values) => {
    if (await auth.signUp(values.email, values.password)) setWaiting(values.email);
    else await refresh();
  });
  if (waiting) return html`<${ConfirmAddress} email=${waiting} done=${refresh} />`;
  return html`<div class="narrow"><${Journey} stage=${0} /></div>
    <${Page} title="Create your account" lead="You pay nothing until you choose a plan." narrow>
      <form class="panel panel-body" ref=${form} onSubmit=${submit} novalidate>
        <${ErrorNotice} error=${error} title=${notCreated(error)} />
        <${EmailField} errors=${errors.email} />
        <${PasswordField}
          id="password"
          label="Password"
          autocomplete="new-password"
          required
          hint="8 characters or more; a sentence works well."
          errors=${errors.password}
        />
        <${Submit} busy=${busy} busyText="Creating your account">Create account<//>
        <p>Already with us? <a href=${`/login${location.search}`}>Sign in</a></p>
      </form>
    <//>`;
}

/** This page again, which leads on to where the customer wanted to go. */
function backTo(query) {
  const next = query.get("next");
  return next ? `/login?next=${encodeURIComponent(next)}` : "/login";
}

export function SignIn({ query }) {
  const { refresh } = useSession();
  const [waiting, setWaiting] = useState(null);
  const { busy, errors, error, submit, form } = useForm(["email", "password"], async (values) => {
    await goOn(await auth.signIn(values.email, values.password), values.email);
  });
  const goOn = async (flow, email = "your address") => {
    if (flow) setWaiting({ flow, email });
    else await refresh();
  };
  const passkey = useForm([], async () => goOn(await auth.signInByPasskey()));
  // Who comes back from single sign-on, and has a second factor, gives it here.
  useEffect(() => {
    if (meta("sign-in-waits") !== "yes") return;
    auth.pending().then((flow) => flow === "mfa_authenticate" && setWaiting({ flow }), () => null);
  }, []);
  if (waiting?.flow === "mfa_authenticate") return html`<${SecondFactor} done=${refresh} />`;
  if (waiting) return html`<${ConfirmAddress} email=${waiting.email} done=${refresh} />`;
  return html`<${Page} title="Sign in" narrow>
    <form class="panel panel-body" ref=${form} onSubmit=${submit} novalidate>
      ${query.get("next") && !error && html`<${Notice}>Sign in to go on to that page.<//>`}
      <${ErrorNotice} error=${error ?? signOnProblem(query)} title="You are not signed in" />
      <${EmailField} errors=${errors.email} />
      <${PasswordField}
        id="password"
        label="Password"
        autocomplete="current-password"
        required
        errors=${errors.password}
      />
      <${Submit} busy=${busy} busyText="Signing you in">Sign in<//>
      <p><a href="/account/reset">Forgot your password?</a></p>
      <p>New here? <a href=${`/signup${location.search}`}>Create an account</a></p>
    </form>
    <${SingleSignOn} process="login" back=${backTo(query)}>Sign in with single sign-on<//>
    <form class="panel panel-body" ref=${passkey.form} onSubmit=${passkey.submit}>
      <${ErrorNotice} error=${passkey.error} title="No passkey was used" />
      <${Submit} busy=${passkey.busy} busyText="Asking" primary=${false}>Sign in with a passkey<//>
    </form>
  <//>`;
}
