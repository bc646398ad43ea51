/** Pages, gaps and live events of one room: whatever comes first, nothing is lost and no hole is hidden. */
import assert from "node:assert/strict";
import { afterEach, mock, test } from "node:test";
import { Drafts } from "../../web/state/drafts.js";
import { createParts, roomOf, said, settled, timelineOf } from "./sync_parts.js";

const entries = (seqs) => seqs.map((seq) => said("4", seq)).map(({ seq, at, msg }) => ({ seq, at, msg }));
const from = (first, last) => Array.from({ length: last - first + 1 }, (_, n) => first + n);
const page = (seqs, more = false) => ({ messages: entries(seqs), more });
const around = (seqs, before, after) => ({ messages: entries(seqs), more_before: before, more_after: after });
const hello = (seq, more = {}) => ({ op: "hello", uid: "1", rooms: [roomOf("4", { seq, read: seq, ...more })] });

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
  const respond = async (part, status, body) => {
    (await next(part)).resolve({ ok: status === 200, status, json: async () => body, headers: new Map() });
    await settled();
  };
  return {
    asked: () => waiting.map(({ address }) => address.split("?")[1]),
    answer: (part, body) => respond(part, 200, body),
    refuse: (part, status, code) => respond(part, status, { error: { code, message: "" } }),
    async fail(part) {
      (await next(part)).reject(new Error("no connection"));
      await settled();
    },
  };
}

const realFetch = globalThis.fetch;
/** @type {ReturnType<typeof createParts>[]} */
let started = [];
afterEach(() => {
  for (const { sync, reads } of started) {
    sync.stop();
    reads.stop();
  }
  started = [];
  mock.timers.reset();
  globalThis.fetch = realFetch;
});

/** A browser whose server has room 4 with this `seq`. */
function browser(seq, more = {}, state = {}) {
  const parts = createParts(state);
  started.push(parts);
  parts.receive(hello(seq, more));
  return {
    ...parts,
    http: server(),
    timeline: () => parts.state.timelines.get("4"),
    shown: () => parts.state.timelines.get("4").messages.map(({ createdSeq }) => createdSeq),
    room: () => parts.state.rooms.get("4"),
  };
}

/** One that has opened it, knows these messages of it, and follows it. */
function opened(seqs, more = {}) {
  const timelines = new Map([["4", timelineOf(entries(seqs), more)]]);
  return browser(seqs.at(-1), {}, { timelines });
}

/** A browser that opens the room now; its subscription is answered. */
async function opening(seq, more = {}) {
  const parts = browser(seq, more);
  parts.socket.answers = [{ op: "ok", seq, read: seq, unread: 0, mentions: 0, ...more }];
  void parts.rooms.open("4");
  await parts.http.answer("/members", { members: [{ uid: "1" }, { uid: "2" }], total: 2 });
  return parts;
}

const live = (parts, ...seqs) => parts.receive(...seqs.map((seq) => said("4", seq)));

test("a room that is read is opened at its end, and followed from where it stood when it was opened", async () => {
  const parts = await opening(7);
  assert.deepEqual(parts.http.asked(), ["limit=100"]);
  await parts.http.answer("/messages", page([6, 7], true));
  assert.deepEqual(parts.commands, [{ op: "room.subscribe", room: "4", since: 7 }]);
  assert.deepEqual(
    [parts.shown(), parts.room().members],
    [
      [6, 7],
      ["1", "2"],
    ],
  );
  const { loaded, moreBefore, moreAfter, seq } = parts.timeline();
  assert.deepEqual([loaded, moreBefore, moreAfter, seq], [true, true, false, 7]);
});

for (const [unread, read] of [
  [150, 500],
  [1000, 500],
  [40, 0],
]) {
  test(`a room with ${unread} unread messages after ${read} is opened at the first of them`, async () => {
    const parts = await opening(read + unread, { read, unread });
    assert.deepEqual(parts.http.asked(), [`around=${read}&limit=100`]);
    const first = Math.max(1, read - 49);
    await parts.http.answer("around", around(from(first, read + 50), read > 50, unread > 50));
    const { moreAfter, newAfter } = parts.timeline();
    assert.deepEqual([parts.shown()[0], parts.shown().at(-1)], [first, read + 50]);
    assert.deepEqual([moreAfter, newAfter], [unread > 50, Math.max(0, unread - 50)]);
    assert.deepEqual([parts.room().read, parts.room().unread], [read, unread]);
  });
}

