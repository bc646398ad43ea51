/**
 * The timelines of rooms as pure functions: pages and live messages taken in. A timeline is what is loaded of a room,
 * without a gap, and reaches to the present.
 */
import { firstSeqOf, inLoadedRange, merge, unreadAfter } from "./messages.js";
import { withRoom } from "./rooms.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Timeline} Timeline */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {Partial<State>} Change */

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
 * The newest page in the place of the sent messages that were known. Only changes that came live after `after`, while
 * the page was on its way, are newer than it.
 *
 * @param {State} state
 * @param {string} id
 * @param {{ messages: Message[], more: boolean }} page
 * @param {number} after
 * @returns {Change}
 */
export function withNewestPage(state, id, { messages: arrived, more }, after) {
  const old = state.timelines.get(id);
  if (!old) return {};
  const oldest = arrived[0]?.createdSeq ?? 0;
  const kept = old.messages.filter(
    (message) => message.status !== "sent" || (message.seq > after && message.createdSeq >= oldest),
  );
  const { gapAfter: _, ...timeline } = old;
  const room = state.rooms.get(id);
  const me = state.me?.uid ?? "";
  return {
    ...withTimeline(state, id, {
      ...timeline,
      messages: merge(kept, arrived),
      loaded: true,
      loading: false,
      moreBefore: more,
    }),
    // Where the page is the whole room the messages can be counted.
    ...(room && !more ? withRoom(state, { ...room, ...unreadAfter(arrived, room.read, me, state.blocked) }) : {}),
  };
}

/**
 * The page before `first`, unless the timeline begins elsewhere by now.
 *
 * @param {State} state
 * @param {string} id
 * @param {{ messages: Message[], more: boolean } | null} page  null if it could not be had
 * @param {number} first
 * @returns {Change}
 */
export function withOlderPage(state, id, page, first) {
  const old = state.timelines.get(id);
  if (!old) return {};
  const { changedBefore = [], ...timeline } = old;
  if (!page || firstSeqOf(timeline.messages) !== first) return withTimeline(state, id, { ...timeline, loading: false });
  const inPage = new Set(page.messages.map(({ mid }) => mid));
  const changed = changedBefore.filter(({ mid }) => inPage.has(mid));
  return withTimeline(state, id, {
    ...timeline,
    loading: false,
    moreBefore: page.more && page.messages.length > 0,
    messages: merge(merge(page.messages, changed), timeline.messages),
  });
}

/**
 * @param {Timeline} timeline
 * @param {Message} message
 * @returns {Timeline}
 */
export function withArrived(timeline, message) {
  const seq = Math.max(timeline.seq, message.seq);
  if (inLoadedRange(timeline, message)) return { ...timeline, messages: merge(timeline.messages, [message]), seq };
  // An older message that changed comes with its own page. One that is on its way may have been read before the change.
  if (!timeline.loading) return { ...timeline, seq };
  return { ...timeline, changedBefore: merge(timeline.changedBefore ?? [], [message]), seq };
}
