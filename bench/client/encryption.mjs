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
import { openDirect } from "../../tests/browser/keys.js";
import {
  message,
  openBrowser,
  openRoom,
  PASSWORD,
  person,
  say,
  setUpAdmin,
  startServer,
} from "../../tests/browser/support.js";

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
  ["signIn", "signing in in a new browser, from the button to a readable chat", "ms", 3_000, ""],
  ["eventShort", "the event of “hi”", "bytes", null, "517"],
  ["eventLong", "the event of 300 characters", "bytes", null, "858"],
  ["search", "a message of 300 characters opened and searched", "µs", null, "100"],
];
/** In the chat that is read after signing in. */
const MESSAGES = 20;
const LAST = `message ${MESSAGES}.`;
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

/** Somebody with an encrypted chat. @returns {Promise<string>} where it is */
async function prepareChat(browser, server) {
  const writer = await setUpAdmin(browser, server, "writer");
  const reader = await person(browser, server.url, "reader");
  await openDirect(writer.page, "reader");
  for (let n = 1; n <= MESSAGES; n += 1) {
    await say(writer.page, `message ${n}.`);
    await message(writer.page, `message ${n}.`).waitFor();
  }
  await openRoom(reader.page, "writer");
  await message(reader.page, LAST).waitFor();
  const chat = writer.page.url();
  for (const { page } of [writer, reader]) await page.context().close();
  return chat;
}

/** As a person with a browser that has never been here. @returns {Promise<number>} ms, on the clock of the page */
async function signIn(browser, chat) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(chat);
  await page.fill("#username", "reader");
  await page.fill("#password", PASSWORD);
  const readable = page.evaluate(untilReadable, LAST);
  await page.click("button[type=submit]");
  const ms = await readable;
  await context.close();
  return ms;
}

/** In the page: from the sending of the form until a message of the chat stands there. @param {string} text */
function untilReadable(text) {
  return new Promise((resolve) => {
    let began = NaN;
    addEventListener("submit", () => (began = performance.now()), { capture: true, once: true });
    const watch = new MutationObserver(() => {
      if (![...document.querySelectorAll(".message")].some((row) => row.textContent?.includes(text))) return;
      watch.disconnect();
      resolve(performance.now() - began);
    });
    watch.observe(document.body, { subtree: true, childList: true, characterData: true });
  });
}

/** @param {number[]} figures */
const median = (figures) => figures.toSorted((a, b) => a - b)[Math.floor(figures.length / 2)] ?? NaN;

const modules = await serveModules();
const program = values["without-sign-in"] ? null : await startServer({});
const browser = await openBrowser();
/** @type {Record<string, number[]>} */
const all = {};
try {
  const chat = program && (await prepareChat(browser, program));
  for (let round = 1; round <= Number(values.rounds); round += 1) {
    process.stderr.write(`round ${round}\n`);
    const figures = await measureModules(browser, `http://127.0.0.1:${modules.address().port}/`);
    if (chat) figures.signIn = await signIn(browser, chat);
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
