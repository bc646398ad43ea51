/** The day turns: "Today" on the screen is "Yesterday" from then on. */
import { clock } from "./clock.js";

/** Timers sleep with the machine, so the day is looked at now and then. */
const LOOK_MS = 10 * 60_000;

/**
 * Calls back soon after each midnight where the reader is.
 *
 * @param {() => void} turned
 */
export function watchMidnight(turned) {
  let today = dayOf(clock.now());

  function look() {
    const now = clock.now();
    const day = dayOf(now);
    if (day !== today) turned();
    today = day;
    setTimeout(look, Math.min(LOOK_MS, midnightAfter(now) - now));
  }

  look();
}

/** @param {number} at */
function dayOf(at) {
  return new Date(at).toDateString();
}

/** @param {number} at */
function midnightAfter(at) {
  const date = new Date(at);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + 1).getTime();
}
