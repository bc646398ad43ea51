/** The pictures that one may walk through from any of them: those of the room, as far as it is loaded. */
import { isBlocked } from "../../state/blocks.js";
import { lookOfFile } from "../base/file_words.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").FileInfo} FileInfo */
/** A picture, and where it is from. @typedef {{ file: FileInfo, mid: string, by: string, at: number }} Shown */

/**
 * @param {State} state
 * @param {string} room
 * @returns {Shown[]} in the order of the room
 */
export function roomPictures(state, room) {
  const messages = state.timelines.get(room)?.messages ?? [];
  const isDirect = Boolean(state.rooms.get(room)?.peer);
  return messages
    .filter(({ kind, by }) => kind === "msg" && (isDirect || !isBlocked(state, by)))
    .flatMap(({ files = [], mid, by, at }) =>
      files.filter((file) => lookOfFile(file) === "picture").map((file) => ({ file, mid, by, at })),
    );
}
