/**
 * Frames of the WebSocket as the client sees them. A frame carries current state, so what it leaves out has a meaning
 * of its own, which is written out here.
 */
import { logHeadFromWire, namesFromWire, roomFromWire, userFromWire } from "./wire.js";

/** @typedef {import("../state/types.js").User} User */
/** @typedef {import("../state/types.js").Room} Room */
/** @typedef {import("../state/types.js").LogHead} LogHead */

/** What I have read of a room, and what not. @typedef {{ read: number, unread: number, mentions: number }} Numbers */

/**
 * A frame of the server.
 *
 * @typedef {{ op: "ok", id: string, seq: number, at: number | null, truncated: boolean, log: LogHead | null } & Numbers
 *   | { op: "err", id: string, code: string, message: string, retryMs: number, detail?: any }
 *   | { op: "bye", code: string, retryMs: number }
 *   | ServerEvent} Frame
 */

/**
 * A frame that says what the state is now.
 *
 * @typedef {{ op: "hello", uid: string, at: number | null, epoch: string, rooms: Room[], more: boolean,
 *   blocked: string[], build: string, dir: DirectoryHead | null }
 *   | { op: "rooms", rooms: Room[], more: boolean }
 *   | { op: "blocks", blocked: string[] }
 *   | { op: "keys.changed", device: string }
 *   | { op: "signed_in", session: SignIn }
 *   | { op: "presence", uid: string, state: import("../state/types.js").Presence, text: string, until: number | null }
 *   | { op: "user", user: User }
 *   | RoomEvent} ServerEvent
 */

/**
 * How far the list of everybody's keys goes, which of its places lack their entries since a restore, and whether it
 * takes no new ones.
 *
 * @typedef {{ n: number, h: string, missing: number[], closed: boolean }} DirectoryHead
 */
/** A sign-in of mine in another browser. @typedef {{ id: string, device: string, createdAt: number }} SignIn */

/**
 * One that concerns a single room.
 *
 * @typedef {{ op: "msg" | "log", room: string, entry: import("./wire.js").Entry }
 *   | KeyEvent
 *   | { op: "activity", room: string, seq: number, added: number, unread: number, mentions: number }
 *   | { op: "room", room: string, now: Room | null }
 *   | { op: "member", room: string, uid: string, role: string | null }
 *   | { op: "typing", room: string, uid: string }
 *   | { op: "read", room: string, seq: number, upto: number, unread: number, mentions: number }} RoomEvent
 */

/** Who lacks a room's key: a person, the key's number, and the generation of the person's own. */
/** @typedef {{ uid: string, epoch: number, gen: number }} Pair */

/**
 * One about the keys of an encrypted room. `wrap` is for me: the room's key, sealed to mine.
 *
 * @typedef {{ op: "wrap", room: string, epoch: number, gen: number, w: string }
 *   | { op: "wraps.needed", room: string, needed: Pair[], join: boolean }
 *   | { op: "rotation.due", room: string, why: string, shut: string[] }} KeyEvent
 */

/** @type {Record<string, (wire: any) => Frame>} */
const FRAMES = {
  ok: (wire) => ({
    op: "ok",
    id: wire.id,
    seq: Number(wire.seq ?? 0),
    at: wire.at ?? null,
    truncated: Boolean(wire.truncated),
    log: wire.log ? logHeadFromWire(wire.log) : null,
    read: Number(wire.read ?? 0),
    unread: Number(wire.unread ?? 0),
    mentions: Number(wire.mentions ?? 0),
  }),
  err: (wire) => ({
    op: "err",
    id: wire.id,
    code: String(wire.code ?? "unknown"),
    message: String(wire.message ?? ""),
    retryMs: Number(wire.retry_ms ?? 0),
    ...(wire.detail ? { detail: namesFromWire(wire.detail) } : {}),
  }),
  bye: (wire) => ({ op: "bye", code: String(wire.code), retryMs: Number(wire.retry_ms) || 0 }),
  hello: (wire) => ({
    op: "hello",
    uid: String(wire.uid),
    at: wire.at ?? null,
    epoch: String(wire.epoch ?? ""),
    rooms: wire.rooms.map(roomFromWire),
    more: Boolean(wire.more),
    blocked: (wire.blocked ?? []).map(String),
    build: String(wire.build ?? ""),
    dir: wire.dir ? directoryFromWire(wire.dir) : null,
  }),
  rooms: (wire) => ({ op: "rooms", rooms: wire.rooms.map(roomFromWire), more: Boolean(wire.more) }),
  blocks: (wire) => ({ op: "blocks", blocked: wire.blocked.map(String) }),
  "keys.changed": (wire) => ({ op: "keys.changed", device: String(wire.device ?? "") }),
  signed_in: ({ session }) => ({
    op: "signed_in",
    session: { id: String(session.id), device: String(session.device ?? ""), createdAt: Number(session.created_at) },
  }),
  presence: (wire) => ({
    op: "presence",
    uid: String(wire.uid),
    state: wire.state,
    text: wire.text ?? "",
    until: wire.until ?? null,
  }),
  user: (wire) => ({ op: "user", user: userFromWire(wire.user) }),
  msg: (wire) => ({ op: "msg", room: String(wire.room), entry: { seq: wire.seq, at: wire.at, msg: wire.msg } }),
  log: ({ room, seq, at, from, entries }) => ({
    op: "log",
    room: String(room),
    entry: { seq, at, msg: null, log: { from: Number(from), entries: entries ?? null } },
  }),
  wrap: ({ room, epoch, gen, w }) => ({
    op: "wrap",
    room: String(room),
    epoch: Number(epoch),
    gen: Number(gen),
    w: String(w),
  }),
  "wraps.needed": ({ room, needed, join }) => ({
    op: "wraps.needed",
    room: String(room),
    needed: (needed ?? []).map(pairFromWire),
    join: Boolean(join),
  }),
  "rotation.due": ({ room, why, shut }) => ({
    op: "rotation.due",
    room: String(room),
    why: String(why ?? ""),
    shut: (shut ?? []).map(String),
  }),
  activity: (wire) => ({
    op: "activity",
    room: String(wire.room),
    seq: Number(wire.seq),
    added: Number(wire.new ?? 0),
    unread: Number(wire.unread ?? 0),
    mentions: Number(wire.mentions ?? 0),
  }),
  room: (wire) => ({ op: "room", room: String(wire.room.id), now: wire.room.gone ? null : roomFromWire(wire.room) }),
  member: (wire) => ({ op: "member", room: String(wire.room), uid: String(wire.uid), role: wire.role ?? null }),
  typing: (wire) => ({ op: "typing", room: String(wire.room), uid: String(wire.uid) }),
  read: (wire) => ({
    op: "read",
    room: String(wire.room),
    seq: Number(wire.seq),
    upto: Number(wire.upto ?? 0),
    unread: Number(wire.unread ?? 0),
    mentions: Number(wire.mentions ?? 0),
  }),
};

/** @param {any} wire @returns {Pair} */
export function pairFromWire({ uid, epoch, gen }) {
  return { uid: String(uid), epoch: Number(epoch), gen: Number(gen) };
}

/** @param {any} wire @returns {DirectoryHead} */
function directoryFromWire({ n, h, missing, closed }) {
  return { n: Number(n), h: String(h), missing: (missing ?? []).map(Number), closed: Boolean(closed) };
}

/**
 * @param {any} wire
 * @returns {Frame | null} null for an `op` that this client does not know
 */
export function frameFromWire(wire) {
  return FRAMES[wire.op]?.(wire) ?? null;
}