test("messages that come live before the first page are there, also if it fails at first", async () => {
  const parts = browser(7);
  parts.socket.answers = [{ op: "ok", seq: 7, read: 7, unread: 0, mentions: 0 }];
  void parts.rooms.open("4");
  await settled();
  live(parts, 8, 9);
  await settled();
  assert.equal(parts.timeline().loaded, false);
  await parts.http.fail("/messages");
  live(parts, 10);
  parts.sync.resume();
  await settled();
  live(parts, 11);
  await parts.http.answer("/messages", page([7, 8, 9, 10]));
  live(parts, 12);
  await settled();
  assert.deepEqual(parts.shown(), [7, 8, 9, 10, 11, 12]);
});

test("a page that the server refuses once is asked for again", async () => {
  const parts = await opening(7);
  await parts.http.refuse("/messages", 503, "unavailable");
  assert.deepEqual(parts.http.asked(), []);
  parts.sync.resume();
  await parts.http.answer("/messages", page([6, 7]));
  assert.deepEqual(parts.shown(), [6, 7]);
});

test("who reads an old message stays there when more was missed than is replayed, and finds the rest", async () => {
  const parts = opened(from(100, 300), { moreBefore: true });
  parts.rooms.lookAt("4", { seq: 187, attends: false });
  parts.receive(hello(1500, { read: 300, unread: 1000 }));
  parts.socket.answers = [{ op: "ok", seq: 1500, truncated: true, read: 300, unread: 1000, mentions: 0 }];
  parts.sync.resume();
  await settled();
  // What was replayed before the answer has holes, and is not shown.
  assert.deepEqual([parts.shown().at(-1), parts.timeline().stale, parts.timeline().newAfter], [300, true, 1000]);
  live(parts, 1501, 1502);
  await parts.http.answer("around=187", around(from(138, 237), true, true));
  assert.deepEqual([parts.shown()[0], parts.shown().at(-1), parts.timeline().stale], [138, 237, false]);
  assert.ok(parts.shown().includes(187));
  void parts.rooms.loadNewer("4");
  await parts.http.answer("after=237", page(from(238, 300), true));
  void parts.rooms.loadNewer("4");
  live(parts, 1503);
  await parts.http.answer("after=300", page([...from(1480, 1501)]));
  assert.deepEqual([parts.shown().at(-1), parts.timeline().moreAfter, parts.timeline().newAfter], [1503, false, 0]);
});

test("what came before a subscription was answered is taken in as a whole, or not at all", async () => {
  const parts = opened([1, 2]);
  parts.socket.answers = [
    new Promise(() => {}),
    { op: "ok", seq: 900, truncated: true, read: 2, unread: 898, mentions: 0 },
  ];
  parts.sync.resume();
  live(parts, 3, 5);
  await settled();
  assert.deepEqual([parts.shown(), parts.timeline().seq], [[1, 2], 2], "4 may come yet");
  // The line breaks: what came is not asked for again.
  parts.receive(hello(900));
  parts.sync.resume();
  assert.equal(parts.commands.at(-1).since, 5);
  await settled();
  assert.deepEqual([parts.shown(), parts.timeline().stale, parts.timeline().seq], [[1, 2], true, 900]);
});

test("a server that was set back replaces what was known, and what waits to be sent stays", async () => {
  const parts = opened(from(1, 100));
  const mine = { ...parts.timeline().messages[0], mid: "mine", createdSeq: 0, seq: 0, status: "pending" };
  parts.pages.reachedPresent = () =>
    parts.state.timelines.set("4", { ...parts.timeline(), messages: [...parts.timeline().messages, mine] });
  parts.receive(hello(60, { read: 50, unread: 10 }));
  assert.deepEqual([parts.room().seq, parts.room().read, parts.room().unread], [60, 50, 10]);
  parts.socket.answers = [{ op: "ok", seq: 60, read: 50, unread: 10, mentions: 0 }];
  parts.sync.resume();
  await settled();
  await parts.http.answer("around=50", around(from(1, 60), false, false));
  assert.deepEqual(parts.shown(), [...from(1, 60), 0]);
  assert.equal(parts.timeline().seq, 60);
  live(parts, 61);
  await settled();
  assert.equal(parts.shown().at(-2), 61);
});

test("what changes while its page is on its way is shown as it is now", async () => {
  const parts = opened([50, 51], { moreBefore: true });
  void parts.rooms.loadOlder("4");
  parts.receive(said("4", 52, { mid: "m49", rev: 1, created_seq: 49, t: "changed" }));
  parts.receive(said("4", 53, { mid: "m3", rev: 1, created_seq: 3, t: "changed, and not in this page" }));
  await parts.http.answer("before=50", page([48, 49], true));
  const { messages, loadingBefore } = parts.timeline();
  assert.deepEqual([messages.map(({ t }) => t), loadingBefore], [["text 48", "changed", "text 50", "text 51"], false]);
});

