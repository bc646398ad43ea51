/** What a page can notice of its network and of its sleep. */

const TICK_MS = 5000;
/** A tick that is later than this has slept; in a hidden page browsers let timers wait for a minute by themselves. */
const LATE_MS = 10_000;
const LATE_HIDDEN_MS = 90_000;

/**
 * @param {object} calls
 * @param {() => void} calls.gone  the browser says that there is no network
 * @param {() => void} calls.changed  the network may be another one: it is back, or the page was away or asleep
 */
export function watchWakes({ gone, changed }) {
  addEventListener("online", changed);
  addEventListener("offline", gone);
  addEventListener("pageshow", ({ persisted }) => {
    if (persisted) changed();
  });
  document.addEventListener("resume", changed);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) changed();
  });
  let due = Date.now() + TICK_MS;
  setInterval(() => {
    const late = Date.now() - due;
    due = Date.now() + TICK_MS;
    if (late > (document.hidden ? LATE_HIDDEN_MS : LATE_MS)) changed();
  }, TICK_MS);
}
