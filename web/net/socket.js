/**
 * The one WebSocket: connects, gives each command a promise of its answer, notices a dead connection, and reconnects.
 * Waits between attempts grow and are spread at random, so that not all clients meet a restarted server in the same
 * instant; a wait that the server asks for in `bye` wins. The socket knows nothing of rooms.
 *
 * A connection that owes an answer and is silent is asked with a ping, then doubted, then replaced. What the browser
 * says about the network (`online`, `offline`, a page that comes back) is a reason to ask at once.
 */
import { frameFromWire } from "./wire_frames.js";

const WAIT_FIRST_MS = 400;
const WAIT_MOST_MS = 20_000;
/** After this long without a frame a ping is sent. */
const QUIET_MS = 25_000;
/** So long may an answer be owed in silence until a ping is sent, until the line is doubted, and until it is dead. */
const ASKED_AFTER_MS = 3000;
const DOUBTED_AFTER_MS = 5000;
const DEAD_AFTER_MS = 7000;
/** The patience with a ping after the network has changed. */
const PROBE_MS = 1500;
const CONNECT_MS = 12_000;
/** Bytes of a command; the server closes the socket of whoever sends more. A character takes three at most. */
const COMMAND_MAX = 65_536;
/** Closes by which the server says that it cannot take what was sent. */
const REFUSING_CLOSES = new Set([1007, 1008, 1009]);

/**
 * Why a command has no answer. `closed` is there if the server refused to go on after what was sent.
 *
 * @typedef {{ code: string, message?: string, retryMs?: number, closed?: number, detail?: any }} SocketFailure
 */
/** @typedef {Extract<import("./wire_frames.js").Frame, { op: "ok" }>} Answer */
/** @typedef {{ resolve: (answer: Answer) => void, reject: (failure: SocketFailure) => void }} Waiting */

/**
 * How the line is: `lostAt` is since when (by `performance.now()`) nothing has been heard on a line that is gone or
 * doubted, or null on one that works.
 *
 * @typedef {{ online: boolean, lostAt: number | null }} Line
 */