test("an old message that changes hides no hole between it and what is loaded", async () => {
  const parts = opened([50, 51], { moreBefore: true, moreAfter: true });
  parts.receive(said("4", 62, { mid: "m3", created_seq: 3 }), said("4", 63, { mid: "m60", created_seq: 60 }));
  await settled();
  assert.deepEqual([parts.shown(), parts.timeline().seq], [[50, 51], 63]);
});

test("a page is asked for once, again when it failed, and dropped when its place is gone", async () => {
  const parts = opened(from(50, 60), { moreBefore: true, moreAfter: true });
  void parts.rooms.loadOlder("4");
  void parts.rooms.loadOlder("4");
  assert.deepEqual([parts.http.asked(), parts.timeline().loadingBefore], [["before=50&limit=60"], true]);
  await parts.http.fail("before=50");
  assert.equal(parts.timeline().loadingBefore, true, "it will be asked for again");
  parts.sync.resume();
  await settled();
  const jump = parts.rooms.jumpToPresent("4");
  await parts.http.answer("/messages?limit=100", page(from(900, 950), true));
  await jump;
  await parts.http.answer("before=50", page([48, 49]));
  assert.deepEqual([parts.shown()[0], parts.timeline().moreBefore], [900, true]);
});

test("a message far back is opened by one request, one that is deleted or unknown is told apart", async () => {
  const parts = opened(from(5000, 5010), { moreBefore: true });
  const far = parts.rooms.showAround("4", { mid: "m17" });
  await parts.http.answer("around=m17", around(from(1, 66), false, true));
  assert.deepEqual([await far, parts.shown().length, parts.http.asked()], ["shown", 66, []]);
  assert.equal(await parts.rooms.showAround("4", { mid: "m20" }), "shown");
  const gone = parts.rooms.showAround("4", { mid: "m400" });
  await parts.http.answer("around=m400", {
    ...around([], true, true),
    messages: [{ ...said("4", 400), msg: { ...said("4", 400).msg, kind: "del" } }],
  });
  assert.deepEqual([await gone, parts.shown().length], ["deleted", 66], "the reader stays");
  const unknown = parts.rooms.showAround("4", { mid: "never" });
  await parts.http.refuse("around=never", 404, "not_found");
  assert.equal(await unknown, "missing");
  const first = parts.rooms.showAround("4", { mid: "m900" });
  const second = parts.rooms.showAround("4", { seq: 2000 });
  await parts.http.answer("around=2000", around(from(1950, 2049), true, true));
  await parts.http.answer("around=m900", around(from(850, 949), true, true));
  assert.deepEqual([await first, await second, parts.shown()[0]], ["superseded", "shown", 1950]);
});

test("a link to what is not there leads to the room as it opens", async () => {
  const parts = browser(7);
  const arrival = parts.rooms.showAround("4", { mid: "never" });
  await parts.http.refuse("around=never", 404, "not_found");
  assert.equal(await arrival, "missing");
  await parts.http.answer("/messages?limit=100", page([6, 7]));
  assert.deepEqual(parts.shown(), [6, 7]);
});

test("no more is kept of a room than its bound, and never what is before the reader's eyes", async () => {
  const parts = opened(from(1, 1500));
  parts.rooms.lookAt("4", { seq: 1490, attends: true });
  live(parts, ...from(1501, 1510));
  await settled();
  assert.deepEqual([parts.shown().length, parts.shown()[0], parts.timeline().moreBefore], [1500, 11, true]);
  parts.rooms.lookAt("4", { seq: 100, attends: false });
  live(parts, 1511);
  await settled();
  const { moreAfter, newAfter } = parts.timeline();
  assert.deepEqual([parts.shown()[0], parts.shown().at(-1), moreAfter, newAfter], [11, 1510, true, 1]);
  void parts.rooms.loadOlder("4");
  await parts.http.answer("before=11", page(from(1, 10)));
  assert.deepEqual([parts.shown()[0], parts.shown().at(-1), parts.shown().length], [1, 1500, 1500]);
});

