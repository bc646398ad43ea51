/** Leads the focus to what is on the screen, for those who opened something above it and close it again. */

/** The field to write in, if a room is open. */
export function focusComposer() {
  find(".composer textarea")?.focus();
}

export function focusLastMessage() {
  find(".log .message:last-of-type")?.focus();
}

/** @param {string} selector */
function find(selector) {
  return /** @type {HTMLElement | null} */ (document.querySelector(selector));
}
