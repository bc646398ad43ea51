/** What is sent when something was changed, and what takes it back. No DOM, no words. */

/**
 * Only what differs is sent, so that two administrators who change different things do not undo each other.
 *
 * @template {object} T
 * @param {T} saved
 * @param {T} now
 * @returns {Partial<T>}
 */
export function changesBetween(saved, now) {
  return /** @type {Partial<T>} */ (
    Object.fromEntries(Object.entries(now).filter(([key, value]) => value !== saved[/** @type {keyof T} */ (key)]))
  );
}

/**
 * The values that a change replaces: sent as a change themselves, they take it back.
 *
 * @template {object} T
 * @param {T} saved
 * @param {Partial<T>} change
 * @returns {Partial<T>}
 */
export function valuesReplaced(saved, change) {
  return /** @type {Partial<T>} */ (
    Object.fromEntries(Object.keys(change).map((key) => [key, saved[/** @type {keyof T} */ (key)]]))
  );
}