test("the read position never passes what is missing, shows at once, and is sent until the server has it", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const parts = opened([1, 2, 3]);
  mock.timers.tick(0);
  parts.state.rooms.set("4", { ...parts.room(), seq: 3, read: 1, unread: 2 });
  parts.rooms.markRead("4", 2);
  assert.deepEqual([parts.room().read, parts.room().unread], [2, 1]);
  parts.rooms.markRead("4", 99);
  assert.deepEqual([parts.room().read, parts.room().unread], [3, 0], "99 is not here yet");
  const sent = () => parts.commands.filter(({ op }) => op === "read").map(({ seq }) => seq);
  parts.socket.answers = [Promise.reject({ code: "offline" })];
  mock.timers.tick(400);
  assert.deepEqual(sent(), [3]);
  mock.timers.reset();
  await settled();
  parts.receive(hello(4, { read: 1, unread: 3 }));
  parts.reads.resume();
  assert.deepEqual(parts.room().read, 3);
  await settled();
  await settled();
  assert.deepEqual(sent(), [3, 3]);
  parts.reads.resume();
  await settled();
  assert.deepEqual(sent(), [3, 3]);
});

test("what is on screen is read, also if a page brought it before the numbers of the room", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const parts = opened([1, 2]);
  parts.state.rooms.set("4", { ...parts.room(), seq: 1, read: 0, unread: 1 });
  parts.state.timelines.set("4", { ...parts.timeline(), seq: 1 });
  parts.rooms.markRead("4", 2);
  assert.deepEqual([parts.room().read, parts.room().unread], [2, 0]);
});

test("numbers of the server replace those that are known, unless they are older", async () => {
  const { receive, room } = browser(10, { read: 2, unread: 8, mentions: 1 });
  receive({ op: "activity", room: "4", seq: 12, new: 1, unread: 3, mentions: 0 });
  await settled();
  assert.deepEqual([room().unread, room().mentions, room().seq], [3, 0, 12], "also when they are lower");
  receive({ op: "activity", room: "4", seq: 11, new: 1, unread: 9, mentions: 1 });
  receive({ op: "read", room: "4", seq: 12, upto: 11, unread: 0, mentions: 0 });
  receive({ op: "room", room: roomOf("4", { seq: 11, unread: 9, name: "Renamed" }) });
  await settled();
  assert.deepEqual([room().unread, room().read, room().name], [3, 2, "Renamed"]);
  receive({ op: "read", room: "4", seq: 5, upto: 12, unread: 1, mentions: 0 });
  await settled();
  assert.deepEqual([room().unread, room().read], [1, 5]);
});

test("my own message hides nobody else's of the same batch, and mentions of everybody count", async () => {
  const parts = opened([1, 2]);
  parts.receive(said("4", 4, { by: "1" }), said("4", 3, { m: ["all"] }));
  await settled();
  assert.deepEqual(parts.shown(), [1, 2, 3, 4]);
  live(parts, 5);
  await settled();
  assert.equal(parts.room().unread, 1);
});

test("a page that comes after a sign-out is not shown to the next person", async () => {
  const parts = await opening(2);
  parts.sync.stop();
  await parts.http.answer("/messages", page([1, 2, 3]));
  assert.deepEqual(parts.shown(), []);
});

test("a room that is left and opened again begins anew, whatever is on its way", async () => {
  const parts = await opening(7);
  parts.receive({ op: "room", room: { id: "4", gone: true } });
  await settled();
  parts.receive({ op: "room", room: roomOf("4", { seq: 20, read: 20 }) });
  await settled();
  void parts.rooms.open("4");
  await parts.http.answer("/messages?limit=100", page([5, 6, 7]));
  assert.deepEqual(parts.timeline().messages, [], "the page is older than the room");
  await parts.http.answer("/messages?limit=100", page([18, 19, 20], true));
  assert.deepEqual(parts.shown(), [18, 19, 20]);
});

test("of many open rooms the one opened longest ago is left", async () => {
  const parts = createParts();
  started.push(parts);
  server();
  const ids = from(1, 13).map(String);
  parts.receive({ op: "hello", uid: "1", rooms: ids.map((id) => roomOf(id)) });
  for (const id of ids) void parts.rooms.open(id);
  assert.equal(parts.state.timelines.size, 12);
  assert.deepEqual(
    parts.commands.filter(({ op }) => op === "room.unsubscribe"),
    [{ op: "room.unsubscribe", room: "1" }],
  );
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

test("a draft that was typed before my keys were open stands below the one that was kept", () => {
  const { store, state } = createParts();
  const drafts = new Drafts(store, () => true);
  const kept = new Map([
    ["4", "old"],
    ["5", "kept"],
  ]);
  const shelf = {
    keep: (room, text) => void kept.set(room, text),
    recall: (room) => kept.get(room),
    keysOf: () => [...kept.keys()],
    watchKeptUnder: () => () => {},
  };
  drafts.set("4", "new");
  for (let times = 0; times < 2; times += 1) drafts.startSealed(shelf);
  assert.deepEqual([...state.drafts], [...kept]);
  assert.deepEqual([kept.get("4"), kept.get("5")], ["old\nnew", "kept"]);
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
