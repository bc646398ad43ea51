// What a virtual user of artillery.yml does.
//
// Artillery's own `send` with `match` looks at the one next frame, and in a busy room that is
// somebody else's message. So these functions listen themselves and find answers by their `id`.
// They are async because Artillery drops the error of a function that takes a callback.
"use strict";

const { randomBytes } = require("node:crypto");

const ANSWER_WITHIN_MS = 10_000;

/** Milliseconds since 1970 with fractions: Artillery's users live on several threads, and all share it. */
const now = () => performance.timeOrigin + performance.now();

/** The first step: subscribes to IMPULSE_ROOM, or to the user's first room, and counts what it hears. */
async function follow(context, events) {
  const user = { answers: new Map(), seq: null, commands: 0 };
  context.vars.user = user;
  // Promises that are always kept show as 0, and as something the checks can look at.
  for (const name of ["lost", "doubled", "refused"]) events.emit("counter", `impulse.${name}`, 0);

  const hello = new Promise((resolve) => user.answers.set("hello", resolve));
  // The upgrade and `hello` arrive together: listen before anything else is awaited.
  context.ws.on("message", (data) => take(user, JSON.parse(data), events));
  context.ws.on("close", () => user.answers.forEach((answer) => answer({ op: "closed" })));

  const { rooms } = await within(hello, "hello");
  const wanted = process.env.IMPULSE_ROOM;
  const room = wanted ? rooms.find(({ id }) => id === wanted) : rooms[0];
  if (!room) throw new Error("not a member of the room");
  user.room = room.id;
  const ok = await command(context, { op: "room.subscribe", room: room.id, since: room.seq });
  if (ok.op !== "ok") throw new Error(`subscribe: ${ok.code ?? ok.op}`);
}

/** Sends one message and waits for its `ok`: then it is committed. */
async function say(context, events) {
  const { room } = context.vars.user;
  const sent = now();
  const text = `${sent} `.padEnd(Number(context.vars.size), "x");
  // Chosen by the author: sent again with the same `mid`, a message would not be written twice.
  const mid = randomBytes(16).toString("base64url");
  const msg = { mid, rev: 0, kind: "msg", t: text };
  const ok = await command(context, { op: "msg.send", room, msg });
  if (ok.op === "ok") events.emit("histogram", "impulse.commit_ms", now() - sent);
  else if (ok.op === "err") events.emit("counter", `impulse.refused`, 1);
  else throw new Error(`say: ${ok.op}`);
}

function command({ ws, vars: { user } }, frame) {
  const id = String((user.commands += 1));
  const answer = new Promise((resolve) => user.answers.set(id, resolve));
  ws.send(JSON.stringify({ id, ...frame }));
  return within(answer, frame.op);
}

function take(user, frame, events) {
  const key = frame.op === "hello" ? "hello" : frame.id;
  if (user.answers.has(key)) {
    user.answers.get(key)(frame);
    user.answers.delete(key);
    // What was missed before the answer to `subscribe` is replayed before it; from here on it is live.
    if (user.seq === null && frame.op === "ok") user.seq = frame.seq;
  } else if (frame.op === "msg" && user.seq !== null) {
    // The room's numbers have no gaps and everybody sees each of them once.
    const step = frame.seq - user.seq;
    if (step > 1) events.emit("counter", "impulse.lost", step - 1);
    if (step < 1) events.emit("counter", "impulse.doubled", 1);
    user.seq = Math.max(user.seq, frame.seq);
    events.emit("counter", "impulse.deliveries", 1);
    events.emit("rate", "impulse.delivery_rate");
    const sent = Number.parseFloat(frame.msg.t);
    if (sent) events.emit("histogram", "impulse.delivery_ms", now() - sent);
  } else if (frame.op === "bye") {
    events.emit("error", `bye ${frame.code}`);
  }
}

function within(answer, what) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer to ${what}`)), ANSWER_WITHIN_MS);
  });
  return Promise.race([answer, late]).finally(() => clearTimeout(timer));
}

module.exports = { follow, say };
