/** Who can be called in a room: what this browser knows of its members at once, and whom the server finds besides. */
import { findMembers } from "../../calls/rooms.js";
import { EVERYBODY } from "../../state/attention.js";
import { mayCallEverybody } from "../../state/rights.js";
import { foldName, foldText } from "../base/letters.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").User} User */

/** Members that the server is asked for. */
const FOUND_MAX = 30;
/** A question that failed is asked again after this long. */
const AGAIN_MS = 5000;

export class RoomPeople {
  #store;
  #users;
  #id;
  /** What the server was asked. @type {Map<string, Promise<void>>} */
  #asked = new Map();
  /** What it has answered. @type {Set<string>} */
  #answered = new Set();
  /** Members whom it has found, for a room whose members are not known. @type {Set<string>} */
  #found = new Set();

  /**
   * @param {Store} store
   * @param {import("../../state/types.js").Actions["users"]} users
   * @param {string} id
   */
  constructor(store, users, id) {
    this.#store = store;
    this.#users = users;
    this.#id = id;
  }

  get #room() {
    return this.#store.state.rooms.get(this.#id);
  }

  /** How many are called by `@all`; 0 where I may not call them. */
  get everybody() {
    const room = this.#room;
    return room && mayCallEverybody(room) ? room.memberCount : 0;
  }

  /** Everybody in the room whom this browser knows, besides me. @returns {User[]} */
  get known() {
    const { users, me } = this.#store.state;
    const members = this.#room?.members;
    const all = members ? [...members, ...this.#found] : [...users.keys()];
    return [...new Set(all)].flatMap((uid) => {
      const user = users.get(uid);
      return user && uid !== me?.uid && !user.removed && !user.disabled ? [user] : [];
    });
  }

  /**
   * Those whose names begin with some letters first, then those whose names have them.
   *
   * @param {string} typed
   * @returns {User[]}
   */
  matching(typed) {
    const wanted = foldText(typed);
    return this.known
      .map((user) => ({ user, rank: rankOf(user, wanted) }))
      .filter(({ rank }) => rank >= 0)
      .sort((a, b) => a.rank - b.rank || (a.user.username < b.user.username ? -1 : 1))
      .map(({ user }) => user);
  }

  /** Whom names call in what is written now. @returns {import("../base/mentions.js").Find} */
  finder() {
    const { me } = this.#store.state;
    // My own name, too: completion does not offer it, but it may be written.
    const people = me ? [...this.known, me] : this.known;
    const names = new Map(people.map(({ uid, username }) => [foldName(username), uid]));
    if (this.everybody) names.set(EVERYBODY, EVERYBODY);
    return (name) => {
      const uid = names.get(foldName(name));
      return uid === undefined ? null : { uid, self: false };
    };
  }

  /** Whether the server may know somebody of this name whom this browser does not. @param {string} name */
  mayFind(name) {
    const { state } = this.#store;
    const members = this.#room?.members;
    const isComplete = members?.every((uid) => state.users.has(uid) || uid === state.me?.uid) ?? false;
    return Boolean(name) && !isComplete && !this.#answered.has(name);
  }

  /** Asks the server, once. @param {string} name */
  search(name) {
    const asked = this.#asked.get(name) ?? this.#ask(name);
    this.#asked.set(name, asked);
    return asked;
  }

  /** @param {string} name */
  async #ask(name) {
    try {
      const { members } = await this.#users.read(
        () => findMembers(this.#id, { begins: name, limit: FOUND_MAX }),
        (found) => found.members.map(({ user }) => user),
      );
      for (const { uid } of members) this.#found.add(uid);
      this.#answered.add(name);
    } catch {
      setTimeout(() => this.#asked.delete(name), AGAIN_MS);
    }
  }
}

/** The names of people as they are searched in: rooms may have thousands. @type {WeakMap<User, string[]>} */
const folded = new WeakMap();

/**
 * @param {User} user
 * @param {string} wanted
 */
function rankOf(user, wanted) {
  const names = folded.get(user) ?? [foldText(user.username), foldText(user.displayName ?? "")];
  folded.set(user, names);
  if (names[0]?.startsWith(wanted)) return 0;
  if (names.some((name) => name.split(/[\s._-]+/).some((part) => part.startsWith(wanted)))) return 1;
  return names.some((name) => name.includes(wanted)) ? 2 : -1;
}
