/**
 * A server of encrypted rooms in memory, and whole clients at it: the real state of the browser with the real
 * cryptography, without a page. The server judges logs and envelopes as the specification says (13.2, 13.3); what it
 * does wrong on purpose is set by the tests.
 */
import { afterEach } from "node:test";
import { Directory, leafOf, nodeHash, rowOf, signDirEntry, tagOf } from "../../../web/crypto/directory.js";
import {
  randomBytes,
  toBase64Url,
  fromBase64Url,
  concat,
  equal,
  importAesKey,
  u64,
  u32,
} from "../../../web/crypto/encoding.js";
import { parseEnvelope } from "../../../web/crypto/envelope_form.js";
import { applyAll } from "../../../web/crypto/room_log.js";
import { due, emptyState as emptyRoomState, stale } from "../../../web/crypto/room_state.js";
import { checkEnvelope } from "../../../web/crypto/verdicts.js";
import { edPublicOf, exchangeKey, signingKey, xPublicOf } from "../../../web/crypto/signatures.js";
import { roomFromWire, pageFromWire } from "../../../web/net/wire.js";
import { frameFromWire } from "../../../web/net/wire_frames.js";
import { openDatabase } from "../../../web/platform/database.js";
import { Drafts } from "../../../web/state/drafts.js";
import { EncryptedActions } from "../../../web/state/encrypted_actions.js";
import { EncryptedDoor } from "../../../web/state/encrypted_door.js";
import { Ingest } from "../../../web/state/ingest.js";
import { MessageActions } from "../../../web/state/message_actions.js";
import { Pages } from "../../../web/state/pages.js";
import { ReadPositions } from "../../../web/state/read_positions.js";
import { RoomActions } from "../../../web/state/room_actions.js";
import { emptyState, Store } from "../../../web/state/store.js";
import { Sync } from "../../../web/state/sync.js";
import { messageFromWire } from "../../../web/net/wire.js";

/** Every tab that a test has opened: it is closed with the test. @type {Set<Client>} */
const open = new Set();

/** Closes every tab that is open. */
export async function closeAll() {
  for (const client of open) await client.close();
  open.clear();
}
afterEach(closeAll);

/** Tabs hear one another, and do not hold up the end of a test. */
const { BroadcastChannel } = globalThis;
globalThis.BroadcastChannel = class extends BroadcastChannel {
  constructor(name) {
    super(name);
    this.unref();
  }
};

const REPLAY_MAX = 100;
const copy = (value) => JSON.parse(JSON.stringify(value));
export const settle = (ms = 0) => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits until something is so. */
export async function until(holds, what = "what was waited for", ms = 30_000) {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await settle(5);
  }
}

/** Keys of a person, as the browser holds them. */
async function makeGeneration(gen) {
  const [seed, secret] = [randomBytes(32), randomBytes(32)];
  const [ed, x] = [await edPublicOf(seed), await xPublicOf(secret)];
  const pair = { privateKey: await exchangeKey(secret), publicKey: x };
  return { gen, ed, x, key: await signingKey(seed), pair };
}

export class Person {
  exchange = new Map();
  isOpen = true;
  constructor(world, uid, name) {
    Object.assign(this, { world, uid, name });
  }

  /** Keys that may come next. */
  nextKeys() {
    return makeGeneration((this.generation?.gen ?? 0) + 1);
  }

  /** @param {"create" | "rotate" | "reset"} type @param {any} [made]  by `nextKeys` */
  async newKeys(type, made) {
    const old = this.generation;
    const next = made ?? (await this.nextKeys());
    const { instance } = this.world;
    const tag = await tagOf(instance, this.name);
    const prevLeaf = this.leaf ?? new Uint8Array();
    const { ed, x, gen } = next;
    const entry = { uid: this.uid, tag, type, gen, ed, x, prevLeaf, time: Date.now() };
    const signed = await signDirEntry(instance, entry, next.key, type === "rotate" ? old.key : undefined);
    await this.world.append(this, tag, signed);
    if (type === "reset") this.exchange = new Map();
    this.exchange = new Map(this.exchange).set(gen, next.pair);
    this.generation = next;
    this.root = this.world.directory.rootAt(this.uid, this.world.directory.n);
  }

