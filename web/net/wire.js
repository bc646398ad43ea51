/**
 * Every translation between the wire and the client. Names with an underscore are used here alone; the rest of the
 * client sees camelCase, with a value for everything that the wire leaves out when there is nothing to say.
 */

/** @typedef {import("../state/types.js").User} User */
/** @typedef {import("../state/types.js").Room} Room */
/** @typedef {import("../state/types.js").Message} Message */
/** @typedef {import("../state/types.js").Picture} Picture */

/** A message as the server sends it; `msg` stays closed until the entry is ingested. @typedef {{ seq: number, at: number, msg: any }} Entry */
/** @typedef {{ code: string, message: string, status?: number, retryMs?: number }} Failure */

/**
 * A frame of the server.
 *
 * @typedef {{ op: "ok", id: string, seq: number, at: number | null, truncated: boolean }
 *   | { op: "err", id: string, code: string, message: string, retryMs: number }
 *   | { op: "bye", code: string, retryMs: number }
 *   | ServerEvent} Frame
 */

/**
 * A frame that says what the state is now.
 *
 * @typedef {{ op: "hello", rooms: Room[], more: boolean, blocked: string[] }
 *   | { op: "rooms", rooms: Room[], more: boolean }
 *   | { op: "blocks", blocked: string[] }
 *   | { op: "presence", uid: string, state: import("../state/types.js").Presence, text: string, until: number | null }
 *   | { op: "user", user: User }
 *   | RoomEvent} ServerEvent
 */

/**
 * One that concerns a single room.
 *
 * @typedef {{ op: "msg", room: string, entry: Entry }
 *   | { op: "activity", room: string, seq: number, added: number, mention: boolean }
 *   | { op: "room", room: string, now: Room | null }
 *   | { op: "member", room: string, uid: string, role: string | null }
 *   | { op: "typing", room: string, uid: string }
 *   | { op: "read", room: string, seq: number, unread: number, mentions: number }} RoomEvent
 */

/** @type {Record<string, (wire: any) => Frame>} */
const FRAMES = {
  ok: (wire) => ({
    op: "ok",
    id: wire.id,
    seq: Number(wire.seq ?? 0),
    at: wire.at ?? null,
    truncated: Boolean(wire.truncated),
  }),
  err: (wire) => ({
    op: "err",
    id: wire.id,
    code: String(wire.code ?? "unknown"),
    message: String(wire.message ?? ""),
    retryMs: Number(wire.retry_ms ?? 0),
  }),
  bye: (wire) => ({ op: "bye", code: String(wire.code), retryMs: Number(wire.retry_ms) || 0 }),
  hello: (wire) => ({
    op: "hello",
    rooms: wire.rooms.map(roomFromWire),
    more: Boolean(wire.more),
    blocked: (wire.blocked ?? []).map(String),
  }),
  rooms: (wire) => ({ op: "rooms", rooms: wire.rooms.map(roomFromWire), more: Boolean(wire.more) }),
  blocks: (wire) => ({ op: "blocks", blocked: wire.blocked.map(String) }),
  presence: (wire) => ({
    op: "presence",
    uid: String(wire.uid),
    state: wire.state,
    text: wire.text ?? "",
    until: wire.until ?? null,
  }),
  user: (wire) => ({ op: "user", user: userFromWire(wire.user) }),
  msg: (wire) => ({ op: "msg", room: String(wire.room), entry: { seq: wire.seq, at: wire.at, msg: wire.msg } }),
  activity: (wire) => ({
    op: "activity",
    room: String(wire.room),
    seq: Number(wire.seq),
    added: Number(wire.new ?? 1),
    mention: Boolean(wire.mention),
  }),
  room: (wire) => ({ op: "room", room: String(wire.room.id), now: wire.room.gone ? null : roomFromWire(wire.room) }),
  member: (wire) => ({ op: "member", room: String(wire.room), uid: String(wire.uid), role: wire.role ?? null }),
  typing: (wire) => ({ op: "typing", room: String(wire.room), uid: String(wire.uid) }),
  read: (wire) => ({
    op: "read",
    room: String(wire.room),
    seq: Number(wire.seq),
    unread: Number(wire.unread ?? 0),
    mentions: Number(wire.mentions ?? 0),
  }),
};

/**
 * @param {any} wire
 * @returns {Frame | null} null for an `op` that this client does not know
 */
export function frameFromWire(wire) {
  return FRAMES[wire.op]?.(wire) ?? null;
}

/**
 * @param {any} wire
 * @returns {User}
 */
