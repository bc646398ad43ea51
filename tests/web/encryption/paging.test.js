// What is read page by page ends, says why it could not go on, and goes on where it was stopped.
import assert from "node:assert/strict";
import { test } from "node:test";
import { RoomKeys } from "../../../web/state/encryption/room_keys.js";
import { Search } from "../../../web/state/encryption/search.js";

/** A history of messages "1" to "9", three to a page; `read` may be replaced. */
function searchOver(text) {
  const ways = {
    read: async ({ before = 10 }) => ({ from: Math.max(1, before - 3), to: before - 1, moreBefore: before > 4 }),
    open: async ({ from, to }, _where, apply) => {
      const places = Array.from({ length: to - from + 1 }, (_, at) => from + at);
      apply(places.map((at) => ({ mid: `${at}`, createdSeq: at, at, kind: "msg", verdict: "ok", t: `egg ${at}` })));
      return true;
    },
  };
  return { ways, search: new Search(text, ways) };
}

const mids = ({ found }) => found.map(({ mid }) => mid);

test("a search that was stopped adds nothing of its page, and goes on with it", async () => {
  const { search } = searchOver("egg");
  await search.more();
  const stopped = search.more();
  assert.ok(search.isRunning);
  search.stop();
  assert.ok(!search.isRunning);
  await stopped;
  assert.deepEqual(mids(search), ["9", "8", "7"]);
  await search.more();
  await search.more();
  assert.deepEqual([mids(search).at(-1), search.isComplete], ["1", true]);
});

test("a search that fails says why, and goes on", async () => {
  const { ways, search } = searchOver("egg");
  const { read } = ways;
  ways.read = async () => Promise.reject({ code: "network" });
  await search.more();
  assert.deepEqual([search.error, search.isRunning], [{ code: "network" }, false]);
  ways.read = read;
  await search.more();
  assert.deepEqual([search.error, mids(search)], [null, ["9", "8", "7"]]);
});

test("a server that tells the same wraps again and again is not asked for ever", async () => {
  let asked = 0;
  const readWraps = async () => {
    asked += 1;
    return { wraps: [{ epoch: 9, gen: 1, w: "" }], shut: [], why: null, needed: [] };
  };
  const database = { getAll: async () => [], get: async () => undefined, put: async () => {} };
  const parts = { database, calls: { readWraps }, identity: () => null, now: () => 0 };
  const keys = new RoomKeys(parts, { id: "4", name: "room", state: null });
  assert.equal(await keys.get(3), null);
  assert.equal(asked, 2);
  assert.equal((await keys.all()).length, 1);
  assert.equal(asked, 4);
});
