/**
 * Who is in a room, and with which role: a chain of entries signed by members (e2ee.md, 6.3). The server has
 * the same function in Rust; the same random logs are judged by both.
 */
import { Refused, demand, equal, hexOf } from "./encoding.js";
import { entryHash, joinMessage, parseEntry, signEntry } from "./room_log_entry.js";
import { copyOf, live, lowerRole, owners, rank, rankOf, stale } from "./room_state.js";
import { checkEdPublic, verify } from "./signatures.js";

export { buildEntry, parseEntry, entryHash, signEntry, joinMessage, parseLog } from "./room_log_entry.js";
export { emptyState, copyOf, rankOf, lowerRole, stale, able, owners, acting, rank, live } from "./room_state.js";
export { due, roleAt, lastFor } from "./room_state.js";

/** @import { Bytes } from "./encoding.js" */
/** @import { DirectoryView } from "./directory.js" */
/** @import { Body, Entry, KeyLink, Role, SignedEntry } from "./room_log_entry.js" */
/** @import { Member, RoomState } from "./room_state.js" */

/**
 * Why an entry is not taken. `fork`: it names another hash at a position of the directory that this client knows.
 *
 * @typedef {{index: number, rule: string, fork: boolean}} LogRefusal
 */

/**
 * An entry with what its rules ask for.
 *
 * @typedef {object} Judged
 * @property {Entry} entry
 * @property {number} n  its place in the directory
 * @property {DirectoryView} view
 * @property {1 | 2 | 3} rank  of the actor
 * @property {() => Promise<boolean>} linkSignature  of a `join`
 */

const FIRST_MAX = 127;
const LINK_LIFE_MS = 2_592_000_000;
const LINK_USES_MAX = 1000;
const LIVE_LINKS_MAX = 100;
/** What a direct chat takes besides leaving. */
const DM_TYPES = ["create", "add", "epoch"];

/**
 * Applies entries to a state, all or none. The given state stays as it is.
 *
 * @param {RoomState} state
 * @param {SignedEntry[]} signed
 * @param {DirectoryView} view
 * @returns {Promise<{state: RoomState, entries: Entry[], refusal?: undefined} |
 *   {refusal: LogRefusal, state?: undefined, entries?: undefined}>}
 * @throws {import("./directory.js").Unknown} entries of people have to be loaded first: see `peopleIn`
 */
export async function applyAll(state, signed, view) {
  const after = copyOf(state);
  const entries = [];
  const prepared = signed.map((each) => prepare(each, view));
  for (const [index, each] of prepared.entries()) {
    try {
      entries.push(await applyOne(after, each, view));
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return { refusal: { index, rule: error.rule, fork: error instanceof Fork } };
    }
  }
  return { state: after, entries };
}

/** One entry. @param {RoomState} state @param {SignedEntry} signed @param {DirectoryView} view */
export function apply(state, signed, view) {
  return applyAll(state, [signed], view);
}

/** Those whose entries in the directory `applyAll` asks for. @param {SignedEntry[]} signed @returns {string[]} */
export function peopleIn(signed) {
  const people = new Set();
  for (const { e } of signed) {
    try {
      const { actor, body } = parseEntry(e);
      people.add(actor);
      if ("uid" in body) people.add(body.uid);
    } catch {
      // It will be refused as `form`.
    }
  }
  return [...people];
}

class Fork extends Refused {}

/**
 * @typedef {object} Prepared
 * @property {Entry | null} entry
 * @property {Promise<Bytes>} hash
 * @property {Promise<boolean>} verified
 */

/**
 * Starts what takes time, so that the signatures of a whole page are checked at once.
 *
 * @param {SignedEntry} signed
 * @param {DirectoryView} view
 * @returns {Prepared}
 */
function prepare({ e, s }, view) {
  const entry = parsed(e, s);
  const keys = entry && view.keysOf(entry.actor, entry.gen);
  return {
    entry,
    hash: entryHash(e, s),
    verified: keys ? verify(keys.ed, e, s) : Promise.resolve(false),
  };
}

/** @param {Bytes} e @param {Bytes} s @returns {Entry | null} */
function parsed(e, s) {
  try {
    return s.length === 64 ? parseEntry(e) : null;
  } catch {
    return null;
  }
}

/**
 * Checks everything in the order of 6.3, then changes the state.
 *
 * @param {RoomState} state  of the caller's own
 * @param {Prepared} prepared
 * @param {DirectoryView} view
 * @returns {Promise<Entry>}
 */
