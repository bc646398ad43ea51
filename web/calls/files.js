/** The calls about files: sending one in pieces, and listing those of a room. */
import { call, query, upload } from "../net/http.js";
import { fileFromWire, namesToWire, roomFileFromWire } from "../net/wire.js";

/** @typedef {import("../state/types.js").FileInfo} FileInfo */
/** A file of a room, and its message. @typedef {FileInfo & { mid: string, by: string, at: number }} RoomFile */
/** How much of a file the server has, and, once it has all, what the file is. */
/** @typedef {{ id: string, offset: number, file: FileInfo | null }} Received */

/** @param {string} id */
const path = (id) => `/api/files/${encodeURIComponent(id)}`;

/**
 * Announces a file.
 *
 * @param {{ name: string, type: string, size: number, keepMetadata: boolean }} file  pictures keep where and with what
 *   they were taken only if that is wished
 * @returns {Promise<Received>}
 */
export async function createUpload({ keepMetadata, type, ...file }) {
  return receivedFrom(
    await call(
      "POST",
      "/api/files",
      namesToWire({ ...file, ...(type ? { type } : {}), ...(keepMetadata ? { keepMetadata } : {}) }),
    ),
  );
}

/**
 * Sends bytes of a file, from an offset on.
 *
 * @param {string} id
 * @param {number} offset
 * @param {Blob} piece
 * @param {(part: number) => void} progress  of the piece, 0 to 1
 * @param {AbortSignal} signal
 * @returns {Promise<Received>}
 */
export async function appendToUpload(id, offset, piece, progress, signal) {
  return receivedFrom(await upload("PUT", `${path(id)}${query({ offset })}`, piece, progress, signal));
}

/**
 * How much of a file of mine the server has by now.
 *
 * @param {string} id
 * @returns {Promise<Received>}
 */
export async function readUpload(id) {
  return receivedFrom(await call("GET", path(id)));
}

/** Gives up a file of mine that no message has. @param {string} id @returns {Promise<void>} */
export const removeUpload = (id) => call("DELETE", path(id));

/**
 * The files of a room, newest first.
 *
 * @param {string} room
 * @param {{ q?: string, cursor?: string | undefined }} wanted
 * @returns {Promise<{ files: RoomFile[], next: string | undefined }>}
 */
export async function listFiles(room, wanted) {
  const page = await call("GET", `/api/rooms/${encodeURIComponent(room)}/files${query(wanted)}`);
  return { files: page.files.map(roomFileFromWire), next: page.cursor ?? undefined };
}

/**
 * Where a file is read from.
 *
 * @param {Pick<FileInfo, "id" | "name">} file
 * @param {{ size?: 480 | 1280, download?: 1 }} [form]  of a picture a smaller one; or to be saved, whatever it is
 */
export function fileAddress({ id, name }, form = {}) {
  return `/files/${encodeURIComponent(id)}/${encodeURIComponent(name)}${query(form)}`;
}

/** @param {any} wire @returns {Received} */
function receivedFrom(wire) {
  const file = wire.complete ? fileFromWire(wire) : null;
  return { id: String(wire.id), offset: Number(wire.offset), file };
}
