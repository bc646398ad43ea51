/** Calls of the HTTP interface: JSON in, JSON out, failures as `{code, message, retryMs?}`. */

/** A call that has no answer by then is given up. */
const PATIENCE_MS = 20_000;

/** @typedef {{ code: string, message: string, status?: number, retryMs?: number }} HttpFailure */

/**
 * @param {"GET" | "POST" | "PATCH" | "PUT" | "DELETE"} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<any>}
 */
export async function call(method, path, body) {
  let response;
  try {
    response = await fetch(path, {
      method,
      credentials: "same-origin",
      cache: "no-store",
      signal: AbortSignal.timeout(PATIENCE_MS),
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
  } catch {
    throw /** @type {HttpFailure} */ ({ code: "network", message: "No connection to the server." });
  }
  const answer = await response.json().catch(() => null);
  if (response.ok) return answer;
  const after = Number(response.headers.get("retry-after"));
  throw /** @type {HttpFailure} */ ({
    code: String(answer?.error?.code ?? "unknown"),
    message: String(answer?.error?.message ?? response.statusText),
    status: response.status,
    ...(after > 0 ? { retryMs: after * 1000 } : {}),
  });
}
