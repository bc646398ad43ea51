// Loads a room of an Impulse server with k6: READERS follow it, WRITERS follow it and write.
//
//   IMPULSE_TOKEN=$(impulse admin token demo) k6 run bench/clients/k6.js
//   k6 run -e READERS=500 -e WRITERS=5 -e RATE=20 -e SECONDS=30 -e URL=ws://127.0.0.1:8080/ws …
//
// For k6 1.6 and newer (before, the module was called k6/experimental/websockets).
// README.md beside this file tells what the figures mean.

import { check } from "k6";
import crypto from "k6/crypto";
import encoding from "k6/encoding";
import exec from "k6/execution";
import { Counter, Trend } from "k6/metrics";
import { WebSocket } from "k6/websockets";

const number = (name, otherwise) => Number(__ENV[name] || otherwise);

const URL = __ENV.URL || "ws://127.0.0.1:8080/ws";
const ROOM = __ENV.ROOM; // the user's first room, unless told
const READERS = number("READERS", 90);
const WRITERS = number("WRITERS", 2);
const RATE = number("RATE", 10); // messages a second of each writer
const SECONDS = number("SECONDS", 10);
const SIZE = number("SIZE", 128); // bytes of a message's text

// Readers come first, and stay until the last message must have arrived.
const WARM_UP = 3;
const DRAIN = 2;

export const options = {
  scenarios: {
    readers: {
      executor: "per-vu-iterations",
      vus: READERS,
      maxDuration: `${WARM_UP + SECONDS + DRAIN + 30}s`,
      env: { STAYS: `${WARM_UP + SECONDS + DRAIN}` },
    },
    writers: {
      executor: "per-vu-iterations",
      vus: WRITERS,
      startTime: `${WARM_UP}s`,
      maxDuration: `${SECONDS + DRAIN + 30}s`,
      env: { STAYS: `${SECONDS + DRAIN}`, WRITES: "1" },
    },
  },
  thresholds: {
    checks: ["rate==1"],
    impulse_lost: ["count==0"],
    impulse_doubled: ["count==0"],
    impulse_unanswered: ["count==0"],
  },
};

// k6's clock has whole milliseconds; its virtual users share it.
const delivery = new Trend("impulse_delivery_ms", true);
const commit = new Trend("impulse_commit_ms", true);
const deliveries = new Counter("impulse_deliveries");
const messages = new Counter("impulse_messages");
const lost = new Counter("impulse_lost");
const doubled = new Counter("impulse_doubled");
const unanswered = new Counter("impulse_unanswered");

/** One virtual user: one connection. */
export default function () {
  const headers = { Authorization: `Bearer ${__ENV.IMPULSE_TOKEN}` };
  const socket = new WebSocket(URL, "impulse.v1", { headers });
  const user = { socket, room: null, seq: null, sent: new Map(), commands: 0, writing: null };
  const stopWriting = setTimeout(() => clearInterval(user.writing), SECONDS * 1000);
  const leave = setTimeout(() => socket.close(), Number(__ENV.STAYS) * 1000);

  // A promise that was kept all the time shows as 0.
  [lost, doubled, unanswered].forEach((counter) => counter.add(0));
  socket.onmessage = ({ data }) => take(user, JSON.parse(data));
  socket.onerror = ({ error }) => {
    console.error(error);
    check(error, { "the connection holds": () => false });
  };
  socket.onclose = () => {
    clearInterval(user.writing);
    // k6 waits for every timer before it ends.
    clearTimeout(stopWriting);
    clearTimeout(leave);
    unanswered.add(user.sent.size);
  };
}

function take(user, frame) {
  switch (frame.op) {
    case "hello":
      return subscribe(user, frame);
    case "ok":
    case "err":
      return answered(user, frame);
    case "msg":
      return delivered(user, frame);
    case "bye":
      return check(frame, { "no bye before the end": () => false });
  }
}

function subscribe(user, hello) {
  const room = ROOM ? hello.rooms.find(({ id }) => id === ROOM) : hello.rooms[0];
  if (!check(room, { "the user is a member of the room": Boolean })) return user.socket.close();
  user.room = room.id;
  command(user, { op: "room.subscribe", room: room.id, since: room.seq });
}

function answered(user, frame) {
  if (user.seq === null) {
    if (!check(frame, { subscribed: ({ op }) => op === "ok" })) return user.socket.close();
    // What was missed since hello came before this answer; from here on it is live.
    user.seq = frame.seq;
    if (__ENV.WRITES) user.writing = setInterval(() => say(user), 1000 / RATE);
    return;
  }
  if (check(frame, { "message acknowledged": ({ op }) => op === "ok" })) {
    commit.add(Date.now() - user.sent.get(frame.id));
  }
  user.sent.delete(frame.id);
}

function delivered(user, { room, seq, msg }) {
  if (room !== user.room || user.seq === null) return;
  // The room's numbers have no gaps, and everybody sees each of them once and in order.
  if (seq > user.seq + 1) lost.add(seq - user.seq - 1);
  if (seq <= user.seq) doubled.add(1);
  user.seq = Math.max(user.seq, seq);
  deliveries.add(1);
  const sent = Number.parseInt(msg.t, 10);
  if (sent) delivery.add(Date.now() - sent);
}

function say(user) {
  const now = Date.now();
  // Chosen by the author: sent again with the same mid, a message would not be written twice.
  const mid = encoding.b64encode(crypto.randomBytes(16), "rawurl");
  const t = `${now} by ${exec.vu.idInTest} `.padEnd(SIZE, "x");
  const id = command(user, { op: "msg.send", room: user.room, msg: { mid, rev: 0, kind: "msg", t } });
  user.sent.set(id, now);
  messages.add(1);
}

function command(user, frame) {
  const id = String((user.commands += 1));
  user.socket.send(JSON.stringify({ id, ...frame }));
  return id;
}
