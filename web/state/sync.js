/**
 * Keeps the state in step with the server: takes its events in, and follows the open rooms from where each stands after
 * every connect. All of it passes `Ingest`, so what concerns one room is applied in the order in which it came.
 */
import { renew } from "./messages.js";
import { isOtherEpoch, reduce, withMessages, withNumbers, withoutTyping } from "./reduce.js";
import { cutOff, emptyTimeline, withNewAfter, withoutSent, withReached, withTimeline } from "./timelines.js";

/** @typedef {import("../net/wire_frames.js").ServerEvent} ServerEvent */
/** @typedef {import("../net/wire_frames.js").RoomEvent} RoomEvent */
/** @typedef {import("../net/socket.js").Answer} Answer */
/** @typedef {import("./types.js").Message} Message */
/**
 * What encrypted rooms are told besides their entries: how the server describes rooms, events about keys, and up to
 * where everything that happened in a room has come.
 *
 * @typedef {object} EncryptedRooms
 * @property {(rooms: import("./types.js").Room[]) => void} described
 * @property {(event: import("../net/wire_frames.js").KeyEvent) => void} heard
 * @property {(room: string, since: number, seq: number) => void} followed
 * @property {(room: string, seq: number) => void} reached
 * @property {(room: string) => void} left
 * @property {(room: string) => void} active  something was said in a room that is not followed
 */

/** A person who types is shown as typing for this long. */
const TYPING_MS = 5000;
/** Until a subscription that was refused for a moment is tried again, unless the server says when. */
const SUBSCRIBE_AGAIN_MS = 1500;

/**
 * What a subscription has brought before its answer. A message that has changed again comes at its last change, so
 * until the answer there are gaps in it: it is kept, over reconnects, and taken in as a whole.
 *
 * @typedef {{ seq: number, messages: Message[] }} Replay
 */

export class Sync {
  #store;
  #socket;
  #users;
  #ingest;
  #pages;
  /** Counts connects. */
  #connection = 0;
  /** By room, until its subscription is answered. @type {Map<string, Replay>} */
  #replays = new Map();
  /** By room and person. @type {Map<string, ReturnType<typeof setTimeout>>} */
  #typing = new Map();
  /** Told when a new epoch has begun, before anything of it is read. */
  restarted = () => {};
  /** @type {EncryptedRooms | null} */
  encrypted = null;

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {import("../net/socket.js").Socket} parts.socket
   * @param {import("./users.js").Users} parts.users
   * @param {import("./ingest.js").Ingest} parts.ingest
   * @param {import("./pages.js").Pages} parts.pages
   */
  constructor({ store, socket, users, ingest, pages }) {
    this.#store = store;
    this.#socket = socket;
    this.#users = users;
    this.#ingest = ingest;
    this.#pages = pages;
  }

  /** @param {ServerEvent} event */
  receive(event) {
    if (isAboutKeys(event)) return this.encrypted?.heard(event);
    if ("room" in event) return this.#receiveInRoom(event);
    // What an older connection sent and is not applied yet is out of date: `hello` has newer numbers, and the rooms
    // that are followed are replayed from what was applied.
    if (event.op === "hello") this.#connection += 1;
    const isOther = event.op === "hello" && isOtherEpoch(this.#store.state, event.epoch);
    this.#store.update(reduce(this.#store.state, event));
    if (event.op === "hello" || event.op === "rooms") this.encrypted?.described(event.rooms);
    if (isOther) this.#startOver();
    if (event.op === "hello" || event.op === "rooms") for (const { id, seq } of event.rooms) this.#described(id, seq);
    if (event.op === "presence" || event.op === "user") this.#users.heard(event);
  }

  /**
   * A room is described anew. Its `seq` falls only if the server was set back.
   *
   * @param {string} room
   * @param {number} seq
   */
  #described(room, seq) {
    const timeline = this.#store.state.timelines.get(room);
    if (timeline && seq < timeline.seq) this.#loseTrack(room, timeline, seq);
    this.#countNewAfter(room);
  }

