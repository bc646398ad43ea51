/** Pages, gaps and live events of one room: whatever comes first, nothing is lost and no hole is hidden. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Drafts } from "../../web/state/drafts.js";
import { RoomActions } from "../../web/state/room_actions.js";
import { createParts, roomOf, said, settled, timelineOf } from "./sync_parts.js";

const page = (seqs, more = false) => ({
  messages: seqs.map((seq) => said("4", seq)).map(({ seq, at, msg }) => ({ seq, at, msg })),
  more,
});
const shown = (state) => state.timelines.get("4").messages.map(({ createdSeq }) => createdSeq);
const hello = (seq) => ({ op: "hello", uid: "1", rooms: [roomOf("4", { seq })] });

/** Answers calls when it is told to. */
function server() {
  const waiting = [];
  globalThis.fetch = (address) => new Promise((resolve, reject) => void waiting.push({ address, resolve, reject }));
  const next = async (part) => {
    await settled();
    const found = waiting.findIndex(({ address }) => address.includes(part));
    assert.ok(found >= 0, `${part} was not asked for, but ${waiting.map(({ address }) => address)}`);
    return waiting.splice(found, 1)[0];
  };
  return {
    waiting,
    async answer(part, body) {
      (await next(part)).resolve({ ok: true, json: async () => body, headers: new Map() });
      await settled();
    },
    async fail(part) {
      (await next(part)).reject(new Error("no connection"));
      await settled();
    },
  };
}

const realFetch = globalThis.fetch;
afterEach(() => {
  globalThis.fetch = realFetch;
});

/** A browser that has opened room 4, of which it knows these messages. */
function opened(seqs, more = {}) {
  const parts = createParts({
    timelines: new Map([
      [
        "4",
        timelineOf(
          seqs.map((seq) => said("4", seq)),
          more,
        ),
      ],
    ]),
  });
  parts.receive(hello(seqs.at(-1)));
  return { ...parts, http: server() };
}

test("what comes live while the newest page is on its way is not lost with what the page replaces", async () => {
  const { state, sync, socket, receive, http } = opened([1, 2]);
  socket.answers = [{ op: "ok", seq: 900, truncated: true }];
  const done = sync.follow("4", 2);
  await settled();
  receive(said("4", 901));
  await http.answer("/messages", page([899, 900], true));
  await done;
  assert.deepEqual(shown(state), [899, 900, 901]);
  assert.deepEqual([state.timelines.get("4").seq, state.timelines.get("4").moreBefore], [901, true]);
});

test("a gap that could not be filled is asked for again, also by the next connection", async () => {
  const { state, sync, socket, receive, commands, http } = opened([1, 2]);
  socket.answers = [{ op: "ok", seq: 900, truncated: true }];
  void sync.follow("4", 2);
  await settled();
  receive(said("4", 901));
  await http.fail("/messages");
  assert.equal(state.timelines.get("4").seq, 901);

  // The line breaks before the page is read: what came live must not hide what is missing before it.
  receive(hello(901));
  socket.answers = [{ op: "ok", seq: 901, truncated: true }];
  sync.resume();
  assert.equal(commands.at(-1).since, 2);
  await http.answer("/messages", page([900, 901], true));
  assert.deepEqual(shown(state), [900, 901]);
  assert.equal(state.timelines.get("4").gapAfter, undefined);
  sync.resume();
  assert.equal(commands.at(-1).since, 901);
  sync.stop();
});

test("an old message that changes hides no hole between it and what is loaded", async () => {
  const { state, receive, sync, http } = opened([50, 51], { moreBefore: true });
  receive(said("4", 52, { mid: "m3", created_seq: 3, t: "changed" }));
  await settled();
  assert.deepEqual([shown(state), state.timelines.get("4").seq], [[50, 51], 52]);
  const older = sync.readOlder("4");
  await http.answer("before=50", page([3, 49]));
  await older;
  assert.deepEqual(shown(state), [3, 49, 50, 51]);
});

