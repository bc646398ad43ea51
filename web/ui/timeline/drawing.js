/**
 * What a message is drawn from.
 *
 * @typedef {object} Drawing
 * @property {import("../../state/types.js").Actions} actions
 * @property {import("./marks.js").MessageMarks} marks
 * @property {(mid: string) => void} show  leads to another message
 * @property {(message: import("../../state/types.js").Message, file: import("../../state/types.js").FileInfo) => void}
 *   openPicture
 * @property {import("../../state/types.js").State} state
 * @property {string} room
 * @property {import("../../state/types.js").Message} message
 * @property {import("../../state/types.js").Message | null} before  what the row showed until now
 * @property {boolean} grouped
 * @property {number} run  how many messages the row stands for; more than one only where they are collapsed
 * @property {boolean} deleting  its undo still runs
 * @property {import("../../state/types.js").Message | null} quoted
 */

export {};
