/**
 * Changes a part of a field as if it had been typed, so that the browser's undo takes it back. `setRangeText` would
 * make the browser forget what was before.
 *
 * @param {HTMLTextAreaElement | HTMLInputElement} field
 * @param {string} text
 * @param {number} [start]  without a place, what is selected is replaced
 * @param {number} [end]
 */
export function typeInto(field, text, start = field.selectionStart ?? 0, end = field.selectionEnd ?? start) {
  field.focus();
  field.setSelectionRange(start, end);
  if (document.execCommand(text ? "insertText" : "delete", false, text)) return;
  field.setRangeText(text, start, end, "end");
  field.dispatchEvent(new Event("input", { bubbles: true }));
}
