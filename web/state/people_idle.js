/**
 * Who has touched nothing for ten minutes is away on this connection, and back with the first touch. Only this
 * connection is told of: what a person chose (away, do not disturb) stands above it on the server, and the liveliest
 * of several browsers counts.
 */

export const IDLE_MS = 10 * 60_000;
/** The moments of touching are noted at most this often: a moving pointer speaks a hundred times a second. */
const NOTED_MS = 1000;

/**
 * The logic, without a page.
 *
 * @param {object} world
 * @param {() => number} world.now
 * @param {(act: () => void, ms: number) => unknown} world.later
 * @param {(state: "online" | "away") => void} world.tell
 */
export function createIdle({ now, later, tell }) {
  let touched = now();
  let away = false;
  let waiting = false;

  function look() {
    waiting = false;
    const left = touched + IDLE_MS - now();
    if (left > 0) return wait(left);
    away = true;
    tell("away");
  }

  /** @param {number} ms */
  function wait(ms) {
    if (waiting) return;
    waiting = true;
    later(look, ms);
  }

  wait(IDLE_MS);
  return {
    touch() {
      if (!away && now() - touched < NOTED_MS) return;
      touched = now();
      wait(IDLE_MS);
      if (!away) return;
      away = false;
      tell("online");
    },
    /** A new connection begins as online. */
    connected() {
      if (away) tell("away");
    },
  };
}

/**
 * The same on a page: pointer, keys, wheel, and coming back to it.
 *
 * @param {(state: "online" | "away") => void} tell
 */
export function watchIdle(tell) {
  const idle = createIdle({ now: () => Date.now(), later: (act, ms) => setTimeout(act, ms), tell });
  for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "focus"])
    addEventListener(name, idle.touch, { passive: true, capture: true });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) idle.touch();
  });
  return idle;
}
