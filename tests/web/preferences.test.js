import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import {
  addRecentRoom,
  forgetRecentRooms,
  preferences,
  recentRooms,
  takeOldLevels,
} from "../../web/platform/preferences.js";
import { keep, keysOf, recall } from "../../web/platform/storage.js";
import { rememberedAccount } from "../../web/state/remembered.js";

const kept = new Map();
const storage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => void kept.set(key, value),
  removeItem: (key) => void kept.delete(key),
  key: (at) => [...kept.keys()][at] ?? null,
  get length() {
    return kept.size;
  },
};
const full = {
  ...storage,
  setItem() {
    throw new Error("full");
  },
};

beforeEach(() => {
  kept.clear();
  globalThis.localStorage = storage;
});

test("a choice is kept as older versions kept it, and an empty one goes back to the system's", () => {
  kept.set("impulse.theme", "dark");
  assert.equal(preferences.get("theme"), "dark");
  preferences.set("language", "es");
  assert.equal(kept.get("impulse.language"), "es");
  preferences.set("language", "");
  assert.deepEqual([kept.has("impulse.language"), preferences.get("language")], [false, null]);
});

test("where nothing can be kept a choice lasts as long as the page", () => {
  globalThis.localStorage = full;
  preferences.set("theme", "light");
  assert.equal(preferences.get("theme"), "light");
  keep("outbox.1.a", { a: 1 });
  assert.deepEqual([recall("outbox.1.a"), keysOf("outbox.")], [{ a: 1 }, ["outbox.1.a"]]);
  globalThis.localStorage = storage;
  preferences.set("theme", "");
  keep("outbox.1.a", null);
  assert.deepEqual([preferences.get("theme"), keysOf("outbox.")], [null, []]);
});

test("what is kept and cannot be read is as if it were not there", () => {
  kept.set("impulse.account", "{half");
  kept.set("impulse.recent", '{"no":"list"}');
  assert.deepEqual([recall("account"), recentRooms()], [null, []]);
});

test("the rooms that were open last: each once, the latest first, no more than thirty", () => {
  for (let id = 1; id <= 40; id += 1) addRecentRoom(String(id));
  addRecentRoom("20");
  assert.deepEqual([recentRooms().length, recentRooms().slice(0, 3)], [30, ["20", "40", "39"]]);
  forgetRecentRooms();
  assert.deepEqual(recentRooms(), []);
});

test("levels from when each browser kept its own are taken once", () => {
  kept.set("impulse.notify.4", '"all"');
  assert.deepEqual(takeOldLevels(), [{ room: "4", level: "all" }]);
  assert.deepEqual(takeOldLevels(), []);
});

test("what is kept in the place of an account and is none is nobody", () => {
  const account = { uid: "7", username: "anna", displayName: "Anna" };
  for (const odd of [5, "x", [], {}, { uid: 7, username: "anna" }, { ...account, text: {} }, { uid: "7" }]) {
    keep("account", odd);
    assert.equal(rememberedAccount(), null, JSON.stringify(odd));
  }
  keep("account", account);
  assert.deepEqual(rememberedAccount(), account);
});
