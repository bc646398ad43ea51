/**
 * All my encrypted rooms: who is told what of them, and what happens by itself. Each is an `EncryptedRoom`; this is
 * where the server's events, the list of keys, my own keys and the outbox meet.
 */
import { followedEpoch } from "../../crypto/restored.js";
import { describe, isDead } from "./described.js";
import { Healing } from "./healing.js";
import { letIn, renew, unlinkMine, waitsHere, wrapForNext } from "./membership.js";
import { isRid, Opener } from "./opener.js";
import { isPassing } from "./passing.js";
import { comparePlaces, postAgain, renewAfterLoss } from "./restore.js";
import { EncryptedRoom } from "./room.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./parts.js").Bytes} Bytes */
/** @typedef {import("../types.js").Room} Room */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../../crypto/room_log_entry.js").Entry} LogEntry */
/** @typedef {import("../../net/wire_frames.js").KeyEvent} KeyEvent */
/**
 * What follows for the rest of the client.
 *
 * @typedef {object} Ways
 * @property {(id: string, room: import("../types.js").EncryptedRoom) => void} show
 * @property {(id: string, messages: Message[]) => unknown} refresh  messages that are shown in another way now
 * @property {(id: string) => void} wake  what could not be sent may be so now
 */

/**
 * What is known of a room as another history of the server begins.
 *
 * @typedef {object} Held
 * @property {import("../../crypto/room_state.js").RoomState | null} state
 * @property {import("./room.js").Batch[]} batches
 * @property {import("./intervals.js").Interval[]} loaded
 */

/** Logs that are fetched at once after a connect. */
const AT_ONCE = 3;
const AGAIN_MS = 3000;
const AGAIN_MOST_MS = 300_000;
/** After short gaps of the line rooms are not asked again who lacks their key. */
const ASKED_MS = 60_000;

export class EncryptedRooms {
  #parts;
  #ways;
  /** @type {Map<string, EncryptedRoom>} */
  #rooms = new Map();
  /** Rooms whose logs are to be fetched. @type {Set<string>} */
  #wanted = new Set();
  #fetching = 0;
  /** How often in a row a room could not be fetched since the last connect, by room. @type {Map<string, number>} */
  #failures = new Map();
  /** The room that is before my eyes. */
  #open = "";
  /** Whose key opened for nobody, by room. @type {Map<string, { by: string, at: number }>} */
  #badKeys = new Map();
  /** When the server was asked who lacks the key, by room. @type {Map<string, number>} */
  #asked = new Map();
  /** Rooms whose description changed. @type {Set<string>} */
  #untold = new Set();
  #isOver = false;
  /** Who waits for my keys to open. @type {(() => void)[]} */
  #waitForKeys = [];
  /** Which history of the server it is: what `hello` calls its epoch. */
  #history = "";
  /**
   * Rooms whose places are to be compared after a restore, with the newest epoch that was followed of each before.
   *
   * @type {Promise<Map<string, number>>}
   */
  #toCompare = Promise.resolve(new Map());
  healing;
  opener;

  /** @param {Parts} parts @param {Ways} ways */
  constructor(parts, ways) {
    this.#parts = parts;
    this.#ways = ways;
    this.healing = new Healing(parts);
    this.opener = new Opener(parts, (id) => this.roomOf(id));
  }

  /** @param {string} id */
  roomOf(id) {
    return this.#rooms.get(id) ?? null;
  }

