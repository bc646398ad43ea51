/**
 * A real server, a real browser, people in it. Every person's page collects what must not happen: errors in the
 * console, exceptions, violations of the content security policy.
 */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { chmod, mkdtemp, readFile, readdir, rename, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { chromium } from "playwright-core";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const BINARY =
  process.env.IMPULSE_BIN ?? path.join(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, "target"), "debug/impulse");
/** Of both, the one without windows. */
const CHROMIUMS = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"];
const CHROMIUM = process.env.CHROMIUM_BIN ?? CHROMIUMS.find((each) => existsSync(each)) ?? "chromium";
const START_MS = 60_000;
const STOP_MS = 15_000;
/** Longest wait for anything on a page. */
export const PATIENCE_MS = 25_000;
/** How often a page is asked: with every frame, as is usual, the page would have to draw all the while. */
export const POLLING_MS = 50;
/** What the folders are called whose copies servers begin with. */
const UNUSED = "unused-data-";
export const PASSWORD = "plum orbit kettle 7";

/**
 * @typedef {object} Server
 * @property {string} url
 * @property {string} plain  its http address on this machine, also if browsers come by https
 * @property {string} setup  the one-time admin link
 * @property {string} said  its log, and what it prints
 * @property {() => Promise<void>} stop
 */

const run = promisify(execFile);

/**
 * A copy of the data of a server that has started once and that nobody has used: it costs a twentieth of making a
 * database. What is copied lies beside the program, and each build of it has its own.
 */
async function unusedData() {
  const kept = `${path.join(path.dirname(BINARY), UNUSED)}${statSync(BINARY).mtimeMs}`;
  if (!existsSync(kept)) await makeUnusedData(kept);
  const dataDir = await newFolder();
  await run("cp", ["-a", `${kept}/.`, dataDir]);
  return dataDir;
}

/** @param {string} kept */
async function makeUnusedData(kept) {
  const server = await startServer({ dataDir: await newFolder() });
  await server.stop({ keep: true });
  const copy = await mkdtemp(`${kept}-`);
  await run("cp", ["-a", `${server.dataDir}/.`, copy]);
  await rm(server.dataDir, { recursive: true, force: true });
  // Another spec may have made it meanwhile.
  await rename(copy, kept).catch(() => rm(copy, { recursive: true, force: true }));
  const folder = path.dirname(kept);
  for (const name of await readdir(folder)) {
    const isOlder = name.startsWith(UNUSED) && !name.startsWith(path.basename(kept));
    if (isOlder) await rm(path.join(folder, name), { recursive: true, force: true });
  }
}

/** An empty folder for the first start of a server. */
export const newFolder = () => mkdtemp(path.join(tmpdir(), "impulse-browser-"));

/**
 * @param {object} [options]
 * @param {string} [options.dataDir]  a copy of an unused one without it
 * @param {number} [options.port]
 * @param {string} [options.scale]  of the rate limits: none without it
 * @param {boolean} [options.demo]
 * @param {Record<string, string>} [options.env]  more settings
 * @param {boolean} [options.tls]  with a certificate of its own authority
 * @returns {Promise<Server & { dataDir: string }>}
 */
