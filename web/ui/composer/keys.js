/** @typedef {"submit" | "escape" | "edit_last" | "bold" | "italic"} Meaning */

/**
 * What a key means in the composer; null for those that are the browser's own.
 *
 * @param {Pick<KeyboardEvent, "key" | "code" | "ctrlKey" | "metaKey" | "shiftKey" | "altKey">} event
 * @param {{ touch: boolean, empty: boolean }} field  on touch, Enter is a new line
 * @returns {Meaning | null}
 */
export function meaningOf(event, { touch, empty }) {
  if (event.key === "Escape") return "escape";
  if (event.shiftKey || event.altKey) return null;
  const control = event.ctrlKey || event.metaKey;
  if (event.key === "Enter") return control || !touch ? "submit" : null;
  if (control) return event.code === "KeyB" ? "bold" : event.code === "KeyI" ? "italic" : null;
  return event.key === "ArrowUp" && empty ? "edit_last" : null;
}
