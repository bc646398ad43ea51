/** The pictures that one may walk through from any of them: those of the room, as far as it is loaded. */
import { isCovered } from "../../state/blocks.js";
import { knownMessage } from "../../state/known_messages.js";
import { lookOfFile } from "../base/file_words.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {import("../../state/types.js").FileInfo} FileInfo */
/**
 * A picture, and where it is from. Its key stays the same when it has arrived at the server.
 *
 * @typedef {{ key: string, file: FileInfo, mid: string, by: string, at: number }} Shown
 */

/**
 * @param {State} state
 * @param {string} room
 * @returns {Shown[]} in the order of the room
 */
export function roomPictures(state, room) {
  const messages = state.timelines.get(room)?.messages ?? [];
  return messages.filter(({ kind, by }) => kind === "msg" && !isCovered(state, room, by)).flatMap(picturesOf);
}

/** The pictures of a message. @param {Message} message @returns {Shown[]} */
export function picturesOf({ files = [], mid, by, at }) {
  return files
    .filter((file) => lookOfFile(file) === "picture")
    .map((file) => ({ key: file.key ?? file.id, file, mid, by, at }));
}

/**
 * Pictures of a room that were listed before, as they are now: without those that are gone with their message, by an
 * edit, or with the room itself.
 *
 * @param {State} state
 * @param {string} room
 * @param {Shown[]} before
 * @returns {Shown[]}
 */
export function stillThere(state, room, before) {
  if (!state.rooms.has(room)) return [];
  return before.flatMap((each) => {
    const message = knownMessage(state, room, each.mid);
    // What is not loaded is not known to be gone; what was never sent is nowhere else.
    if (!message) return each.file.id ? [each] : [];
    if (message.kind !== "msg") return [];
    const place = before.filter(({ mid }) => mid === each.mid).indexOf(each);
    const file = fileNow(picturesOf(message), each.file, place);
    if (!file) return [];
    return file === each.file ? [each] : [{ ...each, file }];
  });
}

/**
 * The pictures of a room that came after those that were listed before.
 *
 * @param {State} state
 * @param {string} room
 * @param {Shown[]} before  in the order of the room
 */
export function picturesAfter(state, room, before) {
  const mids = new Set(before.map(({ mid }) => mid));
  const all = roomPictures(state, room);
  return all.slice(all.findLastIndex(({ mid }) => mids.has(mid)) + 1);
}

/** @param {Shown[]} pictures  of the message @param {FileInfo} file @param {number} place  among them, before */
function fileNow(pictures, file, place) {
  const same = pictures.find((each) => isSameFile(each.file, file));
  // The server knows it by another name than this browser did.
  return (same ?? (file.id ? undefined : pictures[place]))?.file;
}

/** @param {FileInfo} one @param {FileInfo} other */
export function isSameFile(one, other) {
  return one.id ? one.id === other.id : Boolean(one.key) && one.key === other.key;
}
