/** /api/v1: the customer's tenants, checkouts, instances, operations and documents. */
import { ApiError, plainMessage, send } from "./http.js";
import { navigate } from "./router.js";

const ROOT = "/api/v1";

/** Sent on `window` when the API says that the session is over. */
export const SIGNED_OUT = "wopr:signed-out";

function failure({ status, data, reference }) {
  return new ApiError({
    status,
    code: data?.code ?? "",
    message: data?.message ?? plainMessage(status),
    fields: data?.fields ?? {},
    reference: data?.reference ?? reference,
  });
}

async function request(method, path, extra) {
  const answer = await send(method, ROOT + path, extra);
  if (answer.status < 400) return answer.data;
  const error = failure(answer);
  if (error.status === 401 || error.code === "not_authenticated") {
    window.dispatchEvent(new Event(SIGNED_OUT));
  }
  if (error.code === "proof_required") {
    navigate(`/account/prove?next=${encodeURIComponent(location.pathname)}`);
  }
  throw error;
}

export const get = (path, signal) => request("GET", path, { signal });
export const post = (path, body) => request("POST", path, { body });
export const patch = (path, body) => request("PATCH", path, { body });
export const put = (path, body) => request("PUT", path, { body });
export const remove = (path) => request("DELETE", path, {});

/** The address of a bot's log as it is written. */
export const logStream = (id) => `${ROOT}/instances/${id}/logs/stream`;

/** The address of an operation's event stream. */
export const operationEvents = (id) => `${ROOT}/operations/${id}/events`;
