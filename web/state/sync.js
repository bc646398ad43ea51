/**
 * Keeps the state in step with the server: takes its events in, follows the open rooms from where each stands after
 * every connect, and reads pages of messages. All of it passes `Ingest`, so what concerns one room is applied in the
 * order in which it came.
 */
import { readMessages } from "../calls/rooms.js";
import { firstSeqOf } from "./messages.js";
import { reduce, withMessage, withoutTyping } from "./reduce.js";
import { withNewestPage, withOlderPage, withTimeline } from "./timelines.js";

/** @typedef {import("../net/wire_frames.js").ServerEvent} ServerEvent */
/** @typedef {import("../net/wire_frames.js").RoomEvent} RoomEvent */

/** A person who types is shown as typing for this long. */
const TYPING_MS = 5000;
const NEWEST_PAGE = 100;
const OLDER_PAGE = 60;
/** Until a subscription that was refused for a moment is tried again, unless the server says when. */
const SUBSCRIBE_AGAIN_MS = 1500;
/** Until a page that could not be read is tried again. */
const PAGE_AGAIN_MS = 3000;

export class Sync {
  #store;
  #socket;
  #users;
  #ingest;
  /** Counts connects. */
  #connection = 0;
  /** Counts sign-outs. */
  #session = 0;
  /** By room and person. @type {Map<string, ReturnType<typeof setTimeout>>} */
  #typing = new Map();

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {import("../net/socket.js").Socket} parts.socket
   * @param {import("./users.js").Users} parts.users
   * @param {import("./ingest.js").Ingest} parts.ingest
   */
  constructor({ store, socket, users, ingest }) {
    this.#store = store;
    this.#socket = socket;
    this.#users = users;
    this.#ingest = ingest;
  }

  /** @param {ServerEvent} event */
  receive(event) {
    if ("room" in event) return this.#receiveInRoom(event);
    // What an older connection sent and is not applied yet is out of date: `hello` has newer numbers, and the rooms
    // that are followed are replayed from what was applied.
    if (event.op === "hello") this.#connection += 1;
    this.#store.update(reduce(this.#store.state, event));
    if (event.op === "presence") this.#users.need(event.uid);
    if (event.op === "presence" || event.op === "user") this.#users.watchStatusEnds();
  }