export async function startServer(options = {}) {
  if (!existsSync(BINARY)) throw new Error(`${BINARY} is missing: cargo build, or set IMPULSE_BIN`);
  const dataDir = options.dataDir ?? (await unusedData());
  await chmod(dataDir, 0o755);
  const tls = options.tls ? ["--tls", "auto"] : [];
  const listen = ["--listen", `127.0.0.1:${options.port ?? 0}`];
  const child = spawn(BINARY, ["serve", ...listen, "--data-dir", dataDir, ...tls], {
    cwd: ROOT,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      IMPULSE_RATE_LIMIT_SCALE: options.scale ?? "0",
      IMPULSE_LOG: "warn",
      ...(options.demo ? { IMPULSE_DEMO: "1" } : {}),
      ...options.env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  let setup = "";
  const url = await new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`the server was not ready in time:\n${said}`)), START_MS);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${said}`)));
    child.stderr.on("data", (data) => {
      said += data;
    });
    child.stdout.on("data", (data) => {
      said += data;
      setup = /^setup: (\S+)$/m.exec(said)?.[1] ?? setup;
      const ready = /^ready: (\S+)$/m.exec(said)?.[1];
      if (!ready) return;
      clearTimeout(late);
      setTimeout(() => resolve(ready), 50);
    });
  }).catch((error) => {
    child.kill("SIGKILL");
    throw error;
  });
  const { address } = JSON.parse(await readFile(path.join(dataDir, "server.json"), "utf8"));
  return {
    url,
    plain: `http://${address}`,
    dataDir,
    get setup() {
      return setup;
    },
    get said() {
      return said;
    },
    async stop({ keep = false } = {}) {
      if (child.exitCode === null && child.signalCode === null) {
        const ended = new Promise((resolve) => child.once("exit", resolve));
        child.kill("SIGTERM");
        const late = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
        await ended;
        clearTimeout(late);
      }
      if (!keep) await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/**
 * A line between browser and server that can be cut, mended, and made to fall silent.
 *
 * @param {string} url
 */
export async function startLine(url) {
  const target = new URL(url);
  /** @type {"open" | "cut" | "mute" | "silent"} */
  let state = "open";
  const sockets = new Set();
  const line = createServer((near) => {
    if (state === "cut") return near.destroy();
    near.on("error", () => {});
    sockets.add(near);
    near.on("close", () => sockets.delete(near));
    if (state === "silent") return near.pause();
    near.once("data", (data) => {
      if (state === "mute" && data.toString("latin1").startsWith("GET /ws")) near.destroy();
    });
    const far = connect(Number(target.port), target.hostname);
    far.on("error", () => {});
    for (const socket of [near, far]) {
      socket.on("close", () => {
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
    near.once("silence", () => {
      near.unpipe();
      far.unpipe();
      near.pause();
      far.pause();
    });
  });
  await new Promise((resolve) => line.listen(0, "127.0.0.1", () => resolve(undefined)));
  const destroyAll = () => sockets.forEach((socket) => socket.destroy());
  return {
    url: `http://127.0.0.1:${line.address().port}`,
    cut() {
      state = "cut";
      destroyAll();
    },
    /** Only pages and calls pass, no WebSocket. */
    mute() {
      state = "mute";
      destroyAll();
    },
    /** What is connected stays so and carries nothing, as after a change of the network. */
    changeNetwork() {
      for (const socket of sockets) socket.emit("silence");
    },
    /** The same, also for what connects from now on. */
    fallSilent() {
      state = "silent";
      this.changeNetwork();
    },
    mend() {
      state = "open";
    },
    async stop() {
      destroyAll();
      await new Promise((resolve) => line.close(resolve));
    },
  };
}

/**
 * @param {string[]} [more]  arguments of Chromium
 * @param {string} [home]  where its owner keeps the authorities to trust
 */
export function openBrowser(more = [], home) {
  return chromium.launch({
    ...(home ? { env: { ...process.env, HOME: home } } : {}),
    executablePath: CHROMIUM,
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      ...more,
    ],
  });
}

/**
 * Whether a browser only says that the slower one of two writers of a person's trust store was told so. A page that was
 * reloaded before it had its answer is such a writer, too: it reads the store and writes again.
 *
 * @param {import("playwright-core").ConsoleMessage} message
 */
function isRaceForTrust(message) {
  return message.location().url.endsWith("/api/keys/trust") && message.text().includes("status of 409");
}

/**
 * A fresh browser profile with one page. Whoever gets keys on it puts the recovery code off, unless `code` is `"kept"`.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {object & { code?: "kept" }} [options]
 */
export async function visitor(browser, { code, ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE_MS);
  if (code !== "kept") await page.addLocatorHandler(page.locator(".dialog-code"), () => dropCode(page));
  const problems = [];
  page.on("pageerror", (error) => problems.push(String(error.stack ?? error)));
  page.on("console", (message) => {
    if (isRaceForTrust(message)) return;
    if (message.type() === "error" || message.type() === "warning")
      problems.push(`${message.type()}: ${message.text()} ${message.location().url}`);
  });
  page.on("dialog", (dialog) => {
    problems.push(`a script opened ${dialog.type()}: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { context, page, problems };
}

/**
 * A new account, made on the page as a person would.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {string} url
 * @param {string} name
 * @param {object} [options]
 */
export async function person(browser, url, name, options = {}) {
  const someone = await visitor(browser, options);
  await withoutMotion(someone.page, options, async () => {
    await someone.page.goto(`${url}/register`);
    await enterAccount(someone.page, name);
    await someone.page.locator(".room-item").first().waitFor({ state: "attached" });
    await dropCode(someone.page);
  });
  return { ...someone, name };
}

/**
 * Makes an account, of which the way there is not what is tested: what turns on the screen meanwhile would cost more
 * than its keys.
 *
 * @param {import("playwright-core").Page} page
 * @param {{ reducedMotion?: "reduce" | "no-preference" | null }} options  of the visitor
 * @param {() => Promise<void>} make
 */
async function withoutMotion(page, { reducedMotion }, make) {
  await page.emulateMedia({ reducedMotion: "reduce" });
  await make();
  await page.emulateMedia({ reducedMotion: reducedMotion ?? "no-preference" });
}

/**
 * Somebody who is new is offered a recovery code: not now.
 *
 * @param {import("playwright-core").Page} page
 */
export async function dropCode(page) {
  await page.waitForFunction(
    () => {
      const later = document.querySelector(".code-later");
      if (later instanceof HTMLElement) {
        later.click();
        // It may have been put off already, as it was in the way.
        Object.assign(window, { hasPutCodeOff: true });
      }
      return "hasPutCodeOff" in window;
    },
    null,
    { polling: POLLING_MS },
  );
}

/**
 * The administrator, made with the one-time link.
 *
 * @param {import("playwright-core").Browser} browser
 * @param {Server} server
 * @param {string} [name]
 * @param {object} [options]
 */
export async function setUpAdmin(browser, server, name = "root", options = {}) {
  const someone = await visitor(browser, options);
  await withoutMotion(someone.page, options, async () => {
    await someone.page.goto(server.setup);
    await enterAccount(someone.page, name);
    await dropCode(someone.page);
    await someone.page.locator("button", { hasText: "Go to the rooms" }).click();
    await someone.page.locator(".room-item").first().waitFor({ state: "attached" });
  });
  return { ...someone, name };
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} name
 * @param {string} [password]
 */
export async function enterAccount(page, name, password = PASSWORD) {
  await page.fill("#username", name);
  await page.fill("#password", password);
  await page.click("button[type=submit]");
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} name
 */
export async function openRoom(page, name) {
  await page.locator(".room-item", { hasText: name }).first().click();
  await page.locator(".room-head h1", { hasText: name }).waitFor();
  await page.locator(".composer textarea").waitFor();
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} text
 */
export async function say(page, text) {
  await page.locator(".composer textarea").fill(text);
  await page.keyboard.press("Enter");
}

/**
 * Writes many messages at once, as the account of this page: by a socket of its own, which shows nothing.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} room
 * @param {(string | Record<string, unknown>)[]} messages  texts, or more of each message
 */
export async function writeMany(page, room, messages) {
  const refused = await page.evaluate(async ([id, all]) => {
    const socket = new WebSocket(`ws://${location.host}/ws`, ["impulse.v1"]);
    const waiting = new Map();
    await new Promise((resolve) => {
      socket.onmessage = ({ data }) => {
        const frame = JSON.parse(data);
        if (frame.op === "hello") resolve(undefined);
        waiting.get(frame.id)?.(frame);
      };
    });
    const newMid = () =>
      btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16))))
        .replaceAll("+", "-")
        .replaceAll("/", "_")
        .replace(/=+$/, "");
    const answers = all.map((each, index) => {
      const msg = { mid: newMid(), rev: 0, kind: "msg", ...(typeof each === "string" ? { t: each } : each) };
      socket.send(JSON.stringify({ op: "msg.send", id: String(index), room: id, msg }));
      return new Promise((resolve) => waiting.set(String(index), resolve));
    });
    const frames = await Promise.all(answers);
    socket.close();
    return frames.filter(({ op }) => op !== "ok");
  }, /** @type {const} */ ([room, messages]));
  assert.deepEqual(refused, []);
}

