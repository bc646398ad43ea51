/**
 * A server that does what section 15 of e2ee.md says, and no more. Its data can be copied and restored.
 */
import {
  Directory,
  headMessage,
  leafOf,
  nodeHash,
  parseDirEntry,
  rowOf,
  tagOf,
} from "../../../../web/crypto/directory.js";
import { concat, equal, hexOf, randomBytes, Refused } from "../../../../web/crypto/encoding.js";
import { envelopeDigest, parseEnvelope, signedBytes } from "../../../../web/crypto/envelope.js";
import * as log from "../../../../web/crypto/room_log.js";
import { edPublicOf, sign, signingKey, verify } from "../../../../web/crypto/signatures.js";

const LEEWAY_MS = 120_000;
const WRAPS_MAX = 64;

/** What the server answers instead. */
export class Answer extends Error {
  constructor(code, detail = {}) {
    super(`${code} ${JSON.stringify(detail)}`);
    this.code = code;
    this.detail = detail;
  }
}

/** @param {unknown} holds @param {string} code @param {object} [detail] */
function insist(holds, code, detail) {
  if (!holds) throw new Answer(code, detail);
}

const pairName = ({ uid, epoch, gen }) => `${uid}/${epoch}/${gen}`;

export class Server {
  constructor(clock) {
    this.clock = clock;
    this.rooms = new Map();
    this.accounts = new Map();
    this.positions = [];
    /** Of the instance; another one after every restore. */
    this.epoch = 1;
    /** While true the directory takes no new entries. */
    this.closed = false;
    /** Everything that was ever stored, for those who look at all of it. */
    this.everWraps = [];
  }

  async start() {
    this.instance = randomBytes(16);
    const seed = randomBytes(32);
    this.key = await signingKey(seed);
    this.dirKey = await edPublicOf(seed);
    this.view = await Directory.create(this.instance);
  }

  // Directory

  /** @param {string} uid @param {object} signed @param {string} name */
  async append(uid, signed, name) {
    insist(!this.closed, "unavailable");
    const account = this.accounts.get(uid);
    const entry = await this.view.checkNext(uid, signed).catch((error) => {
      throw error instanceof Refused ? new Answer("bad_entry", { rule: error.rule }) : error;
    });
    insist(equal(entry.tag, await tagOf(this.instance, account.name)), "bad_entry", { rule: "tag" });
    await this.take([{ uid, name, ...signed }]);
  }

  /** Extends the chain. */
  async take(entries) {
    const from = this.positions.length + 1;
    let h = this.view.hashAt(this.view.n);
    const rows = [];
    for (const { uid, e, sn, so, name } of entries) {
      const n = this.positions.length + 1;
      const row = { uid, tag: parseDirEntry(this.instance, e).tag, leaf: await leafOf({ e, sn, so }) };
      h = await nodeHash(h, n, row);
      this.positions.push({ n, uid, name, e, sn, so });
      rows.push(rowOf(row));
    }
    await this.view.follow(
      { from, head: await this.head(this.positions.length, h), rows: concat(...rows) },
      this.dirKey,
    );
    for (const uid of new Set(entries.map((each) => each.uid))) await this.view.addEntries(uid, this.entriesOf(uid));
  }

  /** Signed at every append. */
  async head(n = this.view.n, h = this.view.hashAt(n)) {
    if (this.newest?.n === n && equal(this.newest.h, h)) return this.newest;
    const head = { n, h, t: this.clock.now };
    this.newest = { ...head, sig: await sign(this.key, headMessage(this.instance, head)) };
    return this.newest;
  }

  async directoryFrom(from) {
    return { from, head: await this.head(), rows: from > this.view.n ? new Uint8Array() : this.view.rowsFrom(from) };
  }

  entriesOf(uid) {
    return this.positions.filter((each) => each.uid === uid);
  }

