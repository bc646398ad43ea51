#!/usr/bin/env node
/**
 * Measures in Chromium what the encryption costs the client, each figure several times, and prints a table of the
 * medians in Markdown:
 *
 *     node bench/client/encryption.mjs [--rounds 5] [--without-sign-in]
 *
 * Only signing in needs a program: `IMPULSE_BIN`, by default target/release/impulse.
 */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { availableParallelism, cpus, loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { dropCode, enterAccount, openBrowser, startServer } from "../../tests/browser/support.js";

/** What is measured: title, unit, target where there is one, and the figure of the design's first implementation. */
const ROWS = [
  ["open", "1,000 envelopes checked and opened, as a page of the history is", "ms", 1_000, "91"],
  ["openSingle", "one envelope after the other", "µs", null, "146"],
  ["seal", "an envelope encrypted and signed", "µs", null, "53"],
  ["logEntry", "an entry of a room's log checked", "µs", null, "83"],
  ["log", "the log of a room with 7,300 changes", "ms", null, "600"],
  ["oldest", "the oldest page after 3,650 keys", "ms", null, "200 to 500"],
  ["directory", "10,000 positions of the list of keys", "ms", null, "66"],
  ["rotate100", "a new key for 100 members", "ms", null, "20 to 30"],
  ["rotate500", "a new key for 500 members", "ms", 3_000, ""],
  ["rotate1000", "a new key for 1,000 members", "ms", null, "200 to 400"],
  ["wire500", "a new key for 500 members, on the wire", "KB", null, "74"],
  ["wire1000", "a new key for 1,000 members, on the wire", "KB", null, "147"],
  ["pbkdf2", "PBKDF2 of a password", "ms", null, "152"],
  ["signIn", "signing in in a new browser, until its keys are open", "ms", 3_000, ""],
  ["eventShort", "the event of “hi”", "bytes", null, "517"],
  ["eventLong", "the event of 300 characters", "bytes", null, "858"],
  ["search", "a message of 300 characters opened and searched", "µs", null, "100"],
];
const WEB = new URL("../../web/", import.meta.url);

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "5" }, "without-sign-in": { type: "boolean", default: false } },
});
process.env.IMPULSE_BIN ??= fileURLToPath(new URL("../../target/release/impulse", import.meta.url));

/** The client's modules as they lie on the disk, with the page's own. */
function serveModules() {
  const server = createServer((request, answer) => {
    const path = new URL(request.url ?? "/", "http://bench").pathname.slice(1);
    const file = path === "bench.js" ? new URL("encryption_page.js", import.meta.url) : new URL(path, WEB);
    const type = path.endsWith(".js") ? "text/javascript" : "text/html";
    const read = path ? readFile(file) : Promise.resolve("<!doctype html><title>bench</title>");
    read.then(
      (bytes) => answer.writeHead(200, { "content-type": type }).end(bytes),
      () => answer.writeHead(404).end(),
    );
  });
  return new Promise((resolve) => server.listen(0, "127.0.0.1", () => resolve(server)));
}

/** @param {import("playwright-core").Browser} browser @param {string} url @returns {Promise<Record<string, number>>} */
async function measureModules(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(url);
  const figures = await page.evaluate(async () => {
    const { MEASURED } = await import(/** @type {any} */ ("/bench.js"));
    const all = {};
    for (const measure of Object.values(MEASURED)) Object.assign(all, await measure());
    return all;
  });
  await context.close();
  return figures;
}

/** As a person with a browser that has never been here. @param {import("playwright-core").Browser} browser */
async function signIn(browser, url) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(`${url}/login`);
  await page.fill("#username", "reader");
  // The page may begin to derive as soon as there is a password.
  const began = performance.now();
  await page.fill("#password", "plum orbit kettle 7");
  await page.click("button[type=submit]");
  await page.waitForFunction(keysAreKept, null, { polling: 20 });
  const ms = performance.now() - began;
  await context.close();
  return ms;
}

/** In the page: whether its keys are in the browser's database. */
async function keysAreKept() {
  const known = (await indexedDB.databases()).find(({ name }) => name?.startsWith("impulse-e2ee-"));
  if (!known?.name || !document.querySelector(".room-item, .rooms, nav")) return false;
  const database = await new Promise((resolve, reject) => {
    const request = indexedDB.open(/** @type {string} */ (known.name));
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  try {
    if (![...database.objectStoreNames].includes("keys")) return false;
    const keys = await new Promise((resolve) => {
      const request = database.transaction("keys").objectStore("keys").getAllKeys();
      request.onsuccess = () => resolve(request.result);
    });
    return keys.some((/** @type {unknown} */ key) => String(key).startsWith("exchange"));
  } finally {
    database.close();
  }
}

/** @param {number[]} figures */
const median = (figures) => figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;

const modules = await serveModules();
const program = values["without-sign-in"] ? null : await startServer({});
const browser = await openBrowser();
/** @type {Record<string, number[]>} */
const all = {};
try {
  if (program) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.goto(`${program.url}/register`);
    await enterAccount(page, "reader");
    await dropCode(page);
    await context.close();
  }
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    process.stderr.write(`round ${round}\n`);
    const figures = await measureModules(browser, `http://127.0.0.1:${modules.address().port}/`);
    if (program) figures.signIn = await signIn(browser, program.url);
    for (const [name, figure] of Object.entries(figures)) (all[name] ??= []).push(figure);
  }
} finally {
  await browser.close();
  await program?.stop();
  modules.close();
}

const shown = (/** @type {number} */ n) => Math.round(n).toLocaleString("en");
console.log("| | Median | Slowest | Target | Design |\n|---|--:|--:|--:|--:|");
for (const [name, title, unit, target, design] of ROWS) {
  const figures = all[name];
  if (!figures) continue;
  const goal = target ? `≤ ${shown(target)} ${unit}` : "";
  const before = design ? `${design} ${unit}` : "";
  console.log(
    `| ${[title, `${shown(median(figures))} ${unit}`, `${shown(Math.max(...figures))} ${unit}`, goal, before].join(" | ")} |`,
  );
}
const at = new Date().toISOString().slice(0, 16).replace("T", ", ");
const load = loadavg()[0]?.toFixed(1);
console.log(
  `\n${at} UTC: ${cpus()[0]?.model}, ${availableParallelism()} cores, ${browser.version()}. Rounds: ${values.rounds}. ` +
    `Load at the end: ${load}.`,
);
const missed = ROWS.filter(([name, , , target]) => target && all[name] && median(all[name]) > target);
if (missed.length) process.exitCode = 1;
