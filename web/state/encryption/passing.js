/** Failures that pass with the line, with the keys, or by themselves: nothing is wrong, and it is tried again. */

const PASSING = new Set(["network", "unavailable", "offline", "rate_limited", "waiting", "locked", "log_conflict"]);

/** @param {unknown} error */
export function isPassing(error) {
  const { code, status } = /** @type {{ code?: string, status?: number }} */ (error ?? {});
  return PASSING.has(code ?? "") || (status ?? 0) >= 500;
}
