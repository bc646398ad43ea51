/** One message as an `article`: who, when, what, what it answers, how people reacted, and whether it was sent. */
import { el, fill } from "./element.js";
import { excerpt } from "./excerpt.js";
import { format, isEmojiOnly } from "./format.js";
import { errorText, fullTimeOf, listOf, t, timeOf } from "./i18n.js";
import { icon } from "./icons.js";
import { avatar, moodOf, nameOf, tintOf, userOf } from "./people.js";

/** @typedef {import("./context.js").Message} Message */

/**
 * @typedef {object} Drawing
 * @property {import("./context.js").Context} context
 * @property {import("./context.js").State} state
 * @property {string} room
 * @property {Message} message
 * @property {Message | null} before  what the row showed until now
 * @property {boolean} grouped
 * @property {boolean} vanishing
 * @property {Message | null} quoted
 * @property {Map<string, string>} names  username in lower case to uid
 */

const QUOTE_MAX = 160;

/**
 * @param {HTMLElement} row
 * @param {Drawing} drawing
 */
export function drawMessage(row, drawing) {
  const { state, message, grouped, vanishing } = drawing;
  const own = message.by === state.me?.uid;
  const name = nameOf(state, message.by);
  const deleted = message.kind === "del" || vanishing;
  const mentioned = !own && !deleted && Boolean(state.me && message.m?.includes(state.me.uid));
  const fresh = row.classList.contains("message-new");
  row.className = ["message", grouped && "message-grouped", own && "message-own", mentioned && "message-mentioned",
    message.status === "pending" && "message-pending", message.status === "failed" && "message-failed", fresh && "message-new"].filter(Boolean).join(" ");
  row.dataset["own"] = String(own);
  row.setAttribute("aria-label", t("message_from", { name, time: timeOf(message.at) }));
  fill(row,
    own ? el("span") : avatar(state, message.by, { opens: true }),
    el("div", { class: "message-body" },
      el("header", { class: "message-head" },
        author(drawing, name), moodOf(state, message.by),
        el("time", { class: "message-time", datetime: new Date(message.at).toISOString(), title: fullTimeOf(message.at) }, timeOf(message.at))),
      deleted || message.unreadable ? el("div", { class: "bubble bubble-deleted" }, t(deleted ? "deleted_message" : "unreadable_message")) : bubble(drawing),
      deleted ? null : reactions(drawing),
      sendState(drawing)));
}

/**
 * @param {Drawing} drawing
 * @param {string} name
 */
function author({ state, message }, name) {
  const gone = Boolean(userOf(state, message.by)?.removed);
  return el("button", { type: "button", class: `message-author ${gone ? "author-gone" : tintOf(message.by)}`, dir: "auto", "data-person": message.by }, name);
}

/** @param {Drawing} drawing */
function bubble(drawing) {
  const { message, state, names, context } = drawing;
  const large = isEmojiOnly(message.t) && !message.re;
  const node = el("div", { class: large ? "bubble bubble-emoji" : "bubble", dir: "auto", title: fullTimeOf(message.at) });
  if (message.re) node.append(quote(drawing, () => context.timeline.show(message.re ?? "")));
  node.append(format(message.t, {
    mention: (name) => {
      if (name === "all" || name === "here") return { self: true };
      const uid = names.get(name.toLocaleLowerCase());
      return uid === undefined ? null : { uid, self: uid === state.me?.uid };
    },
  }));
  if (message.edited) node.append(el("span", { class: "edited", title: t("edited_at", { time: fullTimeOf(message.edited) }) }, t("edited")));
  return node;
}

/**
 * @param {Drawing} drawing
 * @param {() => void} show
 */
function quote(drawing, show) {
  const { quoted, state } = drawing;
  const text = quoted ? excerpt(quoted, QUOTE_MAX) : t("quoted_missing");
  return el("button", { type: "button", class: "quote", title: t("jump_to_quoted"), dir: "auto", click: show },
    quoted ? el("strong", {}, nameOf(state, quoted.by)) : null, el("span", {}, text));
}

/** @param {Drawing} drawing */
function reactions(drawing) {
  const { message, before, state, context, room } = drawing;
  const all = Object.entries(message.reactions ?? {}).filter(([, who]) => who.length > 0);
  if (!all.length) return null;
  return el("div", { class: "reactions" }, all.map(([emoji, who]) => {
    const mine = Boolean(state.me && who.includes(state.me.uid));
    const label = t("reaction_label", { emoji, n: who.length });
    const isNew = before !== null && (before.reactions?.[emoji]?.length ?? 0) < who.length;
    return el("button", {
      type: "button", class: isNew ? "reaction reaction-new" : "reaction", "aria-pressed": String(mine), "aria-label": label,
      title: listOf(who.map((uid) => nameOf(state, uid))),
      click: () => context.actions.react(room, message.mid, emoji, !mine),
    }, emoji, el("span", {}, who.length));
  }));
}

/** @param {Drawing} drawing */
function sendState(drawing) {
  const { message, context, room } = drawing;
  if (message.status === "pending") return el("span", { class: "message-state" }, icon("clock"), el("span", {}, t("sending")));
  if (message.status !== "failed") return null;
  const why = message.error ? errorText(message.error) : "";
  return el("span", { class: "message-state", role: "alert" }, icon("alert"), el("span", { title: why }, t("failed")),
    el("button", { type: "button", click: () => context.actions.retry(room, message.mid) }, t("retry")),
    el("button", { type: "button", click: () => context.actions.discard(room, message.mid) }, t("discard")));
}