  identity(localKey) {
    const { uid, root, exchange, generation } = this;
    return { uid, gen: generation.gen, root, signKey: generation.key, exchange, localKey };
  }
}

export class World {
  instance = randomBytes(16);
  people = new Map();
  rooms = new Map();
  clients = new Set();
  entries = new Map();
  /** What `msg.send` does before it is judged: tests lose answers here. */
  before = () => {};
  after = () => {};
  epoch = "history 1";
  #numbers = 0;

  static async create(...names) {
    const world = new World();
    world.directory = await Directory.create(world.instance);
    for (const [at, name] of names.entries()) await world.register(String(at + 1), name);
    globalThis.fetch = async (address) => world.fetch(address);
    return world;
  }

  async register(uid, name) {
    const person = new Person(this, uid, name);
    this.people.set(uid, person);
    await person.newKeys("create");
    return person;
  }

  /** A signed entry of the directory. */
  async append(person, tag, signed) {
    const { directory } = this;
    const leaf = await leafOf(signed);
    const n = directory.n + 1;
    const row = rowOf({ uid: person.uid, tag, leaf });
    const h = await nodeHash(directory.hashAt(n - 1), n, { uid: person.uid, tag, leaf });
    const longer = await Directory.create(this.instance, concat(directory.buffer(), h, row));
    const mine = [...(this.entries.get(person.uid) ?? []), { n, uid: person.uid, ...signed, name: person.name }];
    this.entries.set(person.uid, mine);
    for (const [uid, entries] of this.entries) await longer.addEntries(uid, entries);
    this.directory = longer;
    person.leaf = leaf;
    for (const room of this.rooms.values()) room.announceNeeded();
  }

  fetch(address) {
    const [, , , id, what] = new URL(address, "http://model").pathname.split("/");
    const room = this.rooms.get(id);
    const { searchParams } = new URL(address, "http://model");
    const where = Object.fromEntries([...searchParams].map(([name, value]) => [name, Number(value)]));
    const body = what === "messages" ? room.page(where) : { members: [], total: 0 };
    return { ok: true, status: 200, json: async () => copy(body), headers: new Map() };
  }

