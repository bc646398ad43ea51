/**
 * Why I cannot write in a room now, said in the place of the field. The draft stays and comes back with it. The end of
 * a mute is counted down on the screen only: a screen reader reads it once.
 */
import { clock } from "../../state/clock.js";
import { whenOf } from "../base/dates.js";
import { el, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** Further away than this the end of a mute is not shown. */
const NEVER_MS = 365 * 86_400_000;
/** The last day is counted down. */
const COUNTED_MS = 86_400_000;
/** The server's clock is known with the delay of the line only. */
const GRACE_MS = 250;

/** @typedef {import("../../state/types.js").EncryptedCondition} Condition */
/** What can be done about it by a button. @typedef {"unblock" | "anew" | "unlock"} Remedy */
const REMEDIES = /** @type {const} */ ({ unblock: "unblock", anew: "begin_anew", unlock: "unlock_enter" });
/** @typedef {{ picture: string, text: string, until?: number, remedy?: Remedy }} Reason */

/**
 * Why nothing can be written into an encrypted chat in this condition; null where something can.
 *
 * @param {Condition | undefined} condition
 * @returns {Reason | null}
 */
function reasonOf(condition) {
  switch (condition) {
    case "locked":
      return { picture: "lock", text: t("composer_locked"), remedy: "unlock" };
    case "waiting":
      return { picture: "clock", text: t("composer_waiting") };
    case "dead":
      return { picture: "shield_off", text: t("composer_dead"), remedy: "anew" };
    case "left":
      return { picture: "leave", text: t("composer_left") };
    case "forked":
    case "directory_stopped":
    case "named_plain":
      return { picture: "alert", text: t("composer_stopped") };
    default:
      return null;
  }
}

/**
 * The reason, if there is one, and when it ends by itself.
 *
 * @param {import("../../state/types.js").Room} room
 * @param {number} now
 * @param {boolean} blocked  I have blocked the other one
 * @param {Condition | undefined} condition  of an encrypted chat
 * @returns {Reason | null}
 */
function reasonNotToWrite(room, now, blocked, condition) {
  if (blocked) return { picture: "ban", text: t("you_blocked"), remedy: "unblock" };
  const closed = reasonOf(condition);
  if (closed) return closed;
  if (room.archived) return { picture: "archive", text: t("composer_archived") };
  const until = room.mutedUntil ?? 0;
  if (until - now > NEVER_MS) return { picture: "clock", text: t("composer_muted") };
  if (until > now) return { picture: "clock", text: t("composer_muted_until", { time: whenOf(until) }), until };
  if (room.readOnly && room.role !== "admin" && room.role !== "owner")
    return { picture: "eye", text: t("composer_read_only") };
  return null;
}

/**
 * "9:05", or "1:09:05" from an hour on.
 *
 * @param {number} ms
 */
function clockOf(ms) {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const two = (/** @type {number} */ n) => String(n).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

/**
 * @param {HTMLElement} box  what is hidden meanwhile
 * @param {Record<Remedy | "again", () => void>} acts  `again` checks the room once more
 */
export function createClosedNote(box, acts) {
  const text = el("span", { role: "status" });
  const picture = el("span", { class: "composer-closed-picture", "aria-hidden": "true" });
  const left = el("span", { class: "composer-left", "aria-hidden": "true" });
  const remedy = el("button", {
    type: "button",
    class: "button button-small",
    hidden: true,
    click: () => {
      if (offered) acts[offered]();
    },
  });
  const node = el("div", { class: "composer-closed", hidden: true }, picture, text, left, remedy);
  let offered = /** @type {Remedy | undefined} */ (undefined);
  let timer = /** @type {ReturnType<typeof setInterval> | undefined} */ (undefined);
  let drawn = "";

  /** @param {number} until */
  function count(until) {
    const ms = until + GRACE_MS - clock.now();
    setText(left, ms < COUNTED_MS ? clockOf(ms) : "");
    if (ms > 0) return;
    clearInterval(timer);
    acts.again();
  }

  return {
    node,
    /** Whether nothing can be written now. */
    get isClosed() {
      return !node.hidden;
    },
    /**
     * @param {import("../../state/types.js").Room} room
     * @param {boolean} blocked
     * @param {Condition | undefined} condition
     */
    update(room, blocked, condition) {
      const reason = reasonNotToWrite(room, clock.now(), blocked, condition);
      const next = reason ? `${reason.picture}/${reason.text}/${reason.until ?? ""}` : "";
      if (next === drawn) return;
      drawn = next;
      clearInterval(timer);
      node.hidden = !reason;
      box.hidden = Boolean(reason);
      offered = reason?.remedy;
      remedy.hidden = !offered;
      setText(remedy, offered ? t(REMEDIES[offered]) : "");
      setText(text, reason?.text ?? "");
      setText(left, "");
      picture.replaceChildren(...(reason ? [icon(reason.picture)] : []));
      const until = reason?.until;
      if (!until) return;
      timer = setInterval(() => count(until), 1000);
      count(until);
    },
    close: () => clearInterval(timer),
  };
}
