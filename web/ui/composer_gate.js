/** Why I cannot write in a room now, said in the place of the field. The draft stays and comes back with it. */
import { el } from "./element.js";
import { t, whenOf } from "./i18n.js";
import { icon } from "./icons.js";

/** Further away than this a silence has no end worth telling. */
const NEVER_MS = 365 * 86_400_000;

/**
 * The reason, if there is one, and when to look again.
 *
 * @param {import("./context.js").Room} room
 * @param {number} now
 * @returns {{ picture: string, text: string, until?: number } | null}
 */
export function reasonNotToWrite(room, now) {
  if (room.archived) return { picture: "archive", text: t("composer_archived") };
  const until = room.silencedUntil ?? 0;
  if (until > now) return { picture: "clock", text: until - now > NEVER_MS ? t("composer_silenced") : t("composer_silenced_until", { time: whenOf(until) }), until };
  if (room.readOnly && room.role !== "admin" && room.role !== "owner") return { picture: "eye", text: t("composer_read_only") };
  return null;
}

/**
 * @param {HTMLElement} box  what is hidden meanwhile
 * @param {() => void} again  looks at the room once more
 */
export function createComposerGate(box, again) {
  const text = el("span");
  const picture = el("span", { "aria-hidden": "true" });
  const node = el("div", { class: "composer-closed", role: "status", hidden: true }, picture, text);
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  let drawn = "";

  return {
    node,
    /** @param {import("./context.js").Room} room */
    update(room) {
      const reason = reasonNotToWrite(room, Date.now());
      const next = reason ? `${reason.picture}/${reason.text}` : "";
      if (next === drawn) return;
      drawn = next;
      clearTimeout(timer);
      node.hidden = !reason;
      box.hidden = Boolean(reason);
      text.textContent = reason?.text ?? "";
      picture.replaceChildren(...(reason ? [icon(reason.picture)] : []));
      // Timers have 31 bits; a longer silence is looked at again when the room changes.
      if (reason?.until) timer = setTimeout(again, Math.min(reason.until - Date.now() + 250, 2 ** 31 - 1));
    },
    close: () => clearTimeout(timer),
  };
}