  newRoom(state, entries, wraps) {
    this.#numbers += 1;
    const room = new ModelRoom(this, String(this.#numbers));
    this.rooms.set(room.id, room);
    room.found(state, entries, wraps);
    return room;
  }

  clientsOf(room) {
    return [...this.clients].filter(({ uid, line }) => line && room.state.members.has(uid));
  }

  /** Everything as it is now, to be brought back later. */
  backup() {
    return new Map([...this.rooms].map(([id, room]) => [id, room.backup()]));
  }

  restore(backup) {
    for (const client of this.clients) client.cut();
    for (const [id, kept] of backup) this.rooms.get(id).restore(kept);
    this.epoch = `history ${Number(this.epoch.split(" ")[1]) + 1}`;
  }
}

class ModelRoom {
  seq = 0;
  state = emptyRoomState();
  log = [];
  wraps = [];
  barred = new Set();
  messages = [];
  events = [];

  constructor(world, id) {
    Object.assign(this, { world, id });
  }

  found(state, entries, wraps) {
    this.seq += 1;
    this.state = state;
    this.log = entries.map(({ e, s }) => ({ batch: this.seq, at: Date.now(), e, s }));
    this.wraps = wraps.map((wrap) => ({ ...wrap, poster: this.log[0].actor }));
  }

  get rid() {
    return toBase64Url(this.state.rid);
  }

  get head() {
    return { seq: this.state.seq, hash: toBase64Url(this.state.head) };
  }

  backup() {
    return structuredClone({
      seq: this.seq,
      state: this.state,
      log: this.log,
      wraps: this.wraps,
      messages: this.messages,
    });
  }

  restore(kept) {
    Object.assign(this, structuredClone(kept));
  }

  toWire(uid) {
    const others = [...this.state.members.keys()].filter((each) => each !== uid);
    const read = this.reads?.get(uid) ?? 0;
    const unread = this.messages.filter((m) => m.kind === "msg" && m.by !== uid && m.created_seq > read).length;
    const log = this.head;
    return {
      id: this.id,
      name: "",
      kind: "dm",
      e2ee: true,
      rid: this.rid,
      log,
      role: "member",
      seq: this.seq,
      read,
      unread,
      members: others.length + 1,
      with: others,
    };
  }

  /** Why a new key is due for whoever writes next. */
  get due() {
    const { directory, people } = this.world;
    const shut = [...this.state.members.keys()].filter(
      (uid) => !people.get(uid).isOpen && this.wraps.some((w) => w.uid === uid && w.epoch === this.state.epoch),
    );
    if (due(this.state, directory.n, directory)) return { why: this.state.gone ? "left" : "keys", shut: [] };
    return shut.length ? { why: "shut", shut } : null;
  }

  /** One thing after the other, as in a room's actor. A restored backup ends what is under way. */
  turn(act) {
    const { epoch } = this.world;
    const done = (this.tail ?? Promise.resolve()).then(() => act(() => this.#assertRuns(epoch)));
    this.tail = done.catch(() => {});
    return done;
  }

  /** @param {string} epoch */
  #assertRuns(epoch) {
    if (this.world.epoch !== epoch) throw { code: "network" };
  }

  append(uid, batch) {
    return this.turn((assertRuns) => this.#append(uid, batch, assertRuns));
  }

  async #append(uid, { head, entries, wraps }, assertRuns) {
    assertRuns();
    if (head.seq !== this.head.seq || head.hash !== this.head.hash)
      throw { code: "log_conflict", detail: { head: this.head } };
    const signed = entries.map(({ e, s }) => ({ e: fromBase64Url(e), s: fromBase64Url(s) }));
    const result = await applyAll(this.state, signed, this.world.directory);
    assertRuns();
    if (result.refusal) throw { code: "bad_entry", detail: result.refusal };
    const isAgain = result.entries.some(({ actor }) => actor !== uid) || this.isRestored;
    if (!isAgain) this.#checkWraps(result, wraps);
    const from = this.state.seq + 1;
    this.state = result.state;
    this.seq += 1;
    const at = Date.now();
    this.log.push(...signed.map((line) => ({ batch: this.seq, at, ...line })));
    for (const wrap of wraps) this.#take(uid, wrap);
    const event = { op: "log", room: this.id, seq: this.seq, at, from, entries };
    for (const client of this.world.clientsOf(this)) client.hear(event);
    for (const entry of result.entries) if (entry.body.type === "remove") this.tellGone(entry.body.uid);
    return { seq: this.seq, head: this.head };
  }

  tellGone(uid) {
    for (const client of this.world.clients)
      if (client.uid === uid) client.hear({ op: "room", room: { id: this.id, gone: true } });
  }

  #checkWraps({ state, entries }, wraps) {
    const { directory } = this.world;
    if (!entries.some(({ body }) => body.type === "epoch")) return;
    const wanted = [...state.members.keys()].filter(
      (uid) => !state.skipped.has(uid) && !stale(state, uid, directory.n, directory),
    );
    const missing = wanted.filter((uid) => !wraps.some((wrap) => wrap.uid === uid));
    if (missing.length) throw { code: "members_changed", detail: { missing, extra: [], dn: directory.n } };
  }

  #take(poster, { uid, epoch, gen, w }) {
    const isSame = (each) => each.uid === uid && each.epoch === epoch && each.gen === gen;
    if (this.wraps.some(isSame) || this.barred.has(`${uid}/${epoch}/${gen}/${poster}`)) return 0;
    this.wraps.push({ uid, epoch, gen, w, poster });
    for (const client of this.world.clientsOf(this))
      if (client.uid === uid) client.hear({ op: "wrap", room: this.id, epoch, gen, w });
    return 1;
  }

  give(poster, wraps) {
    return wraps.reduce((sum, wrap) => sum + this.#take(poster, wrap), 0);
  }

  get needed() {
    const { directory, people } = this.world;
    const { epoch, members } = this.state;
    return [...members.keys()]
      .filter((uid) => people.get(uid).isOpen && !stale(this.state, uid, directory.n, directory))
      .map((uid) => ({ uid, epoch, gen: directory.genAt(uid, directory.n) }))
      .filter((pair) => !this.wraps.some((w) => w.uid === pair.uid && w.epoch === epoch && w.gen === pair.gen));
  }

  announceNeeded() {
    const { needed } = this;
    if (needed.length)
      for (const client of this.world.clientsOf(this)) client.hear({ op: "wraps.needed", room: this.id, needed });
  }

  readWraps(uid, before) {
    const own = this.wraps.filter((wrap) => wrap.uid === uid && (before === undefined || wrap.epoch < before));
    const wraps = own.sort((a, b) => b.epoch - a.epoch || b.gen - a.gen).slice(0, before === undefined ? 2 : 64);
    const { people } = this.world;
    const shut = [...this.state.members.keys()].filter((each) => !people.get(each).isOpen);
    return { wraps, epoch: this.state.epoch, shut, needed: this.needed, why: this.due?.why ?? null };
  }

  badWrap(uid, { epoch, gen }) {
    const bad = this.wraps.find((wrap) => wrap.uid === uid && wrap.epoch === epoch && wrap.gen === gen);
    if (!bad) return;
    this.barred.add(`${uid}/${epoch}/${gen}/${bad.poster}`);
    this.wraps = this.wraps.filter((wrap) => wrap !== bad);
    this.announceNeeded();
  }

  readLog(from) {
    return concat(
      ...this.log.slice(from).map(({ batch, at, e, s }) => concat(u64(batch), u64(at), u32(e.length), e, s)),
    );
  }

  find(mid) {
    return this.messages.find((message) => message.mid === mid);
  }

  send(uid, env) {
    return this.turn((assertRuns) => this.#send(uid, env, assertRuns));
  }

  /** 13.3: what the server does with `msg.send`, in this order. */
  async #send(uid, env, assertRuns) {
    assertRuns();
    const { directory } = this.world;
    const parsed = parseEnvelope(env);
    const own = this.find(env.mid) ?? this.messages.flatMap((m) => m.reacts).find((react) => react.mid === env.mid);
    const sent = own?.sent.find(({ rev }) => rev === env.rev);
    if (sent) {
      if (sent.s === env.s) return { seq: sent.seq, at: sent.at };
      throw { code: env.rev === 0 ? "mid_exists" : "rev_conflict" };
    }
    if (!this.state.members.has(uid)) throw { code: "not_member" };
    const { due: rotation, head } = this;
    if (rotation && env.kind !== "del") throw { code: "rotation_required", detail: { ...rotation, head } };
    if (env.epoch !== this.state.epoch) throw { code: "epoch_stale", detail: { epoch: this.state.epoch, head } };
    if (env.gen !== directory.genAt(uid, directory.n))
      throw { code: "gen_stale", detail: { gen: directory.genAt(uid, directory.n) } };
    const outer = { mid: env.mid, rev: env.rev, kind: env.kind, by: own?.by ?? uid };
    const verdict = await checkEnvelope(parsed, outer, this.state, directory);
    assertRuns();
    if (!verdict.ok) throw { code: "bad_request", message: verdict.rule };
    if (own ? env.rev !== own.rev + 1 || own.kind === "del" : env.rev !== 0) throw { code: "rev_conflict" };
    return this.commit(uid, env, own);
  }

  commit(uid, env, own) {
    this.seq += 1;
    const at = Date.now();
    const sent = { rev: env.rev, s: env.s, seq: this.seq, at };
    if (env.kind === "react" || own?.ref) return this.#react(uid, env, own, sent);
    const message = own ?? { mid: env.mid, by: uid, created: at, created_seq: this.seq, reacts: [], sent: [] };
    if (!own) this.messages.push(message);
    Object.assign(message, { rev: env.rev, kind: env.kind, env, rev_seq: this.seq, seq: this.seq });
    if (own) message.edited = at;
    if (env.kind === "del") message.reacts = [];
    message.sent.push(sent);
    this.tell(message);
    return { seq: this.seq, at };
  }

  #react(uid, env, own, sent) {
    const target = this.find(own?.ref ?? env.ref);
    const react = own ?? { mid: env.mid, by: uid, ref: env.ref, kind: "react", sent: [] };
    Object.assign(react, { rev: env.rev, kind: env.kind, env, rev_seq: this.seq });
    react.sent.push(sent);
    target.seq = this.seq;
    if (!own) target.reacts.push(react);
    const msg = {
      mid: react.mid,
      rev: react.rev,
      kind: react.kind,
      by: react.by,
      ref: react.ref,
      rev_seq: this.seq,
      env,
    };
    this.#publish({ op: "msg", room: this.id, seq: this.seq, at: sent.at, msg });
    return { seq: this.seq, at: sent.at };
  }

  tell(message) {
    const { reacts: _, ...live } = this.wire(message);
    this.#publish({ op: "msg", room: this.id, seq: message.seq, at: Date.now(), msg: live });
  }

  #publish(event) {
    for (const client of this.world.clientsOf(this)) {
      if (client.followed.has(this.id)) client.hear(event);
      else
        client.hear({ op: "activity", room: this.id, seq: this.seq, new: 1, unread: this.toWire(client.uid).unread });
    }
  }

