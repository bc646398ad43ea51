/**
 * Where the one way of messages meets encrypted rooms. Their modules are loaded when the first such room is named, so
 * who has none never loads them; what concerns an encrypted room waits for them in the order in which it came.
 */
import * as calls from "../calls/encrypted_rooms.js";
import { readMessages } from "../calls/rooms.js";
import { keep, recall } from "../platform/storage.js";
import { callsMe } from "./attention.js";
import { clock } from "./clock.js";
import { withRoom } from "./rooms.js";

/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("../net/wire.js").Entry} Entry */
/** With up to where its room was known. @typedef {import("../net/wire.js").Page & { asked: number }} AskedPage */
/** @typedef {import("../net/wire.js").Where} Where */
/** @typedef {import("./ingest.js").Loaded} Loaded */
/** @typedef {import("../net/wire_frames.js").KeyEvent} KeyEvent */
/** @typedef {import("./encryption/rooms.js").EncryptedRooms} EncryptedRooms */
/** @typedef {import("./encryption/encryption.js").Encryption} Encryption */
/** @typedef {import("./encryption/encrypted_shelf.js").EncryptedShelf} Shelf */
/** What is loaded for one person. */
/** @typedef {{ rooms: EncryptedRooms, encryption: Encryption, parts: import("./encryption/parts.js").Parts,
 *   mentions: import("./encryption/mentions.js").Mentions, outbox: Shelf | null, stop: () => void }} LoadedModules */

/** Until what could not be loaded is asked for again. */
const AGAIN_MS = 3000;
/** Which rooms this browser knows as encrypted, whatever the server says: their numbers alone. */
const KNOWN = "encrypted.";

