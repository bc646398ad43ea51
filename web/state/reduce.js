/**
 * Events of the server as changes of the state: pure functions from the state and an event to the parts that are
 * different after it. Every event says what is so now, so applying one twice changes nothing.
 */
import { callsMe, COUNTED_MAX } from "./attention.js";
import { countsAsUnread } from "./messages.js";
import { keepingKnown, keepingNumbers, withoutRoom, withRoom } from "./rooms.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("../net/wire_frames.js").ServerEvent} ServerEvent */
/** @typedef {import("../net/wire_frames.js").RoomEvent} RoomEvent */
/** @typedef {Partial<State>} Change */

/**
 * Every event but those whose entry must be opened first, for which see `withMessages`, and those about keys.
 *
 * @param {State} state
 * @param {Exclude<ServerEvent, { entry: unknown } | import("../net/wire_frames.js").KeyEvent>} event
 * @returns {Change}
 */
export function reduce(state, event) {
  switch (event.op) {
    case "hello":
      return {
        epoch: event.epoch,
        serverBuild: event.build,
        blocked: new Set(event.blocked),
        ...withRooms(inEpoch(state, event.epoch), new Set(), event),
      };
    case "rooms":
      return withRooms(state, new Set(state.namedRooms), event);
    case "blocks":
      return withBlocked(state, new Set(event.blocked));
    case "presence":
      return changedPresence(state, event);
    case "user":
      return withUser(state, event.user);
    case "activity":
      return withActivity(state, event);
    case "room":
      return event.now
        ? withRoom(state, keepingNumbers(state.rooms.get(event.room), event.now))
        : withoutRoom(state, event.room);
    case "member":
      return withMember(state, event);
    case "typing":
      return withTyping(state, event);
    case "read":
      return withNumbers(state, event.room, { ...event, seq: event.upto, read: event.seq });
    case "keys.changed":
    case "signed_in":
      // Of my account, and none of what is shown of rooms.
      return {};
  }
}

/**
 * The state with nothing that counts in another epoch: rooms that the server has not named yet have no numbers.
 *
 * @param {State} state
 * @param {string} epoch
 * @returns {State}
 */
function inEpoch(state, epoch) {
  if (!isOtherEpoch(state, epoch)) return state;
  const unknown = { seq: 0, read: 0, unread: 0, mentions: 0 };
  return { ...state, rooms: new Map([...state.rooms].map(([id, room]) => [id, { ...room, ...unknown }])) };
}

/**
 * Whether an epoch is another one than that of what is known here.
 *
 * @param {State} state
 * @param {string} epoch
 */
export function isOtherEpoch(state, epoch) {
  return state.epoch !== "" && epoch !== state.epoch;
}

/**
 * The next of my rooms. What was known before stays until the server has named all: it may be among those to come.
 *
 * @param {State} state
 * @param {Set<string>} named
 * @param {{ rooms: Room[], more: boolean }} event
 * @returns {Change}
 */
function withRooms(state, named, { rooms: next, more }) {
  const rooms = new Map(state.rooms);
  for (const room of next) {
    named.add(room.id);
    rooms.set(room.id, keepingKnown(state, room.e2ee ? withMentions(state, room) : room));
  }
  if (more) return { rooms, namedRooms: named };
  const timelines = new Map(state.timelines);
  for (const id of rooms.keys()) {
    if (named.has(id)) continue;
    rooms.delete(id);
    timelines.delete(id);
  }
  return { rooms, timelines, namedRooms: null, loadingRooms: false };
}

/** @param {State} state @param {Room} room @returns {Room} */
function withMentions(state, room) {
  return { ...room, mentions: Math.min(state.rooms.get(room.id)?.mentions ?? 0, room.unread) };
}

/**
 * @param {State} state
 * @param {Set<string>} blocked
 * @returns {Change}
 */
function withBlocked(state, blocked) {
  const typing = new Map(state.typing);
  for (const [room, writers] of typing) {
    if (writers.some((uid) => blocked.has(uid)))
      typing.set(
        room,
        writers.filter((uid) => !blocked.has(uid)),
      );
  }
  return { blocked, typing };
}

/**
 * A person as an event says they are now.
 *
 * @param {import("./types.js").User} user
 * @param {Extract<ServerEvent, { op: "presence" }>} event
 * @returns {import("./types.js").User}
 */
export function withPresence(user, { state, text, until }) {
  // A person who is offline keeps the status text: the account has it.
  return { ...user, state, ...(state === "offline" ? {} : { text, until }) };
}

/**
 * @param {State} state
 * @param {Extract<ServerEvent, { op: "presence" }>} event
 * @returns {Change}
 */