  /**
   * The server was restored from a backup, or another one has taken over: no `seq` from before means anything, even if
   * the room has as many changes again.
   */
  #startOver() {
    this.restarted();
    const { rooms, timelines } = this.#store.state;
    for (const [room, timeline] of timelines) this.#loseTrack(room, withoutSent(timeline), rooms.get(room)?.seq ?? 0);
  }

  /**
   * What is shown is old, or the server does not know it any more.
   *
   * @param {string} room
   * @param {import("./types.js").Timeline} timeline
   * @param {number} seq  of the room now
   */
  #loseTrack(room, timeline, seq) {
    this.#replays.delete(room);
    this.encrypted?.left(room);
    this.#store.update(withTimeline(this.#store.state, room, cutOff(timeline, seq)));
    void this.#pages.readAnew(room);
  }

  /** @param {Exclude<RoomEvent, import("../net/wire_frames.js").KeyEvent>} event */
  #receiveInRoom(event) {
    // Noted at once: the list of my rooms may end before this event is applied.
    const { namedRooms } = this.#store.state;
    if (event.op === "room" && namedRooms) this.#store.update({ namedRooms: new Set(namedRooms).add(event.room) });
    if (event.op === "room" && event.now) this.encrypted?.described([event.now]);
    const entries = "entry" in event ? [event.entry] : [];
    const apply = (/** @type {Message[]} */ messages) => {
      if (!("entry" in event)) this.#apply(event);
      else this.#take(event.room, messages, event.entry.seq);
      this.#needPeople(event, messages[0]?.by);
    };
    void this.#ingest.ingest(event.room, entries, apply, this.#sameConnection());
  }

  /** @param {Exclude<RoomEvent, { entry: unknown } | import("../net/wire_frames.js").KeyEvent>} event */
  #apply(event) {
    this.#store.update(reduce(this.#store.state, event));
    if (event.op === "room" && !event.now) this.leave(event.room);
    if (event.op === "activity" && event.added > 0) this.encrypted?.active(event.room);
    if (event.op === "typing") this.#endTypingLater(event.room, event.uid);
    else this.#countNewAfter(event.room);
  }

  /**
   * @param {string} room
   * @param {Message[]} messages  none for a batch of a log
   * @param {number} seq
   */
  #take(room, messages, seq) {
    const replay = this.#replays.get(room);
    if (!replay) {
      this.#change(room, messages);
      if (!messages.length) this.#store.update(withReached(this.#store.state, room, seq));
      return this.encrypted?.reached(room, seq);
    }
    replay.messages.push(...messages);
    replay.seq = Math.max(replay.seq, seq);
  }

  /**
   * Messages of an encrypted room that are seen in another way now, once all that came before is taken in.
   *
   * @param {string} room
   * @param {Message[]} messages
   */
  refresh(room, messages) {
    return this.#ingest.ingest(room, [], () => this.renew(room, messages), this.#sameConnection());
  }

  /**
   * The same at once. It says nothing about up to where the room is known.
   *
   * @param {string} room
   * @param {Message[]} messages
   */
  renew(room, messages) {
    const replay = this.#replays.get(room);
    if (replay) replay.messages = renew(replay.messages, messages);
    this.#pages.renew(room, messages);
  }

  /** @param {string} room @param {Message[]} messages */
  #change(room, messages) {
    this.#store.update(withMessages(this.#store.state, room, messages));
    this.#pages.change(room, messages);
  }

  /** @param {string} room */
  #countNewAfter(room) {
    this.#store.update(withNewAfter(this.#store.state, room));
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
    this.#pages.hurry();
    const { rooms, timelines } = this.#store.state;
    for (const room of timelines.keys()) if (rooms.has(room)) void this.follow(room);
  }

  /**
   * Begins with a room of which nothing is shown. Its pages are asked for after this moment, so the changes up to the
   * `seq` that is known are in them, and all later ones come by the subscription.
   *
   * @param {string} room
   */
  begin(room) {
    this.leave(room);
    const timeline = emptyTimeline(this.#store.state.rooms.get(room)?.seq ?? 0);
    this.#store.update(withTimeline(this.#store.state, room, timeline));
    // Without a connection, the next connect follows it.
    if (this.#socket.online) void this.follow(room);
  }

  /** Nothing of the room that is on its way is wanted any more. @param {string} room */
  leave(room) {
    this.#replays.delete(room);
    this.#pages.forget(room);
    this.encrypted?.left(room);
  }

  /**
   * Subscribes to a room: what was missed is replayed, and what changes from now on comes live.
   *
   * @param {string} room
   */
  async follow(room) {
    const timeline = this.#store.state.timelines.get(room);
    if (!timeline) return;
    const isCurrent = this.#sameConnection();
    const replay = this.#replays.get(room) ?? { seq: timeline.seq, messages: [] };
    const since = replay.seq;
    this.#replays.set(room, replay);
    const answer = await this.#subscribe(room, replay, isCurrent);
    if (!answer) return;
    this.#users.refetchSoon();
    const isWanted = () => isCurrent() && this.#replays.get(room) === replay;
    // Behind the replay, which came before the answer.
    await this.#ingest.ingest(room, [], () => this.#followed(room, replay, answer, since), isWanted);
  }

  /**
   * A busy server says when to subscribe again. Part of what was missed may have come by then, so the next attempt asks
   * for what comes after that. Without a connection nothing is sent: the next connect follows the room again.
   *
   * @param {string} room
   * @param {Replay} replay
   * @param {() => boolean} isCurrent
   */
  async #subscribe(room, replay, isCurrent) {
    for (;;) {
      try {
        const { epoch } = this.#store.state;
        return await this.#socket.command("room.subscribe", { room, since: replay.seq, ...(epoch ? { epoch } : {}) });
      } catch (error) {
        const { code, retryMs } = /** @type {import("../net/socket.js").SocketFailure} */ (error);
        if (code !== "rate_limited" && code !== "unavailable") return null;
        await later(retryMs || SUBSCRIBE_AGAIN_MS);
        if (!isCurrent() || this.#replays.get(room) !== replay) return null;
      }
    }
  }

  /**
   * The replay is complete. Or what was missed is too much, or the server was set back to an earlier state and does not
   * know what is shown here: then that is old.
   *
   * @param {string} room
   * @param {Replay} replay
   * @param {Answer} answer
   * @param {number} since  the replay begins behind it
   */
  #followed(room, replay, answer, since) {
    this.#replays.delete(room);
    const timeline = this.#store.state.timelines.get(room);
    if (!timeline) return;
    const isUnknown = !timeline.stale && timeline.messages.some(({ seq }) => seq > answer.seq);
    if (answer.truncated || isUnknown) {
      this.#loseTrack(room, timeline, answer.seq);
      this.encrypted?.followed(room, answer.seq, answer.seq);
    } else {
      this.#change(room, replay.messages);
      this.#store.update(withReached(this.#store.state, room, answer.seq));
      this.encrypted?.followed(room, since, answer.seq);
    }
    this.#store.update(withNumbers(this.#store.state, room, answer));
    this.#countNewAfter(room);
  }

  /** Whether the connection is still the one of now, later on. @returns {() => boolean} */
  #sameConnection() {
    const connection = this.#connection;
    return () => connection === this.#connection;
  }

  /** After a sign-out: nothing of what is on its way may reach the state. */
  stop() {
    this.#connection += 1;
    this.#ingest.drop();
    this.#pages.stop();
    this.#replays.clear();
    for (const timer of this.#typing.values()) clearTimeout(timer);
    this.#typing.clear();
  }
}

/** @param {ServerEvent} event @returns {event is import("../net/wire_frames.js").KeyEvent} */
function isAboutKeys(event) {
  return event.op === "wrap" || event.op === "wraps.needed" || event.op === "rotation.due";
}

/** @param {number} ms */
function later(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
