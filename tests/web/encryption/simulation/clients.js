/**
 * Whole clients, in a random order: three people with four browsers at the model server. Answers are lost, lines cut,
 * pages closed, browsers cleared; keys of people and of the room change, also at once; accounts are shut; backups are
 * restored. At the end each person opens a browser that has never been there, and reads everything that was taken and
 * not lost with a backup, once and in order, and nobody is accused of anything.
 *
 * The schedule of a seed is always the same; what of it happens at once is up to the machine.
 */
import assert from "node:assert/strict";
import { chat, Client, closeAll, makeBrowser, settle, until } from "../model.js";
import { Random } from "../random.js";
import { stale } from "../../../../web/crypto/room_state.js";

/** How often each thing happens. */
const WEIGHTS = {
  say: 26,
  react: 6,
  edit: 8,
  erase: 4,
  cut: 7,
  connect: 10,
  away: 1,
  lose: 6,
  reload: 5,
  clear: 2,
  rotate: 3,
  race: 2,
  newKeys: 3,
  reset: 1,
  shut: 1,
  reopen: 4,
  lock: 2,
  unlock: 5,
  save: 6,
  restore: 3,
};
/** Refusals of changes whose message was lost with a backup, or changed by another browser meanwhile. */
const TOO_LATE = new Set(["rev_conflict", "not_found"]);
const CALLS = ["msg.send", "appendLog", "giveWraps", "readLog", "readWraps", "readMessages"];
const PATIENCE_MS = 20_000;

export class Clients {
  counts = { steps: 0, taken: 0, restores: 0, lost: 0, read: 0 };
  /** Messages that the server has taken and has lost since. @type {Set<string>} */
  lost = new Set();
  /** New messages that somebody was told are taken. @type {Set<string>} */
  acknowledged = new Set();
  /** What was sealed in an envelope, by its signature. @type {Map<string, string>} */
  texts = new Map();
  saved = null;
  written = 0;
  /** Whose keys are not open. @type {Set<Client>} */
  locked = new Set();

  /**
   * @param {number} seed
   * @param {Partial<typeof WEIGHTS>} [weights]  other ones than usual
   */
  constructor(seed, weights = {}) {
    this.random = new Random(seed);
    this.weights = { ...WEIGHTS, ...weights };
  }

  async begin() {
    const { world, clients, id, room } = await chat("alice", "bob", "carol");
    Object.assign(this, { world, clients, id, room });
    room.isRestored = false;
    this.saved = world.backup();
    for (const client of clients) this.#watch(client);
    await this.#open(clients[0].person, await makeBrowser());
  }

