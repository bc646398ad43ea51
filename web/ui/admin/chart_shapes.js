/** What a chart draws into its picture: the lines of the grid with their numbers, an area below a line, bars. */
import { svg } from "../base/element.js";
import { area, bars, line, place } from "./scale.js";

/**
 * @typedef {object} Series
 * @property {number[]} values  oldest first
 * @property {number} slots  how many values fill the width
 * @property {(index: number) => string} when  the time of a value
 * @property {string} current  what stands in the head while nothing is read
 * @property {[string, string]} ends  words below the left and the right end
 */

/** Room above the topmost line, for half a number. */
export const ABOVE = 8;

/** @typedef {{ width: number, height: number, top: number }} Plot  `top` is the value at the upper edge */

/**
 * @param {number[]} scale
 * @param {Plot} plot
 * @param {(value: number) => string} tick
 */
export function drawGrid(scale, { width, height, top }, tick) {
  return svg(
    "g",
    {},
    ...scale.flatMap((each) => {
      const y = String(Math.round(height - (each / top) * height) + ABOVE + 0.5);
      const label = svg("text", { x: String(width + 8), y, class: "chart-tick", "dominant-baseline": "middle" });
      label.textContent = tick(each);
      return [
        svg("line", {
          x1: "0",
          x2: String(width),
          y1: y,
          y2: y,
          class: each ? "chart-line" : "chart-line chart-ground",
        }),
        label,
      ];
    }),
  );
}

/**
 * @param {Series} series
 * @param {Plot} plot
 * @param {string} id  of the gradient below the line
 */
export function drawArea(series, plot, id) {
  const points = place(series.values, { slots: series.slots, ...plot });
  const fade = svg(
    "linearGradient",
    { id, x1: "0", x2: "0", y1: "0", y2: "1" },
    svg("stop", { offset: "0", "stop-color": "currentColor", "stop-opacity": "0.28" }),
    svg("stop", { offset: "1", "stop-color": "currentColor", "stop-opacity": "0.02" }),
  );
  return {
    points,
    shapes: [
      svg("defs", {}, fade),
      svg("path", { d: area(points, plot.height), fill: `url(#${id})` }),
      svg("path", { d: line(points), class: "chart-stroke" }),
      svg(
        "g",
        { class: "chart-guide" },
        svg("line", { y1: "0", y2: String(plot.height), class: "chart-guide-line" }),
        svg("circle", { class: "chart-dot", r: "4.5" }),
      ),
    ],
  };
}

/**
 * @param {Series} series
 * @param {Plot} plot
 */
export function drawBars(series, plot) {
  const boxes = bars(series.values, plot);
  return {
    points: boxes.map((box) => ({ x: box.x + box.width / 2, y: box.y })),
    shapes: boxes.map((box) =>
      svg("rect", {
        class: "chart-bar",
        x: box.x.toFixed(1),
        y: box.y.toFixed(1),
        width: box.width.toFixed(1),
        height: box.height.toFixed(1),
        rx: String(Math.min(4, box.width / 3)),
      }),
    ),
  };
}
