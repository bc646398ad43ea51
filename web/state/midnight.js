/** The day turns: "Today" on the screen is "Yesterday" from then on. */
import { clock } from "./clock.js";

/** Timers sleep with the machine, and clocks and zones are changed by hand: the day is looked at now and then. */
const LOOK_MS = 10 * 60_000;

/**
 * Calls back soon after each midnight where the reader is.
 *
 * @param {() => void} turned
 */
export function watchMidnight(turned) {
  let end = midnightAfter(clock.now());
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function look() {
    clearTimeout(timer);
    const now = clock.now();
    const next = midnightAfter(now);
    if (next !== end) turned();
    end = next;
    timer = setTimeout(look, Math.min(LOOK_MS, next - now));
  }

  globalThis.document?.addEventListener("visibilitychange", look);
  look();
}

/**
 * When the day ends where the reader is, or one of the days after it.
 *
 * @param {number} at
 * @param {number} [days]
 */
export function midnightAfter(at, days = 0) {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days + 1).getTime();
}
