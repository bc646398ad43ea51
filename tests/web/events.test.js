import assert from "node:assert/strict";
import { test } from "node:test";
import { createEvents } from "../../web/state/events.js";

const wire = (id, name = `Room ${id}`) => ({
  id,
  name,
  kind: "open",
  role: "member",
  seq: 0,
  read: 0,
  unread: 0,
  mentions: 0,
  members: 1,
});

function client() {
  const state = {
    rooms: new Map(),
    timelines: new Map(),
    users: new Map(),
    typing: new Map(),
    me: { uid: "1" },
    loadingRooms: true,
  };
  const asked = [];
  const socket = {
    answers: [],
    command: (op, fields) => {
      asked.push({ op, ...fields });
      return socket.answers.shift();
    },
  };
  const events = createEvents({ state, changed() {}, socket, freshenUsers() {} });
  return { state, events, socket, asked, names: () => [...state.rooms.values()].map((room) => room.name).sort() };
}

test("rooms that are named in parts are all there when the last part is, and none is gone before", () => {
  const { state, events, names } = client();
  events.apply({ op: "hello", uid: "1", rooms: [wire("1"), wire("2"), wire("3")], heartbeat_ms: 30000 });
  assert.deepEqual([names(), state.loadingRooms], [["Room 1", "Room 2", "Room 3"], false]);

  // After a reconnect: 2 was left meanwhile, 3 is renamed and comes last.
  state.loadingRooms = true;
  events.apply({ op: "hello", uid: "1", rooms: [wire("1")], heartbeat_ms: 30000, more: true });
  assert.deepEqual([names(), state.loadingRooms], [["Room 1", "Room 2", "Room 3"], true]);
  events.apply({ op: "room", room: wire("9", "Joined") });
  events.apply({ op: "rooms", rooms: [wire("3", "Renamed")], more: true });
  events.apply({ op: "rooms", rooms: [wire("4")], more: false });
  assert.deepEqual([names(), state.loadingRooms], [["Joined", "Renamed", "Room 1", "Room 4"], false]);
});

test("a subscription that is refused for a moment is asked for again behind what has come", async () => {
  const { state, events, socket, asked } = client();
  events.apply({ op: "hello", uid: "1", rooms: [wire("1")], heartbeat_ms: 30000 });
  state.timelines.set("1", { messages: [], loaded: true, seq: 4 });
  socket.answers = [
    Promise.reject({ op: "err", code: "unavailable", retry_ms: 5 }),
    Promise.resolve({ op: "ok", seq: 9 }),
  ];
  const following = events.follow("1", 4);
  state.timelines.set("1", { messages: [], loaded: true, seq: 7 });
  await following;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(
    asked.map(({ op, since }) => [op, since]),
    [
      ["room.subscribe", 4],
      ["room.subscribe", 7],
    ],
  );
  assert.equal(state.timelines.get("1").seq, 9);
});
