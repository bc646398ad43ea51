/** The people this browser knows: read when somebody needs them, and again when what is known may be old. */
import { findUsers, readUser } from "../calls/people.js";
import { clock } from "./clock.js";
import { nextEnd } from "./people_status.js";
import { withPresence } from "./reduce.js";

/** @typedef {import("./types.js").User} User */
/** @typedef {Extract<import("../net/wire_frames.js").ServerEvent, { op: "presence" }>} PresenceEvent */
/** @typedef {Extract<import("../net/wire_frames.js").ServerEvent, { op: "user" }>} ProfileEvent */

/** Profiles are read again this long after a room is followed, spread, as all clients follow rooms after a restart. */
const REFETCH_MS = 300;
const REFETCH_SPREAD_MS = 1500;
/** Authors beyond the first page of the directory that are read one by one. */
const AUTHORS_MAX = 30;
/** A person who could not be read is tried again after this long, if somebody needs them. */
const AGAIN_MS = 5000;
/** People found by a search. */
const FOUND_MAX = 50;
/** The longest time a timer is set for; browsers lose longer ones. */
const TIMER_MS = 24 * 3600_000;

/**
 * Who was heard of, in events, while a reading was under way: what it answers about them may be older.
 *
 * @typedef {{ profiles: Set<string>, presence: Map<string, PresenceEvent> }} Heard
 */

export class Users {
  #store;
  /** What was heard of people since each reading began that has no answer yet. @type {Set<Heard>} */
  #readings = new Set();
  /** People who are being read. @type {Set<string>} */
  #requested = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #statusEnd;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #refetching;

  /** @param {import("./store.js").Store} store */
  constructor(store) {
    this.#store = store;
  }

  /** Reads a person who is not known yet. @param {string} uid */
  need(uid) {
    if (!uid || this.#store.state.users.has(uid) || this.#requested.has(uid)) return;
    this.#requested.add(uid);
    this.refetch(uid).then(
      () => this.#requested.delete(uid),
      () => setTimeout(() => this.#requested.delete(uid), AGAIN_MS),
    );
  }

  /**
   * Asks the server, and takes in the profiles that come with its answer. What was heard of somebody meanwhile is
   * newer.
   *
   * @template T
   * @param {() => Promise<T>} ask
   * @param {(answer: T) => (User | null | undefined)[]} profilesOf
   * @returns {Promise<T>}
   */
  async read(ask, profilesOf) {
    const heard = { profiles: new Set(), presence: new Map() };
    this.#readings.add(heard);
    try {
      const answer = await ask();
      this.#takeIn(profilesOf(answer), heard);
      return answer;
    } finally {
      this.#readings.delete(heard);
    }
  }

  /** Takes note of an event that the state has. @param {PresenceEvent | ProfileEvent} event */
  heard(event) {
    for (const { profiles, presence } of this.#readings) {
      if (event.op === "user") profiles.add(event.user.uid);
      else presence.set(event.uid, event);
    }
    if (event.op === "presence") this.need(event.uid);
    this.watchStatusEnds();
  }

  /** @param {string} uid */
  async refetch(uid) {
    await this.read(() => readUser(uid), alone);
  }

  /** @param {string} q @returns {Promise<User[]>} */
  search(q) {
    return this.read(() => findUsers({ q, limit: FOUND_MAX }), all);
  }

  /** The first page of the directory. */
  async load() {
    await this.read(findUsers, all).catch(() => {});
  }

  /**
   * Profiles and presence are pushed in rooms that are followed only: what changed before is read once a room is, the
   * directory first and then the authors on screen who are not in it.
   */
  refetchSoon() {
    this.#refetching ??= setTimeout(
      async () => {
        this.#refetching = undefined;
        const directory = await this.read(findUsers, all).catch(() => []);
        const known = new Set(directory.map(({ uid }) => uid));
        const { timelines } = this.#store.state;
        const authors = new Set([...timelines.values()].flatMap(({ messages }) => messages.map(({ by }) => by)));
        const others = [...authors].filter((uid) => !known.has(uid)).slice(-AUTHORS_MAX);
        await Promise.all(others.map((uid) => this.refetch(uid).catch(() => {})));
      },
      REFETCH_MS + Math.random() * REFETCH_SPREAD_MS,
    );
  }

  /** Notifies the views when the next status ends. */
  watchStatusEnds() {
    clearTimeout(this.#statusEnd);
    const { me, users } = this.#store.state;
    const next = nextEnd(me ? [...users.values(), me] : []);
    if (next === null) return;
    this.#statusEnd = setTimeout(
      () => {
        this.#store.notifyLater();
        this.watchStatusEnds();
      },
      Math.min(TIMER_MS, next - clock.now() + 50),
    );
  }

  /**
   * @param {(User | null | undefined)[]} users
   * @param {Heard} heard
   */
  #takeIn(users, heard) {
    // An answer may come after the sign-out.
    if (this.#store.state.phase !== "signed_in") return;
    const known = new Map(this.#store.state.users);
    for (const user of users) if (user) known.set(user.uid, merged(user, known.get(user.uid), heard));
    this.#store.update({ users: known });
    this.watchStatusEnds();
  }
}

/**
 * A person as an answer says, but for what was heard of them while it was under way.
 *
 * @param {User} user
 * @param {User | undefined} known
 * @param {Heard} heard
 * @returns {User}
 */
function merged(user, known, { profiles, presence }) {
  const profile = profiles.has(user.uid) && known ? known : user;
  const told = user.state ? { ...profile, state: user.state } : profile;
  const event = presence.get(user.uid);
  return event ? withPresence(told, event) : told;
}

const all = (/** @type {User[]} */ users) => users;
const alone = (/** @type {User} */ user) => [user];
