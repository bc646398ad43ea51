/**
 * One browser of a person: it follows the directory, the logs and the messages of its rooms, keeps keys, rotates, heals
 * and repairs as e2ee.md says (7, 8.5, 11.4, 13.6). All cryptography is that of web/crypto.
 */
import * as batches from "../../../../web/crypto/batches.js";
import { Directory } from "../../../../web/crypto/directory.js";
import { equal, randomBytes, Refused } from "../../../../web/crypto/encoding.js";
import * as envelopes from "../../../../web/crypto/envelope.js";
import * as epochs from "../../../../web/crypto/epochs.js";
import * as log from "../../../../web/crypto/room_log.js";
import { afterRestore, compareAfterRestore, followedEpoch } from "../../../../web/crypto/restored.js";
import { Answer } from "./server.js";

const ROTATE_ATTEMPTS = 6;
const SEND_ATTEMPTS = 8;
const WAIT_FOR_KEY_MS = 30_000;
const REPAIR_PAUSE_MS = 600_000;

/** What the envelopes of the server say: all browsers read the same ones. @type {WeakMap<object, any>} */
const parsed = new WeakMap();

/** @param {object} json */
function parse(json) {
  if (!parsed.has(json)) parsed.set(json, envelopes.parseEnvelope(json));
  return parsed.get(json);
}

export class Browser {
  /** @param {object} parts */
  constructor({ person, server, clock, random, faults }) {
    Object.assign(this, { person, server, clock, random, faults });
    this.uid = person.uid;
    this.rooms = new Map();
    this.outbox = [];
    this.online = true;
    /** What an honest server and honest members must never cause. */
    this.complaints = [];
  }

  async open() {
    this.identity = await this.person.unlock();
    this.directory = await Directory.create(this.server.instance);
    await this.followDirectory();
  }

  get actor() {
    return { uid: this.uid, gen: this.identity.gen, sign: this.identity.sign };
  }

  // Following

  async followDirectory() {
    const { n } = this.server.view;
    if (this.head && n === this.directory.n && equal(this.server.view.hashAt(n), this.directory.hashAt(n))) return;
    const answer = await this.server.directoryFrom(this.directory.n + 1);
    const found = await this.directory.follow(answer, this.server.dirKey);
    if (found.outcome === "fork") this.complaints.push(`directory fork at ${found.n}`);
    if (found.outcome === "behind") await this.#postDirectory();
    await this.#load(this.known ?? []);
  }

