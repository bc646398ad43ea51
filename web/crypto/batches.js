/**
 * What a client appends to a room's log (e2ee.md, 7.3, 14.4, 14.5): batches of entries with the wraps that
 * have to come with them, made from verified state alone.
 */
import { Refused, demand, randomBytes } from "./encoding.js";
import { chooseLinks, commitment, findRawKey, makeEpochKey, makeLink, sealProfile, wrapAll } from "./epochs.js";
import { Batch, emptyState, stale } from "./room_log.js";

/** @import { Bytes } from "./encoding.js" */
/** @import { DirectoryView } from "./directory.js" */
/** @import { Keyring, Profile, Recipient, Wrap } from "./epochs.js" */
/** @import { Body, EpochReason, Kind, Role, SignedEntry } from "./room_log_entry.js" */
/** @import { RoomState } from "./room_state.js" */

/** @typedef {{uid: string, gen: number, sign: CryptoKey}} Actor */

/**
 * A batch that is ready to be posted. `ek`: the key that it brings, if it has an `epoch`.
 *
 * @typedef {object} MadeBatch
 * @property {SignedEntry[]} entries
 * @property {Wrap[]} wraps
 * @property {RoomState} state  after it
 * @property {Bytes | null} ek
 */

/**
 * Those who get the key of an epoch: members who are neither stale nor skipped, with the newest keys of the verified
 * directory.
 *
 * @param {RoomState} state
 * @param {DirectoryView} view
 * @returns {Recipient[]}
 */
export function recipients(state, view) {
  const entitled = [...state.members.keys()].filter((uid) => !state.skipped.has(uid));
  return entitled.filter((uid) => !stale(state, uid, view.n, view)).map((uid) => recipient(uid, view));
}

/** @param {string} uid @param {DirectoryView} view @returns {Recipient} */
export function recipient(uid, view) {
  const gen = view.genAt(uid, view.n);
  const keys = view.keysOf(uid, gen);
  demand(keys, "generation");
  return { uid, gen, x: keys.x };
}

/**
 * A new room: its founding batch, with a wrap for everybody.
 *
 * @param {object} wanted
 * @param {Kind} wanted.kind
 * @param {Actor} wanted.actor
 * @param {{uid: string, role?: Role}[]} wanted.people  without oneself
 * @param {Profile} [wanted.profile]  of a closed room
 * @param {DirectoryView} wanted.view
 * @param {number} wanted.clock
 * @returns {Promise<MadeBatch & {ek: Bytes}>}
 */
export async function foundRoom({ kind, actor, people, profile, view, clock }) {
  const ek = makeEpochKey();
  const batch = new Batch(emptyState(), actor, view);
  const first = people.length + (kind === "closed" ? 1 : 0);
  const root = rootOf(actor.uid, view);
  const kc = await commitment(ek, 1);
  await batch.add({ type: "create", nonce: randomBytes(16), root, kind, first, kc }, clock);
  if (kind === "closed") {
    const box = await sealProfile(ek, batch.state.rid, 1, profile ?? { name: "", topic: "" });
    await batch.add({ type: "profile", epoch: 1, box }, clock);
  }
  for (const { uid, role = "member" } of people)
    await batch.add({ type: "add", uid, root: rootOf(uid, view), role }, clock);
  const wraps = await wrapAll({ rid: batch.state.rid, n: 1, kc }, recipients(batch.state, view), ek);
  return { entries: batch.entries, wraps, state: batch.state, ek };
}

/** @param {string} uid @param {DirectoryView} view @returns {Bytes} */
function rootOf(uid, view) {
  const root = view.rootAt(uid, view.n);
  demand(root, "root");
  return root;
}

/**
 * Entries without a new key: bringing in, letting back in, roles, links. Whoever is added gets the current key.
 *
 * @param {object} wanted
 * @param {Keyring} wanted.ring
 * @param {Actor} wanted.actor
 * @param {Body[]} wanted.bodies
 * @param {DirectoryView} wanted.view
 * @param {number} wanted.clock
 * @returns {Promise<MadeBatch>}
 * @throws {Refused} a rule of 6.3; `key_missing`: somebody is added, and this member lacks the current key
 */
