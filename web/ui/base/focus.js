/** Leads the focus to what is on the screen, for those who opened something above it and close it again. */

/** The field to write in, if a room is open. */
export function focusComposer() {
  find(".composer textarea")?.focus();
}

/** Whether there is a field to write in. */
export function composerIsOpen() {
  return Boolean(find(".composer textarea")?.checkVisibility());
}

/** Writes where the cursor of the composer is, as if it was typed, so that it can be undone. @param {string} text */
export function writeIntoComposer(text) {
  focusComposer();
  const field = document.activeElement;
  if (!(field instanceof HTMLTextAreaElement)) return;
  const before = field.value.slice(0, field.selectionStart);
  document.execCommand("insertText", false, /\S$/.test(before) ? ` ${text}` : text);
}

export function focusLastMessage() {
  find(".log .message:last-of-type")?.focus();
}

/** @param {string} selector */
function find(selector) {
  return /** @type {HTMLElement | null} */ (document.querySelector(selector));
}
