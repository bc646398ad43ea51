/** How far a picture is enlarged and moved. Places are in pixels, measured from the middle of the stage. */

/** @typedef {{ x: number, y: number }} Point */
/** How large something is. @typedef {{ width: number, height: number }} Size */

export const ZOOM_MAX = 8;

export class Zoom {
  scale = 1;
  x = 0;
  y = 0;
  /** The stage, and the picture in it before it is enlarged. @type {{ stage: Size, picture: Size }} */
  #sizes = { stage: { width: 0, height: 0 }, picture: { width: 0, height: 0 } };

  /** @param {Size} stage @param {Size} picture */
  measure(stage, picture) {
    this.#sizes = { stage, picture };
    this.#hold();
  }

  /** Whether there is more of the picture than the stage shows. */
  get isOn() {
    return this.scale > 1;
  }

  /**
   * Enlarges by a factor; what is under a point stays there.
   *
   * @param {number} factor
   * @param {Point} [point]
   */
  by(factor, { x, y } = { x: 0, y: 0 }) {
    const scale = Math.min(ZOOM_MAX, Math.max(1, this.scale * factor));
    const change = scale / this.scale;
    this.x = x - (x - this.x) * change;
    this.y = y - (y - this.y) * change;
    this.scale = scale;
    this.#hold();
  }

  /** @param {number} dx @param {number} dy */
  move(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.#hold();
  }

  /** Whether a point of the stage is beside the picture. @param {Point} point */
  isBeside({ x, y }) {
    const { picture } = this.#sizes;
    const reach = (/** @type {"width" | "height"} */ side) => (picture[side] * this.scale) / 2;
    return Math.abs(x - this.x) > reach("width") || Math.abs(y - this.y) > reach("height");
  }

  reset() {
    this.scale = 1;
    this.x = this.y = 0;
  }

  /** An edge of the picture never comes further in than to the edge of the stage. */
  #hold() {
    const { stage, picture } = this.#sizes;
    const reach = (/** @type {"width" | "height"} */ side) =>
      Math.max(0, (picture[side] * this.scale - stage[side]) / 2);
    this.x = within(this.x, reach("width"));
    this.y = within(this.y, reach("height"));
  }
}

/** @param {number} value @param {number} reach */
function within(value, reach) {
  return Math.min(reach, Math.max(-reach, value)) || 0;
}
