/** Sign-up, sign-in and the session, through django-allauth's headless API for browsers. */
import { ApiError, plainMessage, send } from "./http.js";

const ROOT = "/_allauth/browser/v1";

function fieldsOf(errors) {
  const fields = {};
  for (const { param, message } of errors) {
    if (param) (fields[param] ??= []).push(message);
  }
  return fields;
}

function failure({ status, data, reference }) {
  const errors = data?.errors ?? [];
  const general = errors.find((error) => !error.param);
  return new ApiError({
    status,
    code: errors[0]?.code ?? "",
    message: general?.message ?? errors[0]?.message ?? plainMessage(status),
    fields: fieldsOf(errors),
    reference,
    data,
  });
}

/** The flow that allauth waits for (such as "verify_email"), or null. */
function pendingFlow(data) {
  return data?.data?.flows?.find((flow) => flow.is_pending)?.id ?? null;
}

/** Answer what is still to do after an authentication call: null when signed in. */
async function authenticate(path, body) {
  const answer = await send("POST", `${ROOT}${path}`, { body });
  if (answer.status === 200 || answer.status === 409) return null;
  const pending = answer.status === 401 && pendingFlow(answer.data);
  if (pending) return pending;
  throw failure(answer);
}

export const signUp = (email, password) => authenticate("/auth/signup", { email, password });
export const signIn = (email, password) => authenticate("/auth/login", { email, password });
/** The code that was mailed; allauth names its field "key". */
export async function verifyEmail(code) {
  try {
    return await authenticate("/auth/email/verify", { key: code.trim() });
  } catch (error) {
    if (error.fields?.key) error.fields = { code: error.fields.key };
    throw error;
  }
}
export const mailCodeAgain = () => change("/auth/email/verify/resend");

/** allauth answers 401 to a successful sign-out: "you are signed out now". */
export async function signOut() {
  const answer = await send("DELETE", `${ROOT}/auth/session`);
  if (answer.status !== 401 && answer.status >= 400) throw failure(answer);
}

async function change(path, body) {
  const answer = await send("POST", `${ROOT}${path}`, { body });
  if (answer.status >= 400) throw failure(answer);
}

export const changePassword = (current_password, new_password) =>
  change("/account/password/change", { current_password, new_password });

export const requestReset = (email) => change("/auth/password/request", { email });

/** A reset ends with 401 ("now sign in") unless the server signs the customer in at once. */
export async function resetPassword(key, password) {
  const answer = await send("POST", `${ROOT}/auth/password/reset`, { body: { key, password } });
  if (answer.status !== 401 && answer.status >= 400) throw failure(answer);
}
