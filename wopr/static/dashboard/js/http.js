/** The HTTP client of the dashboard: JSON in, JSON out, one kind of error. */
import { meta } from "./meta.js";

/** Whatever went wrong with a request, in the customer's words. */
export class ApiError extends Error {
  constructor({ status = 0, code = "", message, fields = {}, reference = "", data = null }) {
    super(message);
    Object.assign(this, { status, code, fields, reference, data });
  }

  get unreachable() {
    return this.status === 0;
  }
}

const UNREACHABLE =
  "WOPR did not answer. Your bots run on without this page. Check your connection, then try again.";
const TOO_MANY = "Too many tries in a short time. Nothing was changed. Wait a minute, then try again.";

export function csrfToken() {
  const prefix = `${meta("csrf-cookie") || "csrftoken"}=`;
  const cookie = document.cookie.split("; ").find((part) => part.startsWith(prefix));
  return cookie ? decodeURIComponent(cookie.slice(prefix.length)) : "";
}

function options(method, body, signal) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = csrfToken();
  if (body !== undefined) headers["Content-Type"] = "application/json";
  return {
    method,
    headers,
    signal,
    credentials: "same-origin",
    body: body === undefined ? undefined : JSON.stringify(body),
  };
}

const SECOND_TRY_AFTER = 400;

/** Reading is tried twice: a connection that broke as the network changed works a moment later. */
async function fetchPatiently(path, init) {
  try {
    return await fetch(path, init);
  } catch (error) {
    if (error.name === "AbortError" || init.method !== "GET") throw error;
    await new Promise((done) => setTimeout(done, SECOND_TRY_AFTER));
    return fetch(path, init);
  }
}

/** Send a request; answer `{status, data}` whatever the status, throw only without an answer. */
export async function send(method, path, { body, signal } = {}) {
  let response;
  try {
    response = await fetchPatiently(path, options(method, body, signal));
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError({ code: "unreachable", message: UNREACHABLE });
  }
  const json = (response.headers.get("Content-Type") ?? "").includes("json");
  const reference = response.headers.get("X-Correlation-ID") ?? "";
  return { status: response.status, reference, data: json ? await response.json() : null };
}

/** The sentence for an answer that brings none of its own. */
export function plainMessage(status) {
  if (status === 429) return TOO_MANY;
  if (status >= 500) {
    return `WOPR could not finish this request (HTTP ${status}). Try again; if it stays, write to us.`;
  }
  return `WOPR refused this request (HTTP ${status}).`;
}
