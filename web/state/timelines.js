/**
 * The timelines of rooms as pure functions. A timeline is a window over the history of its room: one stretch without a
 * gap. Pages extend it or take its place, and what comes live is taken in where it belongs. A page shows the room as it
 * was at some moment after it was asked for, so what came live since then (`changed`) is merged into it: nothing newer
 * is replaced, and a page that ends at the present continues in what came meanwhile.
 */
import { change, firstSeqOf, lastSeqOf, merge, placedIn, unreadAfter } from "./messages.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Timeline} Timeline */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {Partial<State>} Change */
/** @typedef {{ messages: Message[], moreBefore: boolean, moreAfter: boolean }} Stretch */

/** So many changes outside of the stretch are known, for lists that show what it does not. */
const ELSEWHERE_MAX = 100;

/**
 * Nothing is loaded yet.
 *
 * @param {number} seq  what is asked for from now on is not older than this
 * @returns {Timeline}
 */
export function emptyTimeline(seq) {
  return {
    messages: [],
    loaded: false,
    moreBefore: false,
    moreAfter: false,
    loadingBefore: false,
    loadingAfter: false,
    newAfter: 0,
    seq,
    stale: false,
  };
}

/**
 * @param {State} state
 * @param {string} room
 * @param {Timeline} timeline
 * @returns {Change}
 */
export function withTimeline(state, room, timeline) {
  return { timelines: new Map(state.timelines).set(room, timeline) };
}

/**
 * @param {State} state
 * @param {string} room
 * @returns {Change}
 */
export function withoutTimeline(state, room) {
  const timelines = new Map(state.timelines);
  timelines.delete(room);
  return { timelines };
}

/**
 * The timeline with what came live or was replayed, in the order in which it happened.
 *
 * @param {Timeline} timeline
 * @param {Message[]} changed
 * @returns {Timeline}
 */
export function withChanged(timeline, changed) {
  const seq = changed.reduce((most, message) => Math.max(most, message.seq), timeline.seq);
  const messages = withoutUnplaced(timeline.messages, new Set(changed.map(({ mid }) => mid)));
  const belonging = changed.filter((message) => belongs(timeline, message));
  const elsewhere = changed.filter((message) => isChange(message) && !belonging.includes(message));
  return {
    ...timeline,
    seq,
    messages: belonging.length ? merge(messages, belonging) : messages,
    ...(elsewhere.length ? { elsewhere: [...(timeline.elsewhere ?? []), ...elsewhere].slice(-ELSEWHERE_MAX) } : {}),
  };
}

/** Whether a message is not as it was sent. @param {Message} message */
function isChange({ kind, edited }) {
  return kind === "del" || edited !== undefined;
}

/**
 * Nothing has changed up to a `seq` but what is known.
 *
 * @param {State} state
 * @param {string} room
 * @param {number} seq
 * @returns {Change}
 */
export function withReached(state, room, seq) {
  const timeline = state.timelines.get(room);
  return timeline && seq > timeline.seq ? withTimeline(state, room, { ...timeline, seq }) : {};
}

/**
 * A message of mine is in its room. Its place it gets with the event that shows it to everybody. If that has come
 * already, its place is not in the stretch.
 *
 * @param {Timeline} timeline
 * @param {string} mid
 * @param {number} seq
 * @returns {Timeline}
 */
export function withSent(timeline, mid, seq) {
  const { messages } = timeline;
  if (seq <= timeline.seq) return { ...timeline, messages: withoutUnplaced(messages, new Set([mid])) };
  return { ...timeline, messages: change(messages, mid, (message) => ({ ...message, status: "sent" })) };
}

/** @param {Message[]} messages @param {Set<string>} mids */
function withoutUnplaced(messages, mids) {
  if (messages.at(-1)?.createdSeq !== 0) return messages;
  return messages.filter(({ mid, createdSeq }) => createdSeq > 0 || !mids.has(mid));
}

/**
 * Whether a message has its place in the stretch. One outside of it comes with its page; taken in before, it would hide
 * that everything between is missing.
 *
 * @param {Timeline} timeline
 * @param {Message} message
 */
function belongs({ loaded, messages, moreBefore, moreAfter }, { createdSeq }) {
  if (!loaded) return false;
  return (!moreBefore || createdSeq >= firstSeqOf(messages)) && (!moreAfter || createdSeq <= lastSeqOf(messages));
}

