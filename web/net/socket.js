/**
 * The one WebSocket: connects, gives each command a promise of its answer, notices a dead connection, and reconnects.
 * Waits between attempts grow and are spread at random, so that not all clients meet a restarted server in the same
 * instant; a wait that the server asks for in `bye` wins. The socket knows nothing of rooms.
 */
import { frameFromWire } from "./wire_frames.js";

const WAIT_FIRST_MS = 400;
const WAIT_MOST_MS = 20_000;
/** After this long without a frame a ping is sent; if nothing comes within `ANSWER_MS`, the connection is dead. */
const QUIET_MS = 25_000;
const ANSWER_MS = 10_000;
const CONNECT_MS = 12_000;

/** @typedef {{ code: string, message?: string, retryMs?: number }} SocketFailure */
/** @typedef {Extract<import("./wire_frames.js").Frame, { op: "ok" }>} Answer */
/** @typedef {{ resolve: (answer: Answer) => void, reject: (failure: SocketFailure) => void }} Waiting */

/**
 * @typedef {object} Handlers
 * @property {(event: import("./wire_frames.js").ServerEvent) => void} received
 * @property {(online: boolean) => void} changed
 * @property {() => Promise<boolean>} stillSignedIn  called after a failed attempt or a revocation; false stops
 */

export class Socket {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, Waiting>} */
  #waiting = new Map();
  /** @type {Handlers | null} */
  #handlers = null;
  #wanted = false;
  #online = false;
  #attempt = 0;
  #number = 0;
  #retryMs = 0;
  /** What I may do changed, or the session ended. */
  #revoked = false;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #watch;

  get online() {
    return this.#online;
  }

  /** @param {Handlers} handlers */
  start(handlers) {
    if (this.#wanted) return;
    this.#handlers = handlers;
    this.#wanted = true;
    this.#attempt = 0;
    this.#connect();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#retry);
    this.#drop();
  }

  /** Tries at once, whatever wait is running. */
  reconnectNow() {
    if (!this.#wanted || this.#online) return;
    this.#attempt = 0;
    this.#connect();
  }

  /** Checks with a ping whether the connection is alive, and replaces a dead one. */
  probe() {
    if (!this.#online) return this.reconnectNow();
    const dead = setTimeout(() => {
      this.#drop();
      this.#again();
    }, ANSWER_MS / 2);
    this.command("ping").then(
      () => clearTimeout(dead),
      () => clearTimeout(dead),
    );
  }

  /**
   * Sends a command and waits for its `ok`.
   *
   * @param {string} op
   * @param {Record<string, unknown>} [fields]
   * @returns {Promise<Answer>}
   */
  command(op, fields = {}) {
    const socket = this.#socket;
    if (!socket || !this.#online) return Promise.reject({ code: "offline" });
    const id = String((this.#number += 1));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      socket.send(JSON.stringify({ op, id, ...fields }));
    });
  }

  /**
   * Sends a command whose answer does not matter.
   *
   * @param {string} op
   * @param {Record<string, unknown>} [fields]
   */
  send(op, fields = {}) {
    this.command(op, fields).catch(() => {});
  }

  #connect() {
    clearTimeout(this.#retry);
    this.#drop();
    const scheme = location.protocol === "https:" ? "wss:" : "ws:";
    const socket = new WebSocket(`${scheme}//${location.host}/ws`, ["impulse.v1"]);
    this.#socket = socket;
    this.#watch = setTimeout(() => {
      this.#drop();
      this.#again();
    }, CONNECT_MS);
    socket.onmessage = ({ data }) => this.#received(socket, data);
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      const opened = this.#online;
      this.#drop();
      void this.#ended(opened);
    };
  }

  /** @param {WebSocket} socket @param {unknown} data */
  #received(socket, data) {
    if (this.#socket !== socket || typeof data !== "string") return;
    this.#restartWatch();
    const frame = frameFromWire(JSON.parse(data));
    if (!frame) return;
    if (frame.op === "ok" || frame.op === "err") return this.#answered(frame);
    if (frame.op === "bye") {
      this.#retryMs = frame.retryMs;
      this.#revoked = frame.code === "revoked";
      return;
    }
    if (frame.op !== "hello") return this.#handlers?.received(frame);
    this.#attempt = 0;
    this.#retryMs = 0;
    this.#online = true;
    this.#handlers?.received(frame);
    this.#handlers?.changed(true);
  }

  /** @param {Answer | Extract<import("./wire_frames.js").Frame, { op: "err" }>} frame */
  #answered(frame) {
    const waiting = this.#waiting.get(frame.id);
    this.#waiting.delete(frame.id);
    if (frame.op === "ok") waiting?.resolve(frame);
    else waiting?.reject(frame);
  }

  /** A frame has come, so the connection is alive: the wait for the next ping begins anew. */
  #restartWatch() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.send("ping");
      this.#watch = setTimeout(() => {
        this.#drop();
        this.#again();
      }, ANSWER_MS);
    }, QUIET_MS);
  }

  /** @param {boolean} opened */
  async #ended(opened) {
    if (!this.#wanted) return;
    const doubtful = !opened || this.#revoked;
    this.#revoked = false;
    if (doubtful && navigator.onLine && !(await this.#handlers?.stillSignedIn())) return this.stop();
    this.#again();
  }

  #again() {
    if (!this.#wanted) return;
    clearTimeout(this.#retry);
    const grown = Math.min(WAIT_MOST_MS, WAIT_FIRST_MS * 2 ** this.#attempt);
    this.#attempt += 1;
    const wait = this.#retryMs || grown * (0.5 + Math.random());
    this.#retryMs = 0;
    this.#retry = setTimeout(() => this.#connect(), wait);
  }

  #drop() {
    clearTimeout(this.#watch);
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject({ code: "offline" });
    if (this.#online) {
      this.#online = false;
      this.#handlers?.changed(false);
    }
  }
}