export async function makeEntries({ ring, actor, bodies, view, clock }) {
  const batch = new Batch(ring.state, actor, view);
  for (const body of bodies) await batch.add(body, clock);
  const added = bodies.flatMap((body) => (body.type === "add" ? [recipient(body.uid, view)] : []));
  const wraps = added.length ? await wrapCurrent(ring, added) : [];
  return { entries: batch.entries, wraps, state: batch.state, ek: null };
}

/**
 * Wraps of the current epoch: for those who are added, and for pairs that are needed.
 *
 * @param {Keyring} ring
 * @param {Recipient[]} people  members of the verified log with the keys of the verified directory
 * @returns {Promise<Wrap[]>}
 * @throws {Refused} `key_missing`
 */
export async function wrapCurrent(ring, people) {
  const { rid, epoch, kc } = ring.state;
  const ek = await findRawKey(epoch, ring);
  demand(ek, "key_missing");
  return wrapAll({ rid, n: epoch, kc: /** @type {Bytes} */ (kc[epoch]) }, people, ek);
}

/**
 * Of the pairs that a server calls needed, those that this member may serve: current epoch, a member of the verified
 * log who is not stale, the newest generation.
 *
 * @param {{uid: string, epoch: number, gen: number}[]} needed
 * @param {RoomState} state
 * @param {DirectoryView} view
 * @returns {Recipient[]}
 */
export function servable(needed, state, view) {
  // Nobody outside is anything but stale.
  return needed
    .filter(({ epoch }) => epoch === state.epoch)
    .filter(({ uid, gen }) => !stale(state, uid, view.n, view) && gen === view.genAt(uid, view.n))
    .map(({ uid }) => recipient(uid, view));
}

/**
 * A new key for a room, 7.3: after the entries that have to come first, an `epoch` that leads to everything this
 * member holds, and a wrap for everybody who is entitled.
 *
 * @param {object} wanted
 * @param {Keyring} wanted.ring
 * @param {Actor} wanted.actor
 * @param {Body[]} [wanted.prefix]
 * @param {string[]} [wanted.skip]  members whose account is shut, says the server
 * @param {EpochReason} wanted.reason
 * @param {DirectoryView} wanted.view
 * @param {number} wanted.clock
 * @returns {Promise<MadeBatch & {ek: Bytes}>}
 * @throws {Refused} a rule of 6.3; `key_missing`: this member lacks the current key and has to wait for it, or with
 *   `repair` holds none at all
 */
export async function rotate({ ring, actor, prefix = [], skip = [], reason, view, clock }) {
  const batch = new Batch(ring.state, actor, view);
  for (const body of prefix) await batch.add(body, clock);
  const chosen = await chooseLinks(ring);
  const n = ring.state.epoch + 1;
  if (chosen.length === 0 || (chosen[0]?.m !== n - 1 && reason !== "repair")) throw new Refused("key_missing");
  const { rid, kc: commitments, members } = batch.state;
  const ek = makeEpochKey();
  const kc = await commitment(ek, n);
  const links = await Promise.all(
    chosen.map(({ m, ek: target }) =>
      makeLink({ rid, n, ek }, { m, kc: /** @type {Bytes} */ (commitments[m]), ek: target }),
    ),
  );
  const shut = skip.filter((uid) => members.has(uid) && uid !== actor.uid);
  const skipped = [...new Set(shut)].sort((one, other) => Number(one) - Number(other));
  await batch.add({ type: "epoch", n, kc, links, skip: skipped, reason }, clock);
  const wraps = await wrapAll({ rid, n, kc }, recipients(batch.state, view), ek);
  return { entries: batch.entries, wraps, state: batch.state, ek };
}

/**
 * Whether a direct chat is the one that was asked for: its verified log is of kind `dm`, and its members are exactly
 * these people, 14.4.
 *
 * @param {RoomState} state
 * @param {Iterable<string>} people  with oneself
 * @returns {boolean}
 */
export function isDirectChatOf(state, people) {
  const wanted = new Set(people);
  return (
    state.kind === "dm" && state.members.size === wanted.size && [...wanted].every((uid) => state.members.has(uid))
  );
}
