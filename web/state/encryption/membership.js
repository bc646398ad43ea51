/** Letting somebody back in, leaving, and giving rooms new keys by hand (14.8 to 14.10 of e2ee.md). */
import { bytesOfHex } from "../../crypto/encoding.js";
import { wrapFor } from "../../crypto/epochs.js";
import { able, lastFor as nobodyElseFor, live, lowerRole, stale } from "../../crypto/room_state.js";
import { again, append, rotate, toWire } from "./rotation.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./parts.js").Bytes} Bytes */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */

/**
 * Lets somebody whose keys were reset back in: the whole history is back, with the lower of both roles.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {string} uid
 */
export async function letIn(parts, room, uid) {
  const { directory, trust } = parts;
  await directory.sync();
  await directory.entriesOf([uid]);
  if (trust.judge(uid) === "two_names") throw { code: "impostor", uid };
  const root = () => directory.view.rootAt(uid, directory.n);
  await append(parts, room, {
    isWanted: ({ state }) => state !== null && state.members.has(uid) && stale(state, uid, directory.n, directory.view),
    entries: ({ state }) => {
      const [their, mine, now] = [state?.members.get(uid), state?.members.get(parts.uid), root()];
      if (!their || !mine || !now) throw { code: "no_keys", uids: [uid] };
      return [{ type: "add", uid, root: now, role: lowerRole(their.role, mine.role) }];
    },
  });
  await trust.approve(uid);
  room.tell();
}

/**
 * Whom nobody else could let back in if I left (the question of 6.3).
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @returns {string[]}
 */
export function lastFor({ uid, directory }, { state }) {
  return state ? nobodyElseFor(state, uid, directory.n, directory.view) : [];
}

/** @param {Parts} parts @param {EncryptedRoom} room */
export function leave(parts, room) {
  return append(parts, room, {
    isWanted: ({ state }) => state !== null && state.members.has(parts.uid),
    entries: () => [{ type: "remove", uid: parts.uid, reason: "left" }],
  });
}

/**
 * Gives a room a new key by hand.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {import("./rotation.js").Reason} reason
 */
export function renew(parts, room, reason) {
  const epoch = room.state?.epoch ?? 0;
  return rotate(parts, room, { reason, isWanted: ({ state }) => state?.epoch === epoch });
}

/** Ends every live link of mine. @param {Parts} parts @param {EncryptedRoom} room */
export async function unlinkMine(parts, room) {
  const { directory, uid } = parts;
  const mine = (/** @type {EncryptedRoom} */ { state }) =>
    [...(state?.links ?? [])].filter(
      ([lid, { by }]) => state !== null && by === uid && live(state, lid, parts.now(), directory.n, directory.view),
    );
  await append(parts, room, {
    isWanted: (now) => mine(now).length > 0,
    entries: (now) => mine(now).map(([lid]) => ({ type: "unlink", lid: bytesOfHex(lid) })),
  });
}

/**
 * Wraps of mine for a generation that comes next, for every epoch that I have one of: before my keys change, so that
 * nothing is lost (14.7).
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {number} gen
 * @param {Bytes} x
 */
export async function wrapForNext(parts, room, gen, x) {
  const { state } = room;
  if (!state) return;
  const epochs = new Set((await room.keys.all()).map(({ epoch }) => epoch));
  const wraps = [];
  for (const epoch of epochs) {
    const kc = state.kc[epoch];
    const key = kc && (await room.keys.raw(epoch));
    if (!key) continue;
    const [of, to] = [
      { rid: room.rid, n: epoch, kc },
      { uid: parts.uid, gen, x },
    ];
    wraps.push(toWire({ epoch, uid: parts.uid, gen, w: await again(parts, () => wrapFor(of, to, key)) }));
  }
  if (!wraps.length) return;
  await parts.calls.giveWraps(room.id, wraps);
  await room.keys.noteWraps(wraps);
}

/** Whether I can let somebody back in here. @param {Parts} parts @param {EncryptedRoom} room @param {string} uid */
export function waitsHere({ directory, uid: me }, { state, fork }, uid) {
  if (!state || fork || !state.members.has(uid) || !state.members.has(me)) return false;
  return stale(state, uid, directory.n, directory.view) && able(state, me, directory.n, directory.view);
}
