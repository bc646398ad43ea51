/**
 * A new key for a room (7.3 of e2ee.md): made by whoever sends next, posted against the end of the log that was
 * checked, and begun anew if somebody else was first.
 */
import { makeEntries, rotate as makeRotation } from "../../crypto/batches.js";
import { toBase64Url } from "../../crypto/encoding.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./parts.js").Bytes} Bytes */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */
/** @typedef {"member" | "keys" | "shut" | "repair" | "manual"} Reason */
/** What comes before the new key in its batch, by what is so then. */
/** @typedef {(room: EncryptedRoom) => Body[]} Prefix */
/** @typedef {import("../../crypto/room_log_entry.js").Body} Body */
/** @typedef {import("../types.js").LogHead} LogHead */
/**
 * @typedef {object} Wish
 * @property {Reason | (() => Reason)} reason
 * @property {(room: EncryptedRoom) => boolean} isWanted  false once somebody else has done it
 * @property {Prefix} [prefix]
 */

const ATTEMPTS = 6;
/** Engines fail for a moment after very many keys (WebKitGTK). */
const KEY_ATTEMPTS = 3;
const KEY_WAIT_MS = 50;

/**
 * Gives a room a new key. Says whether there is one, or nothing to do any more; fails with `waiting` while the key
 * before is missing, and with the refusal of the server otherwise.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {Wish} wish
 * @returns {Promise<"done" | "not_wanted">}
 */
export function rotate(parts, room, wish) {
  return attempts(parts, room, wish.isWanted, () => attemptRotation(parts, room, wish));
}

/**
 * Appends entries, without a new key.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {{ isWanted: (room: EncryptedRoom) => boolean, entries: Prefix }} what
 * @returns {Promise<"done" | "not_wanted">}
 */
export function append(parts, room, { isWanted, entries }) {
  return attempts(parts, room, isWanted, () => attemptEntries(parts, room, entries(room)));
}

/**
 * Against the end of the log, one tab of this browser at a time, until it is done or not wanted any more.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {(room: EncryptedRoom) => boolean} isWanted
 * @param {() => Promise<void>} act
 * @returns {Promise<"done" | "not_wanted">}
 */
function attempts(parts, room, isWanted, act) {
  return parts.alone(`e2ee-${room.name}`, async () => {
    for (let attempt = 1; ; attempt += 1) {
      await parts.directory.sync();
      await room.sync();
      if (!isWanted(room)) return "not_wanted";
      assertMayWrite(parts, room);
      try {
        await act();
        return "done";
      } catch (error) {
        if (attempt === ATTEMPTS || !(await isWorthAnother(parts, room, error))) throw error;
      }
    }
  });
}

/** @param {Parts} parts @param {EncryptedRoom} room */
function assertMayWrite(parts, room) {
  if (room.fork || room.isMisnamed || !parts.mayWrite()) throw { code: "waiting", message: "stopped" };
}

/** @param {Parts} parts @param {EncryptedRoom} room @param {any} error */
async function isWorthAnother(parts, room, error) {
  const { code, detail } = error ?? {};
  if (code === "log_conflict" || code === "members_changed") {
    room.keys.poke();
    await parts.wait(50 + 200 * parts.random());
    return true;
  }
  if (code === "bad_time" && Number.isFinite(detail?.now)) {
    parts.setNow(detail.now);
    return true;
  }
  return false;
}

/**
 * Who I am as the author of entries, and what I have to find keys with.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 */
function author(parts, room) {
  const me = parts.identity();
  const ring = room.keys.ring();
  const { head } = room;
  if (!me || !ring || !head) throw { code: "waiting", message: "locked" };
  const actor = { uid: me.uid, gen: me.gen, sign: me.signKey };
  return { head, made: { ring, actor, view: parts.directory.view, clock: Math.floor(parts.now()) } };
}

/**
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {Wish} wish
 */
async function attemptRotation(parts, room, { reason, prefix }) {
  const { shut } = await room.keys.ask();
  if (room.keys.isLeftOut) await room.keys.all();
  const why = typeof reason === "function" ? reason() : reason;
  const { head, made } = author(parts, room);
  const wanted = { ...made, prefix: prefix?.(room) ?? [], skip: shut, reason: why };
  const batch = await again(parts, () => makeRotation(wanted)).catch((error) => {
    if (error?.rule === "key_missing") throw { code: "waiting", message: "key" };
    throw error;
  });
  await post(parts, room, head, batch);
  await room.keys.noteWraps(batch.wraps.filter(({ uid }) => uid === parts.uid).map(toWire));
  await room.keys.put(made.ring.state.epoch + 1, batch.ek);
}

/**
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {Body[]} bodies
 */
async function attemptEntries(parts, room, bodies) {
  if (bodies.some(({ type }) => type === "add")) await room.keys.ask();
  const { head, made } = author(parts, room);
  const batch = await again(parts, () => makeEntries({ ...made, bodies })).catch((error) => {
    if (error?.rule === "key_missing") throw { code: "waiting", message: "key" };
    throw error;
  });
  await post(parts, room, head, batch);
}

/**
 * Does what makes keys, and does it again if the engine has failed for a moment.
 *
 * @template T
 * @param {Parts} parts
 * @param {() => Promise<T>} seal
 * @returns {Promise<T>}
 */
export async function again(parts, seal) {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await seal();
    } catch (error) {
      if (attempt === KEY_ATTEMPTS || /** @type {Error} */ (error)?.name !== "OperationError") throw error;
      await parts.wait(KEY_WAIT_MS);
    }
  }
}

/** A wrap as it travels. @param {{ epoch: number, uid: string, gen: number, w: Uint8Array }} wrap */
export const toWire = ({ epoch, uid, gen, w }) => ({ epoch, uid, gen, w: toBase64Url(w) });

/**
 * Posts a batch, and takes it over as the server has placed it.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {LogHead} head
 * @param {import("../../crypto/batches.js").MadeBatch} batch
 */
async function post(parts, room, head, { entries, wraps }) {
  const signed = entries.map(({ e, s }) => ({ e: toBase64Url(e), s: toBase64Url(s) }));
  const { seq } = await parts.calls.appendLog(room.id, { head, entries: signed, wraps: wraps.map(toWire) });
  await room.take({ seq, at: Math.floor(parts.now()), from: head.seq + 1, entries: signed });
}
