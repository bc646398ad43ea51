/** What of a room is before the reader's eyes. */

/** @typedef {import("./rows.js").Shown} Shown */

/** A row that ends this little below the edge is on the screen. */
const EDGE_PX = 4;

/**
 * The first and the last message that can be read now, and the one in the middle, by their places in the room; 0 for
 * none. A message can be read when its end is on the screen, or a screenful of it.
 *
 * @param {Shown[]} shown  the rows on the screen, from the top
 * @param {{ top: number, bottom: number }} edges  of the screen
 */
export function sightOf(shown, { top, bottom }) {
  const sent = shown.filter(({ message }) => message.createdSeq);
  const readable = sent.filter((row) => row.bottom <= bottom + EDGE_PX || (row.top <= top && row.bottom >= bottom));
  const middle = sent.find((row) => row.bottom >= (top + bottom) / 2) ?? sent.at(-1);
  return {
    from: readable[0]?.message.createdSeq ?? 0,
    to: readable.at(-1)?.message.createdSeq ?? 0,
    middle: middle?.message.createdSeq ?? 0,
  };
}
