/**
 * Reads pages of the history of rooms: the first one, those at both ends, and those around a message. A request that
 * fails is repeated, with growing waits, for as long as it is wanted. A page is taken in only where it belongs: one
 * whose place is gone is dropped, and one that was asked for before changes were missed is asked for again.
 */
import { readMessages } from "../calls/rooms.js";
import { firstSeqOf, lastSeqOf, renew } from "./messages.js";
import {
  trimmed,
  withChanged,
  withNewAfter,
  withPageAfter,
  withPageBefore,
  withStretch,
  withTimeline,
} from "./timelines.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./types.js").Timeline} Timeline */
/** @typedef {{ code?: string, retryMs?: number }} Failure */
/** @typedef {import("./timelines.js").Stretch} Stretch */
/** @typedef {import("../net/wire.js").Where} Where */
/** @typedef {{ mid: string } | { seq: number }} Target */
/** @typedef {"shown" | "deleted" | "missing" | "superseded"} Arrival */
/** What a page is to the stretch. @typedef {"jump" | "before" | "after"} Side */
/**
 * Takes a page in, with what has changed since it was asked for.
 *
 * @typedef {(page: Stretch, changed: Message[]) => void} Take
 */

/**
 * A page that is asked for.
 *
 * @typedef {object} Request
 * @property {Message[]} changed  what came live since it was asked for
 * @property {boolean} isOutdated  changes were missed since it was asked for
 * @property {boolean} isDropped  nobody waits for it any more
 */

/** Messages that are kept of one room. */
const KEPT_MAX = 1500;
/** Messages of a page that takes the place of the stretch, and of one that extends it. */
const JUMP_PAGE = 100;
const NEXT_PAGE = 60;
/** Until a page that could not be read is asked for again, at first and at most. */
const AGAIN_MS = 1000;
const AGAIN_MOST_MS = 30_000;

export class Pages {
  #store;
  #ingest;
  #users;
  #kept;
  /** By side and room. @type {Map<string, { request: Request, done: Promise<any> }>} */
  #asked = new Map();
  /** Ends the waits before requests are repeated. @type {Set<() => void>} */
  #waits = new Set();
  /** The `createdSeq` before the reader's eyes, by room. @type {Map<string, number>} */
  #eyes = new Map();
  /** Told when a stretch reaches the present, again or at first. @type {(room: string) => void} */
  reachedPresent = () => {};

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {import("./ingest.js").Ingest} parts.ingest
   * @param {Pick<import("./users.js").Users, "need">} parts.users
   * @param {number} [parts.kept]
   */
  constructor({ store, ingest, users, kept = KEPT_MAX }) {
    this.#store = store;
    this.#ingest = ingest;
    this.#users = users;
    this.#kept = kept;
  }

  /** @param {string} room @param {number} seq */
  lookAt(room, seq) {
    this.#eyes.set(room, seq);
  }

