import assert from "node:assert/strict";
import { test } from "node:test";
import { createParts, roomOf, said, settled, timelineOf } from "./sync_parts.js";

const names = (state) => [...state.rooms.values()].map((room) => room.name).sort();

test("rooms that are named in parts are all there when the last part is, and none is gone before", async () => {
  const { state, receive } = createParts({ loadingRooms: true });
  receive({ op: "hello", uid: "1", rooms: [roomOf("1"), roomOf("2"), roomOf("3")], heartbeat_ms: 30000 });
  assert.deepEqual([names(state), state.loadingRooms], [["Room 1", "Room 2", "Room 3"], false]);

  // After a reconnect: 2 was left meanwhile, 3 is renamed and comes last.
  state.loadingRooms = true;
  receive({ op: "hello", uid: "1", rooms: [roomOf("1")], heartbeat_ms: 30000, more: true });
  assert.deepEqual([names(state), state.loadingRooms], [["Room 1", "Room 2", "Room 3"], true]);
  receive(
    { op: "room", room: roomOf("9", { name: "Joined" }) },
    { op: "rooms", rooms: [roomOf("3", { name: "Renamed" })], more: true },
    { op: "rooms", rooms: [roomOf("4")], more: false },
  );
  await settled();
  assert.deepEqual([names(state), state.loadingRooms], [["Joined", "Renamed", "Room 1", "Room 4"], false]);
});

test("a room that is known and told of between two parts keeps what only this browser has asked for", async () => {
  const { state, receive } = createParts();
  receive({ op: "hello", uid: "1", rooms: [roomOf("9")] });
  state.rooms.get("9").members = ["1", "2"];
  receive(
    { op: "hello", uid: "1", rooms: [], more: true },
    { op: "room", room: roomOf("9", { name: "Renamed" }) },
    { op: "rooms", rooms: [], more: false },
  );
  await settled();
  assert.deepEqual([names(state), state.rooms.get("9").members], [["Renamed"], ["1", "2"]]);
});

test("a subscription that is refused for a moment is asked for again behind what has come", async () => {
  const { state, receive, sync, socket, commands } = createParts();
  receive({ op: "hello", uid: "1", rooms: [roomOf("1")], heartbeat_ms: 30000 });
  state.timelines.set("1", timelineOf([said("1", 4)]));
  socket.answers = [Promise.reject({ op: "err", code: "unavailable", retryMs: 5 }), { op: "ok", seq: 9 }];
  const following = sync.follow("1");
  receive(said("1", 6), said("1", 7));
  await following;
  await new Promise((resolve) => setTimeout(resolve, 30));
  assert.deepEqual(
    commands.map(({ op, since }) => [op, since]),
    [
      ["room.subscribe", 4],
      ["room.subscribe", 7],
    ],
  );
  assert.equal(state.timelines.get("1").seq, 9);
});
