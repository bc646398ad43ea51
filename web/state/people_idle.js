/**
 * A person who has touched nothing for ten minutes is away on this connection, and back with the first touch. The
 * server puts what the person chose (away, do not disturb) above that, and of several connections the liveliest counts.
 */

export const IDLE_MS = 10 * 60_000;
/** A touch is noted at most this often: a moving pointer sends a hundred events a second. */
const NOTED_MS = 1000;
/** What the server refused is said again after this long, if it names no time itself. */
const AGAIN_MS = 5000;

/**
 * The logic, without a page.
 *
 * @param {object} world
 * @param {() => number} world.now
 * @param {(act: () => void, ms: number) => unknown} world.later
 * @param {(state: "online" | "away") => Promise<unknown>} world.send  rejects with what the socket says
 */
export function createIdle({ now, later, send }) {
  let touched = now();
  let away = false;
  let waiting = false;
  /** Counts what was said: only the last of it is said again. */
  let said = 0;

  function say() {
    const mine = (said += 1);
    send(away ? "away" : "online").catch((/** @type {import("../net/socket.js").SocketFailure} */ failure) => {
      // Without a line nothing has to be said: a new connection is told by `connected`.
      if (failure.code === "offline") return;
      later(() => mine === said && say(), failure.retryMs ?? AGAIN_MS);
    });
  }

  function check() {
    waiting = false;
    const left = touched + IDLE_MS - now();
    if (left > 0) return wait(left);
    away = true;
    say();
  }

  /** @param {number} ms */
  function wait(ms) {
    if (waiting) return;
    waiting = true;
    later(check, ms);
  }

  wait(IDLE_MS);
  return {
    touch() {
      if (!away && now() - touched < NOTED_MS) return;
      touched = now();
      wait(IDLE_MS);
      if (!away) return;
      away = false;
      say();
    },
    /** A new connection begins as online. */
    connected() {
      said += 1;
      if (away) say();
    },
  };
}

/**
 * The same on a page: pointer, keys, wheel, and coming back to it.
 *
 * @param {(state: "online" | "away") => Promise<unknown>} send
 */
export function watchIdle(send) {
  const idle = createIdle({ now: () => performance.now(), later: (act, ms) => setTimeout(act, ms), send });
  for (const name of ["pointermove", "pointerdown", "keydown", "wheel", "focus"])
    addEventListener(name, idle.touch, { passive: true, capture: true });
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) idle.touch();
  });
  return idle;
}