  wire({ mid, rev, kind, by, created, created_seq, edited, rev_seq, env, gone, reacts }) {
    const told = { mid, rev, kind, by, created, created_seq, rev_seq, ...(edited ? { edited } : {}) };
    if (gone) return { ...told, kind: "msg", gone };
    const left = reacts
      .filter((react) => react.kind === "react")
      .map((react) => ({ rev_seq: react.rev_seq, env: react.env }));
    return { ...told, env, reacts: left };
  }

  /** An administrator takes a message away, or brings it back. */
  setGone(mid, gone) {
    const message = this.find(mid);
    this.seq += 1;
    Object.assign(message, { gone, seq: this.seq, rev_seq: message.rev_seq });
    this.#publish({ op: "msg", room: this.id, seq: this.seq, at: Date.now(), msg: this.wire(message) });
  }

  page({ limit = 50, before, after, around }) {
    const all = this.messages;
    const entries = (start, end) =>
      all
        .slice(Math.max(0, start), Math.max(0, end))
        .map((message) => ({ seq: message.seq, at: message.created, msg: this.wire(message) }));
    const firstAfter = (seq) => all.filter(({ created_seq }) => created_seq <= seq).length;
    const { epoch } = this.world;
    if (around !== undefined) {
      const at = firstAfter(around);
      const [start, end] = [at - limit / 2, at + limit / 2];
      return { epoch, messages: entries(start, end), more_before: start > 0, more_after: end < all.length };
    }
    if (before !== undefined) {
      const end = firstAfter(before - 1);
      return { epoch, messages: entries(end - limit, end), more: end > limit };
    }
    const start = after === undefined ? all.length - limit : firstAfter(after);
    return {
      epoch,
      messages: entries(start, start + limit),
      more: after === undefined ? start > 0 : start + limit < all.length,
    };
  }

