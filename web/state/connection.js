/**
 * What the state says of the line: whether commands can be sent, and whether it is lost, which is only said once
 * nothing has been heard for five seconds: short gaps are not worth a notice.
 */
import { watchWakes } from "../platform/wakes.js";

const PATIENCE_MS = 5000;

export class Connection {
  #store;
  #socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #losing;

  /**
   * @param {import("./store.js").Store} store
   * @param {import("../net/socket.js").Socket} socket
   */
  constructor(store, socket) {
    this.#store = store;
    this.#socket = socket;
  }

  /** What the browser notices of its network is checked from now on. */
  watch() {
    watchWakes({ gone: () => this.#socket.doubt(), changed: () => this.#socket.probe() });
  }

  /**
   * @param {Omit<import("../net/socket.js").Handlers, "changed">} handlers
   * @param {(online: boolean) => void} changed  commands can be sent from now on, or not any more
   */
  start(handlers, changed) {
    this.#socket.start({
      ...handlers,
      changed: (line) => {
        const { online } = this.#store.state.connection;
        this.#show(line);
        if (line.online !== online) changed(line.online);
      },
    });
  }

  /** Asked for by hand. */
  retryNow() {
    this.#socket.reconnectNow();
  }

  stop() {
    this.#socket.stop();
    clearTimeout(this.#losing);
  }

  /** @param {import("../net/socket.js").Line} line */
  #show({ online, lostAt }) {
    clearTimeout(this.#losing);
    const wait = lostAt === null ? Infinity : lostAt + PATIENCE_MS - performance.now();
    this.#store.update({ connection: { online, isLost: wait <= 0 } });
    if (wait > 0 && wait < Infinity) this.#losing = setTimeout(() => this.#show({ online, lostAt }), wait);
  }
}
