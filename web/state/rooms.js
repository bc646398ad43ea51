/** The rooms I am in, as pure functions from the state to what is different after a room has come, changed or gone. */

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Room} Room */
/** @typedef {Partial<State>} Change */

/**
 * @param {State} state
 * @param {Room} room
 * @returns {Change}
 */
export function withRoom(state, room) {
  return { rooms: new Map(state.rooms).set(room.id, keepingMembers(state.rooms.get(room.id), room)) };
}

/**
 * @param {State} state
 * @param {string} id
 * @returns {Change}
 */
export function withoutRoom(state, id) {
  const rooms = new Map(state.rooms);
  const timelines = new Map(state.timelines);
  rooms.delete(id);
  timelines.delete(id);
  return { rooms, timelines };
}

/**
 * The members of a room are listed once, when it is opened; later descriptions of the room leave them out.
 *
 * @param {Room | undefined} known
 * @param {Room} room
 * @returns {Room}
 */
export function keepingMembers(known, room) {
  return known?.members && !room.members ? { ...room, members: known.members } : room;
}

/**
 * A description of a room that may be older than the numbers that are known, which then stay.
 *
 * @param {Room | undefined} known
 * @param {Room} room
 * @returns {Room}
 */
export function keepingNumbers(known, room) {
  const isNewer = !known || room.seq > known.seq || (room.seq === known.seq && room.read >= known.read);
  if (isNewer) return room;
  const { seq, read, unread, mentions } = known;
  return { ...room, seq, read, unread, mentions };
}
