/**
 * What I do with encrypted chats: begin them, let people back in, leave, search (14 of e2ee.md). Failures are
 * `{ code, … }`; those of beginning a chat ask something, see `openDirect`.
 */
import { readInfo } from "../calls/account.js";
import { openDirectRoom } from "../calls/rooms.js";

/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./types.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("./encryption/search.js").Search} Search */

export class EncryptedActions {
  #store;
  #door;
  #messages;

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {import("./encrypted_door.js").EncryptedDoor} parts.door
   * @param {import("./message_actions.js").MessageActions} parts.messages
   */
  constructor({ store, door, messages }) {
    this.#store = store;
    this.#door = door;
    this.#messages = messages;
  }

  /**
   * The direct chat with these people: the encrypted one if there is one, or else the plain one that there is, or a new
   * one that is encrypted. Fails with `no_keys` (`uids`) if it cannot be encrypted: ask, then `openPlain`; with
   * `keys_withheld` if it was before; and as `begin` does.
   *
   * @param {string[]} uids
   * @returns {Promise<Room>}
   */
  async openDirect(uids) {
    const existing = this.#find(uids, true);
    if (existing) return existing;
    const plain = this.#find(uids, false);
    const { phase } = this.#store.state.keys;
    if (phase === "unsupported" || !(await this.#isOffered())) return plain ?? this.#plainUnlessKnown(uids);
    const { encryption } = await this.#door.load();
    const isKnown = encryption.trust.ready && uids.some((uid) => encryption.trust.contact(uid));
    if (plain && !isKnown) return plain;
    return this.#begin(uids, []);
  }

  /** Whether the server lets people make encrypted rooms. Nothing is plain because it has not said so yet. */
  async #isOffered() {
    const { encryption } = this.#store.state.info ?? (await readInfo());
    return encryption === "on" || encryption === "required";
  }

  /**
   * Whom I know counts also where the server names no encrypted room, so that nothing was loaded.
   *
   * @param {string[]} uids
   */
  async #plainUnlessKnown(uids) {
    const loaded = this.#store.state.keys.phase === "unsupported" ? this.#door.loaded : await this.#door.load();
    const trust = loaded?.encryption.trust;
    if (trust?.ready) assertUnknown(trust, uids);
    return openDirectRoom(uids);
  }

  /**
   * A chat of exactly these people, by its checked log if it is encrypted.
   *
   * @param {string[]} uids
   * @param {boolean} isEncrypted
   */
  #find(uids, isEncrypted) {
    const { rooms, encrypted } = this.#store.state;
    const wanted = new Set(uids);
    return [...rooms.values()].find(({ id, kind, e2ee, others }) => {
      if (kind !== "dm" || e2ee !== isEncrypted || others.length !== wanted.size) return false;
      if (!others.every((uid) => wanted.has(uid)) || (!e2ee && this.#door.isEncrypted(id))) return false;
      const checked = encrypted.get(id);
      return !e2ee || (checked !== undefined && checked.people.length > 0 && checked.condition !== "dead");
    });
  }

  /**
   * A new encrypted chat, also beside a plain one. Fails with `no_keys`, `keys_withheld`, `impostor`, `old_key`,
   * `name_differs` (`uid`, `login`, `name`) and `keys_reset` (`uid`): ask, and call again with that uid in `agreed`.
   * With `locked`: my keys are not open. With `other_chat`: the server named another one.
   *
   * @param {string[]} uids
   * @param {{ agreed?: string[] }} [options]
   * @returns {Promise<string>} its id
   */
  async begin(uids, { agreed = [] } = {}) {
    return this.#show(await this.#begin(uids, agreed));
  }

  /**
   * @param {string[]} uids
   * @param {string[]} agreed
   * @returns {Promise<Room>}
   */
  async #begin(uids, agreed) {
    const { rooms, parts } = await this.#door.load();
    const { checkPeople, createDirect } = await import("./encryption/all.js");
    if (!parts.identity())
      throw this.#store.state.keys.phase === "none" ? { code: "no_keys", uids: [parts.uid] } : { code: "locked" };
    const { users } = this.#store.state;
    const people = uids.map((uid) => ({ uid, username: users.get(uid)?.username ?? "" }));
    await checkPeople(parts, people, agreed);
    return createDirect(parts, uids, (room) => rooms.add(room));
  }

