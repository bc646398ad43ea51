/** What fingers, the mouse and the wheel do on the stage of the viewer. */

/** @typedef {import("./zoom.js").Point} Point */
/**
 * @typedef {object} Gestures
 * @property {() => boolean} isOn  whether the picture is enlarged, so that it is moved and not swiped
 * @property {(point: Point) => boolean} isBeside  whether a point is beside the picture
 * @property {(factor: number, point: Point) => void} zoom
 * @property {(point: Point) => void} toggle  enlarged, or as a whole
 * @property {(dx: number, dy: number) => void} move
 * @property {(way: 1 | -1) => void} step  to the next picture, or the one before
 * @property {() => void} close
 */

/** So far is a swipe, and less than this is a tap. */
const SWIPE_PX = 60;
const TAP_PX = 8;
/** Two taps within this time are one double tap. */
const DOUBLE_MS = 300;
const WHEEL_STEP = 0.0022;

/**
 * @param {HTMLElement} stage
 * @param {Gestures} gestures
 */
export function bindGestures(stage, gestures) {
  /** Where each finger is. @type {Map<number, Point>} */
  const fingers = new Map();
  let start = { x: 0, y: 0 };
  let wasPinch = false;
  /** Where the last touch was a tap, until the click that follows it. @type {Point | null} */
  let tapped = null;
  let tappedAt = -Infinity;
  const since = performance.now();

  /** From the middle of the stage. @param {{ clientX: number, clientY: number }} event @returns {Point} */
  function pointOf({ clientX, clientY }) {
    const box = stage.getBoundingClientRect();
    return { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 };
  }

  /** @returns {{ middle: Point, distance: number }} */
  function pinch() {
    const [a = { x: 0, y: 0 }, b = a] = [...fingers.values()];
    return { middle: { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 }, distance: Math.hypot(a.x - b.x, a.y - b.y) || 1 };
  }

  /** @param {PointerEvent} event */
  function down(event) {
    if (event.button !== 0) return;
    // The first finger is alone: one whose end the browser has never told would make a pinch of everything after it.
    if (event.isPrimary) fingers.clear();
    fingers.set(event.pointerId, pointOf(event));
    tapped = null;
    if (fingers.size === 1) [start, wasPinch] = [pointOf(event), false];
    else wasPinch = true;
    stage.setPointerCapture(event.pointerId);
  }

  /** @param {PointerEvent} event */
  function moved(event) {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const was = pinch();
    const point = pointOf(event);
    fingers.set(event.pointerId, point);
    if (fingers.size > 1) {
      const now = pinch();
      gestures.zoom(now.distance / was.distance, now.middle);
      gestures.move(now.middle.x - was.middle.x, now.middle.y - was.middle.y);
    } else if (gestures.isOn()) {
      gestures.move(point.x - before.x, point.y - before.y);
    }
  }

  /** @param {PointerEvent} event */
  function up(event) {
    const isDown = fingers.delete(event.pointerId);
    if (!isDown || fingers.size || wasPinch) return;
    const point = pointOf(event);
    const [dx, dy] = [point.x - start.x, point.y - start.y];
    if (Math.hypot(dx, dy) < TAP_PX) return void (tapped = point);
    tappedAt = -Infinity;
    if (gestures.isOn()) return;
    if (Math.abs(dx) > SWIPE_PX && Math.abs(dx) > Math.abs(dy)) gestures.step(dx < 0 ? 1 : -1);
    else if (dy > SWIPE_PX) gestures.close();
  }

  /**
   * A tap acts with its click: if the viewer closed before, that would go to what lies below.
   *
   * @param {MouseEvent} event
   */
  function clicked(event) {
    if (!tapped) return;
    const point = tapped;
    tapped = null;
    // The second half of a double tap that has opened the viewer.
    if (event.timeStamp - since < DOUBLE_MS) return;
    const isDouble = event.timeStamp - tappedAt < DOUBLE_MS;
    tappedAt = isDouble ? -Infinity : event.timeStamp;
    if (isDouble) gestures.toggle(point);
    else if (gestures.isBeside(point)) gestures.close();
  }

  stage.addEventListener("pointerdown", down);
  stage.addEventListener("pointermove", moved);
  stage.addEventListener("pointerup", up);
  stage.addEventListener("pointercancel", ({ pointerId }) => fingers.delete(pointerId));
  // What the browser takes for a scroll goes on for it as a fling, which the next tap, wherever it is, only stops.
  stage.addEventListener("touchmove", (event) => event.preventDefault(), { passive: false });
  stage.addEventListener("click", clicked);
  stage.addEventListener(
    "wheel",
    (event) => {
      event.preventDefault();
      gestures.zoom(Math.exp(-event.deltaY * WHEEL_STEP * (event.ctrlKey ? 4 : 1)), pointOf(event));
    },
    { passive: false },
  );
}