/**
 * A room as the server tells it to the account of this page.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} room
 */
export function roomAt(page, room) {
  return page.evaluate((id) => fetch(`/api/rooms/${id}`).then((answer) => answer.json()), room);
}

/**
 * @param {import("playwright-core").Page} page
 * @param {string} text
 */
export function message(page, text) {
  return page.locator(".message", { hasText: text });
}

/** @param {import("playwright-core").Page} page */
export function texts(page) {
  return page.locator(".message .bubble").allInnerTexts();
}

/**
 * Waits until a check stops failing.
 *
 * @param {() => Promise<void> | void} check
 */
export async function eventually(check) {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await check();
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/**
 * Opens the menu of a message and chooses.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} text
 * @param {string} action
 */
export async function act(page, text, action) {
  await message(page, text).last().hover();
  await page.locator(".tools [aria-label='More actions']").click();
  await page.locator(".menu-item", { hasText: action }).click();
}

/**
 * Nothing went wrong on any of these pages.
 *
 * @param {...{ problems: string[] }} people
 */
export function assertCalm(...people) {
  for (const { problems } of people) assert.deepEqual(problems, []);
}

/** Errors a browser reports by itself while the line is cut. */
export function assertCalmButForTheLine(...people) {
  const ownFault =
    /ERR_CONNECTION|ERR_EMPTY_RESPONSE|ERR_INTERNET|ERR_SOCKET|WebSocket connection|Failed to load resource: net::/;
  for (const { problems } of people)
    assert.deepEqual(
      problems.filter((problem) => !ownFault.test(problem)),
      [],
    );
}
