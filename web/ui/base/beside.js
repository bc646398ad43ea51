/**
 * Puts what opens beside what opened it: below it, or above it where there is more room, and never over the edge of
 * the page. On a phone it stays a sheet at the lower edge, where a thumb reaches it.
 */

/** @typedef {Element | { x: number, y: number }} Anchor  an element, or the point that was pressed */
/** @typedef {"below" | "beside"} Side */
/** @typedef {{ left: number, right: number, top: number, bottom: number }} Box */

const GAP_PX = 4;
const EDGE_PX = 8;
const SHEET = "(max-width: 35rem)";

/**
 * @param {HTMLElement} node  in the page already
 * @param {Anchor} anchor
 * @param {Side} side
 */
export function placeBeside(node, anchor, side) {
  if (matchMedia(SHEET).matches) return;
  node.classList.add("dialog-placed");
  const page = { width: document.documentElement.clientWidth, height: document.documentElement.clientHeight };
  const { width, height } = node.getBoundingClientRect();
  const place = (side === "below" ? below : beside)(boxOf(anchor), { width, height }, page);
  const px = (/** @type {number | null} */ value) => (value === null ? "auto" : `${Math.round(value)}px`);
  Object.assign(node.style, {
    left: px(Math.max(EDGE_PX, Math.min(place.left, page.width - width - EDGE_PX))),
    top: px(place.top),
    bottom: px(place.bottom),
    maxHeight: px(place.space),
  });
}

/**
 * Under the anchor, or over it: the edge that touches it stays where it is while the content grows and shrinks.
 *
 * @param {Box} from
 * @param {{ width: number, height: number }} size
 * @param {{ width: number, height: number }} page
 */
export function below(from, size, page) {
  const under = page.height - from.bottom - GAP_PX - EDGE_PX;
  const over = from.top - GAP_PX - EDGE_PX;
  const left = from.left + size.width > page.width - EDGE_PX ? from.right - size.width : from.left;
  return size.height <= under || under >= over
    ? { left, top: from.bottom + GAP_PX, bottom: null, space: under }
    : { left, top: null, bottom: page.height - from.top + GAP_PX, space: over };
}

/**
 * At the side of the anchor, its upper edges level.
 *
 * @param {Box} from
 * @param {{ width: number, height: number }} size
 * @param {{ width: number, height: number }} page
 */
export function beside(from, size, page) {
  const right = from.right + EDGE_PX;
  const left = right + size.width <= page.width - EDGE_PX ? right : from.left - EDGE_PX - size.width;
  const top = Math.max(EDGE_PX, Math.min(from.top, page.height - size.height - EDGE_PX));
  return { left, top, bottom: null, space: page.height - EDGE_PX - top };
}

/** @param {Anchor} anchor @returns {Box} */
function boxOf(anchor) {
  if (anchor instanceof Element) return anchor.getBoundingClientRect();
  return { left: anchor.x, right: anchor.x, top: anchor.y, bottom: anchor.y };
}