export function userFromWire(wire) {
  return {
    uid: String(wire.uid ?? wire.id),
    username: String(wire.username ?? ""),
    displayName: wire.display_name ?? "",
    bio: wire.bio ?? "",
    avatar: pictureFromWire(wire.avatar),
    state: wire.status?.state ?? "offline",
    text: wire.status?.text ?? "",
    until: wire.status?.until ?? null,
    ...(wire.locale ? { locale: String(wire.locale) } : {}),
    ...(wire.admin === undefined ? {} : { admin: Boolean(wire.admin) }),
    ...(wire.disabled ? { disabled: true } : {}),
    ...(wire.removed ? { removed: true } : {}),
    ...(wire.ambiguous ? { ambiguous: true } : {}),
  };
}

/**
 * @param {any} wire  `{"96": path, "384": path}`
 * @returns {Picture | null}
 */
export function pictureFromWire(wire) {
  return wire?.["96"] ? { small: String(wire["96"]), large: String(wire["384"] ?? wire["96"]) } : null;
}

/**
 * @param {any} wire
 * @returns {Room}
 */
export function roomFromWire(wire) {
  return {
    id: String(wire.id),
    name: String(wire.name ?? ""),
    topic: String(wire.topic ?? ""),
    kind: wire.kind,
    e2ee: Boolean(wire.e2ee),
    ...(wire.role ? { role: wire.role } : {}),
    seq: Number(wire.seq ?? 0),
    read: Number(wire.read ?? 0),
    unread: Number(wire.unread ?? 0),
    mentions: Number(wire.mentions ?? 0),
    memberCount: Number(wire.members ?? 0),
    others: (wire.with ?? []).map(String),
    ...(wire.with?.length === 1 ? { peer: String(wire.with[0]) } : {}),
    isDefault: Boolean(wire.default),
    readOnly: Boolean(wire.read_only),
    archived: Boolean(wire.archived),
    favourite: Boolean(wire.favourite),
    notify: wire.notify ?? "usual",
    mutedUntil: wire.silenced_until ?? null,
    hidden: Boolean(wire.hidden),
  };
}

/**
 * @param {{ name?: string, topic?: string, kind?: string, readOnly?: boolean, archived?: boolean, isDefault?: boolean }} change
 */
export function roomToWire({ readOnly, isDefault, ...same }) {
  return {
    ...same,
    ...(readOnly === undefined ? {} : { read_only: readOnly }),
    ...(isDefault === undefined ? {} : { default: isDefault }),
  };
}

/**
 * @param {any} wire
 * @returns {import("../state/types.js").Member}
 */
export function memberFromWire(wire) {
  return {
    uid: String(wire.uid ?? wire.id),
    role: String(wire.role ?? "member"),
    state: wire.state ?? "offline",
    joinedAt: Number(wire.joined_at ?? 0),
    mutedUntil: wire.silenced_until ?? null,
    ...(wire.user ? { user: userFromWire(wire.user) } : {}),
  };
}

/** @param {{ role?: string, mutedUntil?: number | null }} change */
export function memberToWire({ mutedUntil, ...same }) {
  return { ...same, ...(mutedUntil === undefined ? {} : { silenced_until: mutedUntil }) };
}

/**
 * @param {Entry} entry
 * @param {string} me  whose reactions are marked as mine
 * @returns {Message}
 */
export function messageFromWire(entry, me) {
  const { msg } = entry;
  /** @type {Record<string, string[]>} */
  const reactions = {};
  /** @type {Record<string, string>} */
  const mine = {};
  for (const { e, by, mids } of msg.reactions ?? []) {
    reactions[e] = by;
    const at = by.indexOf(me);
    if (at >= 0) mine[e] = mids[at];
  }
  return {
    mid: msg.mid,
    rev: msg.rev,
    kind: msg.kind === "del" ? "del" : "msg",
    by: msg.by,
    t: msg.t ?? "",
    at: msg.created ?? entry.at,
    createdSeq: msg.created_seq ?? entry.seq,
    seq: entry.seq,
    status: "sent",
    reactions,
    mine,
    ...(msg.unreadable ? { unreadable: true } : {}),
    ...(msg.re ? { re: msg.re } : {}),
    ...(msg.m ? { m: msg.m } : {}),
    ...(msg.edited ? { edited: msg.edited } : {}),
  };
}

/**
 * Renames the keys at every depth: `created_at` is `createdAt` here. For what needs no more than that.
 *
 * @param {any} value
 * @returns {any}
 */
export function namesFromWire(value) {
  return renamed(value, (key) => key.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()));
}

/**
 * @param {any} value
 * @returns {any}
 */
export function namesToWire(value) {
  return renamed(value, (key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));
}

/**
 * @param {any} value
 * @param {(key: string) => string} rename
 * @returns {any}
 */
function renamed(value, rename) {
  if (Array.isArray(value)) return value.map((each) => renamed(each, rename));
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [rename(key), renamed(each, rename)]));
}
