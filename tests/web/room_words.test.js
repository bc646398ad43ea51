/** A room is a place, a conversation has people: what stands above its first message and in its field says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { messages as en } from "../../web/locales/en.js";
import { messages as es } from "../../web/locales/es.js";
import { messages as ru } from "../../web/locales/ru.js";
import { roomName } from "../../web/ui/people/people.js";
import { roomWords } from "../../web/ui/people/room_words.js";

const state = { users: new Map([["2", { uid: "2", username: "ada", displayName: "" }]]), blocked: new Set() };
const chat = { id: "5", kind: "dm", name: "", others: ["2"] };

test("a conversation does not begin as a place does, nor is anything written into its people", () => {
  const room = roomWords(state, { id: "4", kind: "open", name: "Tea", others: [] });
  assert.equal(room.beginning, "This is the very beginning of Tea.");
  assert.equal(room.label, "Message to Tea");
  const words = roomWords(state, chat);
  assert.equal(words.beginning, "This is the very beginning of your chat with ada.");
  assert.equal(words.placeholder, "Message ada");
  assert.equal(words.leave, "Leave conversation");
});

test("what is left of a group is not called as the chat that two people have besides", () => {
  const left = { ...chat, peer: "2", wasGroup: true };
  assert.equal(roomName(state, left), "ada (group)");
  assert.equal(roomName(state, { ...chat, peer: "2", wasGroup: false }), "ada");
});

test("no language calls the people of a conversation a room", () => {
  const room = { en: /\broom\b/i, es: /\bsala\b/i, ru: /комнат|Написать в /i };
  for (const [language, messages] of Object.entries({ en, es, ru }))
    for (const key of ["empty_direct", "composer_direct", "composer_direct_label", "leave_group"])
      assert.doesNotMatch(messages[key].replace("{room}", ""), room[language], `${language}: ${key}`);
});