  subscribe(client, since, epoch) {
    client.followed.add(this.id);
    const logs = new Map();
    for (const [at, { batch, e, s }] of this.log.entries()) {
      const known = logs.get(batch) ?? { op: "log", room: this.id, seq: batch, at: 1, from: at, entries: [] };
      known.entries.push({ e: toBase64Url(e), s: toBase64Url(s) });
      logs.set(batch, known);
    }
    const missed = [
      ...this.messages
        .filter(({ seq }) => seq > since)
        .map((m) => ({ op: "msg", room: this.id, seq: m.seq, at: m.created, msg: this.wire(m) })),
      ...[...logs.values()].filter(({ seq }) => seq > since),
    ].sort((a, b) => a.seq - b.seq);
    const truncated = (epoch && epoch !== this.world.epoch) || since > this.seq || missed.length > REPLAY_MAX;
    if (!truncated) for (const event of missed) client.hear(event);
    return {
      seq: this.seq,
      read: 0,
      unread: 0,
      mentions: 0,
      log: this.head,
      ...(truncated ? { truncated: true } : {}),
    };
  }
}

/** What this browser keeps, over reloads. */
export async function makeBrowser() {
  const database = await openDatabase("test");
  // It is held in memory, which the tabs of this model share and pages do not take along.
  Object.defineProperty(database, "isKept", { value: true });
  return { database, localKey: await importAesKey(randomBytes(32)), contacts: new Map(), rooms: new Map() };
}

