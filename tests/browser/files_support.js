/** Files for browser tests: pictures made here, and what a page shows of them. */
import { deflateSync } from "node:zlib";

const CRC = Array.from({ length: 256 }, (_, n) => {
  let c = n;
  for (let bit = 0; bit < 8; bit += 1) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
  return c >>> 0;
});

/** @param {string} name @param {Buffer} data */
function chunk(name, data) {
  const body = Buffer.concat([Buffer.from(name), data]);
  const crc = ~body.reduce((c, byte) => (CRC[(c ^ byte) & 255] ?? 0) ^ (c >>> 8), ~0) >>> 0;
  const length = Buffer.alloc(4);
  const sum = Buffer.alloc(4);
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc);
  return Buffer.concat([length, body, sum]);
}

/**
 * A picture of stripes in one colour, as a browser is handed it.
 *
 * @param {string} name
 * @param {number} width
 * @param {number} height
 * @param {[number, number, number]} [colour]
 */
export function picture(name, width, height, colour = [90, 60, 220]) {
  const row = (/** @type {number} */ y) =>
    Buffer.concat([
      Buffer.of(0),
      ...Array.from({ length: width }, (_, x) => Buffer.from(colour.map((c) => ((x + y) % 40 < 20 ? c : c * 0.7)))),
    ]);
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 2, 0, 0, 0], 8);
  const data = deflateSync(Buffer.concat(Array.from({ length: height }, (_, y) => row(y))));
  const start = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
  const buffer = Buffer.concat([start, chunk("IHDR", head), chunk("IDAT", data), chunk("IEND", Buffer.alloc(0))]);
  return { name, mimeType: "image/png", buffer };
}

/** @param {string} name @param {number} size  bytes that no two places have in common @param {string} [mimeType] */
export function bytes(name, size, mimeType = "application/octet-stream") {
  const buffer = Buffer.alloc(size);
  for (let at = 0; at + 4 <= size; at += 4) buffer.writeUInt32LE((at * 2654435761) >>> 0, at);
  return { name, mimeType, buffer };
}

/** @typedef {ReturnType<typeof bytes>} Handed */

/** Chooses files by the button. @param {import("playwright-core").Page} page @param {...Handed} files */
export async function pick(page, ...files) {
  const chooser = page.waitForEvent("filechooser");
  await page.locator(".attach-button").click();
  await (await chooser).setFiles(files);
}

/**
 * Pastes files, or drops them somewhere.
 *
 * @param {import("playwright-core").Page} page
 * @param {"paste" | "drop"} how
 * @param {string} selector
 * @param {...Handed} files
 */
export async function hand(page, how, selector, ...files) {
  const all = files.map(({ name, mimeType, buffer }) => ({ name, mimeType, data: buffer.toString("base64") }));
  await page.evaluate(([how, selector, all]) => {
    const data = new DataTransfer();
    for (const { name, mimeType, data: text } of all) {
      const content = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
      data.items.add(new File([content], name, { type: mimeType }));
    }
    const target = document.querySelector(selector);
    const init = { bubbles: true, cancelable: true };
    if (how === "paste") return target?.dispatchEvent(new ClipboardEvent("paste", { ...init, clipboardData: data }));
    for (const type of ["dragover", "drop"])
      target?.dispatchEvent(new DragEvent(type, { ...init, dataTransfer: data }));
  }, /** @type {const} */ ([how, selector, all]));
}

/** The names of what is attached. @param {import("playwright-core").Page} page */
export function attached(page) {
  return page.locator(".attachment strong").allInnerTexts();
}