  /** Step 1 of 11.4. */
  async again(head, positions) {
    insist(await verify(this.dirKey, headMessage(this.instance, head), head.sig), "bad_signature");
    const missing = positions.filter(({ n }) => n > this.positions.length);
    await this.take(missing);
    insist(equal(this.view.hashAt(head.n), head.h), "dir_conflict");
  }

  isOpen(uid) {
    return this.accounts.get(uid)?.open ?? false;
  }

  // The log

  /** @param {string} poster @param {{entries: object[], wraps: object[]}} founding */
  async makeRoom(poster, { entries, wraps }) {
    const id = `${this.rooms.size + 1}`;
    const room = {
      id,
      state: log.emptyState(),
      batches: [],
      seq: 0,
      rows: new Map(),
      wraps: new Map(),
      barred: new Set(),
      wrote: new Map(),
      sent: new Map(),
    };
    await this.#commit(room, poster, entries, wraps);
    this.rooms.set(id, room);
    return id;
  }

  member(uid, id) {
    const room = this.rooms.get(id);
    insist(room && this.isOpen(uid), "unauthenticated");
    insist(room.state.members.has(uid), "not_member");
    return room;
  }

  logFrom(uid, id, from, isVisitor = false) {
    const room = isVisitor ? this.rooms.get(id) : this.member(uid, id);
    return room.batches.filter(({ last }) => last >= from).map((batch) => ({ ...batch }));
  }

  headOf({ state }) {
    return { seq: state.seq, hash: state.head };
  }

  async post(uid, id, { head, entries, wraps }) {
    insist(this.isOpen(uid), "unauthenticated");
    const room = this.rooms.get(id);
    const joins = entries.length === 1 && log.parseEntry(entries[0].e).body.type === "join";
    insist(joins || room.state.members.has(uid), "not_member");
    insist(head.seq === room.state.seq && equal(head.hash, room.state.head), "log_conflict");
    return this.#commit(room, uid, entries, wraps);
  }

  /** Step 2 of 11.4: not against the clock, the session or the wraps. */
  async postAgain(id, { head, entries }) {
    const room = this.rooms.get(id);
    insist(head.seq === room.state.seq && equal(head.hash, room.state.head), "log_conflict");
    const { state, refusal } = await log.applyAll(room.state, entries, this.view);
    insist(!refusal, "bad_entry", refusal);
    this.#store(room, state, entries);
  }

