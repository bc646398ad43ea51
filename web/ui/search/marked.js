/** A text that was found, as nodes: nothing in it is anything but text and marks. */
import { el } from "../base/element.js";
import { passageOf } from "./passage.js";

/** @param {string} text @param {import("../../calls/search.js").Mark[]} marks */
export function marked(text, marks) {
  return passageOf(text, marks).map((piece) => (piece.isMarked ? el("mark", {}, piece.text) : piece.text));
}
