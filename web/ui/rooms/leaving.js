/**
 * The room I am just leaving, hiding or removing. That it ends is no news then, and nobody is led back into it before
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
