/** Keeps what the reader looks at where it is while rows come, go and change their height around it. */

/** A row, and how far below the upper edge of the list it stands. @typedef {{ row: Element, below: number }} Anchor */

/**
 * The row to hold on to.
 *
 * @param {{ row: Element, top: number }[]} shown  the rows on the screen, from the top
 * @param {number} top  the upper edge of what is visible
 * @param {Element | undefined} first  the first row in the page
 * @returns {Anchor | null}
 */
export function anchorIn(shown, top, first) {
  // Not the first row in the page: what comes above it may join its group and take its head away.
  const candidates = shown.filter(({ row }) => row !== first);
  const held = candidates.find((each) => each.top >= top) ?? candidates.at(-1);
  return held ? { row: held.row, below: held.top - top } : null;
}

/**
 * Scrolls so that the row stands where it stood.
 *
 * @param {{ scrollTop: number, getBoundingClientRect(): { top: number } }} scroller
 * @param {Anchor} anchor
 */
export function returnTo(scroller, { row, below }) {
  if (!row.isConnected) return;
  const moved = row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - below;
  if (Math.abs(moved) >= 1) scroller.scrollTop += moved;
}
