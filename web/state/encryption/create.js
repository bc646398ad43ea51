/**
 * New encrypted direct chats (14.4 of e2ee.md), and which chat with somebody is used: what the server names counts only
 * if its checked log says the same, and nobody whose keys are known is ever written to in plain words by mistake.
 */
import { foundRoom, isDirectChatOf } from "../../crypto/batches.js";
import { toBase64Url } from "../../crypto/encoding.js";
import { again, toWire } from "./rotation.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("../types.js").Room} Room */
/** @typedef {{ uid: string, username: string }} Person */

/**
 * Makes sure that everybody has keys that may be used. Failures ask something of the person who writes: `no_keys`,
 * `keys_withheld`, `impostor`, `old_key`, `name_differs`, `keys_reset`.
 *
 * @param {Parts} parts
 * @param {Person[]} people  as they were chosen
 * @param {string[]} agreed  uids of whom the person has said that it is all right
 */
export async function checkPeople({ directory, trust, uid, mayWrite }, people, agreed) {
  if (!mayWrite()) throw { code: "directory_stopped" };
  await directory.sync();
  const without = people.filter((person) => !directory.hasKeys(person.uid)).map((person) => person.uid);
  const known = without.filter((each) => trust.contact(each));
  if (known.length) throw { code: "keys_withheld", uids: known };
  if (without.length) throw { code: "no_keys", uids: without };
  await directory.entriesOf([uid, ...people.map((person) => person.uid)]);
  for (const person of people) await checkPerson({ directory, trust }, person, agreed.includes(person.uid));
}

/**
 * @param {Pick<Parts, "directory" | "trust">} parts
 * @param {Person} person
 * @param {boolean} isAgreed
 */
async function checkPerson({ directory, trust }, { uid, username }, isAgreed) {
  const judged = trust.judge(uid);
  if (judged === "two_names") throw { code: "impostor", uid };
  if (judged === "old") throw { code: "old_key", uid };
  if (judged === "reset" && !isAgreed) throw { code: "keys_reset", uid };
  if (judged === "reset") return trust.approve(uid);
  try {
    await trust.pin(uid, username);
  } catch (error) {
    const { code } = /** @type {{ code?: string }} */ (error);
    if (code === "two_names") throw { code: "impostor", uid };
    if (code !== "other_name") throw error;
    if (!isAgreed) throw { code: "name_differs", uid, login: username, name: directory.nameOf(uid) ?? "" };
    await trust.acceptName(uid);
  }
}

/**
 * Makes an encrypted direct chat with people who have been checked, or takes the one that there is.
 *
 * @param {Parts} parts
 * @param {string[]} uids
 * @param {(room: Room) => EncryptedRoom | null} roomOf  what is known here of a room that the server names
 * @returns {Promise<Room>}
 */
export async function createDirect(parts, uids, roomOf) {
  const me = parts.identity();
  if (!me) throw { code: "locked" };
  const actor = { uid: me.uid, gen: me.gen, sign: me.signKey };
  const people = uids.toSorted((a, b) => Number(a) - Number(b)).map((uid) => ({ uid }));
  const wanted = { kind: /** @type {const} */ ("dm"), actor, people, view: parts.directory.view };
  const { state, ek, ...batch } = await again(parts, () => foundRoom({ ...wanted, clock: Math.floor(parts.now()) }));
  const entries = batch.entries.map(({ e, s }) => ({ e: toBase64Url(e), s: toBase64Url(s) }));
  const made = await parts.calls.createEncryptedRoom(entries, batch.wraps.map(toWire));
  const room = roomOf(made);
  if (!room) throw { code: "other_chat" };
  if (room.name === toBase64Url(state.rid)) await room.keys.put(1, ek);
  await room.sync();
  assertFits(parts, room, uids);
  return made;
}

/**
 * A direct chat is used only if its checked log is that of one, with exactly these people.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {string[]} uids
 */
export function assertFits(parts, { state, fork }, uids) {
  if (!state || fork || !isDirectChatOf(state, [parts.uid, ...uids])) throw { code: "other_chat" };
}
