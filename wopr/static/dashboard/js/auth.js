/** Sign-up, sign-in and the session, through django-allauth's headless API for browsers. */
import { ApiError, plainMessage, send } from "./http.js";
import * as passkeys from "./passkeys.js";

const ROOT = "/_allauth/browser/v1";
/** The code of an error that says: prove anew who you are (on /account/prove), then do it again. */
export const NOT_PROVED = "not_proved";

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
    code: errors[0]?.code ?? (data?.meta?.is_authenticated && status === 401 ? NOT_PROVED : ""),
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

/** What a sign-in that began before this page was opened waits for, or null. */
export async function pending() {
  return pendingFlow((await send("GET", `${ROOT}/auth/session`)).data);
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

/** The code of an authenticator app, or one of the recovery codes. */
export const giveSecondFactor = (code) => authenticate("/auth/2fa/authenticate", { code });

/** What a failed request is about; other answers are the data. */
async function call(method, path, body) {
  const answer = await send(method, `${ROOT}${path}`, { body });
  if (answer.status >= 400) throw failure(answer);
  return answer.data?.data;
}

/** Signs in by a passkey alone. */
export const signInByPasskey = () => byPasskey("/auth/webauthn/login");
/** Gives a passkey as the second factor. */
export const givePasskey = () => byPasskey("/auth/webauthn/authenticate");

async function byPasskey(path) {
  const { request_options } = await call("GET", path);
  return authenticate(path, { credential: await passkeys.read(request_options) });
}

export const proveByPassword = (password) => change("/auth/reauthenticate", { password });
export const proveByCode = (code) => change("/auth/2fa/reauthenticate", { code });
export async function proveByPasskey() {
  const { request_options } = await call("GET", "/auth/webauthn/reauthenticate");
  const credential = await passkeys.read(request_options);
  await change("/auth/webauthn/reauthenticate", { credential });
}

export const sessions = () => call("GET", "/auth/sessions");
export const endSessions = (ids) => call("DELETE", "/auth/sessions", { sessions: ids });

const FACTORS = "/account/authenticators";

export const factors = () => call("GET", FACTORS);
/** A key for an authenticator app that is not in use yet: allauth answers 404 with it.
    Its picture has an address of its own each time, or the browser would show the last one. */
export async function newTotp() {
  const answer = await send("GET", `${ROOT}${FACTORS}/totp`);
  if (answer.status !== 404) throw failure(answer);
  return { ...answer.data.meta, picture: `/accounts/app.svg?${Date.now()}` };
}
export const addTotp = (code) => call("POST", `${FACTORS}/totp`, { code });
export const removeTotp = () => call("DELETE", `${FACTORS}/totp`);
export const recoveryCodes = () => call("GET", `${FACTORS}/recovery-codes`);
export const newRecoveryCodes = () => call("POST", `${FACTORS}/recovery-codes`, {});
export async function addPasskey(name) {
  const { creation_options } = await call("GET", `${FACTORS}/webauthn?passwordless`);
  const credential = await passkeys.create(creation_options);
  return call("POST", `${FACTORS}/webauthn`, { name, credential });
}
export const removePasskey = (id) => call("DELETE", `${FACTORS}/webauthn`, { authenticators: [id] });

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
