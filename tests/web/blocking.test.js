import assert from "node:assert/strict";
import { test } from "node:test";
import { roomFromWire } from "../../web/net/wire.js";
import { unreadAfter } from "../../web/state/messages.js";
import { may } from "../../web/state/rights.js";
import { chosenNameOf, nameOf } from "../../web/ui/people/people.js";
import { createParts, settled } from "./sync_parts.js";

const WIRE = { id: "4", kind: "dm", role: "member", seq: 5, read: 5, members: 2, with: ["2"] };

/** What the state becomes by these events. */
async function after(...events) {
  const users = new Map([
    ["2", { uid: "2" }],
    ["3", { uid: "3" }],
  ]);
  const { state, receive, sync } = createParts({ users, loadingRooms: true });
  for (const event of events) {
    receive(event);
    await settled();
  }
  sync.stop();
  return state;
}

const hello = (room = {}, blocked) => ({
  op: "hello",
  uid: "1",
  rooms: [{ ...WIRE, ...room }],
  ...(blocked ? { blocked } : {}),
});
const said = (seq, by, m = []) => ({
  op: "msg",
  room: "4",
  seq,
  at: seq,
  msg: { mid: `m${seq}`, rev: 0, kind: "msg", by, created: seq, created_seq: seq, t: "x", m },
});

test("whom I have blocked is known from the first frame on and from another of my browsers", async () => {
  assert.deepEqual([...(await after(hello({}, ["2"]))).blocked], ["2"]);
  assert.deepEqual([...(await after(hello({}, ["2"]), { op: "blocks", blocked: ["3", "2"] })).blocked], ["3", "2"]);
  assert.deepEqual([...(await after(hello({}, ["2"]), hello())).blocked], [], "a later hello without any");
});

test("mentions of a blocked person do not count, and other people's do", async () => {
  const room = (state) => [state.rooms.get("4").unread, state.rooms.get("4").mentions];
  assert.deepEqual(room(await after(hello({}, ["2"]), said(6, "2", ["1"]), said(7, "3", ["1"]))), [2, 1]);
  const list = [6, 7].map((createdSeq, n) => ({ createdSeq, by: ["2", "3"][n], kind: "msg", m: ["1"] }));
  assert.deepEqual(unreadAfter(list, { read: 5, seq: 99 }, { me: { uid: "1" }, blocked: new Set(["2"]) }), {
    unread: 2,
    mentions: 1,
  });
});

test("nobody blocked is seen typing, also who was when it happened", async () => {
  const typing = { op: "typing", room: "4", uid: "2" };
  assert.deepEqual((await after(hello({}, ["2"]), typing)).typing.get("4") ?? [], []);
  assert.deepEqual((await after(hello(), typing, { op: "blocks", blocked: ["2"] })).typing.get("4"), []);
});

test("a hidden chat comes back with something new, and with nothing else", async () => {
  const hidden = async (...events) => (await after(hello({ hidden: true }), ...events)).rooms.get("4").hidden;
  assert.equal(await hidden(), true);
  const old = said(4, "2");
  assert.equal(await hidden({ ...old, seq: 6 }), true, "an old message changed");
  assert.equal(await hidden({ op: "activity", room: "4", seq: 6, new: 0 }), true);
  assert.equal(await hidden(said(6, "2")), false);
  assert.equal(await hidden({ op: "activity", room: "4", seq: 6, new: 1 }), false);
  assert.equal(await hidden({ op: "room", room: WIRE }), false);
  assert.equal(roomFromWire(WIRE).hidden, false);
});

test("nobody writes where one has blocked the other, and nobody loses anything else by it", () => {
  assert.equal(may({ role: "member", blocked: true }, { kind: "dm" }, "write"), false);
  assert.equal(may({ role: "member", blocked: true }, { kind: "dm" }, "read"), true);
});

test("whoever could be taken for another person is shown with the user name beside the name", () => {
  const users = new Map([
    ["1", { uid: "1", username: "ana", displayName: "Sam", ambiguous: true }],
    ["2", { uid: "2", username: "sam" }],
    ["3", { uid: "3", username: "", removed: true, ambiguous: true }],
  ]);
  assert.equal(nameOf({ users }, "1"), "Sam (@ana)");
  assert.equal(nameOf({ users }, "2"), "sam");
  assert.ok(!nameOf({ users }, "3").includes("@"));
  assert.equal(chosenNameOf({ users }, "1"), "Sam");
});
