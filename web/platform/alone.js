/** Turns among the tabs of this browser. */

/** How often a tab that waits for its turn looks whether the one before it still does anything. */
const LOOK_MS = 1000;

/**
 * Does something while no other tab does it. Without locks (they need a secure page) every tab has its turn at once.
 *
 * @param {string} name  of the turn
 * @param {(lost: AbortSignal) => Promise<void>} act  its promise ends the turn; `lost` says that it was taken away
 * @param {() => boolean} isStuck  whether the tab whose turn it is has stopped, as a frozen one has: then it loses it
 */
export async function whileAlone(name, act, isStuck) {
  const locks = globalThis.navigator?.locks;
  const lost = new AbortController();
  if (!locks) return act(lost.signal);
  const patience = new AbortController();
  const look = setInterval(() => {
    if (isStuck()) patience.abort();
  }, LOOK_MS);
  const begin = () => {
    clearInterval(look);
    return act(lost.signal);
  };
  await locks
    .request(`impulse.${name}`, { signal: patience.signal }, begin)
    .catch(() => (patience.signal.aborted ? locks.request(`impulse.${name}`, { steal: true }, begin) : undefined))
    .catch(() => {});
  lost.abort();
}
