/**
 * Translations between the objects of the wire and those of the client. Names with an underscore are used here and in
 * `wire_frames.js` alone; the rest of the client sees camelCase, with a value for what the wire leaves out.
 */

/** @typedef {import("../state/types.js").User} User */
/** @typedef {import("../state/types.js").Room} Room */
/** @typedef {import("../state/types.js").Message} Message */
/** @typedef {import("../state/types.js").Picture} Picture */
/** @typedef {import("../state/types.js").FileInfo} FileInfo */

/**
 * A message as the server sends it; `msg` stays as it came until the entry is opened. In encrypted rooms an entry may
 * be a batch of the room's log instead, which has its place among the messages.
 *
 * @typedef {{ seq: number, at: number, msg: any, log?: LogBatch }} Entry
 */
/**
 * Entries of a room's log that were appended together; `from` is the number of the first one. Without `entries` they
 * are too many for a frame, and are to be fetched.
 *
 * @typedef {{ from: number, entries: { e: string, s: string }[] | null }} LogBatch
 */
/**
 * A change in an encrypted room as the server tells it, before anything of it is checked.
 *
 * @typedef {object} SealedEntry
 * @property {number} seq  the newest change of the message
 * @property {string} mid
 * @property {number} rev
 * @property {"msg" | "del" | "react"} kind
 * @property {string} by
 * @property {string} ref  of a reaction: the message
 * @property {number} at
 * @property {number} createdSeq  0 of a reaction
 * @property {number} revSeq
 * @property {number | null} edited
 * @property {any} env  null if the server took it away
 * @property {"account" | "retention" | "admin" | null} gone
 * @property {{ revSeq: number, env: any }[] | null} reacts  all reactions; null: as they were
 */

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
    ...(wire.bot ? { bot: true } : {}),
  };
}

/**
 * @param {any} wire
 * @returns {import("../state/types.js").Hook}
 */