  async #commit(room, uid, signed, wraps) {
    const { state, entries, refusal } = await log.applyAll(room.state, signed, this.view);
    insist(refusal?.rule !== "bad_signature", "bad_signature");
    insist(!refusal, "bad_entry", refusal);
    const before = room.state;
    insist(
      entries.every(({ actor }) => actor === uid),
      "forbidden",
    );
    for (const { time } of entries) this.#checkTime(time, before.time);
    this.#checkFresh(entries, state);
    for (const { body } of entries)
      insist(body.type !== "epoch" || body.skip.every((each) => !this.isOpen(each)), "bad_entry", { rule: "skip" });
    this.#checkWraps(entries, state, wraps);
    this.#store(room, state, signed);
    for (const wrap of wraps) this.#keepWrap(room, wrap, uid);
    return room.seq;
  }

  #checkTime(time, before) {
    const { now } = this.clock;
    const fits = time >= Math.max(before, now - LEEWAY_MS) && time <= Math.max(before, now + LEEWAY_MS);
    insist(fits, "bad_time", { now });
  }

  /** Rule `members_changed` of 6.3. */
  #checkFresh(entries, state) {
    const admits = entries.some(({ body }) => ["epoch", "add", "join"].includes(body.type));
    const newest = Math.max(0, ...[...state.members.keys()].flatMap((uid) => this.view.positionsOf(uid)));
    insist(!admits || state.dn >= newest, "members_changed");
  }

  /** 7.4 */
  #checkWraps(entries, state, wraps) {
    const { n } = this.view;
    const epoch = entries.some(({ body }) => body.type === "epoch" || body.type === "create");
    const added = entries.flatMap(({ body }) => (body.type === "add" ? [body.uid] : []));
    const entitled = [...state.members.keys()].filter(
      (uid) => !state.skipped.has(uid) && !log.stale(state, uid, n, this.view),
    );
    const wanted = epoch ? entitled : entitled.filter((uid) => added.includes(uid));
    const name = (uid) => pairName({ uid, epoch: state.epoch, gen: this.view.genAt(uid, n) });
    const required = wanted.map(name).sort();
    insist(JSON.stringify(required) === JSON.stringify(wraps.map(pairName).sort()), "members_changed");
  }

  #store(room, state, signed) {
    room.seq += 1;
    room.state = state;
    room.batches.push({ seq: room.seq, last: state.seq, entries: signed });
    this.#dropOldWraps(room);
  }

  #keepWrap(room, { uid, epoch, gen, w }, poster) {
    const name = pairName({ uid, epoch, gen });
    if (room.wraps.has(name) || room.barred.has(`${name} ${poster}`)) return false;
    room.wraps.set(name, { uid, epoch, gen, w, poster });
    this.everWraps.push({ room: room.id, uid, epoch, gen, w });
    return true;
  }

  #dropOldWraps(room) {
    for (const uid of new Set([...room.wraps.values()].map((wrap) => wrap.uid))) {
      const own = [...room.wraps].filter(([, wrap]) => wrap.uid === uid).sort(([, a], [, b]) => b.epoch - a.epoch);
      const from = Math.min(room.state.epoch - 1, room.wrote.get(uid) ?? Infinity);
      own.forEach(([name, { epoch }], at) => (epoch < from || at >= WRAPS_MAX) && room.wraps.delete(name));
    }
  }

  /** Members without the current key, 7.5. */
  needed({ state, wraps }) {
    const { n } = this.view;
    return [...state.members.keys()]
      .filter((uid) => this.isOpen(uid) && !log.stale(state, uid, n, this.view))
      .map((uid) => ({ uid, epoch: state.epoch, gen: this.view.genAt(uid, n) }))
      .filter((pair) => !wraps.has(pairName(pair)));
  }

  shut({ state }) {
    return [...state.members.keys()].filter((uid) => !this.isOpen(uid));
  }

  /** Why a rotation is due, or null. */
  why(room) {
    const { state, wraps } = room;
    if (log.due(state, this.view.n, this.view)) return state.gone ? "left" : "keys";
    const holders = new Set([...wraps.values()].filter(({ epoch }) => epoch === state.epoch).map(({ uid }) => uid));
    return this.shut(room).some((uid) => holders.has(uid)) ? "shut" : null;
  }

  wrapsOf(uid, id) {
    const room = this.member(uid, id);
    const wraps = [...room.wraps.values()].filter((wrap) => wrap.uid === uid);
    return {
      wraps: wraps.map(({ epoch, gen, w }) => ({ epoch, gen, w })),
      shut: this.shut(room),
      needed: this.needed(room),
      why: this.why(room),
    };
  }

  heal(poster, id, wraps) {
    const room = this.member(poster, id);
    const needed = new Set(this.needed(room).map(pairName));
    const next = this.view.genAt(poster, this.view.n) + 1;
    const wanted = wraps.filter((wrap) => needed.has(pairName(wrap)) || (wrap.uid === poster && wrap.gen === next));
    return wanted.filter((wrap) => this.#keepWrap(room, wrap, poster)).length;
  }

  reportBad(uid, id, { epoch, gen }) {
    const room = this.member(uid, id);
    const name = pairName({ uid, epoch, gen });
    const wrap = room.wraps.get(name);
    if (!wrap) return;
    room.wraps.delete(name);
    if (wrap.poster !== uid) room.barred.add(`${name} ${wrap.poster}`);
  }

  // Messages

  /** In the order of 13.3. @returns {Promise<number>} the place */
  async send(uid, id, json) {
    const envelope = parseEnvelope(json);
    const { rev, kind, by, gen, epoch, ls, lh, dn, dh } = envelope;
    insist(by === uid && this.isOpen(uid), "bad_request");
    const room = this.rooms.get(id);
    const { state } = room;
    const name = json.mid;
    const was = room.sent.get(`${name} ${rev}`);
    const kc = state.kc[epoch];
    insist(kc, "epoch_stale");
    const digest = hexOf(await envelopeDigest(state.rid, kc, envelope));
    if (was) {
      insist(was.digest === digest, rev === 0 ? "mid_exists" : "rev_conflict");
      return was.seq;
    }
    insist(state.members.has(uid), "not_member");
    const why = this.why(room);
    insist(kind === "del" || !why, "rotation_required", { why, shut: this.shut(room) });
    insist(epoch === state.epoch, "epoch_stale");
    const known = room.rows.get(name);
    const author = known?.author ?? by;
    insist(state.hashes[ls] && equal(state.hashes[ls], lh) && ls >= state.entryOf[epoch], "bad_request");
    const then = log.roleAt(state, by, ls);
    insist(then, "bad_request");
    const foreign = author !== by;
    const role = state.members.get(uid).role;
    insist(!foreign || (kind === "del" && role !== "member" && then.role !== "member" && !known.ref), "forbidden");
    insist(this.view.check(dn, dh) === "same" && dn >= state.dns[ls], "bad_request");
    const root = this.view.rootAt(by, dn);
    insist(root && equal(root, then.root), "bad_request");
    insist(gen === this.view.genAt(by, this.view.n), "gen_stale");
    const { ed } = this.view.keysOf(by, gen);
    insist(await verify(ed, signedBytes(state.rid, kc, envelope), envelope.s), "bad_signature");
    insist(rev === (known ? known.rev + 1 : 0) && known?.kind !== "del", "rev_conflict");
    insist(!known || kind === known.kind || kind === "del", "bad_request");
    const ref = known?.ref ?? json.ref;
    insist(!ref || room.rows.has(ref), "bad_request");
    room.seq += 1;
    const created = known?.createdSeq ?? (ref ? undefined : room.seq);
    const row = {
      mid: name,
      kind,
      rev,
      author,
      createdSeq: created,
      revSeq: room.seq,
      env: json,
      ...(ref ? { ref } : {}),
    };
    room.rows.set(name, row);
    room.sent.set(`${name} ${rev}`, { digest, seq: room.seq });
    room.wrote.set(uid, epoch);
    return room.seq;
  }

  /** Rows that changed after a place, in order. */
  rowsAfter(uid, id, seq) {
    const room = this.member(uid, id);
    const rows = [...room.rows.values()].filter(({ revSeq }) => revSeq > seq);
    return { seq: room.seq, rows: rows.sort((one, other) => one.revSeq - other.revSeq) };
  }

  // Backups

  /** A copy of both databases. */
  backup() {
    const rooms = [...this.rooms].map(([id, room]) => [
      id,
      {
        ...room,
        batches: [...room.batches],
        rows: new Map(room.rows),
        wraps: new Map(room.wraps),
        barred: new Set(room.barred),
        wrote: new Map(room.wrote),
        sent: new Map(room.sent),
      },
    ]);
    const accounts = [...this.accounts].map(([uid, account]) => [uid, { ...account }]);
    return { rooms: new Map(rooms), accounts: new Map(accounts), positions: [...this.positions] };
  }

  /** @param {ReturnType<Server["backup"]>} backup */
  async restore({ rooms, accounts, positions }) {
    this.rooms = rooms;
    this.accounts = accounts;
    this.positions = [];
    this.view = await Directory.create(this.instance);
    await this.take(positions);
    this.epoch += 1;
    this.closed = true;
  }
}
