/** Calls of the HTTP interface: JSON in, JSON out, failures as `{code, message, retryMs?, detail?}`. */
import { namesFromWire } from "./wire.js";

/** A call without an answer by then is given up. */
const TIMEOUT_MS = 20_000;
/** Signing in may have to wait for others: on a Monday morning everybody comes at once. */
export const SIGN_IN_MS = 90_000;
/** Bytes on their way take as long as they take; when none has gone for so long, the line is given up. */
const STALLED_MS = 45_000;

/** The header that says whose session a call expects. */
const USER = "impulse-user";

/**
 * `detail` is what the client needs to go on by itself, if the code has any.
 *
 * @typedef {{ code: string, message: string, status?: number, retryMs?: number, detail?: any }} HttpFailure
 */

/** @typedef {"GET" | "POST" | "PATCH" | "PUT" | "DELETE"} Method */

/** Who is signed in here, and what is done when the server says that this is not so. */
let caller = { uid: "", refused: () => {} };

/**
 * From now on calls are made as this person. The cookie is the same in all tabs and may be somebody else's by now: then
 * the server refuses them.
 *
 * @param {string} uid  empty for nobody
 * @param {() => void} [refused]
 */
export function callAs(uid, refused = () => {}) {
  caller = { uid, refused };
}

/**
 * @param {Method} method
 * @param {string} path
 * @param {unknown} [body]
 * @param {number} [timeoutMs]
 * @param {AbortSignal} [signal]  gives it up before
 * @returns {Promise<any>}
 */
export function call(method, path, body, timeoutMs = TIMEOUT_MS, signal) {
  return send(method, path, caller, body, timeoutMs, signal);
}

/**
 * The same for whoever the cookie belongs to.
 *
 * @param {Method} method
 * @param {string} path
 * @returns {Promise<any>}
 */
export function callAsAnybody(method, path) {
  return send(method, path, { uid: "", refused: () => {} }, undefined, TIMEOUT_MS);
}

/**
 * Reads what is not JSON.
 *
 * @param {string} path
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function readBytes(path) {
  const { response, as } = await ask("GET", path, caller, undefined, TIMEOUT_MS);
  if (!response.ok) throw await refusalOf(response, as);
  const bytes = await response.arrayBuffer().catch(() => null);
  if (!bytes) throw noLine();
  return new Uint8Array(bytes);
}

/**
 * @param {Method} method
 * @param {string} path
 * @param {typeof caller} as
 * @param {unknown} body
 * @param {number} timeoutMs
 * @param {AbortSignal} [signal]
 */
async function send(method, path, as, body, timeoutMs, signal) {
  const { response } = await ask(method, path, as, body, timeoutMs, signal);
  if (!response.ok) throw await refusalOf(response, as);
  return response.json().catch(() => null);
}

/**
 * @param {Method} method
 * @param {string} path
 * @param {typeof caller} as
 * @param {unknown} body
 * @param {number} timeoutMs
 * @param {AbortSignal} [signal]
 */
async function ask(method, path, as, body, timeoutMs, signal) {
  const late = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      signal: signal ? AbortSignal.any([signal, late]) : late,
      headers: {
        ...(as.uid ? { [USER]: as.uid } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { response, as };
  } catch {
    throw noLine();
  }
}

/** @param {Response} response @param {typeof caller} as */
async function refusalOf(response, as) {
  const answer = await response.json().catch(() => null);
  const refusal = failure(response.status, answer, response.headers.get("retry-after"));
  if (refusal.code === "unauthorized") as.refused();
  return refusal;
}

/** @returns {HttpFailure} */
function noLine() {
  return { code: "network", message: "No connection to the server." };
}

/**
 * Sends a file, or a part of one, as it is: by `XMLHttpRequest`, because `fetch` does not say how much has been sent.
 *
 * @param {"PUT" | "POST"} method
 * @param {string} path
 * @param {Blob} file
 * @param {(part: number) => void} progress  0 to 1
 * @param {AbortSignal} [signal]  gives it up
 * @returns {Promise<any>}
 */
export function upload(method, path, file, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    const as = caller;
    let timer = setTimeout(() => request.abort(), STALLED_MS);
    const moved = () => {
      clearTimeout(timer);
      timer = setTimeout(() => request.abort(), STALLED_MS);
    };
    const stop = () => request.abort();
    signal?.addEventListener("abort", stop);
    request.open(method, path);
    request.responseType = "json";
    request.setRequestHeader("content-type", file.type || "application/octet-stream");
    if (as.uid) request.setRequestHeader(USER, as.uid);
    request.upload.onprogress = (event) => {
      moved();
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) return resolve(request.response);
      const refusal = failure(request.status, request.response, request.getResponseHeader("retry-after"));
      if (refusal.code === "unauthorized") as.refused();
      reject(refusal);
    };
    request.onerror = request.onabort = () => reject(noLine());
    request.onloadend = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
    if (signal?.aborted) return reject(noLine());
    request.send(file);
  });
}

/**
 * @param {number} status
 * @param {any} answer
 * @param {string | null} retryAfter
 * @returns {HttpFailure}
 */
function failure(status, answer, retryAfter) {
  const after = Number(retryAfter);
  return {
    code: String(answer?.error?.code ?? "unknown"),
    message: String(answer?.error?.message ?? ""),
    status,
    ...(after > 0 ? { retryMs: after * 1000 } : {}),
    ...(answer?.error?.detail ? { detail: namesFromWire(answer.error.detail) } : {}),
  };
}

/**
 * The query of an address; values that are not there are left out.
 *
 * @param {Record<string, string | number | boolean | null | undefined>} values
 */
export function query(values) {
  const known = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return known.length ? `?${new URLSearchParams(known.map(([name, value]) => [name, String(value)]))}` : "";
}
