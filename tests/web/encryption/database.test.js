/** The database in memory, as it is where nothing can be kept; in a browser `tests/browser/encryption_keys.spec.js`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compareKeys, openDatabase } from "../../../web/platform/database.js";

const keysOf = (rows) => rows.map(({ key }) => key);

test("without IndexedDB everything is held in memory until the page goes", async () => {
  const database = await openDatabase("test");
  assert.equal(database.isKept, false);
  await database.put("meta", "a", { n: 1 });
  assert.deepEqual(await database.get("meta", "a"), { n: 1 });
  assert.equal(await database.get("meta", "b"), undefined);
  assert.equal(await database.get("keys", "a"), undefined, "stores are apart");
  await database.remove("meta", "a");
  assert.equal(await database.get("meta", "a"), undefined);
});

test("keys are in the order of IndexedDB: numbers, texts, lists", () => {
  const ordered = [1, 2, 10, "10", "a", "b", ["a"], ["a", 1], ["a", 2], ["a", "x"], ["b"]];
  const mixed = [...ordered].reverse().sort(compareKeys);
  assert.deepEqual(mixed, ordered);
});

test("ranges name what is under a list, between two keys, the last ones, and so many", async () => {
  const database = await openDatabase("test");
  const keys = [
    ["a", 1],
    ["a", 2],
    ["a", 10],
    ["b", 1],
    ["ab", 1],
  ];
  await database.putAll(
    "cache",
    keys.map((key) => [key, key.join()]),
  );
  assert.deepEqual(keysOf(await database.getAll("cache", { under: ["a"] })), [
    ["a", 1],
    ["a", 2],
    ["a", 10],
  ]);
  assert.deepEqual(keysOf(await database.getAll("cache", { from: ["a", 2], to: ["ab"] })), [
    ["a", 2],
    ["a", 10],
  ]);
  const last = await database.getAll("cache", { under: ["a"], descending: true, limit: 2 });
  assert.deepEqual(keysOf(last), [
    ["a", 10],
    ["a", 2],
  ]);
  await database.removeRange("cache", { under: ["a"] });
  assert.deepEqual(keysOf(await database.getAll("cache")), [
    ["ab", 1],
    ["b", 1],
  ]);
  await database.clear("cache");
  assert.deepEqual(await database.getAll("cache"), []);
});

test("a change sees what the one before it has written, and may remove", async () => {
  const database = await openDatabase("test");
  const add = () => database.change("meta", "n", (old = 0) => old + 1);
  await Promise.all([add(), add(), add()]);
  assert.equal(await database.get("meta", "n"), 3);
  assert.equal(await database.change("meta", "n", () => undefined), undefined);
  assert.deepEqual(await database.getAll("meta"), []);
});

test("several stores change at once, and a closed database keeps nothing", async () => {
  const database = await openDatabase("test");
  await database.write([
    { store: "rooms", key: "r", value: 1 },
    { store: "epochs", key: ["r", 1], value: 2 },
  ]);
  assert.equal(await database.get("epochs", ["r", 1]), 2);
  await database.delete();
  await database.put("rooms", "r", 3);
  assert.equal(await database.get("rooms", "r"), undefined);
});
