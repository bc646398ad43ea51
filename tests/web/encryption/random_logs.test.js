/** Random logs of rooms: what holds for all of them. The server judges the same ones (tests/e2ee_vectors). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { randomWorld, verdictsOf } from "./random_logs/worlds.js";

const WORLDS = 5;
const BATCHES = 40;

test("of random batches many are taken and many are refused, by most of the rules", async () => {
  const rules = new Map();
  for (let seed = 1; seed <= WORLDS; seed += 1) {
    const verdicts = await verdictsOf(await randomWorld(seed, BATCHES));
    for (const { ok, rule } of verdicts) rules.set(ok ? "ok" : rule, (rules.get(ok ? "ok" : rule) ?? 0) + 1);
  }
  assert.ok(rules.get("ok") > (WORLDS * BATCHES) / 4, JSON.stringify([...rules]));
  assert.ok(rules.size >= 10, JSON.stringify([...rules]));
});

test("a log that was taken in batches is taken as one, too, and leads to the same state", async () => {
  for (let seed = 101; seed <= 102; seed += 1) {
    const world = await randomWorld(seed, BATCHES);
    const verdicts = await verdictsOf(world);
    const taken = world.batches.filter((_, at) => verdicts[at].ok).flat();
    const [whole] = await verdictsOf({ ...world, batches: [taken] });
    assert.deepEqual(
      whole,
      verdicts.findLast(({ ok }) => ok),
    );
  }
});

test("in every state somebody is in, roles and intervals agree, and nobody acts beside an able owner", async () => {
  for (let seed = 201; seed <= 202; seed += 1) {
    for (const { state } of await verdictsOf(await randomWorld(seed, BATCHES))) {
      if (!state) continue;
      const members = Object.entries(state.members);
      const open = Object.entries(state.past).filter(([, all]) => all.at(-1)[1] === null);
      assert.ok(members.length > 0);
      assert.deepEqual(open.map(([uid]) => uid).sort(), members.map(([uid]) => uid).sort());
      for (const [uid, [root, role]] of members) assert.deepEqual(state.past[uid].at(-1).slice(2), [root, role]);
      for (const { acting, rank, stale } of state.at) {
        const owners = members.filter(([, [, role]]) => role === "owner").map(([uid]) => uid);
        const able = owners.filter((uid) => !stale.includes(uid) && !state.skipped.includes(uid));
        if (able.length || state.kind === "dm") assert.equal(acting, null);
        if (acting) assert.equal(rank[acting], owners.length ? 2 : 3);
      }
    }
  }
});
