/** Calls of the HTTP interface: JSON in, JSON or bytes out, failures as `{code, message, retryMs?, detail?}`. */

/** A call without an answer by then is given up. */
const TIMEOUT_MS = 20_000;
/** Signing in may have to wait for others: on a Monday morning everybody comes at once. */
export const SIGN_IN_MS = 90_000;
/** A file takes longer over a slow connection. */
const UPLOAD_MS = 120_000;

/** The header that says whose session a call expects. */
const USER = "impulse-user";

/**
 * `detail` is what a refusal of the encryption says besides, in the names of the wire.
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
 * @returns {Promise<any>}
 */
export async function call(method, path, body, timeoutMs = TIMEOUT_MS) {
  return (await send(method, path, caller, body, timeoutMs)).json().catch(() => null);
}

/**
 * Reads what is no JSON.
 *
 * @param {string} path
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function callBytes(path) {
  const response = await send("GET", path, caller, undefined, TIMEOUT_MS);
  const cut = () => Promise.reject({ code: "network", message: "The connection broke off." });
  return new Uint8Array(await response.arrayBuffer().catch(cut));
}

/**
 * The same for whoever the cookie belongs to.
 *
 * @param {Method} method
 * @param {string} path
 * @returns {Promise<any>}
 */
export async function callAsAnybody(method, path) {
  const anybody = { uid: "", refused: () => {} };
  return (await send(method, path, anybody, undefined, TIMEOUT_MS)).json().catch(() => null);
}

/**
 * @param {Method} method
 * @param {string} path
 * @param {typeof caller} as
 * @param {unknown} body
 * @param {number} timeoutMs
 */
async function send(method, path, as, body, timeoutMs) {
  let response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(timeoutMs),
      headers: {
        ...(as.uid ? { [USER]: as.uid } : {}),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  } catch {
    throw /** @type {HttpFailure} */ ({ code: "network", message: "No connection to the server." });
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => null);
  const refusal = failure(response.status, answer, response.headers.get("retry-after"));
  if (refusal.code === "unauthorized") as.refused();
  throw refusal;
}

/**
 * Sends a file as it is, by `XMLHttpRequest`, because `fetch` does not say how much has been sent.
 *
 * @param {"PUT" | "POST"} method
 * @param {string} path
 * @param {Blob} file
 * @param {(part: number) => void} progress  0 to 1
 * @returns {Promise<any>}
 */
export function upload(method, path, file, progress) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, path);
    request.responseType = "json";
    request.timeout = UPLOAD_MS;
    request.setRequestHeader("content-type", file.type);
    if (caller.uid) request.setRequestHeader(USER, caller.uid);
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) progress(event.loaded / event.total);
    };
    request.onload = () => {
      if (request.status >= 200 && request.status < 300) resolve(request.response);
      else reject(failure(request.status, request.response, request.getResponseHeader("retry-after")));
    };
    request.onerror = request.ontimeout = () =>
      reject(/** @type {HttpFailure} */ ({ code: "network", message: "No connection to the server." }));
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
    ...(answer?.error?.detail ? { detail: answer.error.detail } : {}),
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