export function hookFromWire(wire) {
  return {
    id: String(wire.id),
    uid: String(wire.uid),
    name: String(wire.name),
    avatar: pictureFromWire(wire.avatar),
    usedAt: wire.used_at ?? null,
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
    ...(wire.e2ee ? sealedRoomFromWire(wire) : {}),
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

/** What the server says of an encrypted room besides. @param {any} wire */
function sealedRoomFromWire({ rid, log }) {
  return {
    ...(rid ? { rid: String(rid) } : {}),
    ...(log ? { log: logHeadFromWire(log) } : {}),
  };
}

/** @param {any} wire @returns {import("../state/types.js").LogHead} */
export function logHeadFromWire({ seq, hash }) {
  return { seq: Number(seq), hash: String(hash) };
}

/**
 * @param {import("../calls/rooms.js").RoomChange} change
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
 * A file of a message; one that waits to be sent has a `key` in the place of the `id`.
 *
 * @param {any} wire
 * @returns {FileInfo}
 */
export function fileFromWire({ id, key, name, type, size, width, height, alt }) {
  return {
    id: String(id ?? ""),
    ...(key ? { key: String(key) } : {}),
    name: String(name ?? ""),
    type: String(type ?? ""),
    size: Number(size ?? 0),
    ...(width > 0 && height > 0 ? { width: Number(width), height: Number(height) } : {}),
    ...(alt ? { alt: String(alt) } : {}),
  };
}

/**
 * A file of a room, as its list has it.
 *
 * @param {any} wire
 * @returns {import("../calls/files.js").RoomFile}
 */
export function roomFileFromWire(wire) {
  return { ...fileFromWire(wire), mid: String(wire.mid), by: String(wire.by), at: Number(wire.at) };
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
    // Servers of earlier versions took `❤` and `❤️` of one person, which are one.
    reactions[e] = [...new Set(by)];
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
    ...(msg.f?.length ? { files: msg.f.map(fileFromWire) } : {}),
    ...(msg.edited ? { edited: msg.edited } : {}),
  };
}

/**
 * @param {Entry} entry  of an encrypted room
 * @returns {SealedEntry}
 */
export function sealedFromWire({ seq, at, msg }) {
  const gone = ["account", "retention", "admin"].includes(msg.gone) ? msg.gone : msg.gone ? "admin" : null;
  const isReaction = Boolean(msg.ref);
  const created = isReaction ? 0 : Number(msg.created_seq ?? seq);
  return {
    seq: Number(seq),
    mid: String(msg.mid),
    rev: Number(msg.rev),
    kind: msg.kind === "del" || msg.kind === "react" ? msg.kind : "msg",
    by: String(msg.by),
    ref: String(msg.ref ?? ""),
    at: Number(msg.created ?? at),
    createdSeq: created,
    revSeq: Number(msg.rev_seq ?? seq),
    edited: msg.edited ?? null,
    env: msg.env ?? null,
    gone,
    reacts: Array.isArray(msg.reacts)
      ? msg.reacts.map((/** @type {any} */ { rev_seq, env }) => ({ revSeq: Number(rev_seq), env }))
      : null,
  };
}

/**
 * Where a page of messages is: around a message or a place, before or after a `createdSeq`, or else at the end.
 *
 * @typedef {{ around?: string | number, before?: number, after?: number }} Where
 */
/**
 * A page, whether the history goes on at its ends, and the epoch of every `seq` in it.
 *
 * @typedef {{ entries: Entry[], moreBefore: boolean, moreAfter: boolean, epoch: string }} Page
 */

/**
 * @param {any} wire
 * @param {Where} where  it was asked for
 * @returns {Page}
 */
export function pageFromWire(wire, { around, before, after }) {
  const entries = wire.messages;
  const epoch = String(wire.epoch ?? "");
  if (around !== undefined)
    return { entries, moreBefore: Boolean(wire.more_before), moreAfter: Boolean(wire.more_after), epoch };
  // An empty page has nothing behind it, whatever it says: asked for again it would be empty again.
  const more = Boolean(wire.more) && entries.length > 0;
  if (before !== undefined) return { entries, moreBefore: more, moreAfter: true, epoch };
  return { entries, moreBefore: after !== undefined || more, moreAfter: after !== undefined && more, epoch };
}

/**
 * @param {any} wire
 * @param {string} me  whose reactions are marked as mine
 * @returns {import("../calls/search.js").FoundPage}
 */
export function foundFromWire(wire, me) {
  return {
    epoch: String(wire.epoch ?? ""),
    results: wire.results.map((/** @type {any} */ { room, marks, ...entry }) => ({
      room: String(room),
      message: messageFromWire(entry, me),
      marks: Array.isArray(marks) ? marks : [],
    })),
    cursor: wire.cursor ? String(wire.cursor) : undefined,
    cut: Array.isArray(wire.cut) ? wire.cut : [],
    encrypted: Number(wire.encrypted ?? 0),
    unknown: (wire.unknown ?? []).map(String),
  };
}

/**
 * @param {any} wire
 * @returns {import("../state/types.js").Invitation}
 */
export function invitationFromWire(wire) {
  return {
    id: String(wire.id),
    label: String(wire.label ?? ""),
    by: wire.by?.display_name || wire.by?.username || "",
    rooms: (wire.rooms ?? []).map((/** @type {any} */ room) => ({
      id: String(room.id),
      name: String(room.name ?? ""),
    })),
    createdAt: Number(wire.created_at),
    expiresAt: wire.expires_at ?? null,
    uses: Number(wire.uses ?? 0),
    usesMax: wire.uses_max ?? null,
    revoked: Boolean(wire.revoked),
  };
}

/**
 * @param {any} wire
 * @returns {import("../state/types.js").InvitationPreview}
 */
export function previewFromWire(wire) {
  return {
    by: {
      uid: String(wire.by?.uid ?? ""),
      name: wire.by?.display_name || wire.by?.username || "",
      username: wire.by?.username ?? "",
      avatar: pictureFromWire(wire.by?.avatar),
    },
    server: String(wire.server ?? ""),
    rooms: (wire.rooms ?? []).map(roomFromWire),
    expiresAt: wire.expires_at ?? null,
    registration: Boolean(wire.registration),
  };
}

/**
 * @param {any} wire
 * @returns {import("../state/types.js").Demo}
 */
export function demoFromWire(wire) {
  const people = (wire.people ?? []).map((/** @type {any} */ person) => ({
    uid: String(person.id),
    username: String(person.username),
    name: person.display_name || String(person.username),
    avatar: pictureFromWire(person.avatar),
    admin: Boolean(person.admin),
  }));
  return { password: String(wire.password), people };
}

/**
 * @param {any} wire
 * @returns {import("../calls/keys.js").Opening}
 */
export function openingFromWire(wire) {
  const { share, keys, locked } = namesFromWire(wire);
  return { share: String(share), keys: keys ?? null, locked: Boolean(locked) };
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
