/** Keys that work everywhere: switch rooms, the sheet of shortcuts, Esc, and typing that finds the composer. */
import { dialogIsOpen } from "../base/dialog.js";
import { parseRoute, roomPath } from "../base/routes.js";
import { openShortcuts } from "../settings/shortcuts.js";
import { orderedRooms } from "./sidebar.js";
import { openSwitcher } from "./switcher.js";

/** @param {import("../context.js").Context} context */
export function bindKeys(context) {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || context.store.state.phase !== "signed_in") return;
    const control = event.ctrlKey || event.metaKey;
    if (control && !event.altKey && !event.shiftKey && event.code === "KeyK") {
      event.preventDefault();
      if (!dialogIsOpen()) openSwitcher(context);
    } else if (control && !event.altKey && (event.key === "/" || event.code === "Slash")) {
      event.preventDefault();
      if (!dialogIsOpen()) openShortcuts();
    } else if (dialogIsOpen() || parseRoute(location).name === "admin") {
      return;
    } else if (event.altKey && !control && (event.key === "ArrowUp" || event.key === "ArrowDown")) {
      event.preventDefault();
      step(context, event.key === "ArrowUp" ? -1 : 1, event.shiftKey);
    } else if (event.key === "Escape") {
      if (context.timeline.toPresent()) event.preventDefault();
    } else if (
      !control &&
      !event.altKey &&
      event.key.length === 1 &&
      event.key !== " " &&
      !takesText(document.activeElement)
    ) {
      context.composer.focus();
    }
  });
}

/**
 * @param {import("../context.js").Context} context
 * @param {number} by
 * @param {boolean} unreadOnly
 */
function step(context, by, unreadOnly) {
  const rooms = orderedRooms(context.store.state);
  const at = rooms.findIndex((room) => room.id === context.signals.room);
  for (let tried = 1; tried <= rooms.length; tried += 1) {
    const next = rooms[(at + by * tried + rooms.length * 2) % rooms.length];
    if (next && next.id !== context.signals.room && (!unreadOnly || next.unread > 0))
      return context.go(roomPath(next.id));
  }
}

/** @param {Element | null} element */
function takesText(element) {
  return (
    element instanceof HTMLInputElement ||
    element instanceof HTMLTextAreaElement ||
    element instanceof HTMLSelectElement
  );
}
