/** Leads the focus to what is on the screen, for those who opened something above it and close it again. */
import { typeInto } from "./typing.js";

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
  typeInto(field, /\S$/.test(before) ? ` ${text}` : text);
}

/** The messages, where Tab arrives at them. */
export function focusMessages() {
  find('.log .message[tabindex="0"]')?.focus();
}

/** The rooms, where Tab arrives at them. */
export function focusRooms() {
  find('.room-lists [tabindex="0"]')?.focus();
}

/**
 * Remembers what has the focus. The function leads it back there; to the message around it if that was drawn anew; and
 * if nothing of it is left, to the field to write in.
 */
export function rememberFocus() {
  const focused = document.activeElement;
  const around = focused?.closest(".message") ?? null;
  return () => {
    const home = [focused, around].find(
      (node) => node instanceof HTMLElement && node !== document.body && node.isConnected && node.checkVisibility(),
    );
    if (home instanceof HTMLElement) home.focus({ preventScroll: true });
    else if (matchMedia("(hover: hover)").matches) focusComposer();
  };
}

/** The way back to the message in which a key began something. Where a pointer did, or nothing, it leads nowhere. */
export function wayBackToMessage() {
  const row = document.activeElement?.closest(".message:focus-visible, .message:has(:focus-visible)");
  return () => {
    if (row instanceof HTMLElement && row.isConnected) row.focus({ preventScroll: true });
  };
}

/** @param {string} selector */
function find(selector) {
  return /** @type {HTMLElement | null} */ (document.querySelector(selector));
}
