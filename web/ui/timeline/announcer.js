/**
 * Says what happens in the open room to whoever cannot see it: a new message once, with author and text; an edit, a
 * reaction or a deletion in a few words. Never what I do myself, and never history that is only loaded.
 */
import { isBlocked } from "../../state/blocks.js";
import { createGathering } from "../base/announce.js";
import { excerpt } from "../base/excerpt.js";
import { t } from "../base/i18n.js";
import { nameOf } from "../people/people.js";
import { newestOf } from "./reading.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {{ kind: "message" | "change", text: string }} News */

/** More new messages than these at once are counted, not read out. */
const READ_OUT = 3;
const TEXT_MAX = 400;
/** So many of the last messages are watched for edits and reactions. */
const WATCHED = 100;

/** @param {string} room */
export function createAnnouncer(room) {
  const gathering = createGathering(tell);
  /** The messages at the last look. @type {Message[] | null} */
  let before = null;
  /** Whether they reached to the present. */
  let isLive = false;
  /** Newer than this is new. */
  let newest = 0;
  /** How many have come beyond what is loaded. */
  let beyond = 0;

  return {
    /** @param {State} state */
    update(state) {
      const timeline = state.timelines.get(room);
      if (!timeline?.loaded) return;
      const { messages, moreAfter, newAfter } = timeline;
      if (messages === before && newAfter === beyond) return;
      const [known, wasLive, since, more] = [before, isLive, newest, newAfter - beyond];
      before = messages;
      isLive = !moreAfter;
      newest = newestOf(messages, since);
      beyond = newAfter;
      if (known === null || document.hidden) return;
      // Until the present is reached what is loaded is history, and what is new is only counted.
      if (!isLive || !wasLive) gathering.add(...counted(more));
      else gathering.add(...newMessages(state, messages, since), ...changes(state, known, messages));
    },
    close: () => gathering.close(),
  };
}

/** @param {number} more @returns {News[]} */
function counted(more) {
  return Array.from({ length: Math.max(more, 0) }, () => ({ kind: "message", text: "" }));
}

/**
 * @param {State} state
 * @param {Message[]} messages
 * @param {number} since
 * @returns {News[]}
 */
function newMessages(state, messages, since) {
  /** @type {News[]} */
  const news = [];
  for (let at = messages.length - 1; at >= 0; at -= 1) {
    const message = messages[at];
    if (!message || (message.createdSeq > 0 && message.createdSeq <= since)) break;
    if (message.createdSeq > 0 && message.kind === "msg" && isOfOthers(state, message.by))
      news.unshift({ kind: "message", text: `${nameOf(state, message.by)}: ${excerpt(message, TEXT_MAX)}` });
  }
  return news;
}

/**
 * @param {State} state
 * @param {Message[]} before
 * @param {Message[]} now
 * @returns {News[]}
 */
function changes(state, before, now) {
  const known = new Map(before.slice(-WATCHED).map((message) => [message.mid, message]));
  const news = now.slice(-WATCHED).flatMap((message) => {
    const old = known.get(message.mid);
    return old && old !== message ? changesOf(state, old, message) : [];
  });
  return news.map((text) => ({ kind: "change", text }));
}

/**
 * @param {State} state
 * @param {Message} old
 * @param {Message} message
 * @returns {string[]}
 */
function changesOf(state, old, message) {
  const name = nameOf(state, message.by);
  if (old.kind === "msg" && message.kind === "del")
    return isOfOthers(state, message.by) ? [t("announce_deleted", { name })] : [];
  const isRead = old.verdict === message.verdict;
  const edited = isRead && old.t !== message.t && isOfOthers(state, message.by);
  const reactions = Object.entries(message.reactions ?? {}).flatMap(([emoji, uids]) =>
    uids
      .filter((uid) => isOfOthers(state, uid) && !old.reactions?.[emoji]?.includes(uid))
      .map((uid) => t("announce_reacted", { name: nameOf(state, uid), emoji })),
  );
  return [...(edited ? [t("announce_edited", { name })] : []), ...reactions];
}

/** @param {State} state @param {string} uid */
function isOfOthers(state, uid) {
  return uid !== state.me?.uid && !isBlocked(state, uid);
}

/** @param {News[]} news */
export function tell(news) {
  const messages = news.filter(({ kind }) => kind === "message");
  const rest = news.filter(({ kind }) => kind === "change");
  const isMany = messages.length > READ_OUT || messages.some(({ text }) => !text);
  const said = isMany ? [t("new_messages", { n: messages.length })] : messages.map(({ text }) => text);
  const small = rest.length > READ_OUT ? [t("announce_changes", { n: rest.length })] : rest.map(({ text }) => text);
  return [...said, ...small].join("\n");
}
