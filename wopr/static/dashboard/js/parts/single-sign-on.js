/** Single sign-on: a form, because it leads to another site by way of a redirect. */
import { csrfToken } from "../http.js";
import { meta } from "../meta.js";
import { html } from "../preact.js";

const REDIRECT = "/_allauth/browser/v1/auth/provider/redirect";

const MESSAGES = {
  email_taken:
    "There is an account with your e-mail address already. Sign in with its password, then connect single sign-on in your account.",
  signup_closed: "New accounts are not made at the moment.",
  connected_other: "It is connected with another account already.",
};

/** What to tell of the way back, or null when nothing went wrong. */
export function signOnProblem(query) {
  const code = query.get("error");
  if (!code) return null;
  const message = MESSAGES[code] ?? "It was cancelled, or its answer could not be believed. Try again.";
  return { code, message };
}

/** Nothing where it is not configured. `process` is "login" or "connect". */
export function SingleSignOn({ process, back, children }) {
  if (meta("single-sign-on") !== "yes") return null;
  return html`<form method="post" action=${REDIRECT}>
    <input type="hidden" name="csrfmiddlewaretoken" value=${csrfToken()} />
    <input type="hidden" name="provider" value="authentik" />
    <input type="hidden" name="process" value=${process} />
    <input type="hidden" name="callback_url" value=${back} />
    <button class="button wide" type="submit">${children}</button>
  </form>`;
}