/**
 * @typedef {object} Handlers
 * @property {(uid: string) => boolean} isMine  whether the connection is that of the person who is signed in here
 * @property {(event: import("./wire_frames.js").ServerEvent) => void} received
 * @property {(line: Line) => void} changed
 * @property {() => void} unrelated  the server could not read a command, nor say which
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
  /** The server is being asked whether I am still signed in. */
  #asking = false;
  /** @type {number | null} */
  #lostAt = null;
  /** When the last frame came, or the first command that is owed an answer was sent after it. */
  #silentSince = 0;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #retry;
  /** Ends an attempt to connect, or a silence. @type {ReturnType<typeof setTimeout> | undefined} */
  #watch;
  /** Ends the patience with a probe. @type {ReturnType<typeof setTimeout> | undefined} */
  #probe;

  get online() {
    return this.#online;
  }

  /** @param {Handlers} handlers */
  start(handlers) {
    if (this.#wanted) return;
    this.#handlers = handlers;
    this.#wanted = true;
    this.#attempt = 0;
    this.#lostAt = performance.now();
    this.#report();
    this.#connect();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#retry);
    this.#drop();
  }

  /** Tries at once, whatever wait is running; a line that works stays. */
  reconnectNow() {
    if (!this.#wanted || (this.#online && this.#lostAt === null)) return;
    this.#attempt = 0;
    this.#connect();
  }

  /** The network may have changed: checks whether the connection is alive, and replaces a dead one at once. */
  probe() {
    if (!this.#online || this.#socket?.readyState !== WebSocket.OPEN) return this.reconnectAnyway();
    if (this.#probe !== undefined) return;
    this.#probe = setTimeout(() => this.reconnectAnyway(), PROBE_MS);
    this.send("ping");
  }

  /** The network is gone, as far as the browser knows: it may be wrong, so an answer makes the line good again. */
  doubt() {
    if (!this.#online) return;
    this.#lose(performance.now());
    this.probe();
  }

  /** Replaces the connection, or the attempt that is running. */
  reconnectAnyway() {
    if (!this.#wanted) return;
    this.#attempt = 0;
    this.#connect();
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
    const frame = JSON.stringify({ op, id, ...fields });
    if (frame.length * 3 > COMMAND_MAX && new TextEncoder().encode(frame).length > COMMAND_MAX)
      return Promise.reject({ code: "too_long" });
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      socket.send(frame);
      if (this.#waiting.size > 1) return;
      this.#silentSince = performance.now();
      this.#watchSilence();
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
    this.#watch = setTimeout(() => this.#replace(), CONNECT_MS);
    socket.onmessage = ({ data }) => this.#received(socket, data);
    socket.onclose = ({ code }) => {
      if (this.#socket !== socket) return;
      const doubtful = !this.#online || this.#revoked;
      this.#drop(this.#revoked ? 0 : code);
      this.#revoked = false;
      if (!this.#wanted) return;
      this.#again();
      if (doubtful && navigator.onLine) void this.#ask();
    };
  }

  /** @param {WebSocket} socket @param {unknown} data */
  #received(socket, data) {
    if (this.#socket !== socket || typeof data !== "string") return;
    this.#heard();
    const frame = frameFromWire(JSON.parse(data));
    if (!frame) return;
    if (frame.op === "ok" || frame.op === "err") return this.#answered(frame);
    if (frame.op === "bye") {
      this.#retryMs = frame.retryMs;
      this.#revoked = frame.code === "revoked";
      return;
    }
    if (frame.op === "hello" && !this.#welcomed(frame)) return;
    this.#handlers?.received(frame);
    if (frame.op === "hello") this.#report();
  }

  /**
   * The cookie that opened the connection may be somebody else's by now: then nothing is sent on it.
   *
   * @param {{ uid: string }} hello
   */
  #welcomed({ uid }) {
    if (!this.#handlers?.isMine(uid)) {
      this.stop();
      return false;
    }
    this.#attempt = 0;
    this.#retryMs = 0;
    this.#online = true;
    this.#lostAt = null;
    this.#watchSilence();
    return true;
  }

  /** @param {Answer | Extract<import("./wire_frames.js").Frame, { op: "err" }>} frame */
  #answered(frame) {
    const waiting = this.#waiting.get(frame.id);
    this.#waiting.delete(frame.id);
    if (frame.op === "ok") waiting?.resolve(frame);
    else if (waiting) waiting.reject(frame);
    else if (!frame.id) this.#handlers?.unrelated();
  }

  /** A frame has come, so the connection is alive. */
  #heard() {
    this.#silentSince = performance.now();
    clearTimeout(this.#probe);
    this.#probe = undefined;
    if (!this.#online || this.#lostAt === null) return;
    this.#lostAt = null;
    this.#report();
  }

  /**
   * Looks at what the silence means, and again when it would mean more.
   *
   * @param {number} [passed]  the silence that was looked at last
   */
  #watchSilence(passed = 0) {
    clearTimeout(this.#watch);
    const silence = performance.now() - this.#silentSince;
    const steps = this.#waiting.size ? [ASKED_AFTER_MS, DOUBTED_AFTER_MS, DEAD_AFTER_MS] : [QUIET_MS];
    const next = steps.find((ms) => ms > Math.max(silence, passed)) ?? DEAD_AFTER_MS;
    this.#watch = setTimeout(() => this.#look(next), Math.max(0, next - silence));
  }

  /** @param {number} step  the silence that was waited for */
  #look(step) {
    const silence = performance.now() - this.#silentSince;
    if (silence < step) return this.#watchSilence();
    // A timer that is late has slept, and what came meanwhile may not have been read: that was no silence of the line.
    this.#silentSince += silence - step;
    if (step === DEAD_AFTER_MS) return this.reconnectAnyway();
    if (step === DOUBTED_AFTER_MS) this.#lose(this.#silentSince);
    else this.send("ping");
    this.#watchSilence(step);
  }

  /** @param {number} since */
  #lose(since) {
    if (this.#lostAt !== null) return;
    this.#lostAt = since;
    this.#report();
  }

  #report() {
    this.#handlers?.changed({ online: this.#online, lostAt: this.#lostAt });
  }

  /** Asks whether the session is over, while the next attempt is already waited for. */
  async #ask() {
    if (this.#asking) return;
    this.#asking = true;
    try {
      if (!(await this.#handlers?.stillSignedIn())) this.stop();
    } finally {
      this.#asking = false;
    }
  }

  #replace() {
    this.#drop();
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

  /** @param {number} [code]  with which the server has closed it */
  #drop(code = 0) {
    clearTimeout(this.#watch);
    clearTimeout(this.#probe);
    this.#probe = undefined;
    const socket = this.#socket;
    this.#socket = null;
    if (socket) {
      socket.onmessage = socket.onclose = null;
      socket.close();
    }
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    const wasOnline = this.#online;
    this.#online = false;
    for (const { reject } of waiting)
      reject({ code: "offline", ...(REFUSING_CLOSES.has(code) ? { closed: code } : {}) });
    if (!wasOnline) return;
    this.#lostAt ??= performance.now();
    this.#report();
  }
}