/** A tab: the real state, with a line to the model that can be cut. */
export class Client {
  followed = new Set();
  line = false;
  errors = [];
  commands = [];
  /** Calls that are refused, by name: tests set what happens. */
  faults = {};
  speed = 100;
  isGone = false;

  constructor(world, person, browser) {
    Object.assign(this, { world, person, browser, uid: person.uid });
    this.store = new Store({
      ...emptyState(),
      phase: "signed_in",
      me: { uid: person.uid, username: person.name },
      epoch: world.epoch,
    });
    this.store.state.info = { encryption: "on" };
    this.store.state.keys ??= { phase: "ready" };
    this.users = { need() {}, heard() {}, refetchSoon() {} };
    for (const { uid, name } of world.people.values()) this.store.state.users.set(uid, { uid, username: name });
    this.#connectParts();
  }

  #connectParts() {
    const { store, users } = this;
    const socket = {
      online: false,
      command: (op, fields) => this.#command(op, fields),
      send: (op, fields) => void this.#command(op, fields).catch(() => {}),
    };
    this.socket = socket;
    const isEncrypted = (room) => this.door.isEncrypted(room);
    this.ingest = new Ingest((room, entry) =>
      isEncrypted(room) ? this.door.open(room, entry) : messageFromWire(entry, this.uid),
    );
    this.pages = new Pages({ store, ingest: this.ingest, users });
    this.sync = new Sync({ store, socket, users, ingest: this.ingest, pages: this.pages });
    this.messages = new MessageActions({ store, socket, ingest: this.ingest, isEncrypted });
    this.drafts = new Drafts(store, isEncrypted);
    this.reads = new ReadPositions({ store, socket });
    this.sync.restarted = () => {
      this.reads.restart();
      this.messages.restart();
    };
    this.pages.reachedPresent = (room) => this.messages.showWaiting(room);
    this.encryption = this.#makeEncryption();
    const keys = { load: async () => this.encryption };
    // In a tab that is gone nothing goes on.
    const wait = async (ms) => {
      await settle(ms / this.speed);
      if (this.isGone) await new Promise(() => {});
    };
    this.door = new EncryptedDoor(
      { store, socket, ingest: this.ingest, sync: this.sync, messages: this.messages, drafts: this.drafts, keys },
      { calls: this.#calls(), wait, report: (error) => this.errors.push(error) },
    );
    this.encrypted = new EncryptedActions({ store, door: this.door, messages: this.messages });
    this.rooms = new RoomActions({
      store,
      socket,
      sync: this.sync,
      pages: this.pages,
      reads: this.reads,
      users,
      encrypted: this.encrypted,
      door: this.door,
    });
    this.messages.start(this.uid);
    this.drafts.load(this.uid);
  }

