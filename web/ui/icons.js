/**
 * Icons as small SVG nodes, drawn on a 24 by 24 grid with the colour of the text around them. Each entry is a list
 * of path data.
 */
import { svg } from "./element.js";

/** @type {Record<string, string[]>} */
const PATHS = {
  pulse: ["M2.5 12.5h4l2.6-7 4.3 13.5 3-9.5 1.6 3h3.5"],
  send: ["M5 12h13", "M12 5l7 7-7 7"],
  plus: ["M12 5v14", "M5 12h14"],
  search: ["M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14z", "M20 20l-3.9-3.9"],
  smile: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z", "M8.5 14.2a4.2 4.2 0 0 0 7 0", "M9 9.6h.01", "M15 9.6h.01"],
  reply: ["M9 7L4 12l5 5", "M4 12h9a7 7 0 0 1 7 6"],
  edit: ["M14.5 5.5l4 4L8 20H4v-4z"],
  trash: ["M5 7h14", "M9 7V4h6v3", "M7 7l1 13h8l1-13"],
  copy: ["M9 9h11v11H9z", "M5 15H4V4h11v1"],
  link: ["M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.700l-1.5 1.5", "M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.700l1.5-1.5"],
  close: ["M6 6l12 12", "M18 6L6 18"],
  check: ["M4.5 12.5l5 5 10-11"],
  clock: ["M12 4a8 8 0 1 0 0 16a8 8 0 0 0 0-16z", "M12 8v4.5l3 2"],
  alert: ["M12 4l9 16H3z", "M12 10v4", "M12 17h.01"],
  lock: ["M6 11h12v9H6z", "M8.5 11V8a3.5 3.5 0 0 1 7 0v3"],
  hash: ["M9.5 4l-2 16", "M16.5 4l-2 16", "M4.5 9h15.5", "M4 15h15.5"],
  people: ["M9 5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 0 0 0-7z", "M2.5 20a6.5 6.5 0 0 1 13 0", "M16 5.200a3.5 3.5 0 0 1 0 6.6", "M18 14a6.5 6.5 0 0 1 3.5 6"],
  back: ["M15 5l-7 7 7 7"],
  down: ["M12 5v14", "M6 13l6 6 6-6"],
  more: ["M5 12h.01", "M12 12h.01", "M19 12h.01"],
  gear: ["M12 9a3 3 0 1 0 0 6a3 3 0 0 0 0-6z", "M12 3v3", "M12 18v3", "M3 12h3", "M18 12h3", "M5.6 5.600l2.1 2.1", "M16.3 16.300l2.1 2.1", "M5.6 18.400l2.1-2.1", "M16.3 7.700l2.1-2.1"],
  keyboard: ["M3 6.5h18v11H3z", "M7 10h.01", "M11 10h.01", "M15 10h.01", "M8 14h8"],
  leave: ["M14 4H5v16h9", "M10 12h11", "M17 8l4 4-4 4"],
  compass: ["M12 3a9 9 0 1 0 0 18a9 9 0 0 0 0-18z", "M15.5 8.5l-2 5-5 2 2-5z"],
  key: ["M8 10.5a4 4 0 1 0 0 8a4 4 0 0 0 0-8z", "M11 12l9-8", "M17 6.700l2.5 2.5"],
  eye: ["M2.5 12s3.5-6.5 9.5-6.5 9.5 6.5 9.5 6.5-3.5 6.5-9.5 6.5S2.5 12 2.5 12z", "M12 9.5a2.5 2.5 0 1 0 0 5a2.5 2.5 0 0 0 0-5z"],
  bell: ["M6.5 16.5V11a5.5 5.5 0 0 1 11 0v5.5l1.5 1.5H5z", "M10.5 20.5h3"],
  spark: ["M13 3L5 13.5h6L10 21l9-11h-6.5z"],
};

/**
 * @param {keyof typeof PATHS} name
 * @returns {SVGElement}
 */
export function icon(name) {
  const paths = (PATHS[name] ?? []).map((d) => svg("path", { d }));
  return svg("svg", { class: `icon icon-${name}`, viewBox: "0 0 24 24", "aria-hidden": "true", focusable: "false" }, ...paths);
}
