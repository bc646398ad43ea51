/**
 * As much of a WebSocket client as the examples of bench/clients use, so that they can be run without
 * the tools they are for: the constructor and the events of k6, and `on` as in `ws`, which Artillery has.
 */
import { createHash, randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { request } from "node:http";

const [TEXT, CLOSE, PING, PONG] = [1, 8, 9, 10];

export class Socket extends EventEmitter {
  /** @param {string} url @param {string} protocol @param {{ headers: Record<string, string> }} options */
  constructor(url, protocol, { headers }) {
    super();
    const key = randomBytes(16).toString("base64");
    const upgrade = request(url.replace(/^ws/, "http"), {
      headers: {
        ...headers,
        connection: "Upgrade",
        upgrade: "websocket",
        "sec-websocket-version": "13",
        "sec-websocket-key": key,
        "sec-websocket-protocol": protocol,
      },
    });
    upgrade.on("response", (answer) => this.#fail(new Error(`bad handshake: ${answer.statusCode}`), answer));
    upgrade.on("error", (error) => this.#fail(error));
    upgrade.on("upgrade", (answer, line, head) => {
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      if (answer.headers["sec-websocket-accept"] !== accept) return this.#fail(new Error("another's answer"), line);
      if (answer.headers["sec-websocket-protocol"] !== protocol) return this.#fail(new Error("no subprotocol"), line);
      this.line = line;
      this.held = head;
      line.on("error", () => {});
      line.on("data", (data) => {
        this.held = Buffer.concat([this.held, data]);
        this.#read();
      });
      line.on("close", () => this.#tell("close", {}));
      this.emit("open");
      this.#read();
    });
    upgrade.end();
  }

  /** @param {string} text */
  send(text) {
    this.#write(TEXT, Buffer.from(text));
  }

  close() {
    this.#write(CLOSE, Buffer.from([3, 232]));
  }

  #fail(error, line) {
    line?.destroy();
    this.onerror?.({ error });
    this.#tell("close", {});
  }

  #tell(name, event) {
    this.emit(name, event.data);
    this[`on${name}`]?.(event);
  }

  #write(code, payload) {
    const mask = randomBytes(4);
    const short = payload.length < 126;
    const head = short
      ? [0x80 | code, 0x80 | payload.length]
      : [0x80 | code, 0xfe, payload.length >> 8, payload.length & 255];
    this.line?.write(Buffer.concat([Buffer.from(head), mask, payload.map((byte, at) => byte ^ mask[at % 4])]));
  }

  /** The server sends whole frames without a mask. */
  #read() {
    while (this.held.length >= 2) {
      const code = this.held[0] & 15;
      const mark = this.held[1];
      const from = mark < 126 ? 2 : mark === 126 ? 4 : 10;
      if (this.held.length < from) return;
      const length =
        mark < 126 ? mark : mark === 126 ? this.held.readUInt16BE(2) : Number(this.held.readBigUInt64BE(2));
      if (this.held.length < from + length) return;
      const payload = this.held.subarray(from, from + length);
      this.held = this.held.subarray(from + length);
      if (code === TEXT) this.#tell("message", { data: payload.toString() });
      if (code === PING) this.#write(PONG, payload);
      if (code === CLOSE) this.line.end();
    }
  }
}