export class EncryptedDoor {
  #store;
  #socket;
  #ingest;
  #sync;
  #messages;
  #drafts;
  #keys;
  /** @type {Promise<LoadedModules> | null} */
  #loading = null;
  /** @type {LoadedModules | null} */
  #loaded = null;
  /** @type {Set<string>} */
  #known = new Set();
  #session = 0;
  /** Notes which rooms my other browsers have found encrypted. */
  #noteTrusted = () => {};
  #surroundings;

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {import("../net/socket.js").Socket} parts.socket
   * @param {import("./ingest.js").Ingest} parts.ingest
   * @param {import("./sync.js").Sync} parts.sync
   * @param {import("./message_actions.js").MessageActions} parts.messages
   * @param {import("./drafts.js").Drafts} parts.drafts
   * @param {Pick<import("./keys.js").Keys, "load"> & Partial<Pick<import("./keys.js").Keys, "onLoaded">>} parts.keys
   * @param {Partial<import("./encryption/parts.js").Parts>} [surroundings]  of a test: other than those of the browser
   */
  constructor({ store, socket, ingest, sync, messages, drafts, keys }, surroundings = {}) {
    this.#surroundings = surroundings;
    this.#store = store;
    this.#socket = socket;
    this.#ingest = ingest;
    this.#sync = sync;
    this.#messages = messages;
    this.#drafts = drafts;
    this.#keys = keys;
    ingest.around = this;
    sync.encrypted = this;
    keys.onLoaded?.((encryption) => this.#followTrust(encryption));
  }

  /** Somebody has signed in. @param {string} uid */
  start(uid) {
    this.stop();
    const known = recall(KNOWN + uid);
    this.#known = new Set(Array.isArray(known) ? known.map(String) : []);
    // Signing in opens the keys first, when it is not known yet who is signed in.
    this.#noteTrusted();
  }

  /** After a sign-out. */
  stop() {
    this.#session += 1;
    this.#loaded?.stop();
    this.#loaded = this.#loading = null;
    this.#known.clear();
  }

  /** Whether a room is encrypted: by the server's word, or by what this browser knows. @param {string} id */
  isEncrypted(id) {
    return this.#known.has(id) || this.#store.state.rooms.get(id)?.e2ee === true;
  }

  /** What is loaded, if it is. */
  get loaded() {
    return this.#loaded;
  }

  /** @returns {Promise<LoadedModules>} */
  load() {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  /** @returns {Promise<LoadedModules>} never, after a sign-out */
  async #load() {
    const session = this.#session;
    for (;;) {
      try {
        const [encryption, modules] = await Promise.all([this.#keys.load(), import("./encryption/all.js")]);
        if (session === this.#session) return (this.#loaded = this.#make(encryption, modules));
      } catch (error) {
        const { code } = /** @type {{ code?: string }} */ (error);
        if (code === undefined) globalThis.reportError?.(error);
      }
      if (session !== this.#session) return new Promise(() => {});
      await wait(AGAIN_MS);
    }
  }

  /**
   * @param {Encryption} encryption
   * @param {typeof import("./encryption/all.js")} modules
   * @returns {LoadedModules}
   */
  #make(encryption, modules) {
    const parts = this.#partsOf(encryption);
    const rooms = new modules.EncryptedRooms(parts, {
      show: (id, room) => this.#show(id, room),
      refresh: (id, messages) => this.#sync.refresh(id, messages),
      wake: () => this.#messages.wakeSealed(),
    });
    const mentions = new modules.Mentions(this.#mentionWays(parts));
    let couldWrite = encryption.mayWrite;
    encryption.useRooms({
      rotateAll: (reason) => rooms.rotateAll(reason),
      unlinkMine: () => rooms.unlinkMine(),
      wrapForNext: (gen, x) => rooms.wrapForNext(gen, x),
      directoryChanged: () => rooms.changed(),
      trustChanged: () => {
        rooms.changed();
        if (encryption.mayWrite && !couldWrite) this.#messages.wakeSealed();
        couldWrite = encryption.mayWrite;
      },
    });
    /** @type {LoadedModules} */
    const loaded = { rooms, encryption, parts, mentions, outbox: null, stop: () => {} };
    const end = encryption.onIdentity((identity) => void this.#identityChanged(loaded, modules, identity));
    loaded.stop = () => {
      end();
      rooms.stop();
      mentions.stop();
      this.#closeShelves(loaded);
    };
    rooms.described([...this.#store.state.rooms.values()], this.#store.state.epoch);
    return loaded;
  }

  /** @param {Encryption} encryption @returns {import("./encryption/parts.js").Parts} */
  #partsOf(encryption) {
    const { uid, database, directory, trust } = encryption;
    return {
      uid,
      database,
      directory,
      trust,
      identity: () => encryption.identity,
      mayWrite: () => encryption.mayWrite,
      calls: { ...calls, readMessages },
      now: () => clock.now(),
      setNow: (now) => clock.set(now),
      wait,
      random: Math.random,
      alone,
      count: (what, n) => encryption.count(what, n),
      report: (error) => globalThis.reportError?.(error),
      ...this.#surroundings,
    };
  }

  /**
   * @param {import("./encryption/parts.js").Parts} parts
   * @returns {ConstructorParameters<typeof import("./encryption/mentions.js").Mentions>[0]}
   */
  #mentionWays(parts) {
    return {
      roomOf: (id) => this.#store.state.rooms.get(id),
      read: (id, where) => this.readPage(id, where, parts.calls.readMessages),
      open: (id, page, where, apply) => this.openPage(id, page, where, apply),
      callsMe: (message) => message.kind === "msg" && callsMe(this.#store.state, message),
      count: (id, mentions) => this.#count(id, mentions),
      wait: parts.wait,
    };
  }

  /**
   * Reads a page that no stretch of a timeline takes, and notes up to where the room is known as it is asked for. Fails
   * with `unavailable` if the server has gone over to another history meanwhile: in that one it is not known so far.
   *
   * @param {string} id
   * @param {Where & { limit: number }} where
   * @param {typeof readMessages} [read]
   * @returns {Promise<AskedPage>}
   */
  async readPage(id, where, read = readMessages) {
    const { epoch, timelines, rooms } = this.#store.state;
    const asked = timelines.get(id)?.seq ?? rooms.get(id)?.seq ?? 0;
    const page = await read(id, where);
    if (epoch && page.epoch && page.epoch !== epoch) throw { code: "unavailable" };
    return { ...page, asked };
  }

  /**
   * Opens such a page, unless the server has gone over to another history since.
   *
   * @param {string} id
   * @param {AskedPage} page
   * @param {Where} where
   * @param {(messages: Message[]) => void} apply
   */
  openPage(id, page, where, apply) {
    const isCurrent = () => page.epoch === "" || page.epoch === this.#store.state.epoch;
    const applied = (/** @type {Message[]} */ messages) => {
      apply(messages);
      // What is shown of them besides may be seen in another way now, as those whose key has come.
      this.#sync.renew(id, messages);
    };
    return this.#ingest.ingest(id, page.entries, applied, isCurrent, { ...page, where });
  }

  /** @param {string} id @param {number} mentions */
  #count(id, mentions) {
    const { state } = this.#store;
    const room = state.rooms.get(id);
    if (room && room.mentions !== mentions) this.#store.update(withRoom(state, { ...room, mentions }));
  }

  /** @param {string} id @param {import("./types.js").EncryptedRoom} room */
  #show(id, room) {
    const { state } = this.#store;
    this.#store.update({ encrypted: new Map(state.encrypted).set(id, room) });
    const known = state.rooms.get(id);
    if (known) this.#store.update(withRoom(this.#store.state, known));
  }

  /**
   * My keys are open, or not any more.
   *
   * @param {LoadedModules} loaded
   * @param {typeof import("./encryption/all.js")} modules
   * @param {import("./encryption/parts.js").Identity | null} identity
   */
  async #identityChanged(loaded, modules, identity) {
    if (!identity) {
      this.#closeShelves(loaded);
      return loaded.rooms.changed();
    }
    if (!loaded.outbox) await this.#openShelves(loaded, modules, identity.localKey);
    loaded.rooms.unlocked();
    this.#messages.wakeSealed();
  }

  /**
   * @param {LoadedModules} loaded
   * @param {typeof import("./encryption/all.js")} modules
   * @param {CryptoKey} key
   */
  async #openShelves(loaded, modules, key) {
    const { database, uid } = loaded.encryption;
    const isShared = database.isKept && database.level !== 3;
    const ridOf = (/** @type {string} */ room) => loaded.rooms.roomOf(room)?.name ?? "";
    const tabs = (/** @type {string} */ store) => (/** @type {(key: string) => void} */ heard) =>
      isShared ? openTabs(`impulse-${store}-${uid}`, heard) : null;
    const written = () => this.#noteUnkept(database);
    const outbox = new modules.EncryptedShelf(database, "outbox", key, {
      ridOf: (_key, value) => ridOf(value.room),
      openTabs: tabs("outbox"),
      written,
    });
    const drafts = new modules.EncryptedShelf(database, "drafts", key, { ridOf, openTabs: tabs("drafts"), written });
    loaded.outbox = outbox;
    await Promise.all([outbox.refresh(), drafts.refresh()]);
    if (loaded.outbox !== outbox || this.#loaded !== loaded) return;
    const sender = new modules.Sender(loaded.parts, {
      roomOf: (id) => loaded.rooms.roomOf(id),
      shelf: outbox,
      post: (room, env) => this.#socket.command("msg.send", { room, env }),
      missing: (room) => loaded.rooms.missing(room),
      keysChanged: () => loaded.encryption.keysChangedElsewhere(),
      sent: (room, env, answer) => loaded.rooms.opener.sent(room, env, answer),
    });
    this.#messages.startSealed({ shelf: outbox, send: (entry) => sender.send(entry) });
    this.#drafts.startSealed(drafts);
  }

  /** @param {import("../platform/database.js").Database} database */
  #noteUnkept(database) {
    const { keys } = this.#store.state;
    const [messages, drafts] = [database.unkept("outbox") > 0, database.unkept("drafts") > 0];
    if (messages === keys.unkept.messages && drafts === keys.unkept.drafts) return;
    this.#store.update({ keys: { ...keys, unkept: { messages, drafts } } });
  }

  /** @param {LoadedModules} loaded */
  #closeShelves(loaded) {
    loaded.outbox?.close();
    loaded.outbox = null;
    this.#messages.stopSealed();
    this.#drafts.stopSealed();
  }

  /** Does something once the modules are there, after everything that was asked for before. */
  #then(/** @type {(loaded: LoadedModules) => void} */ act) {
    if (this.#loaded) act(this.#loaded);
    else void this.load().then(act);
  }

  // What `Ingest` asks.

  /** @param {string} room @param {Entry[]} entries @param {Loaded | undefined} page */
  begin(room, entries, page) {
    if (!this.isEncrypted(room)) return undefined;
    return this.load().then(({ rooms }) => rooms.opener.begin(room, entries, page));
  }

  /** @param {string} room @param {Entry} entry @returns {Promise<Message | null>} */
  open(room, entry) {
    return this.load().then(({ rooms }) => rooms.opener.open(room, entry));
  }

  /** @param {string} room @param {Loaded | undefined} page @returns {Message[]} */
  end(room, page) {
    return (this.isEncrypted(room) && this.#loaded?.rooms.opener.end(room, page)) || [];
  }

  // What `Sync` tells.

  /** @param {Room[]} rooms */
  described(rooms) {
    const mine = rooms.filter(({ id, e2ee }) => e2ee || this.#known.has(id));
    if (!mine.length) return;
    this.#remember(mine.map(({ id }) => id));
    const { epoch } = this.#store.state;
    this.#then((loaded) => loaded.rooms.described(mine, epoch));
  }

  /** Rooms that another browser of mine has found encrypted are so, whatever the server says. */
  #followTrust(/** @type {Encryption} */ { uid, trust }) {
    const note = () => {
      if (this.#store.state.me?.uid !== uid) return;
      const ids = trust.rooms().map(([, { id }]) => id);
      const fresh = ids.filter((id) => !this.#known.has(id));
      if (!fresh.length) return;
      this.#remember(fresh);
      this.described([...this.#store.state.rooms.values()].filter(({ id }) => fresh.includes(id)));
    };
    this.#noteTrusted = note;
    trust.changed(note);
    note();
  }

  /** @param {string[]} ids */
  #remember(ids) {
    const before = this.#known.size;
    for (const id of ids) this.#known.add(id);
    const { me } = this.#store.state;
    if (me && this.#known.size > before) keep(KNOWN + me.uid, [...this.#known]);
  }

  /** After a connect: whether anything unread calls me. */
  connected() {
    const ids = [...this.#store.state.rooms.values()].filter(({ e2ee, unread }) => e2ee && unread > 0);
    if (ids.length) this.#then(({ mentions }) => void mentions.connected(ids.map(({ id }) => id)));
  }

  /** Something was said in a room that is not followed. @param {string} room */
  active(room) {
    if (this.isEncrypted(room)) this.#then(({ mentions }) => void mentions.active(room));
  }

  /** @param {KeyEvent} event */
  heard(event) {
    this.#then(({ rooms, encryption }) => {
      rooms.heard(event);
      // Whoever began with new keys cannot write before being let back in: nothing else would tell the others of it.
      if (event.op === "rotation.due" && event.why === "keys") void encryption.directory.sync().catch(() => {});
    });
  }

  /** @param {string} room @param {number} since @param {number} seq */
  followed(room, since, seq) {
    if (this.isEncrypted(room)) this.#then(({ rooms }) => rooms.followed(room, since, seq));
  }

  /** @param {string} room @param {number} seq */
  reached(room, seq) {
    if (this.isEncrypted(room)) this.#then(({ rooms }) => rooms.reached(room, seq));
  }

  /** @param {string} room */
  left(room) {
    this.#loaded?.rooms.left(room);
  }

  /** The room is before my eyes. @param {string} room */
  opened(room) {
    if (this.isEncrypted(room)) this.#then(({ rooms }) => rooms.opened(room));
  }
}

/** @param {number} ms @returns {Promise<void>} */
function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** What is done in this page under a name, where the browser has no locks. @type {Map<string, Promise<unknown>>} */
const turns = new Map();

/**
 * @template T
 * @param {string} name
 * @param {() => Promise<T>} act
 * @returns {Promise<T>}
 */
function alone(name, act) {
  const locks = globalThis.navigator?.locks;
  if (locks) return /** @type {Promise<T>} */ (locks.request(`impulse-${name}`, act));
  const done = (turns.get(name) ?? Promise.resolve()).then(act, act);
  turns.set(name, done);
  return done;
}

/** @param {string} name @param {(key: string) => void} heard */
function openTabs(name, heard) {
  if (!("BroadcastChannel" in globalThis)) return null;
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }) => heard(String(data));
  return { post: (/** @type {string} */ key) => channel.postMessage(key), close: () => channel.close() };
}
