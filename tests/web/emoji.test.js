/** Emoji by name and by word, in a tone; short names where they stand for themselves. */
import assert from "node:assert/strict";
import { before, test } from "node:test";

const kept = new Map();
/** @type {typeof import("../../web/ui/base/emoji.js")} */
let emoji;
/** @type {typeof import("../../web/ui/base/short_names.js")} */
let names;
const replaced = (/** @type {string} */ text) => names.replaceShortNames(text, emoji.emojiNamed);

before(async () => {
  globalThis.localStorage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => void kept.set(key, value),
    removeItem: (key) => void kept.delete(key),
  };
  emoji = await import("../../web/ui/base/emoji.js");
  names = await import("../../web/ui/base/short_names.js");
  await emoji.loadEmoji();
});

test("the table has every group, each emoji once and in one form, and no name twice", () => {
  const all = emoji.allEmoji();
  assert.ok(all.length > 1800, `${all.length} emoji`);
  assert.equal(new Set(all.map((one) => one.emoji)).size, all.length);
  assert.equal(new Set(all.map((one) => one.group)).size, emoji.GROUP_KEYS.length);
  const short = all.flatMap((one) => one.names);
  assert.equal(new Set(short).size, short.length);
  assert.ok(all.every((one) => one.names[0] && one.words[0]));
  for (const quick of emoji.QUICK)
    assert.ok(
      all.some((one) => one.emoji === quick),
      quick,
    );
});

test("every emoji is called something in each language, and is found by it", async () => {
  for (const [language, typed, found] of [
    ["en", "rocket", "🚀"],
    ["es", "cohete", "🚀"],
    ["ru", "ракета", "🚀"],
  ]) {
    const { words } = await import(`../../web/locales/emoji.${language}.js`);
    const all = words.replaceAll("\n", "").split(";");
    assert.equal(all.length, emoji.allEmoji().length, language);
    const at = emoji.allEmoji().findIndex((one) => one.emoji === found);
    assert.ok(all[at].split(",").includes(typed), `${language}: ${all[at]}`);
  }
});

test("an emoji is found by its names, aliases and words, those that begin so first", () => {
  const found = (/** @type {string} */ typed) => emoji.findEmoji(typed, 8).map((one) => one.emoji);
  assert.equal(found("+1")[0], "👍");
  assert.equal(found("thumbsup")[0], "👍");
  assert.equal(found(":tada:")[0], "🎉");
  assert.equal(found("rocke")[0], "🚀");
  assert.equal(found("fir")[0], "🔥", "the shortest name");
  assert.equal(emoji.findEmoji("thumbsu", 1)[0].name, "thumbsup");
  assert.ok(found("grinning face").includes("😀"));
  assert.ok(found("party").includes("🎉"));
  assert.deepEqual(found("no such thing"), []);
});

test("an emoji takes the tone that was chosen, if it has tones", () => {
  const one = (/** @type {string} */ name) => emoji.allEmoji().find((each) => each.names.includes(name));
  assert.equal(emoji.inTone(one("+1"), 3), "👍🏽");
  assert.equal(emoji.inTone(one("woman_astronaut"), 5), "👩🏿‍🚀");
  assert.equal(emoji.inTone(one("point_up"), 1), "☝🏻");
  assert.equal(emoji.inTone(one("rocket"), 3), "🚀");
  emoji.chooseTone(3);
  assert.equal(replaced(":+1: :rocket:"), "👍🏽 🚀");
  emoji.chooseTone(0);
  assert.equal(replaced(":+1:"), "👍");
});

test("a short name counts as a whole word", () => {
  for (const [text, expected] of [
    [":tada:", "🎉"],
    ["so :tada: it is", "so 🎉 it is"],
    ["(:tada:)", "(🎉)"],
    ["done :tada:!", "done 🎉!"],
    [":tada::+1:", "🎉👍"],
    ["**:tada:**", "**🎉**"],
    ["好的:tada:。", "好的🎉。"],
    ["🎉:tada:", "🎉🎉"],
    ["> :tada:\n:+1:", "> 🎉\n👍"],
  ])
    assert.equal(replaced(text), expected);
  for (const text of [
    "at 12:100:30",
    "https://example.com/a:key:b",
    "see https://example.com/:key: there",
    "foo:lock:bar",
    "a:key:",
    ":key:b",
    ":no_such_name:",
    ": key :",
    ":key",
    "10:lock:20:key:30",
  ])
    assert.equal(replaced(text), text);
});

test("no short name is replaced in code", () => {
  for (const text of [
    "`docker run -p 80:100:tcp`",
    "` :key: `",
    "```\nb: foo:lock:bar\n:key:\n```",
    "```\n:key: and no end",
    "a `b :key: c` d",
  ])
    assert.equal(replaced(text), text);
  assert.equal(replaced("`a` :key: `b"), "`a` 🔑 `b");
  assert.equal(replaced("```\na\n``` :key:"), "```\na\n``` 🔑");
});

test("texts of any kind are read in linear time", () => {
  const cost = (/** @type {string} */ text) => {
    const began = process.cpuUsage();
    replaced(text);
    const { user, system } = process.cpuUsage(began);
    return user + system;
  };
  for (const token of [
    ":",
    ":a",
    ":a:",
    ":+1:",
    "`",
    "```",
    "``` `",
    "http://[x",
    "http://a:key:",
    "h",
    ": :",
    "李:a:",
  ]) {
    const [short, long] = [token.repeat(8_000 / token.length), token.repeat(32_000 / token.length)];
    const once = Math.min(...Array.from({ length: 5 }, () => cost(short)));
    const bound = 10 * once + 10_000;
    const best = Math.min(...Array.from({ length: 3 }, () => cost(long)));
    assert.ok(best <= bound, `${JSON.stringify(token)}: ${once} µs, and ${best} µs for four times as much`);
  }
});
