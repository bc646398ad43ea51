/** What is known of single messages. */

/** @typedef {import("./types.js").Message} Message */

/**
 * A message as it is known now: in the stretch of its room that is loaded, or as it was changed last outside of it.
 *
 * @param {import("./types.js").State} state
 * @param {string} room
 * @param {string} mid
 * @returns {Message | undefined}
 */
export function knownMessage(state, room, mid) {
  const { messages = [], elsewhere = [] } = state.timelines.get(room) ?? {};
  const here = messages.find((message) => message.mid === mid);
  const there = elsewhere.findLast((message) => message.mid === mid);
  return here && there && there.seq > here.seq ? there : (here ?? there);
}
