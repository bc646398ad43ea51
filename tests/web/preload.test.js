import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));
const IMPORT = /^(?:import|export)\s[^"';]*?from\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"/gm;

const read = (file) => readFileSync(path.join(WEB, file), "utf8");

/** Every module that `app.js` needs before it can run. */
function reachable() {
  const seen = new Set();
  const walk = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, from, bare] of read(file).matchAll(IMPORT)) {
      walk(path.posix.join(path.posix.dirname(file), from ?? bare));
    }
  };
  walk("app.js");
  seen.delete("app.js");
  return [...seen].sort();
}

test("the page asks for two files: one with all modules of the first screen, and one with all styles", () => {
  const page = read("index.html");
  const asked = [...page.matchAll(/(?:src|href)="\/v\/BUILD\/([^"]+)"/g)].map(([, file]) => file).sort();
  assert.deepEqual(asked, ["app.js", "css/app.css"]);
  assert.ok(!/modulepreload/.test(page));
});

test("the one stylesheet has every style once", () => {
  const imported = [...read("css/app.css").matchAll(/^@import "([^"]+)";$/gm)].map(([, file]) => file);
  const all = readdirSync(path.join(WEB, "css")).filter((file) => file.endsWith(".css") && file !== "app.css");
  assert.deepEqual([...imported].sort(), all.sort());
});

/** What the first screen of a person who is signed in does without. */
const LATER = [
  /^ui\/(?:admin|entry)\//,
  /^ui\/settings\/(?!doors)/,
  /^ui\/keys\/(?!doors|card|no_code|watch)/,
  /^state\/encryption\//,
  /^crypto\/(?!encoding|passphrase|password)/,
  /^ui\/rooms\/(?:dialogs|directory|create|members|settings|invites|bans|people_picker)/,
  /^ui\/base\/emoji_picker/,
  /^ui\/people\/(?:status|invite_people)/,
  /^ui\/shell\/switcher\.js/,
  /^ui\/search\/(?!doors)/,
  /^locales\/(?:admin\.|.*\b(?:es|ru)\.js)/,
  /^crypto\/common_passwords/,
  /^calls\/admin/,
];

test("what the first screen does not need is not among its modules", () => {
  assert.deepEqual(
    reachable().filter((file) => LATER.some((later) => later.test(file))),
    [],
  );
});

test("what is imported later is not among the modules of the first screen, whatever imports it", () => {
  const first = new Set(["app.js", ...reachable()]);
  const files = readdirSync(WEB, { recursive: true }).filter((file) => file.endsWith(".js"));
  const called = files.flatMap((file) =>
    [...read(file).matchAll(/\bimport\("(\.[^"]+)"\)(?!\s*\.)/g)].map(([, from]) =>
      path.posix.join(path.posix.dirname(file), from),
    ),
  );
  assert.ok(called.length > 10);
  assert.deepEqual(
    called.filter((file) => first.has(file)),
    [],
  );
});

test("what modules export can be joined by the server: src/http/site/link.rs says how", () => {
  const files = readdirSync(WEB, { recursive: true }).filter((file) => file.endsWith(".js"));
  const known = /^export (?:(?:async function|function\*?|class|const) [\w$]+|\{(?:(?! as ).)*\}(?: from "[^"]+")?;$)/;
  const wrong = files.flatMap((file) =>
    read(file)
      .split("\n")
      .filter((line) => line.startsWith("export ") && !known.test(line))
      .map((line) => `${file}: ${line}`),
  );
  assert.deepEqual(wrong, []);
});
