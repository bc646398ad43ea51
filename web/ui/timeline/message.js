/** One message as an `article`: who, when, what, what it answers, how people reacted, and whether it was sent. */
import { isBlocked } from "../../state/blocks.js";
import { fullTimeOf, isoOf, timeOf } from "../base/dates.js";
import { el, fill } from "../base/element.js";
import { excerpt } from "../base/excerpt.js";
import { format, isEmojiOnly } from "../base/format.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { calledBy, callsMe, EVERYBODY } from "../people/mentions.js";
import { avatar, moodOf, nameOf, tintOf, userOf } from "../people/people.js";
import { reactions } from "./reactions.js";
import { isVeiled, veil } from "./veil.js";

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
  fill(
    row,
    own ? el("span") : avatar(state, message.by, { opens: true }),
    el(
      "div",
      { class: "message-body" },
      el(
        "header",
        { class: "message-head" },
        author(drawing, name),
        moodOf(state, message.by),
        el(
          "time",
          { class: "message-time", datetime: isoOf(message.at), title: fullTimeOf(message.at) },
          timeOf(message.at),
        ),
      ),
      deleted
        ? notice("deleted_message")
        : veiled
          ? veil(message, drawing.marks)
          : message.unreadable
            ? notice("unreadable_message")
            : bubble(drawing),
      deleted || veiled ? null : reactions(drawing),
      sendState(drawing),
    ),
  );
}

/**
 * @param {HTMLElement} row
 * @param {Drawing} drawing
 * @param {boolean} deleted
 */
function classesOf(row, { state, message, grouped }, deleted) {
  const own = message.by === state.me?.uid;
  const calls = callsMe(state, message) && !isBlocked(state, message.by);
  return [
    "message",
    grouped ? "message-grouped" : "",
    own ? "message-own" : "",
    !own && !deleted && calls ? "message-mentioned" : "",
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

/** @param {Drawing} drawing */
function bubble(drawing) {
  const { message, state, actions } = drawing;
  const large = isEmojiOnly(message.t) && !message.re;
  const node = el("div", {
    class: large ? "bubble bubble-emoji" : "bubble",
    dir: "auto",
    title: fullTimeOf(message.at),
  });
  if (message.re) node.append(quote(drawing, message.re));
  node.append(format(message.t, { mention: calledBy(state, message) }));
  for (const uid of message.m ?? []) if (uid !== EVERYBODY) actions.users.need(uid);
  if (message.edited)
    node.append(
      el("span", { class: "edited", title: t("edited_at", { time: fullTimeOf(message.edited) }) }, t("edited")),
    );
  return node;
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

/** @param {Drawing} drawing */
function sendState(drawing) {
  const { message, actions, room } = drawing;
  if (message.status === "pending")
    return el("span", { class: "message-state" }, icon("clock"), el("span", {}, t("sending")));
  if (message.status !== "failed") return null;
  return el(
    "span",
    { class: "message-state", role: "alert" },
    icon("alert"),
    el("span", {}, t("failed_because", { why: errorText(message.error) })),
    el("button", { type: "button", click: () => actions.messages.retry(room, message.mid) }, t("retry")),
    el("button", { type: "button", click: () => actions.messages.discard(room, message.mid) }, t("discard")),
  );
}
