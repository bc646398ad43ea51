/** One message as an `article`: who, when, what, what it answers, how people reacted, and whether it was sent. */
import { isBlocked } from "../../state/blocks.js";
import { el, fill } from "../base/element.js";
import { excerpt } from "../base/excerpt.js";
import { format, isEmojiOnly } from "../base/format.js";
import { errorText, fullTimeOf, isoOf, listOf, t, timeOf } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { avatar, moodOf, nameOf, tintOf, userOf } from "../people/people.js";

/** @typedef {import("../context.js").Message} Message */

/**
 * @typedef {object} Drawing
 * @property {import("../context.js").Context} context
 * @property {import("../context.js").State} state
 * @property {string} room
 * @property {Message} message
 * @property {Message | null} before  what the row showed until now
 * @property {boolean} grouped
 * @property {boolean} vanishing
 * @property {Message | null} quoted
 * @property {Map<string, string>} names  username in lower case to uid
 */

const QUOTE_MAX = 160;
/** Kinds of reactions that are shown below a message. */
const REACTIONS_MAX = 40;
/** People named in the tip of a reaction; the others are counted. */
const REACTED_MAX = 30;

/**
 * @param {HTMLElement} row
 * @param {Drawing} drawing
 */
export function drawMessage(row, drawing) {
  const { state, message, grouped, vanishing } = drawing;
  const own = message.by === state.me?.uid;
  const name = nameOf(state, message.by);
  const deleted = message.kind === "del" || vanishing;
  const veiled = !deleted && isVeiled(drawing.context, state, drawing.room, message);
  const mentioned =
    !own && !deleted && !isBlocked(state, message.by) && Boolean(state.me && message.m?.includes(state.me.uid));
  const fresh = row.classList.contains("message-new");
  row.className = [
    "message",
    grouped && "message-grouped",
    own && "message-own",
    mentioned && "message-mentioned",
    message.status === "pending" && "message-pending",
    message.status === "failed" && "message-failed",
    fresh && "message-new",
  ]
    .filter(Boolean)
    .join(" ");
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
          ? veil(drawing)
          : message.unreadable
            ? notice("unreadable_message")
            : bubble(drawing),
      deleted || veiled ? null : reactions(drawing),
      sendState(drawing),
    ),
  );
}

/**
 * Whether a message is covered: it is of somebody I have blocked, in a room with others, and I have not asked for it.
 *
 * @param {import("../context.js").Context} context
 * @param {import("../context.js").State} state
 * @param {string} room
 * @param {Message} message
 */
export function isVeiled(context, state, room, message) {
  return isBlocked(state, message.by) && !state.rooms.get(room)?.peer && !context.signals.unveiled.has(message.mid);
}

/** @param {Drawing} drawing */
function veil({ context, message }) {
  return el(
    "div",
    { class: "bubble bubble-deleted" },
    t("blocked_message"),
    " ",
    el(
      "button",
      {
        type: "button",
        class: "link-button",
        click: (/** @type {MouseEvent} */ event) => {
          const row = /** @type {Element} */ (event.currentTarget).closest("article");
          context.signals.unveiled.add(message.mid);
          context.refresh();
          // The button is gone, and the focus with it.
          row?.focus();
        },
      },
      t("show_message"),
    ),
  );
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
  const { message, state, names, context } = drawing;
  const large = isEmojiOnly(message.t) && !message.re;
  const node = el("div", {
    class: large ? "bubble bubble-emoji" : "bubble",
    dir: "auto",
    title: fullTimeOf(message.at),
  });
  if (message.re) node.append(quote(drawing, () => context.timeline.show(message.re ?? "")));
  node.append(
    format(message.t, {
      mention: (name) => {
        if (name === "all" || name === "here") return { self: true };
        const uid = names.get(name.toLocaleLowerCase());
        return uid === undefined ? null : { uid, self: uid === state.me?.uid };
      },
    }),
  );
  if (message.edited)
    node.append(
      el("span", { class: "edited", title: t("edited_at", { time: fullTimeOf(message.edited) }) }, t("edited")),
    );
  return node;
}

/**
 * @param {Drawing} drawing
 * @param {() => void} show
 */
function quote(drawing, show) {
  const { quoted, state } = drawing;
  const text = !quoted
    ? t("quoted_missing")
    : isVeiled(drawing.context, state, drawing.room, quoted)
      ? t("blocked_message")
      : excerpt(quoted, QUOTE_MAX);
  return el(
    "button",
    { type: "button", class: "quote", title: t("jump_to_quoted"), dir: "auto", click: show },
    quoted ? el("strong", {}, nameOf(state, quoted.by)) : null,
    el("span", {}, text),
  );
}

/** @param {Drawing} drawing */
function reactions(drawing) {
  const { message, before, state, context, room } = drawing;
  const all = Object.entries(message.reactions ?? {}).filter(([, who]) => who.length > 0);
  if (!all.length) return null;
  // Everybody may add twenty kinds: the first ones are shown, and mine, which I may want to take back.
  const isMine = (/** @type {string[]} */ who) => Boolean(state.me && who.includes(state.me.uid));
  const shown = all.filter(([, who], index) => index < REACTIONS_MAX || isMine(who));
  const hidden = all.length - shown.length;
  return el(
    "div",
    { class: "reactions" },
    shown.map(([emoji, who]) => {
      const mine = isMine(who);
      const label = t("reaction_label", { emoji, n: who.length });
      const isNew = before !== null && (before.reactions?.[emoji]?.length ?? 0) < who.length;
      return el(
        "button",
        {
          type: "button",
          class: isNew ? "reaction reaction-new" : "reaction",
          "aria-pressed": String(mine),
          "aria-label": label,
          title: reactedBy(state, who),
          click: () => context.actions.messages.react(room, message.mid, emoji, !mine),
        },
        el("span", { class: "reaction-emoji" }, emoji),
        el("span", {}, who.length),
      );
    }),
    hidden ? el("span", { class: "reactions-more" }, t("and_more", { n: hidden })) : null,
  );
}

/**
 * @param {import("../context.js").State} state
 * @param {string[]} who
 */
function reactedBy(state, who) {
  const names = who.slice(0, REACTED_MAX).map((uid) => nameOf(state, uid));
  return listOf(who.length > REACTED_MAX ? [...names, t("and_more", { n: who.length - REACTED_MAX })] : names);
}

/** @param {Drawing} drawing */
function sendState(drawing) {
  const { message, context, room } = drawing;
  if (message.status === "pending")
    return el("span", { class: "message-state" }, icon("clock"), el("span", {}, t("sending")));
  if (message.status !== "failed") return null;
  const why = message.error ? errorText(message.error) : "";
  return el(
    "span",
    { class: "message-state", role: "alert" },
    icon("alert"),
    el("span", { title: why }, t("failed")),
    el("button", { type: "button", click: () => context.actions.messages.retry(room, message.mid) }, t("retry")),
    el("button", { type: "button", click: () => context.actions.messages.discard(room, message.mid) }, t("discard")),
  );
}
