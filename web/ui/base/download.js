/** Saves a text as a file of the reader's. */
import { el } from "./element.js";

/** The browser has begun to read the file by then. */
const READ_MS = 10_000;

/**
 * @param {string} name  of the file
 * @param {string} text
 */
export function downloadText(name, text) {
  const address = URL.createObjectURL(new Blob([text], { type: "text/plain;charset=utf-8" }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), READ_MS);
}
