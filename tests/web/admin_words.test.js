import assert from "node:assert/strict";
import { test } from "node:test";
import { messages as en } from "../../web/locales/admin.en.js";
import { messages as es } from "../../web/locales/admin.es.js";
import { messages as ru } from "../../web/locales/admin.ru.js";
import { ACTION_GROUPS, actionName, detailWords } from "../../web/ui/admin/audit_words.js";
import { stateOf } from "../../web/state/invitations.js";
import { distanceOf } from "../../web/ui/base/dates.js";
import { calendarDay, rate, short, span, whole } from "../../web/ui/admin/numbers.js";
import { sizeText } from "../../web/ui/base/file_words.js";
import { addWords } from "../../web/ui/base/words.js";

const plain = (text) => text.replaceAll(/[\u00a0\u202f]/g, " ");
const holes = (entry) => [...new Set(JSON.stringify(entry).match(/\{\w+\}/g))].sort();

addWords({ en, es, ru });

test("every word of the administration is there in every language, with its values and plural forms", () => {
  for (const [tag, words] of Object.entries({ ru, es })) {
    assert.deepEqual(Object.keys(words).sort(), Object.keys(en).sort(), tag);
    const forms = tag === "ru" ? ["few", "many", "one", "other"] : ["one", "other"];
    for (const [key, entry] of Object.entries(words)) {
      assert.deepEqual(holes(entry), holes(en[key]), `${tag}: ${key}`);
      assert.equal(typeof entry, typeof en[key], `${tag}: ${key}`);
      if (typeof entry === "object") assert.deepEqual(Object.keys(entry).sort(), forms, `${tag}: ${key}`);
    }
  }
});

test("every action of the log has a name", () => {
  for (const name of ACTION_GROUPS.flatMap(([, names]) => names)) assert.notEqual(actionName(name), name);
  assert.equal(actionName("future.action"), "future.action");
});

test("what changed is said in words, and an unknown field is not hidden", () => {
  const entry = { n: 1, at: 0, actor: { uid: "1", name: "a" }, action: "settings.update", target: null, hash: "" };
  const words = (detail) => detailWords({ ...entry, detail });
  assert.deepEqual(words({ registration: { from: "open", to: "invite" } }), ["Registration: open → by invitation"]);
  assert.deepEqual(words({ users_max: { from: null, to: 5000 } }), ["Most accounts: – → 5,000"]);
  assert.deepEqual(words({ compromised: true, flavour: "mint" }), [
    "Somebody else may know the password: yes",
    "flavour: mint",
  ]);
  assert.deepEqual(
    words({
      rooms: [
        { id: "1", name: "General" },
        { id: "3", name: "Help" },
      ],
      topic: "",
      usesMax: null,
    }),
    ["Rooms: General, Help"],
  );
  assert.deepEqual(words({ rooms: [] }), []);
  assert.deepEqual(words({ room: "4", room_name: "Garden", role: "admin" }), ["Room: Garden", "Role: admin"]);
  assert.ok(words({ topic: "x".repeat(1000) })[0].length < 140);
});

test("an invitation is live until it is revoked, expired or used up", () => {
  const invite = { revoked: false, expiresAt: 2_000, uses: 1, usesMax: 2 };
  assert.equal(stateOf(invite, 1_000), "live");
  assert.equal(stateOf(invite, 2_000), "expired");
  assert.equal(stateOf({ ...invite, uses: 2 }, 1_000), "used");
  assert.equal(stateOf({ ...invite, expiresAt: null, uses: 9, usesMax: null }, 1_000), "live");
  assert.equal(stateOf({ ...invite, revoked: true }, 1_000), "revoked");
});

test("numbers, sizes and times follow the reader's language", () => {
  assert.equal(whole(1_204_311, "en"), "1,204,311");
  assert.equal(plain(whole(1_204_311, "ru")), "1 204 311");
  assert.equal(rate(14.26, "es"), "14,3");
  assert.equal(rate(3_120.4, "en"), "3,120");
  assert.equal(short(60_000, "en"), "60K");
  assert.equal(plain(sizeText(148 * 1024 * 1024, "en")), "148 MB");
  assert.equal(plain(sizeText(1.5 * 1024 ** 3, "ru")), "1,5 ГБ");
  assert.equal(plain(span(302_433, "short", "en")), "3 days 12 hr");
  assert.equal(plain(span(59, "short", "en")), "59 sec");
  assert.equal(plain(span(0, "short", "en")), "0 sec");
  assert.equal(plain(span(7 * 86_400, "short", "en")), "7 days");
  assert.equal(distanceOf(1_000_000 - 3 * 3_600_000, 1_000_000, "en"), "3 hours ago");
  assert.equal(distanceOf(1_000_000 + 2 * 86_400_000, 1_000_000, "es"), "pasado mañana");
  assert.equal(distanceOf(1_000_000 - 59_000, 1_000_000, "en"), "now");
  assert.equal(calendarDay("2026-11-23", "en-GB"), "23 Nov");
});
