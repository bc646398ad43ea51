/** When to draw: right before the browser's next frame, and after a short time where it makes none. */

/** A page that is covered by others gets no frames, although the browser calls it visible. */
const NO_FRAME_MS = 250;
/** A hidden page draws its title and notifications only. */
const HIDDEN_MS = 100;

/**
 * Calls back once, before the browser lays out and paints the next time: what is drawn then is laid out once, and a key
 * that is pressed meanwhile is on the screen with the same frame.
 *
 * @param {() => void} act
 */
export function beforeFrame(act) {
  if (typeof requestAnimationFrame === "undefined") return void setTimeout(act);
  const once = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    act();
  };
  const frame = requestAnimationFrame(once);
  const timer = setTimeout(once, document.hidden ? HIDDEN_MS : NO_FRAME_MS);
}

/** Calls back when the frame that is being made is painted. @param {() => void} act */
export function afterFrame(act) {
  setTimeout(act);
}
