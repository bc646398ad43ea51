/** What calls for attention: one rule for badges, title, icon, keys and notifications. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attentionOf, attentionOfAll } from "../../web/state/attention.js";
import { roomFromWire } from "../../web/net/wire.js";
import { emptyState } from "../../web/state/store.js";
import { roomOf } from "./sync_parts.js";

/** @param {...Record<string, unknown>} wires */
const stateOf = (...wires) => {
  const rooms = wires.map((more, n) => roomFromWire(roomOf(String(n + 1), { unread: 3, mentions: 1, ...more })));
  return { ...emptyState(), rooms: new Map(rooms.map((room) => [room.id, room])) };
};

test("rooms call for attention with what is unread in them", () => {
  const state = stateOf({}, { kind: "dm", with: ["2"] }, { unread: 0, mentions: 0 });
  assert.deepEqual(attentionOf(state, state.rooms.get("1")), { unread: 3, mentions: 1 });
  assert.deepEqual(attentionOfAll(state), { unread: 6, mentions: 2 });
});

test("muted, hidden and blocked rooms, and the one that is being read, call for nothing", () => {
  const state = stateOf(
    { notify: "none" },
    { kind: "dm", with: ["2"], hidden: true },
    { kind: "dm", with: ["7"] },
    { kind: "open" },
  );
  state.blocked = new Set(["7"]);
  state.attended = "4";
  for (const room of state.rooms.values()) assert.deepEqual(attentionOf(state, room), { unread: 0, mentions: 0 });
  assert.deepEqual(attentionOfAll(state), { unread: 0, mentions: 0 });
  state.attended = null;
  assert.deepEqual(attentionOfAll(state), { unread: 3, mentions: 1 });
});
