import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { messages as en } from "../../web/locales/en.js";
import { messages as es } from "../../web/locales/es.js";
import { messages as ru } from "../../web/locales/ru.js";
import { STOPPING } from "../../web/state/encryption/encryption.js";
import { deviceText } from "../../web/ui/base/devices.js";
import { errorText } from "../../web/ui/base/i18n.js";
import { refusal } from "../../web/ui/base/refusals.js";

/** The places for values in all forms of a text. */
const places = (entry) =>
  [
    ...new Set(
      [
        ...Object.values(typeof entry === "string" ? { entry } : entry)
          .join(" ")
          .matchAll(/\{(\w+)\}/g),
      ].map(([, name]) => name),
    ),
  ].sort();

for (const [language, messages] of Object.entries({ es, ru })) {
  test(`every text is there in ${language}, with the same values`, () => {
    assert.deepEqual(
      Object.keys(en).filter((key) => !(key in messages)),
      [],
      "missing",
    );
    assert.deepEqual(
      Object.keys(messages).filter((key) => !(key in en)),
      [],
      "for nothing",
    );
    for (const [key, entry] of Object.entries(en)) assert.deepEqual(places(messages[key]), places(entry), key);
  });
}

for (const [language, messages] of Object.entries({ en, es, ru })) {
  test(`plurals in ${language} have every form that counting needs`, () => {
    const rules = new Intl.PluralRules(language);
    const needed = new Set(Array.from({ length: 200 }, (_, n) => rules.select(n)));
    for (const [key, entry] of Object.entries(messages)) {
      if (typeof entry === "string") continue;
      for (const form of needed) assert.ok(entry[form] ?? entry.other, `${key}: ${form}`);
      assert.ok(entry.other, `${key}: other`);
    }
  });
}

test("whatever stops what is sent in encrypted chats says so, in every language", () => {
  const saying = { en: /nothing( encrypted)? is sent/i, es: /no se envía nada/i, ru: /ничего[^.]* отправляется/i };
  for (const kind of STOPPING)
    for (const [language, messages] of Object.entries({ en, es, ru }))
      assert.match(messages[`alarm_${kind}_text`] ?? messages[`alarm_${kind}`], saying[language], kind);
});

test("a browser that names itself in English is named in the reader's language", () => {
  const say = (key, { browser = "", system = "" } = {}) =>
    ru[key].replace("{browser}", browser).replace("{system}", system);
  assert.equal(deviceText("Chrome on Linux", say), "Chrome на Linux");
  assert.equal(deviceText("Browser", say), "Браузер");
  assert.equal(deviceText("Browser on Mac", say), "Браузер на Mac");
  assert.equal(deviceText("my script on the old server", say), "my script on the old server");
  assert.equal(deviceText("", say), "");
});

test("every refusal of the server has a sentence of the reader's language", () => {
  const codes = [
    ...readFileSync(new URL("../../src/base/code.rs", import.meta.url), "utf8").matchAll(/^ {4}\w+ = "(\w+)", \d+;$/gm),
  ].map(([, code]) => code);
  assert.ok(codes.length > 10);
  assert.deepEqual(
    codes.filter((code) => !(`error_${code}` in en)),
    [],
  );
});

test("a fault of the server is named by the id of its line in the log", () => {
  assert.equal(
    errorText({ code: "internal", message: "Something went wrong on the server (error 00c0ffee)." }),
    "Something went wrong on the server (error 00c0ffee).",
  );
  assert.ok(!errorText({ code: "internal" }).includes("{"));
});

test("a bound that is reached does not read like a name that is taken", () => {
  const full = {
    make: "room_not_made",
    join: "rooms_full",
    accept: "rooms_full",
    add: "person_full",
    link: "invites_full",
    token: "tokens_full",
  };
  for (const [deed, key] of Object.entries(full)) assert.equal(refusal({ code: "conflict" }, deed), en[key], deed);
});
