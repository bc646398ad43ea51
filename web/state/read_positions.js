/**
 * How far I have read each room. A position shows at once and goes to the server a moment later, again after every
 * reconnect until the server has it.
 */
import { firstSeqOf, lastSeqOf, unreadAfter } from "./messages.js";
import { withRoom } from "./rooms.js";
import { withNewAfter } from "./timelines.js";

/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./types.js").Timeline} Timeline */

/** The read position is sent at most this often. */
const READ_MS = 400;
/** Until a position that was refused for a moment is sent again, unless the server says when. */
const AGAIN_MS = 2000;

export class ReadPositions {
  #store;
  #socket;
  /** What the server has not confirmed, by room. @type {Map<string, number>} */
  #unconfirmed = new Map();
  /** Until the next sending, by room. @type {Map<string, ReturnType<typeof setTimeout>>} */
  #timers = new Map();

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {Pick<import("../net/socket.js").Socket, "command">} parts.socket
   */
  constructor({ store, socket }) {
    this.#store = store;
    this.#socket = socket;
  }

  /**
   * What was on screen is read, up to where nothing is missing: to the end of the stretch, or to the last known change.
   *
   * @param {string} room
   * @param {number} seq
   */
  mark(room, seq) {
    const timeline = this.#store.state.timelines.get(room);
    if (!timeline?.loaded || timeline.stale) return;
    // What a backup of the server has lost stands between two places.
    this.#move(room, Math.floor(Math.min(seq, Math.max(timeline.seq, lastSeqOf(timeline.messages)))));
  }

  /** Everything is read, seen or not. @param {string} room */
  markAll(room) {
    this.#move(room, this.#store.state.rooms.get(room)?.seq ?? 0);
  }

  /** After a connect: what the server did not get yet counts, and not what it had. */
  resume() {
    for (const [room, seq] of this.#unconfirmed) {
      // A server that was set back does not know that place.
      if (seq > (this.#store.state.rooms.get(room)?.seq ?? 0)) this.#unconfirmed.delete(room);
      else this.#show(room, seq);
      this.#sendLater(room, 0);
    }
  }

  /** A new epoch: what was read of the last one is not what these numbers are of. */
  restart() {
    this.#unconfirmed.clear();
  }

  /** After a sign-out. */
  stop() {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#timers.clear();
    this.#unconfirmed.clear();
  }

  /** @param {string} room @param {number} seq */
  #move(room, seq) {
    if (!this.#show(room, seq)) return;
    this.#unconfirmed.set(room, seq);
    this.#sendLater(room, READ_MS);
  }

  /**
   * @param {string} id
   * @param {number} seq
   * @returns {boolean} whether that is farther than before
   */
  #show(id, seq) {
    const { state } = this.#store;
    const room = state.rooms.get(id);
    if (!room || seq <= room.read) return false;
    this.#store.update(withRoom(state, { ...room, read: seq, ...this.#left(room, state.timelines.get(id), seq) }));
    this.#store.update(withNewAfter(this.#store.state, id));
    return true;
  }

  /**
   * What is left unread after a position, as far as it is known here; the server's answer says it exactly.
   *
   * @param {Room} room
   * @param {Timeline | undefined} timeline
   * @param {number} seq
   */
  #left(room, timeline, seq) {
    if (seq >= room.seq) return { unread: 0, mentions: 0 };
    if (!timeline?.loaded) return {};
    const { messages, moreBefore, moreAfter } = timeline;
    const isWithin = (/** @type {number} */ position) => !moreBefore || position >= firstSeqOf(messages);
    const after = unreadAfter(messages, { read: seq, seq: room.seq }, this.#store.state);
    if (!moreAfter && isWithin(seq)) return after;
    if (!isWithin(room.read)) return {};
    const before = unreadAfter(messages, room, this.#store.state);
    return {
      unread: Math.max(0, room.unread - before.unread + after.unread),
      mentions: Math.max(0, room.mentions - before.mentions + after.mentions),
    };
  }

  /** @param {string} room @param {number} ms */
  #sendLater(room, ms) {
    if (this.#timers.has(room)) return;
    const send = () => {
      this.#timers.delete(room);
      void this.#send(room);
    };
    this.#timers.set(room, setTimeout(send, ms));
  }

  /** @param {string} room */
  async #send(room) {
    const seq = this.#unconfirmed.get(room);
    if (seq === undefined) return;
    try {
      await this.#socket.command("read", { room, seq });
    } catch (error) {
      const { code, retryMs } = /** @type {import("../net/socket.js").SocketFailure} */ (error);
      // The next connect sends it again.
      if (code === "offline") return;
      if (code === "rate_limited" || code === "unavailable") return this.#sendLater(room, retryMs || AGAIN_MS);
    }
    if (this.#unconfirmed.get(room) === seq) this.#unconfirmed.delete(room);
  }
}
