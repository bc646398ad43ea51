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
  return { rooms: new Map(state.rooms).set(room.id, keepingKnown(state, room)) };
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
 * A description of a room with what descriptions leave out. The members of a room are listed once, when it is opened.
 * Who is in an encrypted room its log says, whatever the server does.
 *
 * @param {State} state
 * @param {Room} room
 * @returns {Room}
 */
export function keepingKnown(state, room) {
  const known = state.rooms.get(room.id);
  const named = known?.members && !room.members ? { ...room, members: known.members } : room;
  const checked = state.encrypted.get(room.id);
  if (!checked?.people.length) return named;
  const { people, wasGroup } = checked;
  return { ...withPeople(named, people, state.me?.uid ?? ""), wasGroup };
}

/**
 * @param {Room} room
 * @param {{ uid: string }[]} people
 * @param {string} me
 * @returns {Room}
 */
function withPeople({ peer: _, ...room }, people, me) {
  const others = people.map(({ uid }) => uid).filter((uid) => uid !== me);
  const peer = others.length === 1 ? { peer: /** @type {string} */ (others[0]) } : {};
  return { ...room, others, ...peer, memberCount: people.length };
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
