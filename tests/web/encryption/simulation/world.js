/**
 * People, their browsers, one room and one server, in a random order with losses. After every step two things have to
 * hold (e2ee.md, 21.4): whoever is entitled opens every message with nothing but the password, and nobody
 * outside gets the current key from all data of the server and all keys the person ever had.
 */
import * as batches from "../../../../web/crypto/batches.js";
import { fromBase64Url, hexOf, randomBytes, Refused, toBase64Url } from "../../../../web/crypto/encoding.js";
import * as epochs from "../../../../web/crypto/epochs.js";
import { makeTicket, signJoin } from "../../../../web/crypto/links.js";
import * as log from "../../../../web/crypto/room_log.js";
import { Random } from "../random.js";
import { Browser } from "./browser.js";
import { falseWrap, Person } from "./person.js";
import { Answer, Server } from "./server.js";

const START = 1_767_225_600_000;
const STEP_MS = 660_000;
const ROUND_MS = 40_000;
const ROUNDS = 6;
/**
 * A new browser that opens everything comes after every so many steps, and after those that make old keys or an old
 * history matter. After each step it would take two and a half times as long as all the rest together (4.6 s of CPU
 * instead of 1.7 s for a seed that is long in messages), and find little more: after each step it is computed for
 * everybody who is entitled, from wraps and links that were truly opened, whether every message can be read.
 */
const FRESH_EVERY = 15;
const FRESH_AFTER = new Set(["restore", "reset", "ticket", "newKeys", "letIn", "deliver"]);

/** How often each thing happens. */
const WEIGHTS = {
  send: 24,
  edit: 3,
  erase: 2,
  react: 3,
  add: 6,
  remove: 3,
  ban: 2,
  unban: 1,
  leave: 2,
  role: 3,
  link: 2,
  unlink: 1,
  join: 4,
  newKeys: 2,
  ticket: 1,
  reset: 2,
  letIn: 6,
  shut: 2,
  reopen: 4,
  offline: 5,
  online: 9,
  restart: 3,
  password: 1,
  manual: 1,
  late: 3,
  deliver: 3,
};

export class World {
  /**
   * @param {number} seed
   * @param {{people?: number, liars?: boolean, restores?: boolean, loss?: number}} [options]
   */
  constructor(seed, { people = 5, liars = false, restores = false, loss = 0.04 } = {}) {
    this.random = new Random(seed);
    /** Who comes with a new browser changes nothing of what happens. */
    this.choosing = new Random(seed + 1_000_000);
    this.options = { people, liars, restores };
    this.clock = { now: START };
    this.server = new Server(this.clock);
    /** Every key of the room there ever was, by commitment. */
    this.truth = new Map();
    this.texts = new Map();
    /** Bytes that were tried to open, and account blobs that were opened. */
    this.tried = new WeakMap();
    this.late = [];
    this.tickets = [];
    this.counts = { steps: 0, opened: 0, exempt: 0, tried: 0, epochs: 0, refused: 0 };
    this.faults = {
      loss,
      batch: (browser, room, made) => this.#note(browser, made),
      rotation: (browser, room, make) => (this.#lies(browser) ? this.falseRotation(browser, room, make) : make()),
      healing: (browser, room, wraps) =>
        this.#lies(browser) ? wraps.map((wrap) => ({ ...wrap, w: falseWrap() })) : wraps,
      sent: ({ mid, rev, content }) => content?.t && this.texts.set(`${toBase64Url(mid)} ${rev}`, content.t),
    };
  }

  async begin() {
    await this.server.start();
    this.people = [];
    for (let at = 1; at <= this.options.people; at += 1) this.people.push(new Person(`${at}`, this.server));
    for (const person of this.people) await person.begin();
    this.liar = this.options.liars ? this.random.pick(this.people).uid : null;
    this.browsers = new Map();
    for (const person of this.people) await this.#newBrowser(person);
    const kind = this.random.happens(0.75) ? "closed" : "dm";
    const [founder, ...rest] = this.random.shuffled(this.people);
    const others = rest.slice(0, this.random.between(1, 3)).map(({ uid }) => ({ uid }));
    const { actor, directory: view } = this.browsers.get(founder.uid);
    const profile = kind === "closed" ? { profile: { name: "Room", topic: "" } } : {};
    const made = await batches.foundRoom({ kind, actor, people: others, view, clock: this.clock.now, ...profile });
    this.#note(this.browsers.get(founder.uid), made);
    this.id = await this.server.makeRoom(founder.uid, made);
  }

  get room() {
    return this.server.rooms.get(this.id);
  }

  get state() {
    return this.room.state;
  }

  async #newBrowser(person) {
    const { server, clock, random, faults } = this;
    const browser = new Browser({ person, server, clock, random, faults });
    await browser.open();
    this.browsers.set(person.uid, browser);
    return browser;
  }