function changedPresence({ users }, event) {
  const user = users.get(event.uid);
  return user ? { users: new Map(users).set(user.uid, withPresence(user, event)) } : {};
}

/**
 * A profile. Presence has events of its own, so what was known of it stays.
 *
 * @param {State} state
 * @param {import("./types.js").User} user
 * @returns {Change}
 */
function withUser(state, user) {
  const presence = state.users.get(user.uid)?.state ?? user.state ?? "offline";
  return { users: new Map(state.users).set(user.uid, { ...user, state: presence }) };
}

/**
 * A room that I do not follow has something new.
 *
 * @param {State} state
 * @param {Extract<RoomEvent, { op: "activity" }>} event
 * @returns {Change}
 */
function withActivity(state, { room: id, seq, added, unread, mentions }) {
  const room = state.rooms.get(id);
  if (!room || seq < room.seq) return {};
  return withRoom(state, { ...counted(room, { seq, unread, mentions }), hidden: room.hidden && added === 0 });
}

/**
 * @param {State} state
 * @param {Extract<RoomEvent, { op: "member" }>} event
 * @returns {Change}
 */
function withMember(state, { room: id, uid, role }) {
  const room = state.rooms.get(id);
  if (!room?.members) return {};
  const others = room.members.filter((each) => each !== uid);
  return withRoom(state, { ...room, members: role ? [...others, uid] : others });
}

/**
 * @param {State} state
 * @param {{ room: string, uid: string }} event
 * @returns {Change}
 */
function withTyping(state, { room, uid }) {
  const writers = state.typing.get(room) ?? [];
  if (uid === state.me?.uid || state.blocked.has(uid) || writers.includes(uid)) return {};
  return { typing: new Map(state.typing).set(room, [...writers, uid]) };
}

/**
 * @param {State} state
 * @param {string} room
 * @param {string} uid
 * @returns {Change}
 */
export function withoutTyping(state, room, uid) {
  const writers = state.typing.get(room);
  if (!writers?.includes(uid)) return {};
  return {
    typing: new Map(state.typing).set(
      room,
      writers.filter((each) => each !== uid),
    ),
  };
}

/**
 * The numbers of a room as the server counts them up to a `seq`. They are out of date if newer messages are counted
 * here, and if I have read on here: then the server answers that with newer ones.
 *
 * @param {State} state
 * @param {string} id
 * @param {{ seq: number, read: number, unread: number, mentions: number }} numbers
 * @returns {Change}
 */
export function withNumbers(state, id, { seq, read, unread, mentions }) {
  const room = state.rooms.get(id);
  if (!room || seq < room.seq || read < room.read) return {};
  return withRoom(state, counted(room, { seq, read, unread, mentions }));
}

/**
 * A room with the numbers that the server counts. What an encrypted message mentions the server cannot know: those are
 * counted here.
 *
 * @param {Room} room
 * @param {{ seq: number, read?: number, unread: number, mentions: number }} numbers
 * @returns {Room}
 */
function counted(room, numbers) {
  const mentions = room.e2ee ? Math.min(room.mentions, numbers.unread) : numbers.mentions;
  return { ...room, ...numbers, mentions };
}

/**
 * What new messages mean for their room, live or replayed: they are counted, and a hidden room is shown again.
 *
 * @param {State} state
 * @param {string} id
 * @param {Message[]} messages
 * @returns {Change}
 */
export function withMessages(state, id, messages) {
  const room = state.rooms.get(id);
  const writers = state.typing.get(id);
  const stillTyping = writers?.filter((uid) => !messages.some(({ by }) => by === uid));
  return {
    ...(room
      ? withRoom(
          state,
          messages.reduce((now, message) => counting(state, now, message), room),
        )
      : {}),
    ...(stillTyping && stillTyping.length < (writers?.length ?? 0)
      ? { typing: new Map(state.typing).set(id, stillTyping) }
      : {}),
  };
}

/**
 * The room with a message counted, if it is a new one. All other changes of the numbers the server tells.
 *
 * @param {State} state
 * @param {Room} room
 * @param {Message} message
 * @returns {Room}
 */
function counting(state, room, message) {
  const isNew = message.createdSeq > room.seq && message.kind === "msg";
  const counts = isNew && message.createdSeq > room.read && countsAsUnread(message, state.me?.uid ?? "");
  return {
    ...room,
    seq: Math.max(room.seq, message.seq),
    unread: Math.min(COUNTED_MAX, room.unread + Number(counts)),
    mentions: Math.min(COUNTED_MAX, room.mentions + Number(counts && callsMe(state, message))),
    // A new message brings a hidden room back.
    hidden: room.hidden && !isNew,
  };
}
