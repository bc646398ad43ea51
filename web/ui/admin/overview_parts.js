/** Tiles, bars and series of the overview. */
import { clock as serverClock } from "../../state/clock.js";
import { el, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { calendarDay, clock, whole } from "./numbers.js";
import { means } from "./scale.js";

/** @typedef {import("../../calls/admin.js").Stats} Stats */

/**
 * Widths a line may have, in seconds, and how many values of the server one of its points is the mean of. A server
 * that runs for minutes shows minutes, so that its first hour is no empty picture.
 */
const WINDOWS = /** @type {const} */ ([
  [300, 1],
  [900, 1],
  [1_800, 2],
  [3_600, 3],
]);

/** Stands for what the server could not find out. */
export const UNKNOWN = "–";

/**
 * The last hour, or as much of it as there is.
 *
 * @param {number[]} values
 * @param {number} everyS
 * @param {string} current
 * @returns {import("./chart.js").Series}
 */
export function lately(values, everyS, current) {
  const [windowS, group] = WINDOWS.find(([seconds]) => seconds >= values.length * everyS) ?? [3_600, 3];
  const points = means(values, group);
  const now = serverClock.now();
  return {
    values: points,
    slots: Math.round(windowS / (everyS * group)),
    when: (index) => clock(now - (points.length - 1 - index) * everyS * group * 1000),
    current,
    ends: [clock(now - windowS * 1000), t("admin_now")],
  };
}

/**
 * @param {Stats["days"]} days
 * @param {"messages" | "users"} what
 * @param {string} current
 * @returns {import("./chart.js").Series}
 */
export function perDay(days, what, current) {
  const name = (/** @type {number} */ index) => calendarDay(days[index]?.day ?? "1970-01-01");
  return {
    values: days.map((day) => day[what]),
    slots: days.length,
    when: name,
    current,
    ends: days.length ? [name(0), t("admin_today")] : ["", ""],
  };
}

/** @param {number | null | undefined} n */
export function known(n) {
  return n === null || n === undefined ? UNKNOWN : whole(n);
}

/** @param {import("../base/i18n.js").Key} key */
export function tile(key) {
  const [value, hint] = [el("strong"), el("small")];
  return {
    node: el("div", { class: "plate tile" }, el("span", {}, t(key)), value, hint),
    /** @param {string} text @param {string} below */
    show(text, below) {
      setText(value, text);
      setText(hint, below);
    },
  };
}

/**
 * Parts of a whole as one bar; the numbers stand below it, so it says nothing of its own.
 *
 * @param {[string, number | undefined][]} parts
 */
export function bar(parts) {
  const node = el("div", { class: "share", "aria-hidden": "true" });
  for (const [tone, n] of parts) {
    if (!n) continue;
    const part = el("span", { class: `share-${tone}` });
    part.style.flexGrow = String(n);
    node.append(part);
  }
  return node;
}