  /** The server has restored a backup: it gets back what this browser has. */
  async #postDirectory() {
    const { n } = this.directory;
    const all = new Set(Array.from({ length: n }, (_, at) => this.directory.rowAt(at + 1).uid));
    const entries = [...all].flatMap((uid) => this.held.get(uid) ?? []).sort((one, other) => one.n - other.n);
    await this.server.again(this.head, entries);
  }

  /** Entries of people in the directory. */
  async #load(uids) {
    this.known = [...new Set([...(this.known ?? []), ...uids, ...this.server.accounts.keys()])];
    this.held ??= new Map();
    for (const uid of this.directory.lacking(this.known)) {
      const entries = this.server.entriesOf(uid).filter(({ n }) => n <= this.directory.n);
      await this.directory.addEntries(uid, entries);
      this.held.set(uid, entries);
    }
    const { n } = this.directory;
    if (n === this.server.view.n) this.head = await this.server.head();
  }

  /** @param {string} id */
  room(id) {
    if (!this.rooms.has(id)) {
      this.rooms.set(id, {
        id,
        ring: {
          uid: this.uid,
          state: log.emptyState(),
          wraps: [],
          exchange: this.identity.exchange,
          keys: new Map(),
          broken: new Set(),
        },
        batches: [],
        rows: new Map(),
        intervals: [],
        followed: 0,
        checked: 0,
        lackingSince: null,
        repairedAt: -Infinity,
        restored: null,
        followedEpoch: 0,
        instanceEpoch: this.server.epoch,
      });
    }
    return this.rooms.get(id);
  }

  /** Log, wraps and messages of a room, as far as the server has them. */
  async sync(id) {
    const room = this.room(id);
    room.ring.exchange = this.identity.exchange;
    await this.followDirectory();
    await this.#followLog(room);
    if (room.instanceEpoch !== this.server.epoch) this.#meetRestored(room);
    await this.#takeWraps(room);
    await this.#followRows(room);
    return room;
  }

  async #followLog(room, isVisitor = false) {
    const { ring } = room;
    const theirs = this.server.headOf(this.server.rooms.get(room.id));
    if (theirs.seq < ring.state.seq) await this.#postLog(room, theirs);
    const told = this.server.logFrom(this.uid, room.id, 0, isVisitor);
    const fresh = told.filter(({ last }) => last > ring.state.seq);
    const known = told.filter(({ last }) => last <= ring.state.seq);
    // Each hash is over the one before it, too.
    for (const { last, entries } of known.slice(-1)) {
      const { e, s } = entries.at(-1);
      if (!equal(await log.entryHash(e, s), ring.state.hashes[last])) this.complaints.push(`log fork at ${last}`);
    }
    for (const { entries } of fresh) {
      const { state, refusal } = await log.applyAll(ring.state, entries, this.directory);
      if (refusal) this.complaints.push(`log refused: ${refusal.rule}`);
      else ring.state = state;
    }
    room.batches = told;
  }

  /** Step 2 of 11.4. */
  async #postLog(room, theirs) {
    if (theirs.seq >= 0 && !equal(room.ring.state.hashes[theirs.seq], theirs.hash)) return;
    for (const { last, entries } of room.batches) {
      const { seq, hash } = this.server.headOf(this.server.rooms.get(room.id));
      if (last > seq) await this.server.postAgain(room.id, { head: { seq, hash }, entries });
    }
    room.mustRotate = true;
  }

  async #takeWraps(room) {
    const { ring } = room;
    const told = this.server.wrapsOf(this.uid, room.id);
    room.told = told;
    const has = ({ epoch, gen }) => ring.wraps.some((wrap) => wrap.epoch === epoch && wrap.gen === gen);
    ring.wraps.push(...told.wraps.filter((wrap) => !has(wrap)));
    for (; room.checked < ring.state.epoch; room.checked += 1) {
      await this.#key(room, room.checked + 1);
      await epochs.checkLinks(room.checked + 1, ring);
    }
    const key = await this.#key(room, ring.state.epoch);
    room.lackingSince = key ? null : (room.lackingSince ?? this.clock.now);
  }

  async #key(room, n) {
    const { key, bad } = await epochs.findKey(n, room.ring);
    for (const { epoch, gen } of bad) {
      this.server.reportBad(this.uid, room.id, { epoch, gen });
      room.ring.wraps = room.ring.wraps.filter((wrap) => wrap.epoch !== epoch || wrap.gen !== gen);
    }
    return key;
  }

  async #followRows(room) {
    const { seq, rows } = this.server.rowsAfter(this.uid, room.id, room.followed);
    const others = new Map([...room.rows].filter(([, { lost }]) => !lost));
    for (const row of rows) await this.#takeRow(room, row, others);
    room.followed = seq;
    room.intervals = [{ from: 1, to: seq, seq }];
    // After a restore what is new is judged by what was known before it.
    room.followedEpoch = followedEpoch(room.ring.state, room.batches, room.intervals);
    for (const row of [...room.rows.values()].filter(({ is, lost, again }) => is === "missing" && !lost && !again)) {
      const opened = await this.#open(room, parse(row.env));
      if (opened) Object.assign(row, { is: "shown", content: opened });
    }
    const cited = this.#cited(room);
    for (const row of room.rows.values()) {
      if (!row.content?.pv || row.lost || row.isCitationThere) continue;
      const found = envelopes.readPv(row.content.pv, row.revSeq, cited, room.intervals);
      row.isCitationThere = found === "ok";
      if (found !== "ok" && found !== "lost") this.complaints.push(`pv ${found}`);
    }
  }

  #cited(room) {
    return [...room.rows.values()].map(({ mid, kind, author, createdSeq, verified, lost }) => ({
      mid,
      kind,
      by: author,
      createdSeq,
      verified,
      lost,
    }));
  }

  /** @param {Map<string, any>} others  rows that are not lost, to which it is added */
  async #takeRow(room, told, others) {
    const { ring } = room;
    const known = room.rows.get(told.mid);
    const envelope = parse(told.env);
    const { rev, kind, by, epoch, gen } = envelope;
    const outer = { mid: told.env.mid, rev, kind: told.kind, by: told.author, isReaction: told.ref !== undefined };
    const verdict = await envelopes.checkEnvelope(envelope, outer, ring.state, this.directory);
    if (!verdict.ok) return void this.complaints.push(`check ${verdict.rule}`);
    const next = { rev, kind, by, author: told.author };
    if (known && !known.lost && !envelopes.supersedes(known, next)) return;
    const row = { ...told, by, epoch, gen, rev, kind, verified: true };
    const found = envelopes.order(row, [...others.values()], room.intervals, {
      state: ring.state,
      batches: room.batches,
    });
    // What was only forgotten with the restore is not new.
    const late = room.restored && known?.env.s !== told.env.s && this.#isLate(row, room);
    if (found !== "ok" || late) {
      this.complaints.push(`outdated ${found === "ok" ? "after a restore" : found}`);
      return;
    }
    const content = kind === "del" ? null : await this.#open(room, envelope);
    const taken = { ...row, content, is: kind === "del" || content ? "shown" : "missing" };
    room.rows.set(told.mid, taken);
    others.set(told.mid, taken);
  }

  #isLate(row, { restored, ring, rows }) {
    const member = ring.state.members.has(row.by);
    const current = member && row.gen === this.directory.genAt(row.by, this.directory.n);
    const place = (row.ref ? rows.get(row.ref) : row)?.createdSeq;
    const { common, epoch, loaded } = restored;
    return afterRestore({ ...row, current, place }, common, epoch, loaded) === "outdated";
  }

  async #open(room, envelope) {
    const { state } = room.ring;
    const key = await this.#key(room, envelope.epoch);
    return key && envelopes.openEnvelope(envelope, state.rid, state.kc[envelope.epoch], key);
  }

  /** What went with the backup is found by comparing places. */
  #meetRestored(room) {
    const { rows: theirs } = this.server.rowsAfter(this.uid, room.id, 0);
    const known = [...room.rows.values()].filter(({ lost }) => !lost);
    const found = compareAfterRestore(known, room.intervals, theirs);
    for (const mid of found.lost) Object.assign(room.rows.get(mid), { lost: true });
    // They stand where they stood, but what they say is fetched again.
    for (const mid of found.again) {
      const { ref } = room.rows.get(mid);
      const kind = ref ? "react" : "msg";
      const forgotten = { kind, rev: -1, revSeq: 0, gen: undefined, is: "missing", again: true, content: null };
      Object.assign(room.rows.get(mid), forgotten);
    }
    Object.assign(room, {
      restored: { common: found.common, epoch: room.followedEpoch, loaded: room.intervals },
      intervals: found.remain,
      followed: 0,
      instanceEpoch: this.server.epoch,
    });
  }

  // Changing the log

  /**
   * Makes a batch and posts it, again after a conflict. What a rule refuses is given up: it is not so any more.
   *
   * @param {string} id
   * @param {(room: any) => Promise<any>} make
   * @returns {Promise<boolean>}
   */
  async change(id, make) {
    for (let attempt = 0; attempt < ROTATE_ATTEMPTS; attempt += 1) {
      const room = await this.sync(id);
      const made = await make(room).catch(asNull);
      if (!made) return false;
      try {
        await this.post(room, made);
        return true;
      } catch (error) {
        if (!(error instanceof Answer)) throw error;
        if (!["log_conflict", "members_changed"].includes(error.code)) return false;
      }
    }
    return false;
  }

  async post(room, made) {
    const { seq, head: hash } = room.ring.state;
    const { entries, wraps } = this.faults.batch(this, room, made);
    const lost = this.random.happens(this.faults.loss);
    if (lost && this.random.happens(0.5)) throw new Answer("log_conflict");
    await this.server.post(this.uid, room.id, { head: { seq, hash }, entries, wraps });
    if (lost) throw new Answer("log_conflict");
  }

  #wanted(room) {
    return { ring: room.ring, actor: this.actor, view: this.directory, clock: this.clock.now };
  }

  /** @param {string} id @param {log.Body[]} bodies */
  append(id, bodies) {
    return this.change(id, (room) => batches.makeEntries({ ...this.#wanted(room), bodies }));
  }

  /** A rotation, with entries that come first. `isWanted`: whether what asked for it is still so. */
  rotate(id, reason, prefix = [], isWanted = () => true) {
    return this.change(id, async (room) => {
      if (!isWanted(room)) return null;
      return this.faults.rotation(this, room, () => this.rotation(room, reason, prefix));
    });
  }

  rotation(room, reason, prefix = []) {
    return batches.rotate({ ...this.#wanted(room), reason, prefix, skip: room.told.shut });
  }

  /** @param {string} id */
  async remove(id, uid, reason) {
    return this.rotate(id, "member", [{ type: "remove", uid, reason }]);
  }

  async join(id, ticket, signJoin) {
    const room = this.room(id);
    await this.followDirectory();
    await this.#followLog(room, true);
    const root = this.directory.rootAt(this.uid, this.directory.n);
    const body = {
      type: "join",
      lid: ticket.lid,
      root,
      linkSig: await signJoin(ticket, room.ring.state.rid, this.uid, root),
    };
    const made = await batches.makeEntries({ ...this.#wanted(room), bodies: [body] }).catch(asNull);
    if (!made) return false;
    return this.post(room, made).then(
      () => true,
      (error) => {
        if (!(error instanceof Answer)) throw error;
        return false;
      },
    );
  }

  // What a client does by itself

  /** Heals, repairs and sends what waits. @param {string} id */
  async tend(id) {
    const room = await this.sync(id);
    await this.#heal(room);
    await this.#repair(room);
    await this.flush(id);
  }

  async #heal(room) {
    const others = batches
      .servable(room.told.needed, room.ring.state, this.directory)
      .filter(({ uid }) => uid !== this.uid);
    const self = batches
      .servable(room.told.needed, room.ring.state, this.directory)
      .filter(({ uid }) => uid === this.uid);
    const people = [...others, ...self];
    if (people.length === 0) return;
    const wraps = await batches.wrapCurrent(room.ring, people).catch(asNull);
    if (wraps) this.server.heal(this.uid, room.id, this.faults.healing(this, room, wraps));
  }

  async #repair(room) {
    const { ring } = room;
    if (this.clock.now - room.repairedAt < REPAIR_PAUSE_MS) return;
    const lacks = room.lackingSince !== null && this.clock.now - room.lackingSince >= WAIT_FOR_KEY_MS;
    // A key that is cut off may be known from an own wrap alone.
    if (room.lackingSince === null) for (const n of epochs.leftOut(ring.state, ring.broken)) await this.#key(room, n);
    const holds = [...ring.keys.keys()];
    const leftOut = room.lackingSince === null && epochs.holdsLeftOut(holds, ring.state, ring.broken);
    const after = room.mustRotate && ring.state.members.has(this.uid);
    if (!(lacks && holds.length) && !leftOut && !after) return;
    const { epoch } = ring.state;
    const done = await this.rotate(room.id, "repair", [], (now) => now.ring.state.epoch === epoch);
    if (!done) return;
    room.repairedAt = this.clock.now;
    room.mustRotate = false;
  }

  // Messages

  /** @param {string} id @param {object} message */
  queue(id, message) {
    this.outbox.push({ id, mid: randomBytes(16), rev: 0, kind: "msg", ref: null, built: null, ...message });
  }

  async flush(id) {
    for (const waiting of this.outbox.filter((each) => each.id === id)) {
      const outcome = await this.#send(waiting);
      if (outcome !== "waits") this.outbox = this.outbox.filter((each) => each !== waiting);
      if (outcome === "bug") this.complaints.push("mid_exists");
    }
  }

  /** 13.6 @returns {Promise<"sent" | "waits" | "given up" | "bug">} */
  async #send(waiting) {
    for (let attempt = 0; attempt < SEND_ATTEMPTS; attempt += 1) {
      const room = await this.sync(waiting.id).catch(asNull);
      if (!room) return "given up";
      if (waiting.kind !== "del" && !waiting.built && !(await this.#rotateFirst(room))) return "waits";
      waiting.built ??= await this.#build(room, waiting);
      if (!waiting.built) return "waits";
      try {
        if (this.random.happens(this.faults.loss)) throw new Answer("no answer");
        await this.server.send(this.uid, waiting.id, waiting.built);
        if (this.random.happens(this.faults.loss)) throw new Answer("no answer");
        this.faults.sent(waiting);
        return "sent";
      } catch (error) {
        if (!(error instanceof Answer)) throw error;
        if (["epoch_stale", "rotation_required"].includes(error.code)) waiting.built = null;
        else if (error.code === "mid_exists") return "bug";
        else if (error.code !== "no answer") return "given up";
      }
    }
    return "waits";
  }

  /** A rotation that is due comes before the next message. */
  async #rotateFirst(room) {
    const why = () => {
      if (log.due(room.ring.state, this.directory.n, this.directory)) return room.ring.state.gone ? "member" : "keys";
      return room.told.why === "shut" ? "shut" : null;
    };
    const reason = why();
    return !reason || this.rotate(room.id, reason, [], () => why() !== null);
  }

  async #build(room, { mid, rev, kind, ref, content }) {
    const { ring } = room;
    const { state } = ring;
    const { epoch } = state;
    const key = kind === "del" ? null : await this.#key(room, epoch);
    if (kind !== "del" && !key) return null;
    const cited = envelopes.cite(this.#cited(room));
    const whole = kind === "msg" ? { ...content, ...(cited ? { pv: cited } : {}) } : content;
    const dn = this.directory.n;
    const header = {
      mid,
      rev,
      kind,
      ref,
      epoch,
      by: this.uid,
      gen: this.identity.gen,
      ts: this.clock.now,
      ls: state.seq,
      lh: state.head,
      dn,
      dh: this.directory.hashAt(dn),
    };
    const wanted = { rid: state.rid, kc: state.kc[epoch], ek: key, sign: this.identity.sign, header, content: whole };
    return envelopes.envelopeJson(await envelopes.buildEnvelope(wanted));
  }

  /** What this browser shows of a room: mid → text. */
  shown(id) {
    const rows = [...this.room(id).rows.values()].filter(
      ({ is, lost, kind }) => is === "shown" && !lost && kind === "msg",
    );
    return new Map(rows.map(({ mid, content }) => [mid, content.t]));
  }
}

/** What the rules refuse, or the server. @param {unknown} error @returns {null} */
function asNull(error) {
  if (error instanceof Refused || error instanceof Answer) return null;
  throw error;
}
