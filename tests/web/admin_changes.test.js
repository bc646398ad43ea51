import assert from "node:assert/strict";
import { test } from "node:test";
import { changesBetween, valuesReplaced } from "../../web/ui/admin/changes.js";

const SAVED = { name: "Impulse", registration: "open", usersMax: null };

test("only what differs is sent", () => {
  assert.deepEqual(changesBetween(SAVED, { ...SAVED }), {});
  assert.deepEqual(changesBetween(SAVED, { ...SAVED, name: "Home", usersMax: 5 }), { name: "Home", usersMax: 5 });
});

test("what a change replaces takes it back, a limit that was not set included", () => {
  const change = { name: "Home", usersMax: 5 };
  const undo = valuesReplaced(SAVED, change);
  assert.deepEqual(undo, { name: "Impulse", usersMax: null });
  assert.deepEqual({ ...SAVED, ...change, ...undo }, SAVED);
});