  /** @param {any} person @param {any} browser @param {boolean} [isLocked]  until the password or a code is typed */
  async #open(person, browser, isLocked = false) {
    const client = new Client(this.world, person, browser);
    this.#watch(client);
    if (isLocked) this.#lock(client);
    client.connect();
    this.clients.push(client);
    await until(() => client.state.rooms.has(this.id), "the room is named", PATIENCE_MS);
    const opened = client.rooms.open(this.id);
    // After a restore nothing is shown before what is kept can be read.
    if (!isLocked) await opened;
    return client;
  }

  #lock(client) {
    this.locked.add(client);
    client.encryption.setIdentity(null);
  }

  #unlock(client) {
    if (!this.locked.delete(client)) return;
    client.encryption.setIdentity(client.person.identity(client.browser.localKey));
  }

  /** Notes what is sent, and what is answered. @param {any} client */
  #watch({ socket, messages }) {
    const { command } = socket;
    socket.command = async (op, fields) => {
      if (op !== "msg.send") return command(op, fields);
      const { mid, rev, kind, s } = fields.env;
      const entry = messages.sealedEntries().find(({ msg }) => msg.mid === mid && msg.rev === rev);
      if (entry) this.texts.set(s, entry.msg.t ?? "");
      const answer = await command(op, fields);
      if (kind === "msg" && rev === 0) this.acknowledged.add(mid);
      return answer;
    };
  }

  async step() {
    this.counts.steps += 1;
    const client = this.random.pick(this.clients);
    const what = this.random.weighted(this.weights);
    this.doing = what;
    await this[`_${what}`](client);
    await settle(this.random.between(0, 12));
  }

  /** What somebody has before the eyes and the server has taken. */
  #messages(client, isMine) {
    return client
      .shown(this.id)
      .filter(({ createdSeq, lost, verdict, kind }) => createdSeq > 0 && !lost && verdict === "ok" && kind === "msg")
      .filter(({ by }) => !isMine || by === client.uid);
  }

  /** Something that a person does while the keys are not open is not done. @param {Promise<unknown>} done */
  #unlessLocked(done) {
    return done.catch((error) => {
      if (error?.code !== "locked") throw error;
    });
  }

  async _say(client) {
    await this.#unlessLocked(client.say(this.id, `text ${(this.written += 1)}`));
  }

  async _react(client) {
    const messages = this.#messages(client, false);
    if (!messages.length) return;
    const message = this.random.pick(messages);
    await this.#unlessLocked(client.messages.react(this.id, message, "👍", !message.mine["👍"]));
  }

  async _edit(client) {
    const messages = this.#messages(client, true);
    if (!messages.length) return;
    const message = this.random.pick(messages);
    await this.#unlessLocked(client.messages.edit(this.id, message, `edit ${(this.written += 1)}`, []));
  }

  async _erase(client) {
    const messages = this.#messages(client, true);
    if (messages.length) await this.#unlessLocked(client.messages.remove(this.id, this.random.pick(messages)));
  }

  async _cut(client) {
    client.cut();
  }

  async _connect(client) {
    if (!client.line && client.person.isOpen) client.connect();
  }

  /** For days: only the end brings it back. */
  async _away(client) {
    client.cut();
    this.clients = this.clients.filter((each) => each !== client);
    this.absent = [...(this.absent ?? []), client];
    if (this.clients.length < 3) this.clients.push(this.absent.shift());
  }

  /** The next answer to something does not come, and the line with it. */
  async _lose(client) {
    const name = this.random.pick(CALLS);
    client.faults[name] = async (real) => {
      delete client.faults[name];
      await real().catch(() => {});
      client.cut();
      setTimeout(() => client.person.isOpen && this.clients.includes(client) && !client.line && client.connect(), 5);
      throw { code: name === "msg.send" ? "offline" : "network" };
    };
  }

  async _reload(client) {
    await this.#replace(client, client.browser, this.locked.has(client));
  }

  /** The browser is another one, where the password or the recovery code is typed at once or later. */
  async _clear(client) {
    // What waited to be sent goes with the browser: it was never taken.
    await this.#replace(client, await makeBrowser(), this.random.happens(0.5));
  }

  async #replace(client, browser, isLocked) {
    if (!client.person.isOpen) return;
    this.clients = this.clients.filter((each) => each !== client);
    this.locked.delete(client);
    await client.close();
    await this.#open(client.person, browser, isLocked);
  }

  /** Its password was changed in another browser: the keys are the same, and are asked for. */
  async _lock(client) {
    this.#lock(client);
  }

  async _unlock() {
    const [client] = this.locked;
    if (client) this.#unlock(client);
  }

  async _rotate(client) {
    if (client.line) await client.door.loaded.rooms.rotateAll("manual");
  }

  async _race() {
    const there = this.clients.filter(({ line }) => line);
    await Promise.all(there.map(({ door }) => door.loaded.rooms.rotateAll("manual")));
  }

  /** 14.7 (b), as after a forgotten password: own wraps come before the keys do. */
  async _newKeys(client) {
    const { person } = client;
    if (!client.line || !person.isOpen || this.locked.has(client)) return;
    const next = await person.nextKeys();
    const isReady = await client.door.loaded.rooms.wrapForNext(next.gen, next.x).then(
      () => true,
      () => false,
    );
    if (isReady) await this.#changeKeys(person, "rotate", next);
  }

  /** A ticket and nothing else: somebody lets the person back in. */
  async _reset(client) {
    const { person } = client;
    const others = this.clients.filter(({ uid, line }) => uid !== person.uid && line);
    // Two who have lost their keys at once, and a chat of three is nearly dead: that is another test.
    if (!others.length || !person.isOpen || this.#outside().length) return;
    await this.#changeKeys(person, "reset");
    const helper = this.random.pick(others);
    await helper.encrypted.letIn(this.id, person.uid).catch(() => {});
  }

  async #changeKeys(person, type, next) {
    await person.newKeys(type, next);
    for (const each of [...this.clients, ...(this.absent ?? [])]) {
      if (each.person === person && !this.locked.has(each))
        each.encryption.setIdentity(person.identity(each.browser.localKey));
      each.door.loaded?.rooms.changed();
    }
  }

  async _shut(client) {
    if ([...this.world.people.values()].some(({ isOpen }) => !isOpen)) return;
    client.person.isOpen = false;
    for (const each of [...this.clients]) if (each.person === client.person) each.cut();
  }

  async _reopen() {
    const person = [...this.world.people.values()].find(({ isOpen }) => !isOpen);
    if (!person) return;
    person.isOpen = true;
    for (const each of this.clients) if (each.person === person) each.connect();
    this.room.announceNeeded();
  }

  async _save() {
    this.saved = this.world.backup();
  }

  /** Who knows most of the log comes first, as its members are asked to: a shorter one that goes on is another one. */
  async _restore() {
    this.counts.restores += 1;
    const before = new Map(this.room.messages.map(({ mid, rev }) => [mid, rev]));
    this.world.restore(this.saved);
    this.room.isRestored = true;
    for (const mid of before.keys()) if (!this.room.find(mid)) this.lost.add(mid);
    await this.#bringBack();
  }

  #known(client) {
    return client.room(this.id)?.state?.seq ?? -1;
  }

  async #bringBack() {
    const everybody = [...this.clients, ...(this.absent ?? [])];
    const most = Math.max(...everybody.map((client) => this.#known(client)));
    const first = everybody.find((client) => this.#known(client) === most);
    const { isOpen } = first.person;
    first.person.isOpen = true;
    first.connect();
    await until(() => this.room.state.seq >= most, "the log is brought back", PATIENCE_MS);
    first.person.isOpen = isOpen;
    for (const client of everybody) client.cut();
    for (const client of this.clients) if (client.person.isOpen) client.connect();
    await settle(60);
  }

  // What has to hold

  /** Everybody is back, and nothing waits any more. */
  async end() {
    for (const person of this.world.people.values()) person.isOpen = true;
    this.clients.push(...(this.absent ?? []));
    for (const client of this.clients) {
      client.faults = {};
      this.#unlock(client);
      client.cut();
      client.connect();
    }
    this.room.announceNeeded();
    await Promise.all(this.clients.map(({ messages }) => messages.opening(this.id)));
    await this.#letEverybodyIn();
    const waits = () => this.clients.flatMap((client) => client.messages.sealedEntries().filter(({ error }) => !error));
    await until(() => waits().length === 0, "everything is sent", PATIENCE_MS);
    this.counts.taken = this.room.messages.length;
    this.counts.lost = this.lost.size;
    for (const mid of this.acknowledged)
      assert.ok(this.room.find(mid) || this.lost.has(mid), "what was taken is there, or went with a backup");
    for (const client of this.clients) await this.#check(client, `${client.person.name}'s browser`);
    for (const person of this.world.people.values()) {
      const fresh = await this.#open(person, await makeBrowser());
      await this.#check(fresh, `a new browser of ${person.name}`);
      this.counts.read += this.room.messages.length;
    }
  }

  /** Whose keys were reset and nobody has let back in. */
  #outside() {
    const { directory } = this.world;
    return [...this.room.state.members.keys()].filter((uid) => stale(this.room.state, uid, directory.n, directory));
  }

  async #letEverybodyIn() {
    const tryAll = async () => {
      for (const uid of this.#outside())
        for (const client of this.clients)
          if (!this.#outside().includes(client.uid)) await client.encrypted.letIn(this.id, uid).catch(() => {});
      return this.#outside().length === 0;
    };
    await until(tryAll, "everybody is let in", PATIENCE_MS);
  }

  /** What somebody has to read of a message that the server has. */
  #taken({ mid, kind, env, reacts }) {
    // A reaction may come just as its message is deleted.
    const people = kind === "del" ? [] : reacts.filter((each) => each.kind === "react").map(({ by }) => by);
    const text = kind === "del" ? "" : this.texts.get(env.s);
    return asRead({ mid, kind, t: text, verdict: "ok", reactions: { "👍": [...new Set(people)] } });
  }

  /** What a browser knows of what it shows otherwise than it is wanted. */
  #unlike(client, shown, wanted) {
    const { ledger, batches } = client.room(this.id);
    const mids = [...wanted, ...shown].filter((each) => !(shown.includes(each) && wanted.includes(each)));
    const rows = [...new Set(mids.map((each) => each.split(" ")[0]))].map((mid) => {
      const { created_seq, rev_seq, reacts } = this.room.find(mid) ?? { reacts: [] };
      return {
        ...ledger.row(mid),
        env: "",
        there: { created_seq, rev_seq, reacts: reacts.map((each) => each.rev_seq) },
      };
    });
    return JSON.stringify({ rows, loaded: ledger.intervals.list, restores: ledger.restores, batches });
  }

  async #check(client, whose) {
    const wanted = this.room.messages.map((message) => this.#taken(message));
    const shown = () =>
      client
        .shown(this.id)
        .filter(({ lost, status }) => !lost && status === "sent")
        .map(asRead);
    await until(() => shown().join() === wanted.join(), `${whose} reads everything`, PATIENCE_MS).catch((error) => {
      assert.deepEqual(shown(), wanted, `${error.message}: ${this.#unlike(client, shown(), wanted)}`);
    });
    const mids = client.shown(this.id).map(({ mid }) => mid);
    assert.equal(new Set(mids).size, mids.length, `${whose} shows something twice`);
    for (const { mid, refers } of client.shown(this.id)) {
      const { ledger } = client.room(this.id);
      const [place, cited] = ledger.row(mid)?.pv ?? [];
      const there = this.room.find(cited);
      // Who was away has not seen what another cites and the backup lost: neutral words, and true. Nor does who has
      // never heard of a restore know why what has come again stands at another place than those cite who saw it first.
      const isNeutral = !there || (there.created_seq !== place && !ledger.restores.length);
      if (refers === "missing") assert.ok(isNeutral, `${whose} misses what is there`);
    }
    for (const { msg, error } of client.messages.sealedEntries())
      assert.ok(msg.rev > 0 || msg.kind === "react", `${whose} has not sent ${msg.t}: ${error?.code}`);
    for (const { error } of client.messages.sealedEntries()) assert.ok(TOO_LATE.has(error?.code), error?.code);
    assert.deepEqual(client.errors, [], whose);
    assert.equal(client.encryption.counts.failed, 0, whose);
    const condition = () => client.state.encrypted.get(this.id).condition;
    await until(() => condition() === "ready", `${whose} can write: ${condition()}`, PATIENCE_MS);
  }
}

/** A message as it is compared. */
function asRead({ mid, kind, t, verdict, reactions = {} }) {
  const people = [...(reactions["👍"] ?? [])].sort().join("+");
  return [mid, verdict === "ok" ? kind : verdict, t, people].join(" ").trimEnd();
}

/** What happens beside the everyday things. */
export const CLIENT_KINDS = {
  keys: { save: 0, restore: 0 },
  backups: { newKeys: 0, reset: 0 },
  mixed: {},
};

/**
 * One seed, from beginning to end.
 *
 * @param {number} seed
 * @param {number} steps
 * @param {Partial<typeof WEIGHTS>} [weights]
 */
export async function simulateClients(seed, steps, weights) {
  const clients = new Clients(seed, weights);
  try {
    await clients.begin();
    for (let at = 0; at < steps; at += 1) await clients.step();
    await clients.end();
    return clients.counts;
  } finally {
    // A seed that fails, too, leaves no browser behind that tries again for ever.
    await closeAll();
  }
}