async function applyOne(state, { entry, hash, verified }, view) {
  demand(entry, "form");
  checkPlace(state, entry, view);
  demand(await verified, "bad_signature");
  checkActor(state, entry, view);
  checkKind(state, entry);
  const n = entry.dn;
  await RULES[entry.body.type](state, {
    entry,
    n,
    view,
    get rank() {
      return rank(state, entry.actor, n, view);
    },
    linkSignature: () => joins(state, entry),
  });
  const now = await hash;
  if (entry.seq === 0) state.rid = now;
  Object.assign(state, { seq: entry.seq, head: now, time: entry.time, dn: entry.dn });
  state.hashes.push(now);
  state.dns.push(entry.dn);
  if (entry.body.type !== "epoch") state.skipped.delete(entry.actor);
  EFFECTS[entry.body.type](state, entry);
  return entry;
}

/** @param {RoomState} state @param {Entry} entry @param {DirectoryView} view */
function checkPlace(state, entry, view) {
  const { rid, seq, prev, time, dn, dh, actor, gen, body } = entry;
  demand(seq === state.seq + 1 && (body.type === "create") === (seq === 0), "chain");
  demand(equal(rid, state.rid) && equal(prev, state.head), "chain");
  demand(time >= state.time, "time");
  const ours = view.hashAt(dn);
  if (ours && !equal(ours, dh)) throw new Fork("dn");
  demand(dn >= state.dn && ours, "dn");
  demand(gen >= 1 && gen === view.genAt(actor, dn), "generation");
}

/** @param {RoomState} state @param {Entry} entry @param {DirectoryView} view */
function checkActor(state, { actor, dn, body }, view) {
  if (body.type === "create" || body.type === "join") return;
  demand(state.members.has(actor) && !stale(state, actor, dn, view), "actor");
}

/** @param {RoomState} state @param {Entry} entry */
function checkKind(state, { seq, body }) {
  if (body.type === "create") return;
  const leaves = body.type === "remove" && body.reason === "left";
  demand(state.kind === "closed" || DM_TYPES.includes(body.type) || leaves, "kind");
  const founding = body.type === "add" || (state.kind === "closed" && body.type === "profile");
  demand(seq > state.first || founding, "founding");
}

/** @param {RoomState} state @param {Entry} entry @returns {Promise<boolean>} */
async function joins(state, { actor, body }) {
  if (body.type !== "join") return false;
  const link = state.links.get(hexOf(body.lid));
  return link !== undefined && verify(link.ed, joinMessage(state.rid, body.lid, actor, body.root), body.linkSig);
}

/** @param {Bytes} root @param {string} uid @param {Judged} judged */
function checkRoot(root, uid, { n, view }) {
  const theirs = view.rootAt(uid, n);
  demand(theirs && equal(theirs, root), "root");
}

/** @param {RoomState} state @param {string} uid */
const isOnlyOwner = (state, uid) => owners(state).length === 1 && owners(state)[0] === uid;

/**
 * What each type needs, the columns of the table of 6.3 from left to right.
 *
 * @type {{[T in Body["type"]]: (state: RoomState, judged: Judged) => void | Promise<void>}}
 */
const RULES = {
  create(_state, judged) {
    const { actor, body } = bodyOf(judged, "create");
    checkRoot(body.root, actor, judged);
    demand(body.first >= 1 && body.first <= FIRST_MAX, "founding");
  },
  add(state, judged) {
    if (state.members.has(bodyOf(judged, "add").body.uid)) checkReadmission(state, judged);
    else checkNewMember(state, judged);
  },
  remove(state, judged) {
    const { reason } = bodyOf(judged, "remove").body;
    if (reason === "left") checkLeaving(state, judged);
    else checkRemoval(state, judged);
  },
  unban(state, judged) {
    const { body } = bodyOf(judged, "unban");
    demand(judged.rank >= 2, "role");
    demand(state.banned.has(body.uid), "banned");
  },
  role(state, judged) {
    const { body } = bodyOf(judged, "role");
    const target = state.members.get(body.uid);
    demand(judged.rank === 3, "role");
    demand(target, "member");
    demand(target.role !== body.role, "role");
    demand(!isOnlyOwner(state, body.uid), "last_owner");
  },
  epoch(state, judged) {
    const { actor, body } = bodyOf(judged, "epoch");
    demand(body.n === state.epoch + 1, "epoch");
    demand(
      body.skip.every((uid) => uid !== actor && state.members.has(uid)),
      "skip",
    );
  },
  link(state, judged) {
    const { time, body } = bodyOf(judged, "link");
    demand(judged.rank >= 2, "role");
    demand(!state.links.has(hexOf(body.lid)), "link");
    checkEdPublic(body.ed);
    demand(time < body.expires && body.expires <= time + LINK_LIFE_MS, "link");
    demand(body.max >= 1 && body.max <= LINK_USES_MAX, "link");
    demand(liveLinks(state, judged) < LIVE_LINKS_MAX, "link");
  },
  unlink(state, judged) {
    const { actor, body } = bodyOf(judged, "unlink");
    const link = state.links.get(hexOf(body.lid));
    demand(link && !link.ended, "link");
    demand(link.by === actor || judged.rank >= 2, "role");
  },
  async join(state, judged) {
    const { actor, time, body } = bodyOf(judged, "join");
    demand(!state.banned.has(actor), "banned");
    demand(live(state, hexOf(body.lid), time, judged.n, judged.view), "link");
    demand(!state.members.has(actor), "member");
    checkRoot(body.root, actor, judged);
    demand(
      (state.past.get(actor) ?? []).every(({ root }) => equal(root, body.root)),
      "root",
    );
    demand(await judged.linkSignature(), "link");
  },
  profile(state, judged) {
    const { body } = bodyOf(judged, "profile");
    demand(judged.rank >= 2, "role");
    demand(body.epoch === state.epoch, "epoch");
  },
};