  /** A plain direct chat, after I have been asked. @param {...string} uids @returns {Promise<string>} its id */
  async openPlain(...uids) {
    const trust = (await this.#door.load()).encryption.trust;
    assertUnknown(trust, uids);
    return this.#show(await openDirectRoom(uids));
  }

  /** @param {Room} room */
  #show(room) {
    this.shown(room);
    return room.id;
  }

  /** Told of rooms that are made. @param {Room} _room */
  shown = (_room) => {};

  /** A new chat with the people of one in which nobody can let anybody back in. @param {string} room */
  async beginAnew(room) {
    const { rooms } = await this.#door.load();
    if (!rooms.isDead(room)) throw { code: "not_dead" };
    const people = this.#store.state.encrypted.get(room)?.people ?? [];
    const others = people.map(({ uid }) => uid).filter((uid) => uid !== this.#store.state.me?.uid);
    // Their keys are other ones: that is why this is done.
    return this.begin(others, { agreed: others });
  }

  /**
   * Lets somebody whose keys were reset back in.
   *
   * @param {string} room
   * @param {string} uid
   * @returns {Promise<{ others: string[] }>} rooms where the same person waits
   */
  async letIn(room, uid) {
    return (await this.#door.load()).rooms.letIn(room, uid);
  }

  /** @param {string} uid @returns {Promise<number>} in how many rooms */
  async letInEverywhere(uid) {
    return (await this.#door.load()).rooms.letInEverywhere(uid);
  }

  /**
   * Whom nobody else could let back in if I left: asked before leaving.
   *
   * @param {string} room
   * @returns {Promise<string[]>}
   */
  async lastFor(room) {
    const { rooms, parts } = await this.#door.load();
    const { lastFor } = await import("./encryption/all.js");
    const known = rooms.roomOf(room);
    return known ? lastFor(parts, known) : [];
  }

  /** @param {string} room */
  async leave(room) {
    const { rooms, parts } = await this.#door.load();
    const { leave } = await import("./encryption/all.js");
    const known = rooms.roomOf(room);
    if (!known) throw { code: "not_found" };
    await leave(parts, known);
  }

  /** Every room of mine gets a new key now. @param {(done: number, of: number) => void} [progress] */
  async rotateAll(progress) {
    return (await this.#door.load()).rooms.rotateAll("manual", progress);
  }

  /** Tries at once to get the key of a room. @param {string} room */
  async retry(room) {
    await (await this.#door.load()).rooms.retry(room);
  }

  /**
   * Looks for a text in what can be read, from the newest message backwards.
   *
   * @param {string} room
   * @param {string} text
   * @returns {Promise<Search>} `more()` looks at the next page
   */
  async search(room, text) {
    const { Search } = await import("./encryption/all.js");
    return new Search(text, {
      read: (where) => this.#door.readPage(room, where),
      open: (page, where, apply) => this.#door.openPage(room, page, where, apply),
    });
  }

  /** What shows that the server has told two things of a room's log, to be saved. @param {string} room */
  async evidence(room) {
    const { rooms } = await this.#door.load();
    const known = rooms.roomOf(room);
    if (!known?.fork) return null;
    return JSON.stringify({ room, rid: known.name, fork: known.fork, log: await known.evidence() }, null, 2);
  }

  /**
   * What is known of a message, for its details.
   *
   * @param {string} room
   * @param {string} mid
   */
  details(room, mid) {
    const row = this.#door.loaded?.rooms.roomOf(room)?.ledger.row(mid);
    if (!row) return null;
    const { author, by, at, ts, epoch, gen, bad, verdict } = row;
    return {
      author,
      by,
      created: at,
      writtenAt: ts ?? null,
      key: epoch,
      generation: gen,
      failure: bad ?? null,
      verdict,
    };
  }

  /** Whether something unsent would be lost with this page: nothing is kept where nothing can be. */
  hasUnsentHere() {
    const database = this.#door.loaded?.encryption.database;
    const isKept = database?.isKept && database.level !== 3;
    return !isKept && this.#messages.sealedEntries().some(({ error }) => !error);
  }
}

/**
 * Nothing is written in plain words to somebody whose keys are known.
 *
 * @param {import("./encryption/trust_store.js").TrustStore} trust
 * @param {string[]} uids
 */
function assertUnknown(trust, uids) {
  if (uids.some((uid) => trust.contact(uid))) throw { code: "keys_withheld", uids };
}
