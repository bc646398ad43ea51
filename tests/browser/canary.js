/**
 * What must be nowhere in clear: words, and every secret that a page gives to its cryptography. They are looked for in
 * both databases, in the log at its most talkative, in all that pages send and are told, and in what browsers keep.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

/** @import { Browser, BrowserContext, Page, Request, Response } from "playwright-core" */

const DUMP_BYTES = 256 * 1024 * 1024;

/**
 * Everything that the pages of this browser send and are told from now on, and their secrets: passwords, seeds of
 * signing keys, keys of accounts and rooms, and what they are made from.
 *
 * @param {Browser} browser
 */
export function listen(browser) {
  /** @type {string[]} */
  const trace = [];
  const secrets = new Set();
  const newContext = browser.newContext.bind(browser);
  browser.newContext = async (options) => {
    const context = await newContext(options);
    await tellSecrets(context, secrets);
    context.on("page", (page) => record(page, trace));
    return context;
  };
  return { secrets, trace: () => trace.join("\n") };
}

/** @param {BrowserContext} context @param {Set<string>} secrets */
async function tellSecrets(context, secrets) {
  await context.exposeBinding("tellSecret", (_, hex) => void secrets.add(hex));
  await context.addInitScript(() => {
    const { subtle } = crypto;
    if (!subtle) return;
    const { importKey } = subtle;
    const isPublic = (format, name) => format === "raw" && /25519$/.test(name);
    Object.getPrototypeOf(subtle).importKey = function (format, data, algorithm, ...rest) {
      const name = algorithm.name ?? algorithm;
      if (ArrayBuffer.isView(data) && !isPublic(format, name)) {
        // A PKCS #8 key ends with its 32 bytes.
        const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength).slice(format === "pkcs8" ? -32 : 0);
        const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
        if (bytes.length >= 16 && bytes.some((byte) => byte)) Reflect.get(window, "tellSecret")(hex);
      }
      return importKey.call(this, format, data, algorithm, ...rest);
    };
  });
}

/** @param {Page} page @param {string[]} trace */
function record(page, trace) {
  page.on("request", (/** @type {Request} */ request) => {
    trace.push(`${request.method()} ${request.url()} ${JSON.stringify(request.headers())}`);
    trace.push(request.postDataBuffer()?.toString("latin1") ?? "");
  });
  page.on("response", (/** @type {Response} */ response) => {
    if (!new URL(response.url()).pathname.startsWith("/api/")) return;
    // The body of a page that is left is gone.
    response.body().then(
      (body) => trace.push(body.toString("latin1")),
      () => {},
    );
  });
  page.on("websocket", (socket) => {
    for (const event of /** @type {const} */ (["framesent", "framereceived"]))
      socket.on(event, ({ payload }) => trace.push(payload.toString("latin1")));
  });
}

/**
 * Every row of both stores as text. What is there as bytes is in it twice: in hexadecimal digits, and as it is.
 *
 * @param {string} dataDir  of a server with a database of its own
 */
export async function dumpOf(dataDir) {
  const from = ["-h", path.join(dataDir, "run"), "-U", "impulse", "-d", "postgres"];
  const { stdout } = await promisify(execFile)("pg_dump", ["--data-only", ...from], { maxBuffer: DUMP_BYTES });
  for (const table of ["accounts.keys", "accounts.users", "chat.log", "chat.messages"])
    assert.ok(stdout.includes(`COPY ${table} `), `${table} is not in the dump`);
  const bytes = Array.from(stdout.matchAll(/\\\\x((?:[0-9a-f]{2})+)/g), ([, hex]) => Buffer.from(hex, "hex"));
  return `${stdout}\n${Buffer.concat(bytes).toString("latin1")}`;
}

/**
 * Bytes in every form in which they might be somewhere.
 *
 * @param {Buffer} bytes
 */
function formsOf(bytes) {
  const text = bytes.toString("latin1");
  const codes = Array.from(bytes);
  const forms = [
    text,
    JSON.stringify(text).slice(1, -1),
    codes.map((code) => `\\u${code.toString(16).padStart(4, "0")}`).join(""),
    Buffer.from(bytes.toString("utf8"), "utf16le").toString("latin1"),
    encodeURIComponent(bytes.toString("utf8")),
    bytes.toString("hex"),
    bytes.toString("hex").toUpperCase(),
    codes.join(","),
    codes.join(", "),
  ];
  // In base64 it depends on what is before: the characters that are all of these bytes.
  for (const before of [0, 1, 2]) {
    const encoded = Buffer.concat([Buffer.alloc(before), bytes]).toString("base64");
    const whole = encoded.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    forms.push(whole, whole.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return forms;
}

/**
 * None of these is in any of the places.
 *
 * @param {Iterable<Buffer>} canaries
 * @param {Record<string, string>} places
 */
export function assertNowhere(canaries, places) {
  const forms = Array.from(canaries, formsOf).flat();
  for (const [name, place] of Object.entries(places)) {
    assert.ok(place.length > 500, `there is something in the ${name}`);
    for (const form of forms) {
      const at = place.indexOf(form);
      assert.ok(at < 0, `in the ${name}: ${place.slice(Math.max(0, at - 200), at + 100)}`);
    }
  }
}
