import assert from "node:assert/strict";
import { test } from "node:test";
import { messages as en } from "../../web/locales/en.js";
import { messages as es } from "../../web/locales/es.js";
import { messages as ru } from "../../web/locales/ru.js";

/** The places for values in all forms of a text. */
const places = (entry) => [...new Set([...Object.values(typeof entry === "string" ? { entry } : entry).join(" ").matchAll(/\{(\w+)\}/g)].map(([, name]) => name))].sort();

for (const [language, messages] of Object.entries({ es, ru })) {
  test(`every text is there in ${language}, with the same values`, () => {
    assert.deepEqual(Object.keys(en).filter((key) => !(key in messages)), [], "missing");
    assert.deepEqual(Object.keys(messages).filter((key) => !(key in en)), [], "for nothing");
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
