/**
 * What stands in the place of a message of an encrypted chat that cannot be shown as it is: it failed its security
 * check, its key is not here yet, or the server took it away. And what stands around one that can: that it refers to
 * another which is not here, or that the server has lost it.
 */
import { fullTimeOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { nameOf } from "../people/people.js";

/** @typedef {import("./drawing.js").Drawing} Drawing */
/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {import("../../state/types.js").Actions} Actions */

const GONE = /** @type {const} */ ({
  account: "gone_account",
  retention: "gone_retention",
  admin: "gone_admin",
});

/** Whether a message is not shown as what it says. @param {Message} message */
export function isWithheld({ verdict }) {
  return verdict !== undefined && verdict !== "ok";
}

/**
 * The one line for a message that is not shown as what it says.
 *
 * @param {Message} message
 * @returns {string}
 */
export function withheldText({ verdict, gone }) {
  if (verdict === "gone") return t(GONE[gone ?? "admin"]);
  if (verdict === "failed") return t("failed_check");
  if (verdict === "outdated") return t("outdated_key", { n: 1 });
  return t(verdict === "newer" ? "needs_newer" : "getting_key");
}

/**
 * What stands in the place of the bubble.
 *
 * @param {Drawing} drawing
 */
export function withheld({ message, actions, room, run }) {
  const text = message.verdict === "outdated" ? t("outdated_key", { n: run }) : withheldText(message);
  return el(
    "div",
    { class: message.verdict === "failed" ? "bubble bubble-deleted bubble-failed" : "bubble bubble-deleted" },
    message.verdict === "failed" ? icon("alert") : null,
    text,
    act(message, actions, room),
  );
}

/**
 * What can be done about it.
 *
 * @param {Message} message
 * @param {Actions} actions
 * @param {string} room
 */
function act(message, actions, room) {
  const { verdict } = message;
  if (verdict === "failed") return button(t("details"), () => void openDetails(actions, room, message));
  return verdict === "newer" ? button(t("reload"), () => location.reload()) : null;
}

/** @param {string} label @param {() => void} click */
function button(label, click) {
  return el("button", { type: "button", class: "link-button", click }, label);
}

/**
 * Above a message that refers to one that is not here.
 *
 * @param {Drawing} drawing
 */
export function reference({ state, message }) {
  if (!message.refers) return null;
  const key = message.refers === "lost" ? "refers_lost" : "refers_missing";
  return el("p", { class: "message-refers" }, icon("alert"), t(key, { name: nameOf(state, message.by) }));
}

/** Below a message that only this browser has. @param {Message} message */
export function lostNote(message) {
  return message.lost ? el("p", { class: "message-refers" }, icon("history"), t("lost_with_backup")) : null;
}

/**
 * When a message was received, and when it was written by its author's clock if that differs much.
 *
 * @param {Message} message
 */
export function momentTitle({ at, writtenAt }) {
  const time = fullTimeOf(at);
  return writtenAt === undefined ? time : t("written_at", { time, written: fullTimeOf(writtenAt) });
}

/**
 * @param {Actions} actions
 * @param {string} room
 * @param {Message} message
 */
async function openDetails(actions, room, message) {
  const details = await actions.encrypted.details(room, message.mid);
  const failure = details?.failure ?? message.failure ?? "";
  openDialog({ title: t("failed_check"), class: "dialog-narrow" }, () => [
    el(
      "div",
      { class: "dialog-body" },
      el("p", {}, t("failed_check_text")),
      el("p", { class: "hint" }, momentTitle(message)),
      failure ? el("p", { class: "hint" }, t("failed_check_word", { failure })) : null,
    ),
  ]);
}