/**
 * @template {Body["type"]} T
 * @param {{entry: Entry}} judged
 * @param {T} _type
 */
function bodyOf({ entry }, _type) {
  return /** @type {Entry & {body: Extract<Body, {type: T}>}} */ (entry);
}

/** @param {RoomState} state @param {Judged} judged */
function checkNewMember(state, judged) {
  const { actor, seq, body } = bodyOf(judged, "add");
  if (state.kind === "closed") demand(judged.rank >= 2, "role");
  else demand(state.members.get(actor)?.sinceSeq === 0 && seq <= state.first, "founding");
  demand(!state.banned.has(body.uid), "banned");
  checkRoot(body.root, body.uid, judged);
  const mayBeAdmin = state.kind === "closed" && judged.rank === 3;
  demand(body.role === "member" || (body.role === "admin" && mayBeAdmin), "role");
}

/** Somebody whose keys were reset is let back in. @param {RoomState} state @param {Judged} judged */
function checkReadmission(state, judged) {
  const { actor, body } = bodyOf(judged, "add");
  demand(body.uid !== actor, "target");
  demand(stale(state, body.uid, judged.n, judged.view), "member");
  checkRoot(body.root, body.uid, judged);
  const [their, own] = [state.members.get(body.uid), state.members.get(actor)];
  demand(their && own && body.role === lowerRole(their.role, own.role), "role");
}

/** @param {RoomState} state @param {Judged} judged */
function checkLeaving(state, judged) {
  const { actor, body } = bodyOf(judged, "remove");
  demand(body.uid === actor, "target");
  if (state.kind === "closed") demand(!isOnlyOwner(state, actor), "last_owner");
  else demand(state.members.size > 2, "kind");
}

/** @param {RoomState} state @param {Judged} judged */
function checkRemoval(state, judged) {
  const { actor, body } = bodyOf(judged, "remove");
  const target = state.members.get(body.uid);
  demand(judged.rank >= 2, "role");
  demand(body.uid !== actor, "target");
  if (body.reason === "removed") demand(target, "member");
  else demand(target || !state.banned.has(body.uid), "banned");
  demand(!target || rankOf(target.role) < judged.rank, "target");
}

/**
 * How many links are live. Those that cannot be so again are forgotten here, so that a room with many old ones is
 * not slow.
 *
 * @param {RoomState} state
 * @param {Judged} judged
 */
function liveLinks(state, { entry, n, view }) {
  for (const lid of state.usable) {
    const link = state.links.get(lid);
    if (!link || link.ended || link.uses >= link.max || link.expires < entry.time) state.usable.delete(lid);
  }
  return [...state.usable].filter((lid) => live(state, lid, entry.time, n, view)).length;
}

/** @type {{[T in Body["type"]]: (state: RoomState, entry: Entry) => void}} */
const EFFECTS = {
  create(state, entry) {
    const { actor, body } = bodyOf({ entry }, "create");
    Object.assign(state, { kind: body.kind, first: body.first });
    enter(state, entry, actor, body.root, body.kind === "dm" ? "member" : "owner");
    beginEpoch(state, entry, 1, body.kc, []);
  },
  add(state, entry) {
    const { uid, root, role } = bodyOf({ entry }, "add").body;
    const member = state.members.get(uid);
    if (member) become(state, entry, uid, { ...member, root, role });
    else enter(state, entry, uid, root, role);
  },
  remove(state, entry) {
    const { uid, reason } = bodyOf({ entry }, "remove").body;
    if (state.members.has(uid)) leave(state, entry, uid);
    if (reason === "banned") state.banned.add(uid);
  },
  unban(state, entry) {
    state.banned.delete(bodyOf({ entry }, "unban").body.uid);
  },
  role(state, entry) {
    const { uid, role } = bodyOf({ entry }, "role").body;
    const member = state.members.get(uid);
    if (member) become(state, entry, uid, { ...member, role });
  },
  epoch(state, entry) {
    const { n, kc, links, skip } = bodyOf({ entry }, "epoch").body;
    beginEpoch(state, entry, n, kc, links);
    state.skipped = new Set(skip);
    state.gone = false;
  },
  link(state, entry) {
    const { lid, ed, expires, max } = bodyOf({ entry }, "link").body;
    const byRoot = /** @type {Member} */ (state.members.get(entry.actor)).root;
    state.links.set(hexOf(lid), { ed, expires, max, uses: 0, by: entry.actor, byRoot, ended: false });
    state.usable.add(hexOf(lid));
  },
  unlink(state, entry) {
    endLink(state, hexOf(bodyOf({ entry }, "unlink").body.lid));
  },
  join(state, entry) {
    const { lid, root } = bodyOf({ entry }, "join").body;
    const link = state.links.get(hexOf(lid));
    if (link) state.links.set(hexOf(lid), { ...link, uses: link.uses + 1 });
    enter(state, entry, entry.actor, root, "member");
  },
  profile(state, entry) {
    const { epoch, box } = bodyOf({ entry }, "profile").body;
    state.profile = { seq: entry.seq, epoch, box };
  },
};

