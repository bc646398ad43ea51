/** The order in which entries reach the state, when opening them takes time and connections and sessions end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { messageFromWire } from "../../web/net/wire.js";
import { Ingest } from "../../web/state/ingest.js";
import { createParts, roomOf, said, settled, timelineOf } from "./sync_parts.js";

const entry = (room, seq) => {
  const { at, msg } = said(room, seq);
  return { seq, at, msg };
};

/** Opens each entry when it is told to, in whatever order. */
function slowly() {
  const waiting = new Map();
  return {
    open: (_room, opened) =>
      new Promise((resolve) => waiting.set(opened.seq, () => resolve(messageFromWire(opened, "1")))),
    async finish(...seqs) {
      for (const seq of seqs) {
        await settled();
        waiting.get(seq)?.();
      }
      await settled();
    },
  };
}

/** Opens each entry after a time of its own: the earlier ones take longest. */
const backwards = (_room, opened) =>
  new Promise((resolve) => setTimeout(() => resolve(messageFromWire(opened, "1")), Math.max(0, 30 - opened.seq * 3)));

test("entries of a room are applied in the order in which they came, however long each takes to open", async () => {
  const ingest = new Ingest(backwards);
  const applied = [];
  await Promise.all(
    [[1], [2, 3], [], [4], [5, 6, 7]].map((seqs, n) =>
      ingest.ingest(
        "4",
        seqs.map((seq) => entry("4", seq)),
        (messages) => applied.push([n, messages.map(({ seq }) => seq)]),
      ),
    ),
  );
  assert.deepEqual(applied, [
    [0, [1]],
    [1, [2, 3]],
    [2, []],
    [3, [4]],
    [4, [5, 6, 7]],
  ]);
});

test("a slow room holds up no other", async () => {
  const { open, finish } = slowly();
  const ingest = new Ingest(open);
  const applied = [];
  const done = ingest.ingest("4", [entry("4", 1)], () => applied.push("4"));
  await ingest.ingest("5", [], () => applied.push("5"));
  assert.deepEqual(applied, ["5"]);
  await finish(1);
  assert.deepEqual([await done, applied], [true, ["5", "4"]]);
});

test("an entry that cannot be opened is left out, and the others of its room go on", async () => {
  const ingest = new Ingest((_room, opened) => {
    if (opened.seq === 2) throw new Error("sealed");
    return messageFromWire(opened, "1");
  });
  const applied = [];
  const all = [1, 2, 3].map((seq) => entry("4", seq));
  await ingest.ingest("4", all, (messages) => applied.push(...messages.map(({ seq }) => seq)));
  await assert.rejects(
    ingest.ingest("4", [], () => {
      throw new Error("a fault of ours");
    }),
    /a fault of ours/,
  );
  await ingest.ingest("4", [entry("4", 4)], (messages) => applied.push(...messages.map(({ seq }) => seq)));
  assert.deepEqual(applied, [1, 3, 4]);
});

test("a sign-out in the middle drops the rest, also what is being opened; what comes later is applied", async () => {
  const { open, finish } = slowly();
  const ingest = new Ingest(open);
  const applied = [];
  const apply = (messages) => applied.push(...messages.map(({ seq }) => seq));
  const before = [
    ingest.ingest("4", [entry("4", 1)], apply),
    ingest.ingest("4", [entry("4", 2), entry("4", 3)], apply),
    ingest.ingest("4", [], apply),
  ];
  await finish(1);
  ingest.drop();
  const after = ingest.ingest("4", [entry("4", 9)], apply);
  await finish(2, 9);
  assert.deepEqual([await Promise.all(before), await after], [[true, false, false], true]);
  assert.deepEqual(applied, [1, 9]);
});

/** A browser that follows room 4 up to `seq` 1, whose messages open slowly. */
function following() {
  const slow = slowly();
  const parts = createParts({ timelines: new Map([["4", timelineOf([said("4", 1)])]]) }, slow.open);
  const hello = (seq, read = 1) => ({ op: "hello", uid: "1", rooms: [roomOf("4", { seq, read, unread: seq - read })] });
  parts.receive(hello(1));
  const { sync, state } = parts;
  return {
    ...parts,
    finish: slow.finish,
    hello,
    sync,
    state,
    texts: () => state.timelines.get("4").messages.map(({ t }) => t),
  };
}

test("events around a message that opens slowly keep their place behind it", async () => {
  const { state, receive, finish, texts } = following();
  receive(
    said("4", 2),
    { op: "typing", room: "4", uid: "2" },
    { op: "read", room: "4", seq: 2, upto: 2, unread: 0, mentions: 0 },
    said("4", 3),
  );
  await settled();
  assert.deepEqual([state.rooms.get("4").unread, texts()], [0, ["text 1"]]);
  await finish(2, 3);
  assert.deepEqual(
    [state.rooms.get("4").unread, state.rooms.get("4").seq, texts()],
    [1, 3, ["text 1", "text 2", "text 3"]],
  );
  assert.deepEqual(state.typing.get("4") ?? [], [], "who has written does not type any more");
});

test("what a lost connection sent and is not applied yet is asked for again, and comes once", async () => {
  const { state, receive, sync, socket, commands, finish, hello, texts } = following();
  socket.answers = [{ op: "ok", seq: 5, read: 2, unread: 3, mentions: 0 }];
  receive(said("4", 2), said("4", 3), said("4", 4));
  await finish(2);
  assert.equal(state.timelines.get("4").seq, 2);

  // The connection is lost while 3 is being opened, and 4 waits behind it.
  receive(hello(5, 2));
  sync.resume();
  assert.deepEqual(commands.at(-1), { op: "room.subscribe", room: "4", since: 2 });
  receive(said("4", 3), said("4", 4), said("4", 5));
  await finish(3, 3, 4, 5);
  assert.deepEqual(
    texts(),
    [1, 2, 3, 4, 5].map((n) => `text ${n}`),
  );
  assert.deepEqual(
    [state.rooms.get("4").unread, state.rooms.get("4").seq],
    [3, 5],
    "counted by the server, and not once more",
  );
});

test("the answer to a subscription moves the room on only behind the replay before it", async () => {
  const { state, receive, sync, socket, finish } = following();
  socket.answers = [{ op: "ok", seq: 8 }];
  receive(said("4", 2));
  const done = sync.follow("4");
  await settled();
  assert.equal(state.timelines.get("4").seq, 1, "8 is not reached while 2 is not applied");
  await finish(2);
  await done;
  assert.equal(state.timelines.get("4").seq, 8);
});

test("a sign-out while messages open leaves nothing of them", async () => {
  const { store, state, receive, sync, finish } = following();
  receive(said("4", 2));
  await settled();
  sync.stop();
  store.update({ timelines: new Map(), rooms: new Map() });
  await finish(2);
  assert.deepEqual([state.timelines.size, state.rooms.size], [0, 0]);
});
