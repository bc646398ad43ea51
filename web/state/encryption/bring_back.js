/** What a server that was set back has lost of the list of keys, in calls that it takes (e2ee.md, 11.4). */
import { bringDirectoryBack } from "../../calls/directory.js";

/** @typedef {import("../../crypto/directory.js").Head} Head */

/** Rows and entries of one call: together less than the 1 MiB that it may have. */
export const ROWS_AT_ONCE = 8000;
export const ENTRIES_AT_ONCE = 500;
/** The server takes six calls a minute: more of them wait, so long at a time if it does not say how long. */
const WAIT_MS = 10_000;
const WAITS_MAX = 20;

/**
 * From a position to the newest, in steps. The server checks the rows of each by a head that it has signed: where this
 * browser has kept none for so long, a step is longer.
 *
 * @param {Head | null} newest
 * @param {Head[]} kept  some of those before it, ascending
 * @param {number} from
 * @returns {{ head: Head, first: number }[]}
 */
export function stepsTo(newest, kept, from) {
  if (!newest) return [];
  const heads = [...kept.filter(({ n }) => n >= from && n < newest.n), newest];
  const steps = [];
  for (let first = from; heads.length;) {
    const farthest = Math.max(
      heads.findLastIndex(({ n }) => n < first + ROWS_AT_ONCE),
      0,
    );
    const head = heads.splice(0, farthest + 1)[farthest] ?? newest;
    steps.push({ head, first });
    first = head.n + 1;
  }
  return steps;
}

/**
 * One call, as soon as the server takes another one.
 *
 * @param {Parameters<typeof bringDirectoryBack>[0]} again
 */
export async function bring(again) {
  for (let waits = 0; ; waits += 1) {
    try {
      return await bringDirectoryBack(again);
    } catch (error) {
      const { code, retryMs = WAIT_MS } = /** @type {{ code?: string, retryMs?: number }} */ (error);
      if (code !== "rate_limited" || waits === WAITS_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, retryMs));
    }
  }
}
