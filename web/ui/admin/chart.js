/**
 * Small charts, drawn by ourselves: a line over an area for what goes on, bars for days. The picture is one `svg` with
 * a sentence for those who do not see it. Reading a value is the same for everybody: the pointer, or the arrow keys on
 * a slider that lies over the picture and says each value; what is read stands in the head of the chart.
 */
import { el, fill, setText, svg } from "../base/element.js";
import { t } from "../base/i18n.js";
import { area, bars, line, nearest, place, ticks } from "./scale.js";

/** @typedef {import("./scale.js").Point} Point */

/**
 * @typedef {object} Series
 * @property {number[]} values  oldest first
 * @property {number} slots  how many values fill the width
 * @property {(index: number) => string} when  the time of a value
 * @property {string} current  what stands in the head while nothing is read
 * @property {[string, string]} ends  words below the left and the right end
 */

const HEIGHT = 132;
/** Room above and below the lines, for half a number. */
const ABOVE = 8;
const BELOW = 6;
/** Room for the numbers beside the lines: at least, and for each character. */
const GUTTER_LEAST = 34;
const CHARACTER = 6.7;
let made = 0;

/**
 * @param {object} options
 * @param {string} options.title
 * @param {"area" | "bars"} options.kind
 * @param {string} options.tint  a class that sets the colour
 * @param {(value: number) => string} options.show  a value in words
 * @param {(value: number) => string} options.tick
 * @param {boolean} [options.integers]
 * @param {number} [options.least]  the axis goes at least up to here
 */
export function createChart(options) {
  const id = `chart-${(made += 1)}`;
  const value = el("strong", { class: "chart-value" });
  const when = el("span", { class: "chart-when" });
  const slider = el("input", {
    type: "range",
    class: "chart-slider",
    min: "0",
    step: "1",
    "aria-label": t("admin_chart_read", { title: options.title }),
    input: () => read(Number(slider.value)),
  });
  const picture = svg("svg", { role: "img", class: "chart-picture", height: String(HEIGHT) });
  const plot = el("div", { class: "chart-plot" }, picture, slider);
  const [from, to] = [el("span"), el("span")];
  const ends = el("div", { class: "chart-ends", "aria-hidden": "true" }, from, to);
  const node = el(
    "figure",
    { class: `plate chart ${options.tint}` },
    el(
      "figcaption",
      { class: "chart-head" },
      el("span", { class: "chart-title" }, options.title),
      el("span", { class: "chart-read" }, value, when),
    ),
    plot,
    ends,
  );
  /** @type {Series} */
  let series = { values: [], slots: 1, when: () => "", current: "", ends: ["", ""] };
  /** @type {Point[]} */
  let points = [];
  let reading = -1;
  let width = 0;

  /** @param {number} index */
  function read(index) {
    reading = index;
    mark();
  }

  /** Shows the value under the pointer or the slider, or the newest. */
  function mark() {
    const known = reading >= 0 && reading < series.values.length;
    const at = known ? points[reading] : undefined;
    plot.classList.toggle("chart-reading", known);
    picture.querySelector(".chart-guide")?.setAttribute("transform", `translate(${at?.x ?? 0} 0)`);
    picture.querySelector(".chart-dot")?.setAttribute("cy", String(at?.y ?? 0));
    picture
      .querySelectorAll(".chart-bar")
      .forEach((bar, index) => bar.classList.toggle("chart-bar-read", index === reading));
    setText(value, known ? options.show(series.values[reading] ?? 0) : series.current);
    setText(when, known ? series.when(reading) : "");
    const last = series.values.length - 1;
    slider.max = String(Math.max(0, last));
    const spoken = known ? reading : last;
    slider.value = String(Math.max(0, spoken));
    slider.setAttribute(
      "aria-valuetext",
      spoken < 0 ? t("admin_chart_empty") : `${series.when(spoken)}: ${options.show(series.values[spoken] ?? 0)}`,
    );
  }

  function draw() {
    const scale = ticks(Math.max(options.least ?? 0, ...series.values), 3, options.integers);
    const gutter = Math.max(GUTTER_LEAST, 10 + CHARACTER * Math.max(...scale.map((each) => options.tick(each).length)));
    const inner = Math.max(40, Math.round(width - gutter));
    const height = HEIGHT - ABOVE - BELOW;
    ends.style.paddingInlineEnd = `${gutter}px`;
    const top = scale.at(-1) ?? 1;
    picture.setAttribute("viewBox", `0 0 ${Math.max(width, 1)} ${HEIGHT}`);
    picture.setAttribute("width", String(width));
    const plotted = { width: inner, height, top };
    const drawn = options.kind === "area" ? drawArea(series, plotted, id) : drawBars(series, plotted);
    points = drawn.points;
    picture.setAttribute("aria-label", summary());
    fill(
      picture,
      drawGrid(scale, plotted, options.tick),
      svg("g", { transform: `translate(0 ${ABOVE})` }, ...drawn.shapes),
    );
    mark();
  }

  function summary() {
    const { values } = series;
    if (!values.length) return `${options.title}: ${t("admin_chart_empty")}`;
    const [most, least] = [Math.max(...values), Math.min(...values)];
    return t("admin_chart_summary", {
      title: options.title,
      now: options.show(values.at(-1) ?? 0),
      most: options.show(most),
      when: series.when(values.indexOf(most)),
      least: options.show(least),
    });
  }

  plot.addEventListener("pointermove", (event) => {
    if (points.length) read(nearest(event.clientX - plot.getBoundingClientRect().left, points));
  });
  plot.addEventListener("pointerdown", (event) => {
    if (points.length) read(nearest(event.clientX - plot.getBoundingClientRect().left, points));
  });
  plot.addEventListener("pointerleave", () => read(-1));
  slider.addEventListener("focus", () => read(series.values.length - 1));
  slider.addEventListener("blur", () => read(-1));
  const resized = new ResizeObserver(([entry]) => {
    const next = Math.round(entry?.contentRect.width ?? 0);
    if (next && next !== width) {
      width = next;
      draw();
    }
  });
  resized.observe(plot);

  return {
    node,
    /** @param {Series} next */
    show(next) {
      // A value that is being read keeps its place while the line moves on.
      if (reading >= 0 && document.activeElement === slider) reading = Math.min(reading, next.values.length - 1);
      series = next;
      setText(from, next.ends[0]);
      setText(to, next.ends[1]);
      if (width) draw();
    },
    close: () => resized.disconnect(),
  };
}

/** @typedef {{ width: number, height: number, top: number }} Plot  `top` is the value at the upper edge */

/**
 * @param {number[]} scale
 * @param {Plot} plot
 * @param {(value: number) => string} tick
 */
function drawGrid(scale, { width, height, top }, tick) {
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
function drawArea(series, plot, id) {
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
function drawBars(series, plot) {
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
