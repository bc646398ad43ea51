/** Whom the `@name`s of a message call: those whom it says it mentions, and nobody else. */
import { EVERYBODY } from "../../state/attention.js";
import { foldName } from "../base/letters.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Message} Message */

/**
 * @param {State} state
 * @param {Message} message
 * @returns {import("../base/mentions.js").Find}
 */
export function calledBy({ users, me }, { m = [], by }) {
  const uids = new Map(m.map((uid) => [uid === EVERYBODY ? uid : foldName(users.get(uid)?.username ?? ""), uid]));
  return (name) => {
    const uid = uids.size ? uids.get(foldName(name)) : undefined;
    if (uid === undefined) return null;
    return uid === EVERYBODY ? { self: by !== me?.uid } : { uid, self: uid === me?.uid };
  };
}

/**
 * The names that a message calls, for noticing that one has come or changed.
 *
 * @param {State} state
 * @param {Message} message
 */
export function namesCalled({ users }, { m = [] }) {
  return m.map((uid) => users.get(uid)?.username ?? "").join(" ");
}
