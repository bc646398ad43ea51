/** A member who writes: signs in by HTTP, and sends messages by a WebSocket at the pace that is asked for. */
import { randomBytes } from "node:crypto";
import { request } from "node:http";
import { toBase64Url } from "../../web/crypto/encoding.js";
import { ALGORITHM, derive, ITERATIONS } from "../../web/crypto/password.js";

const SALT_BYTES = 16;
const MID_BYTES = 16;
/** Messages are sent in steps of this length, all that are due at once. */
const STEP_MS = 20;

/**
 * @typedef {object} Account
 * @property {string} uid
 * @property {string} token
 * @property {(method: string, path: string, body?: unknown) => Promise<any>} call
 */

/**
 * A new account, and calls in its name.
 *
 * @param {string} url
 * @param {string} username
 * @param {string} password
 * @returns {Promise<Account>}
 */
export async function register(url, username, password) {
  const salt = new Uint8Array(randomBytes(SALT_BYTES));
  const { auth } = await derive(password, salt, ITERATIONS);
  const slot = { alg: ALGORITHM, salt: toBase64Url(salt), iter: ITERATIONS, auth: toBase64Url(auth) };
  const { uid, token } = await call(url, "POST", "/api/auth/register", { username, ...slot, token: true });
  return { uid, token, call: (method, path, body) => call(url, method, path, body, token) };
}

/** @param {string} url @param {string} method @param {string} path @param {unknown} [body] @param {string} [token] */
async function call(url, method, path, body, token) {
  const answer = await fetch(url + path, {
    method,
    headers: { "content-type": "application/json", ...(token ? { authorization: `Bearer ${token}` } : {}) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
  return answer.status === 204 ? null : answer.json();
}

export class Writer {
  #socket;
  #acknowledged = 0;

  /** @param {import("node:net").Socket} socket */
  constructor(socket) {
    this.#socket = socket;
    // Every answer contains it once; nothing else of the answers matters here.
    socket.on("data", (data) => {
      this.#acknowledged += data.toString("latin1").split('"op":"ok"').length - 1;
    });
  }

  /** @param {string} url @param {string} token @returns {Promise<Writer>} */
  static connect(url, token) {
    return new Promise((resolve, reject) => {
      const upgrade = request(`${url}/ws`, {
        headers: {
          authorization: `Bearer ${token}`,
          connection: "Upgrade",
          upgrade: "websocket",
          "sec-websocket-version": "13",
          "sec-websocket-key": randomBytes(16).toString("base64"),
          "sec-websocket-protocol": "impulse.v1",
        },
      });
      upgrade.on("upgrade", (_, socket) => resolve(new Writer(socket)));
      upgrade.on("response", (answer) => reject(new Error(`the socket was refused: ${answer.statusCode}`)));
      upgrade.on("error", reject);
      upgrade.end();
    });
  }

  /**
   * Sends messages at a steady rate, and waits until all are committed.
   *
   * @param {string} room
   * @param {string[]} texts
   * @param {number} [perSecond]  all at once without it
   */
  async write(room, texts, perSecond = Infinity) {
    const wanted = this.#acknowledged + texts.length;
    const began = performance.now();
    for (let sent = 0; sent < texts.length;) {
      const due = Math.min(texts.length, Math.ceil(((performance.now() - began) / 1000) * perSecond) || texts.length);
      this.#socket.write(Buffer.concat(texts.slice(sent, due).map((text) => messageFrame(room, text))));
      sent = due;
      if (sent < texts.length) await pause(STEP_MS);
    }
    while (this.#acknowledged < wanted) await pause(STEP_MS);
  }

  close() {
    this.#socket.destroy();
  }
}

/** @param {string} room @param {string} text */
function messageFrame(room, text) {
  const mid = randomBytes(MID_BYTES).toString("base64url");
  return textFrame(JSON.stringify({ op: "msg.send", id: mid, room, msg: { mid, rev: 0, kind: "msg", t: text } }));
}

/** A masked text frame of at most 64 KiB (RFC 6455, 5.2). The mask of a client may be zero. @param {string} text */
function textFrame(text) {
  const payload = Buffer.from(text);
  const length =
    payload.length < 126 ? [0x80 | payload.length] : [0x80 | 126, payload.length >> 8, payload.length & 0xff];
  return Buffer.concat([Buffer.from([0x81, ...length, 0, 0, 0, 0]), payload]);
}

/** @param {number} ms */
export function pause(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