test("what changes while its page is on its way is shown as it is now", async () => {
  const { state, receive, sync, http } = opened([50, 51], { moreBefore: true });
  const older = sync.readOlder("4");
  receive(said("4", 52, { mid: "m49", rev: 1, created_seq: 49, t: "changed" }));
  receive(said("4", 53, { mid: "m3", rev: 1, created_seq: 3, t: "changed, and not in this page" }));
  await http.answer("before=50", page([48, 49], true));
  await older;
  const { messages, changedBefore } = state.timelines.get("4");
  assert.deepEqual(
    messages.map(({ t }) => t),
    ["text 48", "changed", "text 50", "text 51"],
  );
  assert.equal(changedBefore, undefined);
});

test("an older page is taken in where it was asked for, and a failed one can be asked for again", async () => {
  const { state, sync, http } = opened([50, 51], { moreBefore: true });
  let older = sync.readOlder("4");
  await sync.readOlder("4");
  assert.equal(http.waiting.length, 1, "one at a time");
  await http.fail("before=50");
  await older;
  assert.deepEqual(
    [shown(state), state.timelines.get("4").loading, state.timelines.get("4").moreBefore],
    [[50, 51], false, true],
  );
  older = sync.readOlder("4");
  // Meanwhile the newest page takes the place of all.
  state.timelines = new Map([["4", timelineOf([said("4", 90)], { moreBefore: true, loading: true })]]);
  await http.answer("before=50", page([48, 49]));
  await older;
  assert.deepEqual(shown(state), [90], "its place is gone");
});

test("a page that comes after a sign-out is not shown to the next person", async () => {
  const { state, sync, http } = opened([1, 2]);
  const done = sync.readNewest("4");
  sync.stop();
  await http.answer("/messages", page([1, 2, 3]));
  await done;
  assert.deepEqual(shown(state), [1, 2]);
});

test("a room is opened with its newest page, and followed from where it stood when it was opened", async () => {
  const parts = createParts();
  const { state, receive, commands, store, socket, sync, users } = parts;
  const http = server();
  receive(hello(7));
  const rooms = new RoomActions({ store, socket, sync, users, messages: { showWaiting() {} } });
  const done = rooms.open("4");
  socket.answers = [{ op: "ok", seq: 9 }];
  await http.answer("/members", { members: [{ uid: "1" }, { uid: "2" }], total: 2 });
  await http.answer("/messages", page([6, 7, 8]));
  await done;
  assert.deepEqual(commands, [{ op: "room.subscribe", room: "4", since: 7 }]);
  assert.deepEqual([shown(state), state.timelines.get("4").seq, state.timelines.get("4").loaded], [[6, 7, 8], 9, true]);
  assert.deepEqual(state.rooms.get("4").members, ["1", "2"]);
});

test("of many open rooms the one opened longest ago is left", async () => {
  const { state, commands, store, socket, sync, users } = createParts();
  server();
  const rooms = new RoomActions({ store, socket, sync, users, messages: { showWaiting() {} } });
  for (let id = 1; id <= 13; id += 1) void rooms.open(String(id));
  assert.equal(state.timelines.size, 12);
  assert.deepEqual(commands, [{ op: "room.unsubscribe", room: "1" }]);
});

test("a draft is kept, and draws nothing", async () => {
  const { store, state } = createParts();
  let drawn = 0;
  store.subscribe(() => void (drawn += 1));
  const drafts = new Drafts(store);
  drafts.set("4", "half a sen");
  await settled();
  assert.deepEqual([state.drafts.get("4"), drawn], ["half a sen", 0]);
  state.drafts = new Map();
  drafts.load("1");
  assert.equal(state.drafts.get("4"), "half a sen");
  drafts.set("4", "");
  drafts.load("1");
  assert.equal(state.drafts.size, 0);
});

test("the views are notified once for all changes of a moment", async () => {
  const { store } = createParts();
  const drawn = [];
  const end = store.subscribe(() => drawn.push(store.state.loadingRooms));
  store.update({ loadingRooms: true });
  store.update({ loadingRooms: false });
  store.notifyLater();
  await settled();
  assert.deepEqual(drawn, [false]);
  store.update({});
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(drawn, [false], "a change of nothing draws nothing");
  end();
  store.notifyLater();
  await new Promise((resolve) => setTimeout(resolve, 40));
  assert.deepEqual(drawn, [false]);
});
