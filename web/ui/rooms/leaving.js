/**
 * The room I am just leaving, hiding or removing. Its end is not announced then, and no view goes back to it before
 * the server has answered.
 */

/** @type {string | null} */
let leaving = null;

/** @param {string} room */
export function isLeaving(room) {
  return room === leaving;
}

/**
 * @param {string} room
 * @param {() => Promise<void>} leave
 */
export async function whileLeaving(room, leave) {
  leaving = room;
  try {
    await leave();
  } finally {
    leaving = null;
  }
}
