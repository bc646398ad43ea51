/**
 * The one WebSocket: connects, answers commands with promises, notices a dead line, and comes back. Waits between
 * attempts grow and are spread at random, so that a restarted server is not met by everybody in the same instant;
 * what the server says in `bye` wins. It knows nothing of rooms.
 */

const WAIT_FIRST_MS = 400;
const WAIT_MOST_MS = 20_000;
/** Silence this long is asked about; no answer for as long again as `ANSWER_MS` means the line is dead. */
const QUIET_MS = 25_000;
const ANSWER_MS = 10_000;
const CONNECT_MS = 12_000;

/** @typedef {{ code: string, message?: string, retry_ms?: number }} SocketFailure */
/** @typedef {{ resolve: (answer: any) => void, reject: (failure: SocketFailure) => void }} Waiting */

/**
 * @typedef {object} Handlers
 * @property {(event: any) => void} event  every frame that is not an answer
 * @property {(online: boolean) => void} changed
 * @property {() => Promise<boolean>} allowed  asked after a failed attempt or a revocation: is there still a session?
 */

export class Socket {
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {Map<string, Waiting>} */
  #waiting = new Map();
  #handlers;
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

  /** @param {Handlers} handlers */
  constructor(handlers) {
    this.#handlers = handlers;
  }

  get online() {
    return this.#online;
  }

  start() {
    if (this.#wanted) return;
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
  hurry() {
    if (!this.#wanted || this.#online) return;
    this.#attempt = 0;
    this.#connect();
  }

  /** Asks whether the line is alive; a dead one is replaced. */
  probe() {
    if (!this.#online) return this.hurry();
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
   * @returns {Promise<any>}
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
  tell(op, fields = {}) {
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
    this.#listen();
    const frame = JSON.parse(data);
    if (frame.op === "ok" || frame.op === "err") {
      const waiting = this.#waiting.get(frame.id);
      this.#waiting.delete(frame.id);
      if (frame.op === "ok") waiting?.resolve(frame);
      else waiting?.reject(frame);
      return;
    }
    if (frame.op === "hello") {
      this.#attempt = 0;
      this.#retryMs = 0;
      this.#online = true;
      this.#handlers.event(frame);
      this.#handlers.changed(true);
      return;
    }
    if (frame.op === "bye") {
      this.#retryMs = Number(frame.retry_ms) || 0;
      this.#revoked = frame.code === "revoked";
    }
    this.#handlers.event(frame);
  }

  /** The line was heard: wait again before asking. */
  #listen() {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => {
      this.tell("ping");
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
    if (doubtful && navigator.onLine && !(await this.#handlers.allowed())) return this.stop();
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
      this.#handlers.changed(false);
    }
  }
}
