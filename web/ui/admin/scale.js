/** Arithmetic of the charts: where a value is drawn, and which value a place means. No DOM, no words. */

/** @typedef {{ x: number, y: number }} Point */

/** Room for the numbers beside the lines: at least, and for each character. */
const GUTTER_LEAST = 34;
const CHARACTER = 6.7;
/** A plot is never narrower, however little room there is. */
const INNER_LEAST = 40;
/** Intervals of an axis. */
const STEPS = 3;

/**
 * Round values from zero to at least the largest, few enough to be read.
 *
 * @param {number} largest
 * @param {number} [steps]  intervals wanted
 * @param {boolean} [integers]  whether halves would be nonsense
 * @returns {number[]}
 */
export function ticks(largest, steps = 3, integers = false) {
  const rough = Math.max(largest, integers ? 1 : 0.001) / steps;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(
    ([1, 2, 2.5, 5, 10].find((each) => each * power >= rough * 0.999_999) ?? 10) * power,
    integers ? 1 : 0,
  );
  const whole = integers ? Math.ceil(step) : step;
  const count = Math.max(1, Math.ceil(largest / whole - 1e-9));
  return Array.from({ length: count + 1 }, (_, index) => Number((index * whole).toPrecision(12)));
}

/**
 * The axis of a chart, and what its numbers leave of the width.
 *
 * @param {readonly number[]} values
 * @param {{ width: number, least: number, integers: boolean, tick: (value: number) => string }} chart  `least` is the
 *   value that the axis reaches at least, `tick` writes a number of the axis
 */
export function fit(values, { width, least, integers, tick }) {
  const scale = ticks(Math.max(least, ...values), STEPS, integers);
  const gutter = Math.max(GUTTER_LEAST, 10 + CHARACTER * Math.max(...scale.map((each) => tick(each).length)));
  return { scale, top: scale.at(-1) ?? 1, gutter, inner: Math.max(INNER_LEAST, Math.round(width - gutter)) };
}

/**
 * What a sentence about a chart says: the newest value, the largest and where it is, the smallest.
 *
 * @param {readonly number[]} values
 */
export function extremes(values) {
  if (!values.length) return null;
  const most = Math.max(...values);
  return { newest: values.at(-1) ?? 0, most, mostAt: values.indexOf(most), least: Math.min(...values) };
}

/**
 * Means of neighbours, so that a line has no more points than the eye has use for. The newest group is complete;
 * what does not fill a group is at the old end.
 *
 * @param {readonly number[]} values
 * @param {number} group
 * @returns {number[]}
 */
export function means(values, group) {
  const out = [];
  for (let end = values.length; end > 0; end -= group) {
    const part = values.slice(Math.max(0, end - group), end);
    out.push(part.reduce((sum, value) => sum + value, 0) / part.length);
  }
  return out.reverse();
}

/**
 * The points of a line whose newest value is at the right edge; a short history leaves the left empty.
 *
 * @param {readonly number[]} values
 * @param {{ slots: number, width: number, height: number, top: number }} plot  `top` is the value at the upper edge
 * @returns {Point[]}
 */
export function place(values, { slots, width, height, top }) {
  const gap = width / Math.max(1, slots - 1);
  return values.map((value, index) => ({
    x: width - (values.length - 1 - index) * gap,
    y: height - (Math.min(Math.max(value, 0), top) / (top || 1)) * height,
  }));
}

/**
 * A smooth line that never rises above or falls below the values it joins (monotone cubic).
 *
 * @param {readonly Point[]} points
 * @returns {string}
 */
export function line(points) {
  const [first] = points;
  if (!first) return "";
  const slopes = points.map((point, index) => slope(points[index - 1], point, points[index + 1]));
  let path = `M${round(first.x)} ${round(first.y)}`;
  for (let index = 1; index < points.length; index += 1) {
    const from = /** @type {Point} */ (points[index - 1]);
    const to = /** @type {Point} */ (points[index]);
    const third = (to.x - from.x) / 3;
    const leaving = `${round(from.x + third)} ${round(from.y + third * (slopes[index - 1] ?? 0))}`;
    const arriving = `${round(to.x - third)} ${round(to.y - third * (slopes[index] ?? 0))}`;
    path += `C${leaving} ${arriving} ${round(to.x)} ${round(to.y)}`;
  }
  return path;
}

/**
 * The same, closed along the ground.
 *
 * @param {readonly Point[]} points
 * @param {number} ground
 */
export function area(points, ground) {
  const first = points[0];
  const last = points.at(-1);
  return first && last ? `${line(points)}L${round(last.x)} ${ground}L${round(first.x)} ${ground}Z` : "";
}

/**
 * Which value a place means.
 *
 * @param {number} x
 * @param {readonly Point[]} points
 */
export function nearest(x, points) {
  let best = 0;
  points.forEach((point, index) => {
    if (Math.abs(point.x - x) < Math.abs((points[best]?.x ?? Infinity) - x)) best = index;
  });
  return best;
}

/**
 * Places of bars side by side.
 *
 * @param {readonly number[]} values
 * @param {{ width: number, height: number, top: number }} plot
 * @returns {{ x: number, y: number, width: number, height: number }[]}
 */
export function bars(values, { width, height, top }) {
  const slot = width / Math.max(1, values.length);
  const wide = Math.max(1, Math.min(slot * 0.72, 28));
  return values.map((value, index) => {
    const high = value > 0 ? Math.max(2, (Math.min(value, top) / (top || 1)) * height) : 0;
    return { x: index * slot + (slot - wide) / 2, y: height - high, width: wide, height: high };
  });
}

/**
 * @param {Point | undefined} before
 * @param {Point} at
 * @param {Point | undefined} after
 */
function slope(before, at, after) {
  if (!before || !after) return 0;
  const left = (at.y - before.y) / (at.x - before.x || 1);
  const right = (after.y - at.y) / (after.x - at.x || 1);
  return left * right <= 0 ? 0 : (2 * left * right) / (left + right);
}

/** @param {number} n */
function round(n) {
  return Math.round(n * 10) / 10;
}
