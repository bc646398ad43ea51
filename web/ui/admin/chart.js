/**
 * Small charts, drawn by ourselves: a line over an area for what goes on, bars for days. The picture is one `svg` with
 * a sentence for those who do not see it. Reading a value is the same for everybody: the pointer, or the arrow keys on
 * a slider that lies over the picture and says each value; what is read stands in the head of the chart.
 */
import { el, fill, setText, svg } from "../base/element.js";
import { t } from "../base/i18n.js";
import { ABOVE, drawArea, drawBars, drawGrid } from "./chart_shapes.js";
import { extremes, fit, nearest } from "./scale.js";

/** @typedef {import("./chart_shapes.js").Series} Series */
/** @typedef {import("./scale.js").Point} Point */

/**
 * @typedef {object} Options
 * @property {string} title
 * @property {"area" | "bars"} kind
 * @property {string} tint  a class that sets the colour
 * @property {(value: number) => string} show  a value in words
 * @property {(value: number) => string} tick
 * @property {boolean} [integers]
 * @property {number} [least]  the axis goes at least up to here
 */

const HEIGHT = 132;
/** Room below the lowest line, for half a number. */
const BELOW = 6;
let made = 0;

export class Chart {
  #options;
  #id = `chart-${(made += 1)}`;
  #value = el("strong", { class: "chart-value" });
  #when = el("span", { class: "chart-when" });
  #slider;
  #picture = svg("svg", { role: "img", class: "chart-picture", height: String(HEIGHT) });
  #plot;
  #from = el("span");
  #to = el("span");
  #ends = el("div", { class: "chart-ends", "aria-hidden": "true" }, this.#from, this.#to);
  /** @type {Series} */
  #series = { values: [], slots: 1, when: () => "", current: "", ends: ["", ""] };
  /** @type {Point[]} */
  #points = [];
  #reading = -1;
  #width = 0;
  #resized = new ResizeObserver(([entry]) => this.#resize(Math.round(entry?.contentRect.width ?? 0)));

  /** @param {Options} options */
  constructor(options) {
    this.#options = options;
    this.#slider = this.#createSlider();
    this.#plot = el("div", { class: "chart-plot" }, this.#picture, this.#slider);
    this.node = el(
      "figure",
      { class: `plate chart ${options.tint}` },
      el(
        "figcaption",
        { class: "chart-head" },
        el("span", { class: "chart-title" }, options.title),
        el("span", { class: "chart-read" }, this.#value, this.#when),
      ),
      this.#plot,
      this.#ends,
    );
    const readHere = (/** @type {PointerEvent} */ event) => this.#readAt(event.clientX);
    this.#plot.addEventListener("pointermove", readHere);
    this.#plot.addEventListener("pointerdown", readHere);
    this.#plot.addEventListener("pointerleave", () => this.#read(-1));
    this.#resized.observe(this.#plot);
  }

  #createSlider() {
    return el("input", {
      type: "range",
      class: "chart-slider",
      min: "0",
      step: "1",
      "aria-label": t("admin_chart_read", { title: this.#options.title }),
      input: () => this.#read(Number(this.#slider.value)),
      focus: () => this.#read(this.#series.values.length - 1),
      blur: () => this.#read(-1),
    });
  }

  /** @param {Series} next */
  show(next) {
    // A value that is being read keeps its place while the line moves on.
    if (this.#reading >= 0 && document.activeElement === this.#slider)
      this.#reading = Math.min(this.#reading, next.values.length - 1);
    this.#series = next;
    setText(this.#from, next.ends[0]);
    setText(this.#to, next.ends[1]);
    if (this.#width) this.#draw();
  }

  close() {
    this.#resized.disconnect();
  }

  /** @param {number} width */
  #resize(width) {
    if (!width || width === this.#width) return;
    this.#width = width;
    this.#draw();
  }

  /** @param {number} x  where the pointer is in the window */
  #readAt(x) {
    if (this.#points.length) this.#read(nearest(x - this.#plot.getBoundingClientRect().left, this.#points));
  }

  /** @param {number} index */
  #read(index) {
    this.#reading = index;
    this.#mark();
  }

  /** Shows the value under the pointer or the slider, or the newest. */
  #mark() {
    const { values, when, current } = this.#series;
    const reading = this.#reading;
    const known = reading >= 0 && reading < values.length;
    this.#markPicture(known ? this.#points[reading] : undefined);
    this.#plot.classList.toggle("chart-reading", known);
    setText(this.#value, known ? this.#options.show(values[reading] ?? 0) : current);
    setText(this.#when, known ? when(reading) : "");
    this.#moveSlider(known ? reading : values.length - 1);
  }

  /** @param {Point | undefined} at */
  #markPicture(at) {
    const picture = this.#picture;
    picture.querySelector(".chart-guide")?.setAttribute("transform", `translate(${at?.x ?? 0} 0)`);
    picture.querySelector(".chart-dot")?.setAttribute("cy", String(at?.y ?? 0));
    picture
      .querySelectorAll(".chart-bar")
      .forEach((bar, index) => bar.classList.toggle("chart-bar-read", index === this.#reading));
  }

  /** @param {number} spoken  the value that the slider says; -1 where there is none */
  #moveSlider(spoken) {
    const { values, when } = this.#series;
    this.#slider.max = String(Math.max(0, values.length - 1));
    this.#slider.value = String(Math.max(0, spoken));
    this.#slider.setAttribute(
      "aria-valuetext",
      spoken < 0 ? t("admin_chart_empty") : `${when(spoken)}: ${this.#options.show(values[spoken] ?? 0)}`,
    );
  }

  #draw() {
    const { least = 0, integers = false, tick, kind } = this.#options;
    const width = this.#width;
    const { scale, top, inner, gutter } = fit(this.#series.values, { width, least, integers, tick });
    const plot = { width: inner, height: HEIGHT - ABOVE - BELOW, top };
    const drawn = kind === "area" ? drawArea(this.#series, plot, this.#id) : drawBars(this.#series, plot);
    this.#points = drawn.points;
    this.#ends.style.paddingInlineEnd = `${gutter}px`;
    this.#picture.setAttribute("viewBox", `0 0 ${Math.max(width, 1)} ${HEIGHT}`);
    this.#picture.setAttribute("width", String(width));
    this.#picture.setAttribute("aria-label", this.#summary());
    fill(this.#picture, drawGrid(scale, plot, tick), svg("g", { transform: `translate(0 ${ABOVE})` }, ...drawn.shapes));
    this.#mark();
  }

  #summary() {
    const { title, show } = this.#options;
    const { values, when } = this.#series;
    const found = extremes(values);
    if (!found) return `${title}: ${t("admin_chart_empty")}`;
    return t("admin_chart_summary", {
      title,
      now: show(found.newest),
      most: show(found.most),
      when: when(found.mostAt),
      least: show(found.least),
    });
  }
}
