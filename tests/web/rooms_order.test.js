/** In which order Ctrl+K offers rooms and people. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { rankTargets } from "../../web/ui/shell/switcher_order.js";

const room = (id, name, more = {}) => ({
  name,
  room: { id, favourite: false, archived: false, ...more },
  calls: { unread: 0, mentions: 0, ...more },
});
const names = (targets, wish) =>
  rankTargets(targets, { typed: "", open: null, recent: [], ...wish }).map(({ name }) => name);

test("nothing typed: what calls, then what was looked at last, then favourites; the open room last", () => {
  const targets = [
    room("1", "Open now", { mentions: 5, unread: 5 }),
    room("2", "Plain"),
    room("3", "Favourite", { favourite: true }),
    room("4", "Put away", { archived: true }),
    room("5", "Older"),
    room("6", "Latest"),
    room("7", "Unread", { unread: 2 }),
    room("8", "Mentioned", { unread: 1, mentions: 1 }),
    room("9", "Muted"),
    { name: "Zoe", uid: "9" },
  ];
  assert.deepEqual(names(targets, { open: "1", recent: ["1", "6", "5"] }), [
    "Mentioned",
    "Unread",
    "Latest",
    "Older",
    "Favourite",
    "Muted",
    "Plain",
    "Put away",
    "Open now",
  ]);
});

test("typed letters: names that begin so, words, anything inside; the last looked at first among equals", () => {
  const targets = [
    room("1", "Old garden"),
    room("2", "Gardeners"),
    room("3", "Garden"),
    room("4", "Agar"),
    { name: "Anna", also: "gardener", uid: "7" },
    room("5", "Kitchen"),
  ];
  assert.deepEqual(names(targets, { typed: "GARD", recent: ["3"] }), ["Garden", "Anna", "Gardeners", "Old garden"]);
  assert.deepEqual(names(targets, { typed: "gar" }), ["Anna", "Garden", "Gardeners", "Old garden", "Agar"]);
  assert.deepEqual(names(targets, { typed: "nothing like it" }), []);
});

test("marks, case and a leading # or @ do not matter, in any script", () => {
  const targets = [room("1", "Café"), room("2", "Йога"), room("3", "Ёлки")];
  assert.deepEqual(names(targets, { typed: "#cafe" }), ["Café"]);
  assert.deepEqual(names(targets, { typed: "йОГ" }), ["Йога"]);
  assert.deepEqual(names(targets, { typed: "@елк" }), ["Ёлки"]);
});

test("rooms to join come behind my own, also when only their topic fits", () => {
  const notAMember = (name) => ({ name, notAMember: { id: name, name, kind: "open", members: 3 } });
  assert.deepEqual(
    names([notAMember("Peas"), room("1", "Spring peas"), notAMember("By its topic")], { typed: "peas" }),
    ["Spring peas", "Peas", "By its topic"],
  );
  assert.deepEqual(names([notAMember("Peas")], {}), []);
});