  /** Remembers a key that somebody has made. */
  #note({ uid }, made) {
    if (!made.ek) return made;
    this.truth.set(hexOf(made.state.kc[made.state.epoch]), { ek: made.ek, maker: uid });
    this.counts.epochs += 1;
    return made;
  }

  #lies({ uid }) {
    return uid === this.liar && this.random.happens(0.5);
  }

  /** A key that opens for nobody, or for some, or that leads to nothing. */
  async falseRotation(browser, room, make) {
    const made = await make();
    if (!made) return made;
    const how = this.random.pick(["wraps", "some", "links", "around"]);
    if (how === "wraps" || how === "some") {
      const isFalse = ({ uid }) => uid !== browser.uid && (how === "wraps" || this.random.happens(0.5));
      return { ...made, wraps: made.wraps.map((wrap) => (isFalse(wrap) ? { ...wrap, w: falseWrap() } : wrap)) };
    }
    const prefix = made.entries.slice(0, -1);
    const { state } = await log.applyAll(room.ring.state, prefix, browser.directory);
    const { body } = log.parseEntry(made.entries.at(-1).e);
    const below = body.links[0].m - 1;
    const links =
      how === "around" && below >= 1 && this.truth.has(hexOf(state.kc[below]))
        ? [await this.#linkTo(made, state, below)]
        : body.links.map((link) => ({ ...link, box: randomBytes(48) }));
    const batch = new log.Batch(state, browser.actor, browser.directory);
    await batch.add({ ...body, links }, this.clock.now);
    return { ...made, entries: [...prefix, ...batch.entries], state: batch.state };
  }

  #linkTo({ ek, state: { epoch } }, { rid, kc }, m) {
    return epochs.makeLink({ rid, n: epoch, ek }, { m, kc: kc[m], ek: this.truth.get(hexOf(kc[m])).ek });
  }

  // Who

  isEntitled(uid) {
    const { n } = this.server.view;
    return this.state.members.has(uid) && this.server.isOpen(uid) && !log.stale(this.state, uid, n, this.server.view);
  }

  /** Members who are here and may act. */
  present() {
    return [...this.state.members.keys()].filter((uid) => this.isEntitled(uid) && this.browsers.get(uid).online);
  }

  // Steps

  async step() {
    this.clock.now += STEP_MS;
    this.counts.steps += 1;
    if (this.options.restores && this.random.happens(0.03)) this.saved = await this.#save();
    else if (this.saved && this.random.happens(0.02)) await this.#restore();
    else await this.#act(this.random.weighted(WEIGHTS)).catch(ifAnswer);
    await this.settle();
    await this.check();
  }

  async #act(what) {
    const present = this.present();
    const actor = present.length ? this.browsers.get(this.random.pick(present)) : null;
    this.doing = what;
    const uid = actor?.uid;
    const inside = [...this.state.members.keys()];
    const others = inside.filter((each) => each !== uid);
    const outside = this.people.map((person) => person.uid).filter((each) => !inside.includes(each));
    const pick = (some) => (some.length ? this.random.pick(some) : null);
    const anybody = this.random.pick(this.people);
    switch (what) {
      case "shut":
        return this.#setOpen(anybody.uid, false);
      case "reopen":
        return this.#setOpen(pick(this.people.filter((each) => !this.server.isOpen(each.uid)))?.uid, true);
      case "offline":
        return void (this.browsers.get(anybody.uid).online = false);
      case "online":
        return void (this.browsers.get(anybody.uid).online = true);
      case "restart":
        return this.#restart(anybody);
      case "password":
        return anybody.changePassword();
      case "newKeys":
      case "ticket":
      case "reset":
        return this.#changeKeys(anybody, what);
      case "deliver":
        return this.#deliver();
      case "join":
        return this.#join(pick(outside));
      default:
        return actor && this.#actInside(what, actor, { others, outside, pick });
    }
  }

  async #actInside(what, actor, { others, outside, pick }) {
    const { id } = this;
    const { view } = this.server;
    const role = this.random.weighted({ member: 3, admin: 2, owner: 1 });
    const rows = [...this.room.rows.values()].filter(({ kind }) => kind !== "del");
    const messages = rows.filter(({ kind }) => kind === "msg");
    const own = messages.filter(({ author }) => author === actor.uid);
    const target = pick(others);
    switch (what) {
      case "send":
        return this.#say(actor, {});
      case "edit":
        return own.length && this.#say(actor, this.#next(pick(own)));
      case "erase":
        return rows.length && this.#say(actor, { ...this.#next(pick(rows)), kind: "del", content: null });
      case "react":
        return (
          messages.length &&
          this.#say(actor, { kind: "react", ref: fromBase64Url(pick(messages).mid), content: { e: pick(["a", "b"]) } })
        );
      case "add": {
        const uid = pick(outside);
        const root = uid && view.rootAt(uid, view.n);
        return root && actor.append(id, [{ type: "add", uid, root, role: role === "owner" ? "member" : role }]);
      }
      case "letIn": {
        const waiting = others.filter((uid) => log.stale(this.state, uid, view.n, view));
        const uid = pick(waiting);
        return uid && actor.append(id, [this.#readmission(uid, actor)]);
      }
      case "remove":
        return target && actor.remove(id, target, "removed");
      case "ban":
        return target && actor.remove(id, target, "banned");
      case "unban":
        return actor.append(id, [{ type: "unban", uid: pick([...this.state.banned]) ?? actor.uid }]);
      case "leave":
        if (log.lastFor(this.state, actor.uid, view.n, view).length) return null;
        return actor.append(id, [{ type: "remove", uid: actor.uid, reason: "left" }]);
      case "role":
        return target && actor.append(id, [{ type: "role", uid: target, role }]);
      case "link":
        return this.#link(actor);
      case "unlink":
        return this.tickets.length && actor.append(id, [{ type: "unlink", lid: pick(this.tickets).lid }]);
      case "manual":
        return actor.rotate(id, "manual");
      default:
        return this.#prepareLate(actor, outside);
    }
  }

  #readmission(uid, actor) {
    const { view } = this.server;
    const [their, own] = [this.state.members.get(uid), this.state.members.get(actor.uid)];
    return { type: "add", uid, root: view.rootAt(uid, view.n), role: log.lowerRole(their.role, own.role) };
  }

  #next({ mid, rev, ref }) {
    return { mid: fromBase64Url(mid), rev: rev + 1, ...(ref ? { kind: "react", content: { e: "c" } } : {}) };
  }

  async #say(browser, message) {
    browser.queue(this.id, { content: { t: `text ${this.counts.steps} ${browser.uid}` }, ...message });
    await browser.flush(this.id);
  }

  async #link(actor) {
    const ticket = await makeTicket();
    const expires = this.clock.now + this.random.pick([1_000_000, 100_000_000]);
    const max = this.random.between(1, 3);
    const made = await actor.append(this.id, [{ type: "link", lid: ticket.lid, ed: ticket.ed, expires, max }]);
    if (made) this.tickets.push(ticket);
  }

  async #join(uid) {
    const browser = uid && this.browsers.get(uid);
    if (!browser?.online || !this.server.isOpen(uid) || !this.tickets.length) return;
    await browser.join(this.id, this.random.pick(this.tickets), signJoin);
  }

  #setOpen(uid, open) {
    if (uid) this.server.accounts.get(uid).open = open;
  }

  /** A browser whose storage is gone, or that was only loaded anew. */
  async #restart(person) {
    const browser = this.browsers.get(person.uid);
    if (!this.server.isOpen(person.uid)) return;
    if (this.random.happens(0.5)) await this.#newBrowser(person);
    else for (const room of browser.rooms.values()) room.ring.keys.clear();
  }

  async #changeKeys(person, what) {
    const browser = this.browsers.get(person.uid);
    if (!this.server.isOpen(person.uid) || this.server.closed) return;
    if (what === "reset") {
      if (this.#wouldDie(person.uid)) return;
      await person.begin("reset");
    } else if (what === "newKeys") await person.rotate(browser.identity);
    else if (browser.online) await person.rotateByTicket(browser.identity, (next) => this.#wrapForNext(browser, next));
    else return;
    if (what === "ticket") await this.#takeKeys(browser);
    else await this.#newBrowser(person);
  }

  /** Whoever has made new keys has their entry: nobody else may, when a backup has lost it (11.4). */
  async #takeKeys(browser) {
    browser.identity = await browser.person.unlock();
    await browser.followDirectory();
  }

  /** Whether nobody would be left who can let others back in: the person is not asked to do that to a room. */
  #wouldDie(uid) {
    const { n } = this.server.view;
    const able = [...this.state.members.keys()].filter((each) => !log.stale(this.state, each, n, this.server.view));
    return able.length === 1 && able[0] === uid;
  }

  /** 14.7 (b): own wraps for the generation that comes, for every epoch that it has a wrap for. */
  async #wrapForNext(browser, { gen, x }) {
    if (!this.state.members.has(browser.uid)) return;
    const { ring } = await browser.sync(this.id);
    const { rid, kc } = ring.state;
    const wraps = [];
    for (const n of new Set(ring.wraps.map(({ epoch }) => epoch))) {
      const ek = await epochs.findRawKey(n, ring);
      if (ek) wraps.push(...(await epochs.wrapAll({ rid, n, kc: kc[n] }, [{ uid: browser.uid, gen, x }], ek)));
    }
    this.server.heal(browser.uid, this.id, wraps);
  }

  /** A batch that will be posted when others have gone on. */
  async #prepareLate(actor, outside) {
    const room = await actor.sync(this.id);
    const bodies = outside.length && this.random.happens(0.5) ? [this.#addition(this.random.pick(outside))] : null;
    const wanted = { ring: room.ring, actor: actor.actor, view: actor.directory, clock: this.clock.now };
    const making = bodies ? batches.makeEntries({ ...wanted, bodies }) : actor.rotation(room, "manual");
    const made = await making.catch((error) => {
      if (!(error instanceof Refused)) throw error;
      return null;
    });
    if (!made) return;
    const { seq, head: hash } = room.ring.state;
    this.late.push({ uid: actor.uid, post: { head: { seq, hash }, ...this.#note(actor, made) } });
  }

  #addition(uid) {
    const { view } = this.server;
    return { type: "add", uid, root: view.rootAt(uid, view.n), role: "member" };
  }

  async #deliver() {
    const late = this.late.shift();
    if (!late) return;
    await this.server.post(late.uid, this.id, late.post).catch((error) => {
      if (!(error instanceof Answer)) throw error;
      this.counts.refused += 1;
    });
  }

  // Backups

  async #save() {
    this.doing = "save";
    const blobs = this.people.map(({ blobs: own, kek, akGen }) => ({ blobs: own, kek, akGen }));
    return { server: this.server.backup(), blobs };
  }

  /** The server goes back; old browsers come, the longest memory first, and give it what it lost. */
  async #restore() {
    this.doing = "restore";
    const { server, blobs } = this.saved;
    this.saved = null;
    this.late = [];
    await this.server.restore(server);
    this.people.forEach((person, at) => Object.assign(person, blobs[at], { akGen: person.akGen }));
    const all = [...this.browsers.values()].sort((one, other) => this.#memory(other) - this.#memory(one));
    for (const browser of all) await browser.followDirectory();
    this.server.closed = false;
    for (const browser of all) {
      const knows = browser.rooms.get(this.id)?.ring.state.seq ?? -1;
      if (knows > this.state.seq) await browser.sync(this.id).catch(ifAnswer);
    }
    for (const person of this.people) await this.#renewOlder(person);
  }

  #memory(browser) {
    return browser.directory.n * 10_000 + (browser.rooms.get(this.id)?.ring.state.seq ?? 0);
  }

  /** Whose bundle went back while the directory did not: a browser that has the keys makes new ones. */
  async #renewOlder(person) {
    const browser = this.browsers.get(person.uid);
    const { gens } = await person.bundle();
    if (gens.at(-1).gen >= browser.identity.gen) return;
    const wasOpen = this.server.isOpen(person.uid);
    this.#setOpen(person.uid, true);
    await person.rotateByTicket(browser.identity, (next) => this.#wrapForNext(browser, next));
    await this.#takeKeys(browser);
    this.#setOpen(person.uid, wasOpen);
  }

  // What clients do by themselves

  async settle() {
    let before = "";
    for (let round = 0; round < ROUNDS; round += 1) {
      this.clock.now += ROUND_MS;
      for (const uid of this.random.shuffled(this.present()))
        if (this.present().includes(uid)) await this.browsers.get(uid).tend(this.id).catch(ifAnswer);
      const { seq, wraps } = this.room;
      const lacking = this.present().filter((uid) => this.browsers.get(uid).room(this.id).lackingSince !== null).length;
      const now = `${seq} ${wraps.size} ${this.server.needed(this.room).length} ${lacking}`;
      if (now === before) break;
      before = now;
    }
  }

  // What has to hold

  async check() {
    const graph = await this.#graph();
    await this.#checkReaders(graph);
    await this.#checkOutsiders(graph);
    const complaints = [...this.browsers.values()].flatMap(({ uid, complaints: own }) =>
      own.map((each) => `${uid}: ${each}`),
    );
    this.#demand(complaints.length === 0, `honest ones are accused: ${complaints.join(", ")}`);
    const isDue = this.counts.steps % FRESH_EVERY === 0 || FRESH_AFTER.has(this.doing);
    if (isDue) await this.#checkFreshBrowser(graph);
  }

  #demand(holds, what) {
    if (!holds) throw new Error(`step ${this.counts.steps} (${this.doing}): ${what}`);
  }

  /** Which links truly open, found out with the real keys. */
  async #graph() {
    const { rid, kc, edges, epoch } = this.state;
    const links = new Map();
    for (let n = 1; n <= epoch; n += 1) {
      const good = [];
      for (const link of edges[n]) {
        const opens = async () => {
          const key = await epochs.historyKey(this.truth.get(hexOf(kc[n])).ek, rid, n);
          return epochs.openLink({ rid, n, key }, kc[link.m], link);
        };
        if (await this.#once(link.box, opens)) good.push(link.m);
      }
      links.set(n, good);
    }
    return { links };
  }

  /** Whether something opens: its bytes are tried once. */
  async #once(bytes, opens) {
    if (!this.tried.has(bytes)) this.tried.set(bytes, (await opens().catch(ifRefused)) !== null);
    return this.tried.get(bytes);
  }

  /** The epochs whose wraps open with these generations of somebody's keys. */
  async #opened(uid, gens, wraps) {
    const { rid, kc } = this.state;
    const person = this.people.find((each) => each.uid === uid);
    const found = new Set();
    for (const { epoch: n, gen, w } of wraps) {
      if (!gens.includes(gen) || !kc[n] || found.has(n)) continue;
      const pair = person.ever.findLast((each) => each.gen === gen);
      const opens = () => epochs.openWrap({ rid, n, kc: kc[n] }, { uid, gen, pair }, w);
      if (await this.#once(w, opens)) found.add(n);
    }
    return found;
  }

  #closure(found, { links }) {
    const all = new Set(found);
    for (const n of all) for (const m of links.get(n) ?? []) all.add(m);
    return all;
  }

  /** What somebody reads who has the password and nothing else. */
  async #readable(uid, graph, more = []) {
    const person = this.people.find((each) => each.uid === uid);
    const { blobs } = person;
    if (!this.tried.has(blobs))
      this.tried.set(
        blobs,
        (await person.bundle()).gens.map(({ gen }) => gen),
      );
    const gens = this.tried.get(blobs);
    const wraps = [...this.room.wraps.values()].filter((wrap) => wrap.uid === uid);
    return this.#closure(await this.#opened(uid, gens, [...wraps, ...more]), graph);
  }

  /**
   * Who is entitled reads everything that somebody online can give. A browser that was away first tells which wraps of
   * a liar opened to nothing.
   */
  async #checkReaders(graph) {
    const excluded = await this.#findExcluded(graph);
    if (!excluded) return;
    await (await this.#freshBrowser(excluded.uid)).sync(this.id);
    await this.settle();
    const still = await this.#findExcluded(await this.#graph());
    this.#demand(!still, `${still?.uid} cannot read epoch ${still?.n}, which ${still?.holder} holds`);
  }

  /** Whom somebody online could give a key that he cannot find, or null. */
  async #findExcluded(graph) {
    const messages = [...this.room.rows.values()].filter(({ kind }) => kind !== "del");
    const wanted = new Set(messages.map(({ env }) => env.epoch));
    const holders = [];
    for (const uid of this.present().filter((each) => each !== this.liar)) {
      const own = this.browsers.get(uid).room(this.id).ring.wraps;
      holders.push({ uid, epochs: await this.#readable(uid, graph, own) });
    }
    for (const uid of [...this.state.members.keys()].filter((each) => this.isEntitled(each))) {
      const readable = await this.#readable(uid, graph);
      for (const n of wanted) {
        if (readable.has(n)) continue;
        const holder = holders.find((each) => each.uid !== uid && each.epochs.has(n));
        if (holder) return { uid, n, holder: holder.uid };
        this.counts.exempt += 1;
      }
    }
    return null;
  }

  async #checkOutsiders(graph) {
    const { server, room, state } = this;
    if (server.why(room)) return;
    for (const { uid, ever } of this.people) {
      const wraps = server.everWraps.filter((wrap) => wrap.uid === uid);
      const entitled = state.members.has(uid) && !log.stale(state, uid, server.view.n, server.view);
      const current = server.view.genAt(uid, server.view.n);
      const gens = ever.map(({ gen }) => gen).filter((gen) => !entitled || gen < current);
      const found = await this.#opened(uid, gens, wraps);
      if (!entitled)
        for (const [kc, { maker }] of this.truth)
          if (maker === uid) state.kc.forEach((each, n) => each && hexOf(each) === kc && found.add(n));
      this.counts.tried += 1;
      this.#demand(!this.#closure(found, graph).has(state.epoch), `${uid} outside has the key of epoch ${state.epoch}`);
    }
  }

  /** With the password and nothing else. */
  async #freshBrowser(uid) {
    const person = this.people.find((each) => each.uid === uid);
    const { server, clock, random } = this;
    const fresh = new Browser({ person, server, clock, random, faults: { ...this.faults, loss: 0 } });
    await fresh.open();
    return fresh;
  }

  /** Somebody opens everything in a new browser, the real way. */
  async #checkFreshBrowser(graph) {
    const entitled = [...this.state.members.keys()].filter((uid) => this.isEntitled(uid));
    if (entitled.length === 0) return;
    const uid = this.choosing.pick(entitled);
    const fresh = await this.#freshBrowser(uid);
    await fresh.sync(this.id);
    this.#demand(fresh.complaints.length === 0, `a new browser of ${uid} complains: ${fresh.complaints.join(", ")}`);
    const readable = await this.#readable(uid, graph);
    const shown = fresh.shown(this.id);
    for (const { mid, kind, rev, env } of this.room.rows.values()) {
      if (kind !== "msg" || !readable.has(env.epoch)) continue;
      this.#demand(shown.get(mid) === this.texts.get(`${mid} ${rev}`), `${uid} does not read ${mid} as it was written`);
      this.counts.opened += 1;
    }
  }
}

/** @param {unknown} error @returns {null} */
function ifAnswer(error) {
  if (!(error instanceof Answer)) throw error;
  return null;
}

/** @param {unknown} error @returns {null} */
function ifRefused(error) {
  if (!(error instanceof Refused)) throw error;
  return null;
}

/**
 * One seed, from beginning to end.
 *
 * @param {number} seed
 * @param {number} steps
 * @param {object} [options]
 */
export async function simulate(seed, steps, options) {
  const world = new World(seed, options);
  await world.begin();
  for (let at = 0; at < steps; at += 1) await world.step();
  return world.counts;
}
