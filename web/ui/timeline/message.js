/** One message as an `article`: who, when, what, what it answers, how people reacted, and whether it was sent. */
import { callsMe, EVERYBODY } from "../../state/attention.js";
import { fullTimeOf, isoOf, timeOf } from "../base/dates.js";
import { el, fill } from "../base/element.js";
import { excerpt } from "../base/excerpt.js";
import { format, isEmojiOnly } from "../base/format.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { messageFiles, progressOf } from "../files/message_files.js";
import { calledBy } from "../people/mentions.js";
import { avatar, botTag, moodOf, nameOf, tintOf, userOf } from "../people/people.js";
import { foldable, mayBeLong } from "./fold.js";
import { reactions } from "./reactions.js";
import { isVeiled, veil } from "./veil.js";
import { isWithheld, lostNote, momentTitle, reference, withheld } from "./verdicts.js";

/** @typedef {import("./drawing.js").Drawing} Drawing */

const QUOTE_MAX = 160;

/**
 * @param {HTMLElement} row
 * @param {Drawing} drawing
 */
export function drawMessage(row, drawing) {
  const { state, message, deleting } = drawing;
  const own = message.by === state.me?.uid;
  const name = nameOf(state, message.by);
  const deleted = message.kind === "del" || deleting;
  const veiled = !deleted && isVeiled(state, drawing.room, message, drawing.marks);
  row.className = classesOf(row, drawing, deleted).join(" ");
  row.dataset["own"] = String(own);
  row.setAttribute("aria-label", t("message_from", { name, time: timeOf(message.at) }));
  const said = deleted
    ? notice("deleted_message")
    : veiled
      ? veil(message, drawing.marks)
      : message.unreadable
        ? notice("unreadable_message")
        : isWithheld(message)
          ? withheld(drawing)
          : bubble(row, drawing);
  fill(
    row,
    own ? null : gutter(drawing),
    el(
      "div",
      { class: "message-body" },
      own || drawing.grouped ? null : head(drawing, name),
      deleted ? null : reference(drawing),
      el("div", { class: "message-line" }, said, own ? meta(drawing, deleted) : null),
      deleted || veiled ? null : reactions(drawing),
      lostNote(message),
      progressOf(drawing),
      failure(drawing),
    ),
  );
}

/** Beside a message of somebody else: the face, or when it was written. @param {Drawing} drawing */
function gutter({ state, message, grouped }) {
  return grouped ? timeNode(message, "message-gutter") : avatar(state, message.by, { opens: true });
}

/**
 * @param {Drawing} drawing
 * @param {string} name
 */
function head(drawing, name) {
  const { state, message } = drawing;
  return el(
    "header",
    { class: "message-head" },
    author(drawing, name),
    botTag(state, message.by),
    moodOf(state, message.by),
    timeNode(message, "message-time"),
  );
}

/**
 * Beside a message of mine: when it was written, and whether it, and what I have changed of it, was sent.
 *
 * @param {Drawing} drawing
 * @param {boolean} deleted
 */
function meta({ message }, deleted) {
  const [picture, label] = /** @type {const} */ ({
    pending: ["clock", "sending"],
    failed: ["alert", "failed"],
    sent: ["check", "sent"],
  })[message.waits ? "pending" : message.status];
  return el(
    "span",
    { class: "message-meta" },
    timeNode(message, "message-time"),
    deleted && !message.waits
      ? null
      : el("span", { class: "message-sign", role: "img", "aria-label": t(label), title: t(label) }, icon(picture)),
  );
}

/**
 * @param {import("../../state/types.js").Message} message
 * @param {string} name  of its class
 */
function timeNode(message, name) {
  return el("time", { class: name, datetime: isoOf(message.at), title: momentTitle(message) }, timeOf(message.at));
}

/**
 * @param {HTMLElement} row
 * @param {Drawing} drawing
 * @param {boolean} deleted
 */
function classesOf(row, { state, message, grouped }, deleted) {
  const own = message.by === state.me?.uid;
  return [
    "message",
    grouped ? "message-grouped" : "",
    own ? "message-own" : "",
    !deleted && callsMe(state, message) ? "message-mentioned" : "",
    message.status === "pending" ? "message-pending" : "",
    message.status === "failed" ? "message-failed" : "",
    row.classList.contains("message-new") ? "message-new" : "",
  ].filter(Boolean);
}

/** @param {"deleted_message" | "unreadable_message"} key */
function notice(key) {
  return el("div", { class: "bubble bubble-deleted" }, t(key));
}

/**
 * @param {Drawing} drawing
 * @param {string} name
 */
function author({ state, message }, name) {
  const gone = Boolean(userOf(state, message.by)?.removed);
  return el(
    "button",
    {
      type: "button",
      class: `message-author ${gone ? "author-gone" : tintOf(message.by)}`,
      dir: "auto",
      "data-person": message.by,
    },
    name,
  );
}

/** @param {HTMLElement} row @param {Drawing} drawing */
function bubble(row, drawing) {
  const { message, actions } = drawing;
  const files = messageFiles(row, drawing);
  for (const uid of message.m ?? []) if (uid !== EVERYBODY) actions.users.need(uid);
  const said = files && !message.t ? null : text(drawing);
  return el(
    "div",
    { class: kindOf(drawing, said), dir: "auto", title: momentTitle(message) },
    message.re ? quote(drawing, message.re) : null,
    files,
    files && said ? el("div", { class: "bubble-caption", dir: "auto" }, said, editedMark(message)) : said,
    files && said ? null : editedMark(message),
  );
}

/** What a message says. @param {Drawing} drawing */
function text({ message, state, marks }) {
  const content = format(message.t, { mention: calledBy(state, message) });
  return mayBeLong(message.t) ? foldable(message.mid, marks, content) : content;
}

/**
 * @param {Drawing} drawing
 * @param {HTMLElement | DocumentFragment | null} said
 */
function kindOf({ message }, said) {
  if (message.files?.length) return "bubble bubble-files";
  if (isEmojiOnly(message.t) && !message.re) return "bubble bubble-emoji";
  return said?.querySelector("pre") ? "bubble bubble-code" : "bubble";
}

/** @param {import("../../state/types.js").Message} message */
function editedMark({ edited }) {
  if (!edited) return null;
  return el("span", { class: "edited", title: t("edited_at", { time: fullTimeOf(edited) }) }, t("edited"));
}

/**
 * @param {Drawing} drawing
 * @param {string} mid  of the message it quotes
 */
function quote({ quoted, state, room, marks, show }, mid) {
  const text = !quoted
    ? t("quoted_missing")
    : isVeiled(state, room, quoted, marks)
      ? t("blocked_message")
      : excerpt(quoted, QUOTE_MAX);
  return el(
    "button",
    { type: "button", class: "quote", title: t("jump_to_quoted"), dir: "auto", click: () => show(mid) },
    quoted ? el("strong", {}, nameOf(state, quoted.by)) : null,
    el("span", {}, text),
  );
}

/** Why a message was not sent, and what can be done. @param {Drawing} drawing */
function failure({ message, actions, room }) {
  if (message.status !== "failed") return null;
  return el(
    "div",
    { class: "message-failure", role: "alert" },
    el("span", {}, t("failed_because", { why: errorText(message.error) })),
    message.error?.code === "mid_exists" && message.verdict
      ? el("button", { type: "button", click: () => actions.messages.sendAsNew(room, message.mid) }, t("send_as_new"))
      : el("button", { type: "button", click: () => actions.messages.retry(room, message.mid) }, t("retry")),
    el("button", { type: "button", click: () => actions.messages.discard(room, message.mid) }, t("discard")),
  );
}
