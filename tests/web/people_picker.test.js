import assert from "node:assert/strict";
import { test } from "node:test";
import { meaningOf } from "../../web/ui/rooms/people_picker.js";

const EMPTY = { text: "", marked: false, chosen: 0 };

test("Enter takes the found one, and in an empty field means that all are chosen", () => {
  assert.equal(meaningOf("Enter", EMPTY), "done");
  assert.equal(meaningOf("Enter", { ...EMPTY, text: "  " }), "done");
  assert.equal(meaningOf("Enter", { ...EMPTY, text: "ad" }), "take");
  assert.equal(meaningOf("Enter", { ...EMPTY, marked: true }), "take");
});

test("Backspace takes the last one back only where there is nothing to delete", () => {
  assert.equal(meaningOf("Backspace", { ...EMPTY, chosen: 2 }), "remove");
  assert.equal(meaningOf("Backspace", EMPTY), null);
  assert.equal(meaningOf("Backspace", { ...EMPTY, text: " ", chosen: 2 }), null);
});

test("the arrows walk the list, and every other key belongs to the field", () => {
  assert.equal(meaningOf("ArrowDown", EMPTY), "down");
  assert.equal(meaningOf("ArrowUp", EMPTY), "up");
  assert.equal(meaningOf("a", EMPTY), null);
});
