/** What every measurement begins with: a server with a room that has a history, somebody who writes, and a browser. */
import { createHash } from "node:crypto";
import { connect } from "node:tls";
import { openBrowser, startLine, startServer } from "../../tests/browser/support.js";
import { register, Writer } from "./writer.mjs";

const PASSWORD = "plum orbit kettle 7";
const HISTORY = 300;
/** In the sidebar. */
const OTHER_ROOMS = 40;
/** Chrome's preset "Slow 4G". */
const SLOW_4G = { offline: false, latency: 562.5, downloadThroughput: 180_000, uploadThroughput: 84_375 };
/** Messages that come while the room is open, before anything is measured: as after an hour of use. */
const LIVE = 1_500;
const SAID = [
  "ok",
  "The deployment of yesterday is **rolled back**, see https://example.com/runbook/17 for what to do next.",
  "who has the keys? 🙂",
  "First we look at the queue, then at the database, and only when both are quiet at the network between them. ".repeat(
    3,
  ),
  "`cargo test --workspace` is green here",
  "- one\n- two\n- three",
  "_maybe_ tomorrow, @reader?",
  "```js\nfor (const each of rooms) {\n  console.log(each.name);\n}\n```",
];
/** Longest wait for anything on a page, also for the slowest program. */
export const PATIENCE_MS = 180_000;

/**
 * @typedef {object} Stage
 * @property {string} url
 * @property {string} room
 * @property {string} address    of the room
 * @property {Writer} writer
 * @property {import("playwright-core").Browser} browser
 * @property {import("playwright-core").BrowserContext} context  signed in, and with everything in its cache
 * @property {Awaited<ReturnType<typeof startLine>>} line        between browser and server
 * @property {() => Promise<void>} stop
 */

/** @param {{ tls: boolean }} how  by https, and so by HTTP/2, or by http @returns {Promise<Stage>} */
export async function setStage({ tls }) {
  const server = await startServer({ tls });
  const browser = await openBrowser(tls ? await trusting(server.url) : []);
  const line = await startLine(server.url);
  const writing = await register(server.plain, "writer", PASSWORD);
  const reading = await register(server.plain, "reader", PASSWORD);
  const room = (await writing.call("POST", "/api/rooms", { kind: "open", name: "Bench", topic: "" })).id;
  await reading.call("POST", `/api/rooms/${room}/members`, { uid: reading.uid });
  for (let n = 1; n <= OTHER_ROOMS; n += 1)
    await reading.call("POST", "/api/rooms", { kind: "open", name: `Other ${n}`, topic: "" });
  const writer = await Writer.connect(server.plain, writing.token);
  await writer.write(room, texts("history", HISTORY));
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB" });
  const url = tls ? line.url.replace("http:", "https:") : line.url;
  const stage = { url, room, address: `${url}/room/${room}`, writer, browser, context, line };
  await signIn(stage);
  return {
    ...stage,
    async stop() {
      writer.close();
      await browser.close();
      await line.stop();
      await server.stop();
    },
  };
}

/**
 * What makes Chromium trust the certificate of a server, without a store of its own and with its cache: pages whose
 * certificate is only put up with are not kept.
 *
 * @param {string} url
 */
async function trusting(url) {
  const { hostname, port } = new URL(url);
  const key = await new Promise((resolve, reject) => {
    const socket = connect({ host: hostname, port: Number(port), rejectUnauthorized: false }, () => {
      resolve(socket.getPeerX509Certificate()?.publicKey.export({ type: "spki", format: "der" }));
      socket.destroy();
    });
    socket.on("error", reject);
  });
  const digest = createHash("sha256").update(key).digest("base64");
  return [`--ignore-certificate-errors-spki-list=${digest}`];
}

/** Signs in as a person does, reads the room to its end, and leaves the page. @param {Omit<Stage, "stop">} stage */
async function signIn({ context, address, url }) {
  const page = await newPage(context);
  await page.goto(`${url}/login`);
  await page.fill("#username", "reader");
  await page.fill("#password", PASSWORD);
  await page.click("button[type=submit]");
  await page.locator(".room-item").first().waitFor({ state: "attached" });
  await page.goto(address);
  await toEnd(page);
  // What is loaded when there is time for it has been loaded, and what was read is known to the server.
  await page.waitForTimeout(3_000);
  await page.close();
}

/** @param {import("playwright-core").BrowserContext} context */
export async function newPage(context) {
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  return page;
}

/** The room on a page as it is after a while of use. @param {Stage} stage */
export async function openRoom({ context, address, writer, room }) {
  const page = await newPage(context);
  await page.goto(address);
  await toEnd(page);
  const live = texts("live", LIVE);
  await writer.write(room, live, LIVE / 5);
  await shown(page, live[LIVE - 1]);
  return page;
}

/** Waits until a message is in the page. @param {import("playwright-core").Page} page @param {string} text */
export async function shown(page, text) {
  const start = text.slice(0, text.indexOf(":") + 1);
  await page.waitForFunction(
    (wanted) => [...document.querySelectorAll(".message")].some((row) => row.textContent?.includes(wanted)),
    start,
  );
}

/** Waits until the page follows the newest message. @param {import("playwright-core").Page} page */
async function toEnd(page) {
  await page.locator(".message").first().waitFor();
  await page.locator(".composer textarea").waitFor();
  // Without anything unread Escape leads to the newest message, wherever the page began.
  await page.locator(".composer textarea").press("Escape");
  await page.waitForTimeout(500);
}

/** @param {import("playwright-core").Page} page */
export async function slowLine(page) {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Network.enable");
  await devtools.send("Network.emulateNetworkConditions", SLOW_4G);
}

/**
 * What people write to one another, of all kinds.
 *
 * @param {string} word
 * @param {number} count
 */
export function texts(word, count) {
  return Array.from({ length: count }, (_, n) => `${word} ${n + 1}: ${SAID[n % SAID.length]}`);
}
