/** The messages as one Tab stop: the arrows walk them, right and left lead to the buttons and links in one. */
import { Roving } from "../base/roving.js";

/**
 * @param {HTMLElement} log
 * @param {HTMLElement} scroller
 * @param {() => unknown} toPresent
 */
export function bindMessageKeys(log, scroller, toPresent) {
  /** @param {Element} row @param {DOMRect} box */
  const isSeen = (row, box) => {
    const { top, bottom } = row.getBoundingClientRect();
    return bottom > box.top && top < box.bottom;
  };
  new Roving(log, {
    items: ".message",
    // Code keeps its own stop: without one nobody could scroll it with the keyboard.
    inner: ".message :is(a, button, [tabindex]:not(pre))",
    // One stays where one reads.
    arrival: (last) => {
      const box = scroller.getBoundingClientRect();
      if (last && isSeen(last, box)) return last;
      return [...log.querySelectorAll(".message")].findLast((row) => isSeen(row, box));
    },
    beforeEnd: toPresent,
  });
}