/**
 * @param {RoomState} state
 * @param {Entry} entry
 * @param {number} n
 * @param {Bytes} kc
 * @param {KeyLink[]} links
 */
function beginEpoch(state, { seq, dn, actor }, n, kc, links) {
  state.epoch = n;
  state.kc[n] = kc;
  state.edges[n] = links;
  state.entryOf[n] = seq;
  state.madeBy[n] = actor;
  state.epochDn = dn;
}

/**
 * @param {RoomState} state
 * @param {Entry} entry
 * @param {string} uid
 * @param {Bytes} root
 * @param {Role} role
 */
function enter(state, { seq, dn }, uid, root, role) {
  state.members.set(uid, { root, role, sinceSeq: seq, sinceDn: dn });
  openInterval(state, seq, uid, root, role);
}

/** @param {RoomState} state @param {Entry} entry @param {string} uid @param {Member} member */
function become(state, { seq }, uid, member) {
  state.members.set(uid, member);
  closeInterval(state, seq, uid);
  openInterval(state, seq, uid, member.root, member.role);
}

/** @param {RoomState} state @param {Entry} entry @param {string} uid */
function leave(state, { seq }, uid) {
  state.members.delete(uid);
  closeInterval(state, seq, uid);
  state.gone = true;
  state.skipped.delete(uid);
  for (const [lid, link] of state.links) if (link.by === uid && !link.ended) endLink(state, lid);
}

/** @param {RoomState} state @param {string} lid */
function endLink(state, lid) {
  const link = state.links.get(lid);
  if (link) state.links.set(lid, { ...link, ended: true });
  state.usable.delete(lid);
}

/**
 * @param {RoomState} state
 * @param {number} fromSeq
 * @param {string} uid
 * @param {Bytes} root
 * @param {Role} role
 */
function openInterval(state, fromSeq, uid, root, role) {
  state.past.set(uid, [...(state.past.get(uid) ?? []), { fromSeq, toSeq: null, root, role }]);
}

/** @param {RoomState} state @param {number} toSeq @param {string} uid */
function closeInterval(state, toSeq, uid) {
  const before = state.past.get(uid) ?? [];
  state.past.set(
    uid,
    before.map((interval) => (interval.toSeq === null ? { ...interval, toSeq } : interval)),
  );
}

/**
 * Entries of one author, chained and signed one after the other. Each is applied before the next is made, so what
 * comes out is what the server will take, or `Refused` says at once what is wrong.
 */
export class Batch {
  /** @type {SignedEntry[]} */
  entries = [];

  /**
   * @param {RoomState} state  verified, as it stands
   * @param {{uid: string, gen: number, sign: CryptoKey}} actor
   * @param {DirectoryView} view
   */
  constructor(state, actor, view) {
    this.state = state;
    this.actor = actor;
    this.view = view;
  }

  /**
   * @param {Body} body
   * @param {number} clock  the time, as the server has it; never before the log's
   * @returns {Promise<Entry>}
   * @throws {Refused} by the rules of 6.3
   */
  async add(body, clock) {
    const { rid, seq, head, time } = this.state;
    const dn = this.view.n;
    const entry = {
      rid,
      seq: seq + 1,
      prev: head,
      actor: this.actor.uid,
      gen: this.actor.gen,
      time: Math.max(time, clock),
      dn,
      dh: /** @type {Bytes} */ (this.view.hashAt(dn)),
      body,
    };
    const signed = await signEntry(entry, this.actor.sign);
    const { state, refusal } = await apply(this.state, signed, this.view);
    if (refusal) throw new Refused(refusal.rule);
    this.state = state;
    this.entries.push(signed);
    return entry;
  }
}