  /** Shows the first unread message, or the newest ones if all is read. @param {string} room */
  showUnread(room) {
    return this.#jump(room, () => {
      const { read = 0, unread = 0 } = this.#store.state.rooms.get(room) ?? {};
      return unread ? { around: read } : {};
    });
  }

  /** @param {string} room */
  async showNewest(room) {
    if (this.#timeline(room)?.moreAfter !== false) return this.#jump(room, () => ({}));
    this.#stay(room);
    return "shown";
  }

  /**
   * Shows a message, or a place in the history.
   *
   * @param {string} room
   * @param {Target} target
   * @returns {Promise<Arrival>}
   */
  async showAround(room, target) {
    const timeline = this.#timeline(room);
    const known = timeline?.loaded && find(timeline.messages, target);
    if (!known) return this.#jump(room, () => ({ around: "mid" in target ? target.mid : target.seq }), target);
    this.#stay(room);
    return known.kind === "del" ? "deleted" : "shown";
  }

  /**
   * What is shown is old: reads it anew without leaving the place where the reader is. A jump that is on its way does
   * so anyway.
   *
   * @param {string} room
   */
  async readAnew(room) {
    const jump = this.#asked.get(`jump ${room}`);
    for (const request of this.#requests(room)) request.isOutdated = true;
    if (jump) return;
    const eyes = this.#eyes.get(room);
    await (eyes === undefined ? this.showUnread(room) : this.#jump(room, () => ({ around: Math.floor(eyes) })));
  }

  /** Reads the page before the stretch, if there is one. @param {string} room */
  async older(room) {
    const timeline = this.#timeline(room);
    if (!timeline?.moreBefore || timeline.stale) return;
    const edge = firstSeqOf(timeline.messages);
    // Between two places stands what a backup of the server has lost.
    await this.#extend(room, "before", { before: Math.ceil(edge) }, (page, changed) => {
      const now = this.#timeline(room);
      if (now && firstSeqOf(now.messages) === edge) this.#set(room, withPageBefore(now, page, changed), edge);
    });
  }

  /** Reads the page after the stretch, if there is one. @param {string} room */
  async newer(room) {
    const timeline = this.#timeline(room);
    if (!timeline?.moreAfter || timeline.stale) return;
    const edge = lastSeqOf(timeline.messages);
    await this.#extend(room, "after", { after: Math.floor(edge) }, (page, changed) => {
      const now = this.#timeline(room);
      if (now && lastSeqOf(now.messages) === edge) this.#set(room, withPageAfter(now, page, changed), edge);
    });
  }

  /**
   * Messages as they are now, live or replayed: for what is shown, and for what is on its way.
   *
   * @param {string} room
   * @param {Message[]} changed
   */
  change(room, changed) {
    for (const request of this.#requests(room)) request.changed.push(...changed);
    const timeline = this.#timeline(room);
    if (timeline) this.#set(room, withChanged(timeline, changed));
  }

  /** Messages that are seen in another way now. @param {string} room @param {Message[]} renewed */
  renew(room, renewed) {
    for (const request of this.#requests(room)) request.changed = renew(request.changed, renewed);
    const timeline = this.#timeline(room);
    if (timeline) this.#set(room, { ...timeline, messages: renew(timeline.messages, renewed) });
  }

  /** After a connect nothing waits longer. */
  hurry() {
    for (const end of this.#waits) end();
  }

  /** The room is not shown any more, or from the beginning. @param {string} room */
  forget(room) {
    for (const request of this.#requests(room)) request.isDropped = true;
    for (const side of ["jump", "before", "after"]) this.#asked.delete(`${side} ${room}`);
    this.#eyes.delete(room);
  }

  /** After a sign-out. */
  stop() {
    for (const { request } of this.#asked.values()) request.isDropped = true;
    this.#asked.clear();
    this.#eyes.clear();
    this.hurry();
  }

  /** @param {string} room */
  #timeline(room) {
    return this.#store.state.timelines.get(room);
  }

  /** @param {string} room @returns {Request[]} */
  #requests(room) {
    const asked = ["jump", "before", "after"].map((side) => this.#asked.get(`${side} ${room}`));
    return asked.flatMap((each) => (each ? [each.request] : []));
  }

  /** What is wished for is shown already: a jump that is on its way leads nowhere. @param {string} room */
  #stay(room) {
    const timeline = this.#timeline(room);
    if (timeline?.loaded && !timeline.stale) this.#drop(room, "jump");
  }

  /**
   * A page takes the place of the stretch. The last wish counts.
   *
   * @param {string} room
   * @param {() => Where} where  as things are when it is asked for, again with each attempt
   * @param {Target} [target]  where a message leads that is gone, the reader does not go
   * @returns {Promise<Arrival>}
   */
  async #jump(room, where, target) {
    /** @type {Arrival} */
    let arrival = "superseded";
    this.#drop(room, "jump");
    try {
      await this.#ask(
        room,
        "jump",
        () => ({ ...where(), limit: JUMP_PAGE }),
        (page, changed) => {
          const timeline = this.#timeline(room);
          if (!timeline) return;
          const found = target && find(page.messages, target);
          arrival = found?.kind === "del" ? "deleted" : "shown";
          if (arrival === "deleted" && timeline.loaded && !timeline.stale) return;
          this.#drop(room, "before");
          this.#drop(room, "after");
          const { around } = where();
          this.#eyes.set(room, found?.createdSeq ?? (typeof around === "number" ? around : lastSeqOf(page.messages)));
          this.#set(room, withStretch(timeline, page, changed));
        },
      );
    } catch {
      arrival = "missing";
      const timeline = this.#timeline(room);
      if (timeline && (!timeline.loaded || timeline.stale)) void this.readAnew(room);
    }
    return arrival;
  }

  /**
   * @param {string} room
   * @param {"before" | "after"} side
   * @param {Where} where
   * @param {Take} take
   * @returns {Promise<void>}
   */
  #extend(room, side, where, take) {
    const flag = side === "before" ? "loadingBefore" : "loadingAfter";
    const already = this.#asked.get(`${side} ${room}`);
    if (already) return already.done;
    const timeline = this.#timeline(room);
    if (timeline) this.#store.update(withTimeline(this.#store.state, room, { ...timeline, [flag]: true }));
    return this.#ask(room, side, () => ({ ...where, limit: NEXT_PAGE }), take).finally(() => {
      const now = this.#timeline(room);
      if (!now?.[flag] || this.#asked.has(`${side} ${room}`)) return;
      this.#store.update(withTimeline(this.#store.state, room, { ...now, [flag]: false }));
    });
  }

  /** @param {string} room @param {Side} side */
  #drop(room, side) {
    const asked = this.#asked.get(`${side} ${room}`);
    if (asked) asked.request.isDropped = true;
    this.#asked.delete(`${side} ${room}`);
  }

  /**
   * @param {string} room
   * @param {Side} side
   * @param {() => Where & { limit: number }} wanted
   * @param {Take} take
   */
  #ask(room, side, wanted, take) {
    const key = `${side} ${room}`;
    /** @type {Request} */
    const request = { changed: [], isOutdated: false, isDropped: false };
    const done = this.#read(room, request, wanted, take).finally(() => {
      if (this.#asked.get(key)?.request === request) this.#asked.delete(key);
    });
    this.#asked.set(key, { request, done });
    return done;
  }

  /**
   * Asks until the page is there or nobody wants it; throws if there is no such message.
   *
   * @param {string} room
   * @param {Request} request
   * @param {() => Where & { limit: number }} wanted
   * @param {Take} take
   */
  async #read(room, request, wanted, take) {
    const isWanted = () => !request.isDropped && this.#store.state.timelines.has(room);
    for (let failures = 0; isWanted();) {
      // What came before is in the page.
      Object.assign(request, { changed: [], isOutdated: false });
      const where = wanted();
      const asked = this.#timeline(room)?.seq ?? 0;
      const page = await readMessages(room, where).catch((/** @type {Failure} */ failure) => failure);
      if ("entries" in page && !this.#isOfNow(page.epoch)) {
        // From before a restore, or from after one of which the socket will tell.
        await this.#wait(AGAIN_MS);
      } else if ("entries" in page) {
        const apply = (/** @type {Message[]} */ messages) => {
          for (const { by } of messages) this.#users.need(by);
          take({ ...page, messages }, request.changed);
        };
        const isCurrent = () => isWanted() && !request.isOutdated;
        if (await this.#ingest.ingest(room, page.entries, apply, isCurrent, { ...page, where, asked })) return;
      } else if (page.code === "not_found" && typeof where.around === "string") {
        throw page;
      } else {
        await this.#wait(page.retryMs || Math.min(AGAIN_MOST_MS, AGAIN_MS * 2 ** failures));
        failures += 1;
      }
    }
  }

  /** Whether a page is of the history that is known here, which the first page may begin. @param {string} epoch */
  #isOfNow(epoch) {
    const { state } = this.#store;
    if (!state.epoch && epoch) this.#store.update({ epoch });
    return epoch === "" || epoch === state.epoch;
  }

  /** Spread, as all clients ask again after a restart. @param {number} ms @returns {Promise<void>} */
  #wait(ms) {
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waits.delete(end);
        resolve();
      };
      const timer = setTimeout(end, ms * (0.75 + Math.random() / 2));
      this.#waits.add(end);
    });
  }

  /**
   * @param {string} room
   * @param {Timeline} timeline
   * @param {number} [eyes]  where the reader is for certain
   */
  #set(room, timeline, eyes = this.#eyes.get(room) ?? lastSeqOf(timeline.messages)) {
    const before = this.#timeline(room);
    const next = trimmed(timeline, eyes, this.#kept);
    this.#store.update(withTimeline(this.#store.state, room, next));
    if (!next.moreAfter && next.loaded && (!before?.loaded || before.moreAfter)) this.reachedPresent(room);
    this.#store.update(withNewAfter(this.#store.state, room));
  }
}

/**
 * @param {Message[]} messages
 * @param {Target} target
 */
function find(messages, target) {
  return messages.find(({ mid, createdSeq }) => ("mid" in target ? mid === target.mid : createdSeq === target.seq));
}