  /** @returns {EncryptedRoom[]} */
  get all() {
    return [...this.#rooms.values()];
  }

  stop() {
    this.#isOver = true;
    this.healing.stop();
  }

  /**
   * How the server describes rooms.
   *
   * @param {Room[]} rooms
   * @param {string} history  of the server, in which this is so
   */
  described(rooms, history) {
    for (const room of rooms) this.#known(room);
    this.#follow(history);
    for (const room of rooms) {
      const known = this.#known(room);
      if (!known) continue;
      known.isMisnamed = !room.e2ee || (room.rid !== undefined && room.rid !== known.name);
      known.told = room.log ?? known.told;
      this.#failures.delete(room.id);
      this.#wanted.add(room.id);
      this.#tell(known);
    }
    this.#fetchNext();
  }

  /** @param {Room} room */
  #known({ id, e2ee, rid }) {
    const mine = this.#parts.trust.roomOfId(id);
    const name = mine ?? (e2ee && rid && isRid(rid) ? rid : null);
    const known = this.#rooms.get(id);
    if (!name || known) return known ?? null;
    const room = new EncryptedRoom(this.#parts, id, name, (changed, entries) => this.#changed(changed, entries));
    room.keys.arrived = () => void this.#keysCame(room);
    room.placed = () => void this.#again(room).catch((error) => this.#reportUnlessPassing(error));
    this.#rooms.set(id, room);
    this.#compareIfNeeded(room);
    return room;
  }

  /** A room that the server has just named. @param {Room} room */
  add(room) {
    this.described([room], this.#history);
    return this.roomOf(room.id);
  }

  /** The room that I look at comes first. @param {string} id */
  opened(id) {
    this.#open = id;
    const room = this.#rooms.get(id);
    if (!room) return;
    this.#wanted.add(id);
    this.#fetchNext();
    if (room.state && !room.keys.has(room.state.epoch)) void this.#missing(room);
  }

  #fetchNext() {
    while (this.#fetching < AT_ONCE && this.#wanted.size && !this.#isOver) {
      const id = this.#wanted.has(this.#open) ? this.#open : [...this.#wanted][0];
      this.#wanted.delete(/** @type {string} */ (id));
      const room = this.#rooms.get(id ?? "");
      if (!room) continue;
      this.#fetching += 1;
      void this.#bring(room).finally(() => {
        this.#fetching -= 1;
        this.#fetchNext();
      });
    }
  }

  /** Brings a room up to what the server has, and gives it back what it has lost. @param {EncryptedRoom} room */
  async #bring(room) {
    try {
      // What was known before a restore is noted before anything comes.
      await this.#toCompare;
      await room.load();
      await room.keys.load();
      await room.sync(room.told);
      await this.#lookForLoss(room);
      await this.#askForKey(room);
      this.#failures.delete(room.id);
      this.#ways.wake(room.id);
    } catch (error) {
      if (isPassing(error)) void this.#bringLater(room);
      else this.#parts.report(error);
    }
  }

  /** Whatever the server lacks, it is asked less and less often. @param {EncryptedRoom} room */
  async #bringLater(room) {
    const failures = this.#failures.get(room.id) ?? 0;
    this.#failures.set(room.id, failures + 1);
    await this.#parts.wait(Math.min(AGAIN_MOST_MS, AGAIN_MS * 2 ** failures));
    if (this.#isOver || this.#rooms.get(room.id) !== room) return;
    this.#wanted.add(room.id);
    this.#fetchNext();
  }

  /**
   * Whether the server shows less of the log than is known: after a restore it gets it back.
   *
   * @param {EncryptedRoom} room
   */
  async #lookForLoss(room) {
    const { told, state } = room;
    if (!told || !state || room.fork) return;
    // Others may have brought it back since it was found lost.
    const wasLost = room.isLost;
    room.isLost = told.seq < state.seq && (await this.#parts.calls.readLog(room.id, state.seq)).length === 0;
    if (room.isLost || wasLost) this.#tell(room);
    if (!room.isLost) return;
    await postAgain(this.#parts, room, told.seq);
    await this.healing.healNow(room).catch((error) => this.#reportUnlessPassing(error));
    void renewAfterLoss(this.#parts, room).catch((error) => this.#reportUnlessPassing(error));
  }

  /** The newest key, and who lacks it. @param {EncryptedRoom} room */
  async #askForKey(room) {
    const { state } = room;
    if (!state || !this.#parts.identity() || !state.members.has(this.#parts.uid)) return;
    await room.keys.get(state.epoch);
    this.#tell(room);
    await this.#askWhoLacksIt(room);
    const isHere = room.keys.has(state.epoch);
    if (this.#open === room.id) void (isHere ? this.#relink(room) : this.#missing(room));
    if (isHere) await this.#again(room);
  }

  /** Who came to lack it while the line was there has been told. @param {EncryptedRoom} room */
  async #askWhoLacksIt(room) {
    const now = this.#parts.now();
    if (now - (this.#asked.get(room.id) ?? -Infinity) < ASKED_MS) return;
    this.#asked.set(room.id, now);
    const { needed } = await room.keys.ask();
    if (needed.length) void this.#heal(room, needed, false);
  }

  /** @param {EncryptedRoom} room @param {import("../../net/wire_frames.js").Pair[]} needed @param {boolean} isJoin */
  #heal(room, needed, isJoin) {
    return this.healing.heal(room, needed, isJoin).catch((error) => this.#reportUnlessPassing(error));
  }

  /** Its key is missing, and I want to read or write. @param {EncryptedRoom} room */
  #missing(room) {
    return this.healing.repairLater(room).catch((error) => this.#reportUnlessPassing(error));
  }

  /** Its person reads it: what its newest key does not lead to is linked again. @param {EncryptedRoom} room */
  #relink(room) {
    return this.healing.relink(room).catch((error) => this.#reportUnlessPassing(error));
  }

  /** @param {EncryptedRoom} room */
  missing(room) {
    void this.#missing(room);
  }

  /** @param {unknown} error */
  #reportUnlessPassing(error) {
    if (!isPassing(error)) this.#parts.report(error);
  }

  /** @param {KeyEvent} event */
  heard(event) {
    const room = this.#rooms.get(event.room);
    if (!room) return;
    if (event.op === "wrap") void room.keys.take(event).catch((error) => this.#reportUnlessPassing(error));
    else if (event.op === "wraps.needed") void this.#heal(room, event.needed, event.join);
    else {
      room.why = event.why;
      room.shut = event.shut;
    }
  }

  /** Tries at once to get the key of a room. @param {string} id */
  async retry(id) {
    const room = this.#rooms.get(id);
    if (!room) return;
    room.keys.poke();
    await this.#bring(room);
  }

  /** @param {EncryptedRoom} room @param {LogEntry[]} entries */
  #changed(room, entries) {
    for (const { body } of entries) if ("uid" in body) void this.#meet(body.uid);
    if (entries.some(({ body }) => body.type === "epoch")) void this.#newEpoch(room, entries);
    else if (entries.length && room.ledger.waiting().length) void this.#again(room);
    this.#tell(room);
  }

  /** Somebody whom I have never met stands in a log. @param {string} uid */
  async #meet(uid) {
    const { trust, uid: me } = this.#parts;
    if (uid === me || !trust.ready || trust.contact(uid)) return;
    // A name that does not fit is asked about when it matters.
    await trust.pinFromLog(uid).catch(() => {});
  }

  /** @param {EncryptedRoom} room @param {LogEntry[]} entries */
  async #newEpoch(room, entries) {
    this.#noteBadKey(room, entries);
    room.keys.poke();
    try {
      const epoch = room.state?.epoch ?? 0;
      await room.keys.checkLinks();
      // It may lead to what was cut off before.
      if (room.ledger.waiting().length) await this.#again(room);
      this.#tell(room);
      await this.healing.relink(room);
      if (!room.keys.has(epoch) && this.#open === room.id) void this.#missing(room);
    } catch (error) {
      this.#reportUnlessPassing(error);
    }
  }

  /** A repair says that the key before opened for nobody: the room names who made it. */
  #noteBadKey(/** @type {EncryptedRoom} */ { id, state, keys, lines }, /** @type {LogEntry[]} */ entries) {
    for (const { body } of entries) {
      if (body.type !== "epoch") continue;
      this.#badKeys.delete(id);
      const before = lines.findLast((line) => line.body.type === "epoch" && line.body.n === body.n - 1);
      if (body.reason !== "repair" || keys.has(body.n - 1) || !state || !before) continue;
      this.#badKeys.set(id, { by: before.actor, at: before.time });
    }
  }

  /** Keys have come: what could not be opened or sent may be so now. @param {EncryptedRoom} room */
  async #keysCame(room) {
    this.#tell(room);
    void this.#relink(room);
    await this.#again(room);
    this.#ways.wake(room.id);
  }

  /** @param {EncryptedRoom} room */
  async #again(room) {
    const messages = await this.opener.again(room);
    if (messages.length) await this.#ways.refresh(room.id, messages);
    this.#tell(room);
  }

  /** Screens read what is so now, once for all changes of a moment. @param {EncryptedRoom} room */
  #tell(room) {
    if (this.#untold.has(room.id)) return;
    this.#untold.add(room.id);
    queueMicrotask(() => {
      this.#untold.delete(room.id);
      if (this.#isOver) return;
      this.#ways.show(room.id, describe(this.#parts, room, this.#badKeys.get(room.id) ?? null));
    });
  }

  /** My keys, the list of keys, or whom I know have changed. */
  changed() {
    for (const room of this.#rooms.values()) this.#tell(room);
  }

  /** My keys are open now. */
  unlocked() {
    for (const go of this.#waitForKeys.splice(0)) go();
    for (const room of this.#rooms.values()) {
      room.keys.poke();
      this.#wanted.add(room.id);
      this.#tell(room);
    }
    this.#fetchNext();
  }

  /** @param {string} id @param {number} since @param {number} seq */
  followed(id, since, seq) {
    const room = this.#rooms.get(id);
    room?.ledger.followed(since, seq);
    if (room) this.#doubt(room);
  }

  /** @param {string} id @param {number} seq */
  reached(id, seq) {
    const room = this.#rooms.get(id);
    room?.ledger.reached(seq);
    if (room) this.#doubt(room);
  }

  /** @param {EncryptedRoom} room */
  #doubt(room) {
    const messages = room.ledger.doubts().map((row) => room.ledger.show(row));
    if (messages.length) void this.#ways.refresh(room.id, messages);
  }

  /** @param {string} id */
  left(id) {
    this.#rooms.get(id)?.ledger.left();
  }

  /**
   * Which history of the server it is. In another one than before, places are compared before anything of a room is
   * judged, also if this page has never seen the one before.
   *
   * @param {string} history
   */
  #follow(history) {
    if (!history || history === this.#history) return;
    const isOther = this.#history !== "";
    this.#history = history;
    const held = new Map(
      this.all.map(({ name, state, batches, ledger }) => [name, { state, batches, loaded: ledger.intervals.list }]),
    );
    this.#toCompare = this.#lookAtHistory(history, isOther, held);
    for (const room of this.#rooms.values()) {
      room.histories += 1;
      this.#compareIfNeeded(room);
    }
  }

  /**
   * @param {string} history
   * @param {boolean} isOther  another tab may have noted it already, and this page was in the one before
   * @param {Map<string, Held>} held  what was known of the rooms that are held
   * @returns {Promise<Map<string, number>>} rooms that are to be compared
   */
  async #lookAtHistory(history, isOther, held) {
    const { database } = this.#parts;
    const kept = (await database.get("meta", "history")) ?? { epoch: history, waiting: [] };
    /** @type {Map<string, number>} */
    const waiting = new Map(kept.waiting);
    if (kept.epoch !== history || isOther) {
      const records = await database.getAll("meta", { under: ["intervals"] });
      const stored = new Map(records.map(({ key, value }) => [String(key[1]), value.intervals]));
      for (const name of new Set([...held.keys(), ...stored.keys()])) {
        if (waiting.has(name)) continue;
        const here = held.get(name);
        const { state, batches } = here?.state ? here : ((await database.get("rooms", [name, "state"])) ?? {});
        const loaded = [...(here?.loaded ?? []), ...(stored.get(name) ?? [])];
        waiting.set(name, state ? followedEpoch(state, batches, loaded) : 0);
      }
    }
    await database.put("meta", "history", { epoch: history, waiting: [...waiting] });
    return waiting;
  }

  /** @param {EncryptedRoom} room */
  #compareIfNeeded(room) {
    const before = room.comparing;
    const comparing = this.#compare(room, before).finally(() => {
      if (room.comparing === comparing) room.comparing = null;
    });
    room.comparing = comparing;
  }

  /** @param {EncryptedRoom} room @param {Promise<void> | null} before */
  async #compare(room, before) {
    const history = this.#history;
    await before;
    const waiting = await this.#toCompare;
    const epoch = waiting.get(room.name);
    if (epoch === undefined) return;
    room.ledger.left();
    // In yet another history it is compared once more, which waits for this.
    for (let failures = 0; !this.#isOver && this.#history === history; failures += 1) {
      try {
        await room.load();
        // Without my keys nothing that is kept can be read.
        while (!this.#parts.identity()) await new Promise((go) => void this.#waitForKeys.push(() => go(null)));
        if (this.#history !== history) return;
        await comparePlaces(this.#parts, room, epoch, history);
        if (this.#history !== history) return;
        waiting.delete(room.name);
        await this.#parts.database.put("meta", "history", { epoch: history, waiting: [...waiting] });
        return this.#tell(room);
      } catch (error) {
        if (!isPassing(error)) return this.#parts.report(error);
        await this.#parts.wait(AGAIN_MS * Math.min(10, 1 + failures));
      }
    }
  }

  /**
   * Every room of mine gets a new key at once.
   *
   * @param {import("./rotation.js").Reason} reason
   * @param {(done: number, of: number) => void} [progress]
   * @returns {Promise<{ left: number }>} rooms that could not be reached
   */
  async rotateAll(reason, progress = () => {}) {
    const rooms = this.all.filter(({ state }) => state?.members.has(this.#parts.uid));
    let left = 0;
    for (const [at, room] of rooms.entries()) {
      progress(at, rooms.length);
      await renew(this.#parts, room, reason).catch(() => (left += 1));
    }
    progress(rooms.length, rooms.length);
    return { left };
  }

  async unlinkMine() {
    for (const room of this.all) if (room.state?.kind === "closed") await unlinkMine(this.#parts, room);
  }

  /** @param {number} gen @param {Bytes} x */
  async wrapForNext(gen, x) {
    for (const room of this.all) {
      await room.sync();
      await wrapForNext(this.#parts, room, gen, x);
    }
  }

  /**
   * @param {string} id
   * @param {string} uid
   * @returns {Promise<{ others: string[] }>} rooms where the same person waits
   */
  async letIn(id, uid) {
    const room = this.#rooms.get(id);
    if (!room) throw { code: "not_found" };
    await letIn(this.#parts, room, uid);
    return { others: this.all.filter((each) => waitsHere(this.#parts, each, uid)).map((each) => each.id) };
  }

  /** @param {string} uid @returns {Promise<number>} in how many rooms */
  async letInEverywhere(uid) {
    let count = 0;
    for (const room of this.all) {
      if (!waitsHere(this.#parts, room, uid)) continue;
      await letIn(this.#parts, room, uid);
      count += 1;
    }
    return count;
  }

  /** @param {string} id */
  isDead(id) {
    const room = this.#rooms.get(id);
    return room ? isDead(this.#parts, room) : false;
  }
}
