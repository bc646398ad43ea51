/**
 * Members hand keys to one another (7.5 of e2ee.md): to who lacks the newest one, each after a wait at random, so that
 * one of them does it. And a room whose newest key opens for nobody gets another one.
 */
import { servable, wrapCurrent } from "../../crypto/batches.js";
import { equal } from "../../crypto/encoding.js";
import { again, rotate, toWire } from "./rotation.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("../../net/wire_frames.js").Pair} Pair */

/** Waits before a key is handed over: to somebody who has just joined, and to others. */
const JOIN_MS = 1000;
const OTHER_MS = 10_000;
/** How long a key may be missing before the room gets another one, and how much longer at random. */
const MISSING_MS = 30_000;
const MISSING_MORE_MS = 30_000;
/** A room is repaired by this browser once in so long a time. */
const REPAIR_MS = 600_000;

/** How the keys of somebody may stand to those that I know, for a key to be given without a question. */
const KNOWN = new Set(["first", "same", "rotated", "renamed"]);

export class Healing {
  #parts;
  /** Pairs that are being looked at, as "room/uid/epoch/gen". @type {Set<string>} */
  #busy = new Set();
  /** Rooms whose key is missing. @type {Set<string>} */
  #missing = new Set();
  /** When this browser has repaired a room last. @type {Map<string, number>} */
  #repaired = new Map();
  #isOver = false;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
  }

  stop() {
    this.#isOver = true;
  }

  /**
   * The server says who lacks the key of a room.
   *
   * @param {EncryptedRoom} room
   * @param {Pair[]} needed
   * @param {boolean} isJoin
   */
  async heal(room, needed, isJoin) {
    const pairs = needed.filter((pair) => !this.#busy.has(nameOf(room, pair)));
    if (!pairs.length) return;
    for (const pair of pairs) this.#busy.add(nameOf(room, pair));
    try {
      await this.#parts.wait((isJoin ? JOIN_MS : OTHER_MS) * this.#parts.random());
      if (!this.#isOver) await this.#give(room, pairs);
    } finally {
      for (const pair of pairs) this.#busy.delete(nameOf(room, pair));
    }
  }

  /**
   * This browser has brought back what a restore had lost of a log, and the keys that belong to it have gone with the
   * backup: they are handed over at once, as nobody else may have them.
   *
   * @param {EncryptedRoom} room
   */
  async healNow(room) {
    const { needed } = await room.keys.ask();
    if (needed.length && !this.#isOver) await this.#give(room, needed);
  }

  /** @param {EncryptedRoom} room @param {Pair[]} pairs */
  async #give(room, pairs) {
    const { needed } = await room.keys.ask();
    const left = pairs.filter((pair) => needed.some((each) => nameOf(room, each) === nameOf(room, pair)));
    if (!left.length) return;
    await this.#parts.directory.sync();
    await room.sync();
    const { state, fork } = room;
    const ring = room.keys.ring();
    if (!state || !ring || fork || !this.#parts.mayWrite()) return;
    const people = servable(left, state, this.#parts.directory.view).filter(({ uid }) => this.#mayGive(room, uid));
    if (!people.length || !(await room.keys.raw(state.epoch))) return;
    const wraps = await again(this.#parts, () => wrapCurrent(room.keys.ring() ?? ring, people));
    await this.#parts.calls.giveWraps(room.id, wraps.map(toWire));
  }

  /**
   * Only under the keys that I know of this person: otherwise I am asked first.
   *
   * @param {EncryptedRoom} room
   * @param {string} uid
   */
  #mayGive({ state }, uid) {
    const { trust } = this.#parts;
    const member = state?.members.get(uid);
    if (uid === this.#parts.uid) return true;
    const pinned = trust.contact(uid)?.root;
    return member !== undefined && KNOWN.has(trust.judge(uid)) && (!pinned || equal(pinned, member.root));
  }

  /**
   * The newest key of a room is missing, and its person wants to read or write: if it does not come, and an older one
   * is here, the room gets another one.
   *
   * @param {EncryptedRoom} room
   */
  async repairLater(room) {
    if (this.#missing.has(room.name)) return;
    this.#missing.add(room.name);
    try {
      await this.#parts.wait(MISSING_MS + MISSING_MORE_MS * this.#parts.random());
      if (this.#isOver || (await this.#comes(room))) return;
      this.#parts.count("missing", 1);
      await this.#repair(room, ({ state, keys }) => state !== null && !keys.has(state.epoch));
    } finally {
      this.#missing.delete(room.name);
    }
  }

  /** @param {EncryptedRoom} room */
  async #comes(room) {
    room.keys.poke();
    const epoch = room.state?.epoch ?? 0;
    const key = await room.keys.get(epoch).catch(() => null);
    if (key) room.keys.arrived();
    return key !== null || room.keys.held.length === 0;
  }

  /**
   * Epochs that are held and that the newest key does not reach are linked again.
   *
   * @param {EncryptedRoom} room
   */
  async relink(room) {
    if (!(await room.keys.lookForLeftOut())) return;
    await this.#parts.wait(OTHER_MS * this.#parts.random());
    if (!this.#isOver && room.keys.isLeftOut) await this.#repair(room, ({ keys }) => keys.isLeftOut);
  }

  /** @param {EncryptedRoom} room @param {(room: EncryptedRoom) => boolean} isWanted */
  async #repair(room, isWanted) {
    const last = this.#repaired.get(room.name) ?? -Infinity;
    if (this.#parts.now() - last < REPAIR_MS) return;
    this.#repaired.set(room.name, this.#parts.now());
    await rotate(this.#parts, room, { reason: "repair", isWanted });
  }
}

/** @param {EncryptedRoom} room @param {Pair} pair */
const nameOf = ({ name }, { uid, epoch, gen }) => `${name}/${uid}/${epoch}/${gen}`;
