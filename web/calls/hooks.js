/** The calls about the incoming hooks of a room, for those who manage them. */
import { call, upload } from "../net/http.js";
import { hookFromWire } from "../net/wire.js";

/** @typedef {import("../state/types.js").Hook} Hook */

/** @param {string} room */
const path = (room) => `/api/rooms/${encodeURIComponent(room)}/hooks`;

/** @param {string} room @param {string} id */
const hookPath = (room, id) => `${path(room)}/${encodeURIComponent(id)}`;

/** Oldest first. @param {string} room @returns {Promise<Hook[]>} */
export async function listHooks(room) {
  const { hooks } = await call("GET", path(room));
  return hooks.map(hookFromWire);
}

/**
 * @param {string} room
 * @param {string} name
 * @returns {Promise<Hook & { address: string }>} with its address, which is shown this once
 */
export async function createHook(room, name) {
  const wire = await call("POST", path(room), { name });
  return { ...hookFromWire(wire), address: location.origin + wire.path };
}

/** @param {string} room @param {string} id @param {string} name @returns {Promise<void>} */
export const renameHook = (room, id, name) => call("PATCH", hookPath(room, id), { name });

/** @param {string} room @param {string} id @param {Blob} file @returns {Promise<void>} */
export const putHookPicture = (room, id, file) => upload("PUT", `${hookPath(room, id)}/avatar`, file, () => {});

/** @param {string} room @param {string} id @returns {Promise<void>} */
export const revokeHook = (room, id) => call("DELETE", hookPath(room, id));
