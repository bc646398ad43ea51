/** The server is queried this long after the last key. */
const SEARCH_MS = 200;

/**
 * Calls `work` once the calls for it pause.
 *
 * @param {() => void} work
 * @param {number} [ms]
 */
export function debounce(work, ms = SEARCH_MS) {
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  return () => {
    clearTimeout(timer);
    timer = setTimeout(work, ms);
  };
}
