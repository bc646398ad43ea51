/** The one connection: when it is doubted and replaced, what it never sends, and whose it must be. */
import assert from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Socket } from "../../web/net/socket.js";

/** Connections as they were made. @type {FakeSocket[]} */
let made = [];
let now = 0;

class FakeSocket {
  static OPEN = 1;
  readyState = 1;
  /** @type {any[]} */
  sent = [];
  constructor() {
    made.push(this);
  }
  send(frame) {
    this.sent.push(JSON.parse(frame));
  }
  close() {
    this.readyState = 3;
  }
  receive(frame) {
    this.onmessage({ data: JSON.stringify(frame) });
  }
  hello(uid = "1") {
    this.receive({ op: "hello", uid, rooms: [] });
  }
  ops() {
    return this.sent.map(({ op }) => op);
  }
}

beforeEach(() => {
  made = [];
  now = 0;
  mock.timers.enable({ apis: ["setTimeout"] });
  mock.method(performance, "now", () => now);
  mock.method(Math, "random", () => 0.5);
  Object.assign(globalThis, { WebSocket: FakeSocket, location: { protocol: "https:", host: "chat.example" } });
  Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
});

afterEach(() => {
  mock.timers.reset();
  mock.restoreAll();
});

/** Lets time pass, in steps in which timers may set others. @param {number} ms */
function pass(ms) {
  for (const end = now + ms; now < end;) {
    now += 50;
    mock.timers.tick(50);
  }
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A socket of user 1, and what it told. */
function started() {
  const told = /** @type {any[]} */ ([]);
  const socket = new Socket();
  socket.start({
    isMine: (uid) => uid === "1",
    received: ({ op }) => void told.push(op),
    changed: (line) => void told.push(line),
    unrelated: () => void told.push("unrelated"),
    stillSignedIn: async () => true,
  });
  return { socket, told };
}

const works = { online: true, lostAt: null };

test("a command without an answer is asked about after 3 s, doubted after 5 s, sent anew after 7 s", async () => {
  const { socket, told } = started();
  made[0].hello();
  pass(10_000);
  told.length = 0;
  const failed = socket.command("msg.send", { room: "4" }).catch(({ code }) => code);
  pass(2950);
  assert.deepEqual(made[0].ops(), ["msg.send"]);
  pass(50);
  assert.deepEqual(made[0].ops(), ["msg.send", "ping"]);
  pass(1950);
  assert.deepEqual(told, []);
  pass(50);
  assert.deepEqual(told, [{ online: true, lostAt: 10_000 }]);
  pass(2000);
  assert.equal(made.length, 2);
  assert.equal(await failed, "offline");
  assert.deepEqual(told.at(-1), { online: false, lostAt: 10_000 });
  made[1].hello();
  assert.deepEqual(told.at(-1), works);
});

test("any frame makes a doubted line good again, and a slow command is no silence", () => {
  const { socket, told } = started();
  made[0].hello();
  socket.send("msg.send");
  pass(5000);
  assert.equal(told.at(-1).lostAt, 0);
  made[0].receive({ op: "typing", room: "4", uid: "2" });
  assert.deepEqual(told.slice(-2), [works, "typing"]);
  for (let n = 0; n < 10; n += 1) {
    pass(2000);
    made[0].receive({ op: "typing", room: "4", uid: "2" });
  }
  assert.equal(made.length, 1);
  assert.deepEqual(told.filter((each) => each.lostAt !== undefined).at(-1), works);
});

test("a timer that is late has slept: the line is asked, and replaced if it stays silent", async () => {
  const { socket } = started();
  made[0].hello();
  socket.send("read");
  pass(2950);
  now += 10 * 60_000;
  pass(1500);
  const pings = made[0].ops().filter((op) => op === "ping");
  assert.deepEqual([pings.length, made.length], [1, 1], "asked once, and given time");
  pass(3000);
  assert.equal(made.length, 2);
});

test("without anything to answer a quiet line is asked after 25 s", () => {
  started();
  made[0].hello();
  pass(24_950);
  assert.deepEqual(made[0].ops(), []);
  pass(50);
  assert.deepEqual(made[0].ops(), ["ping"]);
  pass(7000);
  assert.equal(made.length, 2);
});

test("a probe replaces a dead connection after a second and a half, and an attempt at once", () => {
  const { socket } = started();
  made[0].hello();
  socket.probe();
  socket.probe();
  assert.deepEqual(made[0].ops(), ["ping"]);
  pass(1450);
  assert.equal(made.length, 1);
  pass(50);
  assert.equal(made.length, 2, "at once, without a wait");
  socket.probe();
  assert.equal(made.length, 3, "the attempt may hang");
  made[2].hello();
  socket.probe();
  pass(1000);
  made[2].receive({ op: "ok", id: "2" });
  pass(3000);
  assert.equal(made.length, 3, "it lives");
});

test("without a network the line is doubted at once, and trying now replaces it", () => {
  const { socket, told } = started();
  made[0].hello();
  socket.reconnectNow();
  assert.equal(made.length, 1, "a line that works stays");
  pass(1000);
  socket.doubt();
  assert.deepEqual(told.at(-1), { online: true, lostAt: 1000 });
  socket.reconnectNow();
  assert.equal(made.length, 2);
});

test("an attempt that is refused while the server is asked who I am is made again once, not twice", async () => {
  started();
  made[0].onclose({ code: 1006 });
  made[0].onclose?.({ code: 1006 });
  await settled();
  pass(400);
  assert.equal(made.length, 2);
  made[1].hello();
  pass(20_000);
  assert.equal(made.length, 2);
});

test("a connection of somebody else is closed before anything is sent on it", async () => {
  const { socket, told } = started();
  made[0].hello("2");
  assert.equal(made[0].readyState, 3);
  await assert.rejects(socket.command("msg.send"), { code: "offline" });
  pass(60_000);
  assert.equal(made.length, 1);
  assert.deepEqual(made[0].sent, []);
  assert.ok(!told.includes("hello"));
});

test("a command that is larger than the server takes is not sent", async () => {
  const { socket } = started();
  made[0].hello();
  await assert.rejects(socket.command("msg.send", { t: "\u0001".repeat(15_000) }), { code: "too_long" });
  await assert.rejects(socket.command("msg.send", { t: "я".repeat(33_000) }), { code: "too_long" });
  assert.deepEqual(made[0].sent, []);
  socket.send("msg.send", { t: "a".repeat(65_000) });
  assert.deepEqual(made[0].ops(), ["msg.send"]);
});

test("an answer that names no command is told, and so is a close that refuses what was sent", async () => {
  const { socket, told } = started();
  made[0].hello();
  const failed = socket.command("msg.send").catch((failure) => failure);
  made[0].receive({ op: "err", code: "bad_request", message: "not JSON" });
  assert.equal(told.at(-1), "unrelated");
  made[0].onclose({ code: 1009 });
  assert.deepEqual(await failed, { code: "offline", closed: 1009 });
});