/**
 * A page in the place of the stretch. Mine that have no place yet stay if it reaches the present, and so does what is
 * known in a newer state, by another page. That of a stale stretch may be from a state that the server does not know.
 *
 * @param {Timeline} timeline
 * @param {Stretch} page
 * @param {Message[]} changed  since the page was asked for
 * @returns {Timeline}
 */
export function withStretch(timeline, page, changed) {
  const mids = new Set(page.messages.map(({ mid }) => mid));
  const kept = timeline.messages.filter(({ mid, createdSeq }) =>
    createdSeq === 0 ? !page.moreAfter : mids.has(mid) && !timeline.stale,
  );
  return {
    ...timeline,
    messages: merge(kept, upToDate(page, changed, 0)),
    loaded: true,
    moreBefore: page.moreBefore,
    moreAfter: page.moreAfter,
    loadingBefore: false,
    loadingAfter: false,
    stale: false,
  };
}

/**
 * The page that ends where the stretch begins.
 *
 * @param {Timeline} timeline
 * @param {Stretch} page
 * @param {Message[]} changed
 * @returns {Timeline}
 */
export function withPageBefore(timeline, page, changed) {
  const messages = merge(upToDate(page, changed, 0), timeline.messages);
  return { ...timeline, messages, moreBefore: page.moreBefore };
}

/**
 * The page that begins where the stretch ends.
 *
 * @param {Timeline} timeline
 * @param {Stretch} page
 * @param {Message[]} changed
 * @returns {Timeline}
 */
export function withPageAfter(timeline, page, changed) {
  const messages = merge(timeline.messages, upToDate(page, changed, lastSeqOf(timeline.messages)));
  return { ...timeline, messages, moreAfter: page.moreAfter };
}

/**
 * The messages of a page as they are now, and what follows it if it ends at the present.
 *
 * @param {Stretch} page
 * @param {Message[]} changed
 * @param {number} edge  where the page begins, if it is empty
 */
function upToDate({ messages, moreAfter }, changed, edge) {
  const mids = new Set(messages.map(({ mid }) => mid));
  const end = messages.at(-1)?.createdSeq ?? edge;
  const belonging = changed.filter(({ mid, createdSeq }) => mids.has(mid) || (!moreAfter && createdSeq > end));
  return merge(messages, belonging);
}

/**
 * Changes were missed that are too many to be replayed. What is read stays where it is, and is known to be old.
 *
 * @param {Timeline} timeline
 * @param {number} seq  of the room now; lower than before if the server was set back
 * @returns {Timeline}
 */
export function cutOff({ elsewhere: _, ...timeline }, seq) {
  if (!timeline.loaded) return { ...timeline, seq };
  const messages = timeline.messages.filter(({ createdSeq }) => createdSeq > 0);
  return { ...timeline, messages, seq, moreAfter: true, loadingBefore: false, loadingAfter: false, stale: true };
}

/**
 * In a new epoch: a message of mine that the last one took and never showed may be gone. One that waits stays.
 *
 * @param {Timeline} timeline
 * @returns {Timeline}
 */
export function withoutSent(timeline) {
  const messages = timeline.messages.filter(({ createdSeq, status }) => createdSeq > 0 || status !== "sent");
  return { ...timeline, messages };
}

/**
 * No more than may be kept: the side that is farther from the reader is left.
 *
 * @param {Timeline} timeline
 * @param {number} at  the `createdSeq` before the reader's eyes
 * @param {number} most
 * @returns {Timeline}
 */
export function trimmed(timeline, at, most) {
  const { messages } = timeline;
  const placed = placedIn(messages);
  if (placed <= most) return timeline;
  const middle = messages[Math.floor(placed / 2)]?.createdSeq ?? 0;
  if (at >= middle) return { ...timeline, messages: messages.slice(placed - most), moreBefore: true };
  return { ...timeline, messages: messages.slice(0, most), moreAfter: true };
}

/**
 * Counts anew what is unread beyond the stretch, after the stretch or the numbers of the room have changed.
 *
 * @param {State} state
 * @param {string} id
 * @returns {Change}
 */
export function withNewAfter(state, id) {
  const timeline = state.timelines.get(id);
  const room = state.rooms.get(id);
  if (!timeline || !room) return {};
  const within = timeline.moreAfter ? unreadAfter(timeline.messages, room, state).unread : room.unread;
  const newAfter = Math.max(0, room.unread - within);
  return newAfter === timeline.newAfter ? {} : withTimeline(state, id, { ...timeline, newAfter });
}
