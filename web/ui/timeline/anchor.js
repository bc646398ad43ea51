/** Keeps what the reader looks at where it is while rows come and go around it. */

/** @typedef {{ row: Element, top: number }} Anchor */

/**
 * The row to hold on to, and where it stands.
 *
 * @param {Element[]} rows
 * @param {number} top  the upper edge of what is visible
 * @returns {Anchor | null}
 */
export function anchorIn(rows, top) {
  // Not the first row of the window: what comes above it may join its group and take its head away.
  const candidates = rows.slice(1);
  const row = candidates.find((each) => each.getBoundingClientRect().top >= top) ?? candidates.at(-1);
  return row ? { row, top: row.getBoundingClientRect().top } : null;
}

/**
 * Scrolls so that the row stands where it stood.
 *
 * @param {{ scrollTop: number }} scroller
 * @param {Anchor} anchor
 */
export function returnTo(scroller, anchor) {
  if (anchor.row.isConnected) scroller.scrollTop += anchor.row.getBoundingClientRect().top - anchor.top;
}
