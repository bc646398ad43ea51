/** The people this browser knows: read when somebody needs them, and again when what is known may be old. */
import { findUsers, readUser } from "../calls/people.js";
import { clock } from "./clock.js";
import { nextEnd } from "./people_status.js";

/** @typedef {import("./types.js").User} User */

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

export class Users {
  #store;
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
    readUser(uid).then(
      (user) => {
        this.#requested.delete(uid);
        this.#upsertIfSignedIn([user]);
      },
      () => setTimeout(() => this.#requested.delete(uid), AGAIN_MS),
    );
  }

  /**
   * Takes in profiles that came along with something else.
   *
   * @param {(User | null | undefined)[]} users
   */
  upsert(users) {
    const known = new Map(this.#store.state.users);
    for (const user of users) if (user) known.set(user.uid, user);
    this.#store.update({ users: known });
    this.watchStatusEnds();
  }

  /** @param {string} uid */
  async refetch(uid) {
    this.upsert([await readUser(uid)]);
  }

  /** @param {string} q @returns {Promise<User[]>} */
  async search(q) {
    const found = await findUsers({ q, limit: FOUND_MAX });
    this.upsert(found);
    return found;
  }

  /** The first page of the directory. */
  async load() {
    this.#upsertIfSignedIn(await findUsers().catch(() => []));
  }

  /**
   * Profiles and presence are pushed in rooms that are followed only: what changed before is read once a room is, the
   * directory first and then the authors on screen who are not in it.
   */
  refetchSoon() {
    this.#refetching ??= setTimeout(
      async () => {
        this.#refetching = undefined;
        const directory = await findUsers().catch(() => []);
        const known = new Set(directory.map(({ uid }) => uid));
        const { timelines } = this.#store.state;
        const authors = new Set([...timelines.values()].flatMap(({ messages }) => messages.map(({ by }) => by)));
        const others = [...authors].filter((uid) => !known.has(uid)).slice(-AUTHORS_MAX);
        const found = await Promise.all(others.map((uid) => readUser(uid).catch(() => null)));
        this.#upsertIfSignedIn([...directory, ...found]);
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

  /** An answer may come after the sign-out. @param {(User | null)[]} users */
  #upsertIfSignedIn(users) {
    if (this.#store.state.phase === "signed_in") this.upsert(users);
  }
}
