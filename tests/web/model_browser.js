/**
 * The real state of a client, its line and its clock in the hands of a driver: timers fire, frames arrive, calls are
 * worked on and answered when the driver wants it.
 */
import { messageFromWire } from "../../web/net/wire.js";
import { frameFromWire } from "../../web/net/wire_frames.js";
import { Ingest } from "../../web/state/ingest.js";
import { MessageActions } from "../../web/state/message_actions.js";
import { Pages } from "../../web/state/pages.js";
import { ReadPositions } from "../../web/state/read_positions.js";
import { RoomActions } from "../../web/state/room_actions.js";
import { emptyState, Store } from "../../web/state/store.js";
import { Sync } from "../../web/state/sync.js";

/** Messages that are kept of one room. */
const KEPT = 20;

const real = { setTimeout, clearTimeout, fetch: globalThis.fetch };
const realRandom = { number: Math.random, bytes: crypto.getRandomValues };
/** Until everything that waits for no timer and no answer is done. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A clock that stands still until it is moved. */
function startClock() {
  let now = 0;
  let number = 0;
  const timers = new Map();
  globalThis.setTimeout = (run, ms = 0) => (timers.set((number += 1), { at: now + ms, run }), number);
  globalThis.clearTimeout = (timer) => void timers.delete(timer);
  return {
    timers,
    /** Moves to the next timer, if it fires by then. @param {number} ms */
    move(ms) {
      const [first] = [...timers].sort(([, a], [, b]) => a.at - b.at);
      if (!first || first[1].at > now + ms) return void (now += ms);
      timers.delete(first[0]);
      now = Math.max(now, first[1].at);
      first[1].run();
    },
  };
}

/** @param {import("./model_server.js").ModelServer} server */
export function createBrowser(server) {
  const { random } = server;
  Math.random = random.next;
  crypto.getRandomValues = (bytes) => bytes.map(() => random.below(256));
  const clock = startClock();
  const calls = [];
  globalThis.fetch = (address, { method }) =>
    new Promise((resolve, reject) => void calls.push({ address, method, resolve, reject, body: undefined }));
  const store = new Store({ ...emptyState(), phase: "signed_in", me: { uid: "1" } });
  // Nothing is drawn, so the time that it takes decides nothing.
  store.notifyLater = () => {};
  const waiting = new Map();
  const reported = new Map();
  let number = 0;
  const socket = {
    online: false,
    command(op, fields = {}) {
      if (!socket.online) return Promise.reject({ code: "offline" });
      const id = String((number += 1));
      if (op === "read") onRead(fields);
      server.connection?.commands.push({ op, id, ...fields });
      return new Promise((resolve, reject) => void waiting.set(id, { resolve, reject }));
    },
    send: (op, fields) => void socket.command(op, fields).catch(() => {}),
  };
  let fault = "";
  function onRead({ room, seq }) {
    if (seq > (reported.get(room) ?? 0)) fault = `read ${seq} of ${room} was never on screen`;
  }
  const ingest = new Ingest((_room, entry) => messageFromWire(entry, "1"));
  const users = { need() {}, heard() {}, refetchSoon() {} };
  const pages = new Pages({ store, ingest, users, kept: KEPT });
  const sync = new Sync({ store, socket, users, ingest, pages });
  const messages = new MessageActions({ store, socket, ingest });
  pages.reachedPresent = (room) => messages.showWaiting(room);
  const reads = new ReadPositions({ store, socket });
  sync.restarted = () => {
    reads.restart();
    messages.restart();
    // Before the epoch nothing of it was on screen.
    reported.clear();
  };
  const rooms = new RoomActions({ store, socket, sync, pages, reads, users });
  messages.start("1");

  return {
    state: store.state,
    clock,
    calls,
    rooms,
    messages,
    socket,
    get fault() {
      return fault;
    },
    connect() {
      server.connect();
      socket.online = true;
      this.receive();
      sync.resume();
      reads.resume();
      messages.flush();
    },
    cut() {
      server.connection = null;
      if (!socket.online) return;
      socket.online = false;
      const all = [...waiting.values()];
      waiting.clear();
      for (const { reject } of all) reject({ code: "offline" });
      messages.lineLost();
    },
    /** The next frame arrives. */
    receive() {
      const wire = server.connection?.frames.shift();
      if (!wire) return;
      const frame = frameFromWire(JSON.parse(JSON.stringify(wire)));
      if (frame.op !== "ok" && frame.op !== "err") return sync.receive(frame);
      const command = waiting.get(frame.id);
      waiting.delete(frame.id);
      if (frame.op === "ok") command?.resolve(frame);
      else command?.reject(frame);
    },
    /** The server works on a call, whose answer is on its way then. */
    work(call) {
      if (call.body !== undefined) return;
      call.body = call.address.includes("/messages") ? server.page(call.address) : { members: [], total: 0 };
    },
    /** Its answer arrives. */
    answer(call) {
      this.work(call);
      calls.splice(calls.indexOf(call), 1);
      const ok = call.body !== null;
      const body = ok ? JSON.parse(JSON.stringify(call.body)) : { error: { code: "not_found", message: "" } };
      call.resolve({ ok, status: ok ? 200 : 404, json: async () => body, headers: new Map() });
    },
    fail(call, status) {
      calls.splice(calls.indexOf(call), 1);
      if (!status) return call.reject(new Error("no connection"));
      const body = { error: { code: "unavailable", message: "" } };
      call.resolve({ ok: false, status, json: async () => body, headers: new Map() });
    },
    /** What is on screen is read. */
    report(room, seq) {
      reported.set(room, Math.max(seq, reported.get(room) ?? 0));
      rooms.markRead(room, seq);
    },
    stop() {
      sync.stop();
      reads.stop();
      messages.stop();
      Object.assign(globalThis, real);
      Math.random = realRandom.number;
      crypto.getRandomValues = realRandom.bytes;
    },
  };
}