  #makeEncryption() {
    const { world, person, browser } = this;
    const trust = {
      ready: true,
      contact: (uid) => browser.contacts.get(uid) ?? null,
      judge: (uid) => {
        const known = browser.contacts.get(uid);
        const root = world.directory.rootAt(uid, world.directory.n);
        return !known ? "first" : equal(known.root, root) ? "same" : "reset";
      },
      pin: async (uid, name) => {
        if (world.people.get(uid).name !== name) throw { code: "other_name" };
        await trust.approve(uid);
      },
      pinFromLog: (uid) => trust.approve(uid),
      acceptName: (uid) => trust.approve(uid),
      approve: async (uid) =>
        void browser.contacts.set(uid, { root: world.directory.rootAt(uid, world.directory.n), ok: null }),
      room: (rid) => browser.rooms.get(rid) ?? null,
      roomOfId: (id) => [...browser.rooms].find(([, room]) => room.id === id)?.[0] ?? null,
      noteRoom: (rid, room) => void browser.rooms.set(rid, room),
    };
    const listeners = new Set();
    const encryption = {
      uid: person.uid,
      database: browser.database,
      trust,
      directory: {
        sync: async () => {},
        noticed: async () => {},
        entriesOf: async () => {},
        get view() {
          return world.directory;
        },
        get n() {
          return world.directory.n;
        },
        hasKeys: (uid) => world.directory.positionsOf(uid).length > 0,
        nameOf: (uid) => world.people.get(uid)?.name ?? null,
        madeAt: () => 1,
      },
      identity: person.identity(browser.localKey),
      mayWrite: true,
      counts: { failed: 0, missing: 0 },
      onIdentity: (listener) => {
        listeners.add(listener);
        listener(encryption.identity);
        return () => listeners.delete(listener);
      },
      useRooms: (rooms) => (encryption.rooms = rooms),
      count: (what, n) => (encryption.counts[what] += n),
      keysChangedElsewhere: () => (encryption.asked = true),
      setIdentity: (identity) => {
        encryption.identity = identity;
        for (const listener of listeners) listener(identity);
      },
    };
    return encryption;
  }

  #calls() {
    const { world, uid } = this;
    const roomOf = (id) => world.rooms.get(id);
    const calls = {
      createEncryptedRoom: async (entries, wraps) => {
        const signed = entries.map(({ e, s }) => ({ e: fromBase64Url(e), s: fromBase64Url(s) }));
        const result = await applyAll(emptyRoomState(), signed, world.directory);
        if (result.refusal) throw { code: "bad_entry", detail: result.refusal };
        const people = [...result.state.members.keys()].sort().join();
        const isDead = (room) =>
          [...room.state.members.keys()].every((each) => stale(room.state, each, world.directory.n, world.directory));
        const existing = [...world.rooms.values()].find(
          (room) => [...room.state.members.keys()].sort().join() === people && !isDead(room),
        );
        const room = existing ?? world.newRoom(result.state, signed, wraps);
        if (!existing)
          for (const client of world.clientsOf(room)) {
            client.hear({ op: "room", room: room.toWire(client.uid) });
            for (const wrap of wraps) if (wrap.uid === client.uid) client.hear({ op: "wrap", room: room.id, ...wrap });
          }
        return roomFromWire(room.toWire(uid));
      },
      readLog: async (id, from) => roomOf(id).readLog(from),
      appendLog: (id, batch) => roomOf(id).append(uid, copy(batch)),
      readWraps: async (id, before) => copy(roomOf(id).readWraps(uid, before)),
      giveWraps: async (id, wraps) => roomOf(id).give(uid, copy(wraps)),
      reportWrap: async (id, wrap) => roomOf(id).badWrap(uid, wrap),
      readMessages: async (id, where) => pageFromWire(copy(roomOf(id).page(where)), where),
    };
    for (const [name, call] of Object.entries(calls))
      calls[name] = async (...args) => {
        const { line } = this;
        if (!line) throw { code: "network" };
        const answer = await (this.faults[name] ?? ((real) => real()))(() => call(...args), ...args);
        await settle();
        if (this.line !== line) throw { code: "network" };
        return answer;
      };
    return calls;
  }

  async #command(op, fields) {
    const line = this.line;
    if (!line) throw { code: "offline" };
    this.commands.push({ op, ...copy(fields) });
    const work = this.faults[op] ?? ((real) => real());
    const [answer, error] = await work(() => this.#work(op, copy(fields)), fields).then(
      (done) => [done, null],
      (failed) => [null, failed],
    );
    await settle();
    if (this.line !== line) throw { code: "offline" };
    if (error) throw error;
    return { op: "ok", truncated: false, read: 0, unread: 0, mentions: 0, ...answer };
  }

  async #work(op, { room: id, env, since, epoch }) {
    const room = this.world.rooms.get(id);
    if (op === "room.subscribe") return room.subscribe(this, since, epoch);
    if (op === "msg.send") return room.send(this.uid, env);
    return { seq: 0 };
  }

  /** A frame of the server comes, in its order. */
  hear(frame) {
    const { line } = this;
    if (!line || this.deaf?.(frame)) return;
    const told = copy(frame);
    setTimeout(() => this.line === line && this.sync.receive(frameFromWire(told)));
  }

  /** The line is there; a page that is gone has none any more, whatever still wanted to bring it back. */
  connect() {
    if (this.isClosed) return this;
    open.add(this);
    this.world.clients.add(this);
    this.line = {};
    this.followed.clear();
    this.socket.online = true;
    const { world, uid } = this;
    const rooms = [...world.rooms.values()]
      .filter((room) => room.state.members.has(uid))
      .map((room) => room.toWire(uid));
    this.sync.receive(frameFromWire(copy({ op: "hello", uid, epoch: world.epoch, rooms })));
    this.sync.resume();
    this.messages.flush();
    this.door.connected();
    return this;
  }

  cut() {
    if (!this.line) return;
    this.line = false;
    this.socket.online = false;
    this.messages.lineLost();
  }

  /** The page is gone; what the browser keeps stays. */
  async close() {
    this.isClosed = true;
    this.cut();
    this.world.clients.delete(this);
    await Promise.all((this.door.loaded?.rooms.all ?? []).map((room) => room.ledger.written()));
    await this.door.loaded?.outbox?.written();
    this.messages.stop();
    this.sync.stop();
    this.door.stop();
    this.isGone = true;
  }

  get state() {
    return this.store.state;
  }

  room(id) {
    return this.door.loaded?.rooms.roomOf(id);
  }

  /** What is shown of a room, oldest first. */
  shown(id) {
    return this.state.timelines.get(id)?.messages ?? [];
  }

  texts(id) {
    return this.shown(id).map(({ kind, t, verdict, gone }) =>
      kind === "del" ? "(deleted)" : (gone ?? (verdict === "ok" ? t : `(${verdict})`)),
    );
  }

  say(id, text, more = {}) {
    return this.messages.send(id, { text, mentions: [], ...more });
  }

  message(id, text) {
    return this.shown(id).find(({ t }) => t === text);
  }

  sees(id, text, ms) {
    return until(
      () => this.texts(id).includes(text),
      `${this.person.name} sees ${text} in ${this.texts(id).join(" | ")}`,
      ms,
    );
  }
}