  /** @param {RoomEvent} event */
  #receiveInRoom(event) {
    // Noted at once: the list of my rooms may end before this event is applied.
    const { namedRooms } = this.#store.state;
    if (event.op === "room" && namedRooms) this.#store.update({ namedRooms: new Set(namedRooms).add(event.room) });
    const entries = event.op === "msg" ? [event.entry] : [];
    const apply = (/** @type {import("./types.js").Message[]} */ [message]) => {
      if (event.op !== "msg") this.#apply(event);
      else if (message) this.#store.update(withMessage(this.#store.state, event.room, message));
      this.#needPeople(event, message?.by);
    };
    void this.#ingest.ingest(event.room, entries, apply, this.#sameConnection());
  }

  /** @param {Exclude<RoomEvent, { op: "msg" }>} event */
  #apply(event) {
    this.#store.update(reduce(this.#store.state, event));
    if (event.op === "typing") this.#endTypingLater(event.room, event.uid);
  }

  /**
   * The people whom the event shows on screen.
   *
   * @param {RoomEvent} event
   * @param {string | undefined} author
   */
  #needPeople(event, author) {
    if (author) this.#users.need(author);
    const room = this.#store.state.rooms.get(event.room);
    if (!room) return;
    if (event.op === "member" || event.op === "typing") this.#users.need(event.uid);
    for (const uid of room.others) this.#users.need(uid);
  }

  /**
   * @param {string} room
   * @param {string} uid
   */
  #endTypingLater(room, uid) {
    const key = `${room}/${uid}`;
    clearTimeout(this.#typing.get(key));
    const end = () => {
      this.#typing.delete(key);
      this.#store.update(withoutTyping(this.#store.state, room, uid));
    };
    this.#typing.set(key, setTimeout(end, TYPING_MS));
  }

  /** After every connect: follows the open rooms from where each stands. */
  resume() {
    const { rooms, timelines } = this.#store.state;
    for (const [room, { loaded, seq, gapAfter }] of timelines) {
      if (loaded && rooms.has(room)) void this.follow(room, gapAfter ?? seq);
    }
  }

  /**
   * Subscribes to a room: what changed after `since` is replayed, and what changes from now on comes live. If that was
   * too much to be replayed, the newest page takes the place of what was known.
   *
   * @param {string} room
   * @param {number} since
   */
  async follow(room, since) {
    const isCurrent = this.#sameConnection();
    const answer = await this.#subscribe(room, since, isCurrent);
    if (!answer || !this.#store.state.timelines.has(room)) return;
    this.#users.refetchSoon();
    if (answer.truncated) await this.#fillGap(room, since, answer.seq, isCurrent);
    const reached = () => {
      const timeline = this.#store.state.timelines.get(room);
      if (!timeline || timeline.gapAfter !== undefined) return;
      this.#setTimeline(room, { ...timeline, seq: Math.max(timeline.seq, answer.seq) });
    };
    // Behind the replay, which came before the answer.
    await this.#ingest.ingest(room, [], reached, isCurrent);
  }

  /**
   * A busy server says when to subscribe again. Part of what was missed may have come by then, so the next attempt asks
   * for what comes after that. Without a connection nothing is sent: the next connect follows the room again.
   *
   * @param {string} room
   * @param {number} since
   * @param {() => boolean} isCurrent
   */
  async #subscribe(room, since, isCurrent) {
    for (;;) {
      try {
        return await this.#socket.command("room.subscribe", { room, since });
      } catch (error) {
        const { code, retryMs } = /** @type {import("../net/socket.js").SocketFailure} */ (error);
        if (code !== "rate_limited" && code !== "unavailable") return null;
        await later(retryMs || SUBSCRIBE_AGAIN_MS);
        const { rooms, timelines } = this.#store.state;
        const timeline = timelines.get(room);
        if (!isCurrent() || !timeline || !rooms.has(room)) return null;
        since = Math.max(since, timeline.seq);
      }
    }
  }

  /**
   * Reads the newest page in the place of what was missed. Until it is here the gap is remembered, so that no
   * reconnect goes on behind it.
   *
   * @param {string} room
   * @param {number} since
   * @param {number} seq  of the room when it was subscribed to
   * @param {() => boolean} isCurrent
   */
  async #fillGap(room, since, seq, isCurrent) {
    const timeline = this.#store.state.timelines.get(room);
    if (timeline) this.#setTimeline(room, { ...timeline, gapAfter: timeline.gapAfter ?? since });
    while (isCurrent() && this.#store.state.timelines.has(room)) {
      try {
        return await this.readNewest(room, seq);
      } catch {
        await later(PAGE_AGAIN_MS);
      }
    }
  }

  /**
   * Reads the newest page of a room.
   *
   * @param {string} room
   * @param {number} [after]  only changes after this `seq` may be newer than the page
   */
  async readNewest(room, after = 0) {
    const session = this.#session;
    const { entries, more } = await readMessages(room, { limit: NEWEST_PAGE });
    if (session !== this.#session) return;
    await this.#ingest.ingest(room, entries, (messages) => {
      this.#store.update(withNewestPage(this.#store.state, room, { messages, more }, after));
      for (const { by } of messages) this.#users.need(by);
    });
  }

  /**
   * Reads the page before what is loaded, if there is one.
   *
   * @param {string} room
   */
  async readOlder(room) {
    const timeline = this.#store.state.timelines.get(room);
    const first = timeline ? firstSeqOf(timeline.messages) : 0;
    if (!timeline || timeline.loading || !timeline.moreBefore || !first) return;
    this.#setTimeline(room, { ...timeline, loading: true });
    const session = this.#session;
    const page = await readMessages(room, { before: first, limit: OLDER_PAGE }).catch(() => null);
    if (session !== this.#session) return;
    await this.#ingest.ingest(room, page?.entries ?? [], (messages) => {
      const arrived = page ? { messages, more: page.more } : null;
      this.#store.update(withOlderPage(this.#store.state, room, arrived, first));
      for (const { by } of messages) this.#users.need(by);
    });
  }

  /** Whether the connection is still the one of now, later on. @returns {() => boolean} */
  #sameConnection() {
    const connection = this.#connection;
    return () => connection === this.#connection;
  }

  /** After a sign-out: nothing of what is on its way may reach the state. */
  stop() {
    this.#connection += 1;
    this.#session += 1;
    this.#ingest.drop();
    for (const timer of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
  }

  /**
   * @param {string} room
   * @param {import("./types.js").Timeline} timeline
   */
  #setTimeline(room, timeline) {
    this.#store.update(withTimeline(this.#store.state, room, timeline));
  }
}

/** @param {number} ms */
function later(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