/** Everybody of a world, each in a browser, connected. @param {World} world */
export async function everybodyIn(world) {
  const clients = [];
  for (const person of world.people.values()) clients.push(new Client(world, person, await makeBrowser()).connect());
  return clients;
}

/** The same person in another browser, or in the same one after a reload, with a chat open. */
export async function again({ world, person }, id, browser) {
  const client = new Client(world, person, browser ?? (await makeBrowser())).connect();
  await until(() => client.state.rooms.has(id), "the room is named");
  await client.rooms.open(id);
  return client;
}

/** Two or more people, connected, with an encrypted chat that all have opened; each also under the own name. */
export async function chat(...names) {
  const world = await World.create(...names);
  const clients = await everybodyIn(world);
  const [first, ...others] = clients;
  const id = await first.encrypted.begin(others.map(({ uid }) => uid));
  for (const client of clients) {
    await until(() => client.state.rooms.has(id), "the room is named");
    await client.rooms.open(id);
    await until(() => client.state.encrypted.get(id)?.condition === "ready", "the room is ready");
    await until(() => client.followed.has(id), "it is followed");
  }
  const named = Object.fromEntries(names.map((name, at) => [name, clients[at]]));
  return { world, clients, id, room: world.rooms.get(id), ...named };
}

/** A chat of alice and bob in which he has reacted to her "one". */
export async function chatWithReaction() {
  const made = await chat("alice", "bob");
  const { alice, bob, id } = made;
  await alice.say(id, "one");
  await bob.sees(id, "one");
  await bob.messages.react(id, bob.message(id, "one"), "👍", true);
  await until(() => alice.message(id, "one").reactions["👍"]);
  return made;
}
