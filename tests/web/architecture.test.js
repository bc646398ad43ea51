import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));

/** Which folder may import from which, besides itself; docs/architecture.md says the same. */
const LAYERS = {
  locales: [],
  platform: [],
  crypto: [],
  net: ["platform"],
  calls: ["net"],
  state: ["calls", "net", "crypto", "platform"],
  "ui/base": ["locales", "platform"],
  "ui/people": ["ui/base", "calls", "state", "platform"],
  "ui/notify": ["ui/people", "ui/base", "calls", "state", "platform"],
  "ui/rooms": ["ui/notify", "ui/people", "ui/base", "calls", "state", "platform"],
  "ui/composer": ["ui/people", "ui/base", "state"],
  "ui/timeline": ["ui/people", "ui/base", "state"],
  "ui/entry": ["ui/people", "ui/base", "calls", "crypto", "platform"],
  "ui/settings": ["ui/entry", "ui/people", "ui/base", "calls", "state", "platform"],
  "ui/admin": ["ui/people", "ui/base", "calls", "locales", "platform"],
  "ui/shell": [
    ...["ui/admin", "ui/composer", "ui/entry", "ui/notify", "ui/people", "ui/rooms", "ui/settings", "ui/timeline"],
    ...["ui/base", "calls", "state", "platform"],
  ],
};
/** What views may call in `state`: questions to the state they are handed. All else they ask the actions for. */
const QUESTIONS = ["state/blocks.js", "state/people_status.js", "state/rights.js"];

const FILES = readdirSync(WEB, { recursive: true }).filter((file) => file.endsWith(".js"));
const IMPORT =
  /^(?:import|export)\s[^"';]*?from\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"|\bawait\b.*\bimport\("(\.[^"]+)"\)/gm;
const TYPE_IMPORT = /\bimport\("(\.[^"]+)"\)\./g;

/** @param {string} file @param {RegExp} pattern */
function named(file, pattern) {
  const found = readFileSync(path.join(WEB, file), "utf8").matchAll(pattern);
  return [...found].map((match) =>
    path.posix.join(
      path.posix.dirname(file),
      match.slice(1).find((each) => each !== undefined),
    ),
  );
}

const IMPORTS = new Map(FILES.map((file) => [file, named(file, IMPORT)]));

/** @param {string} file */
function layerOf(file) {
  const [first, second, third] = file.split("/");
  return first === "ui" && third ? `${first}/${second}` : second ? first : "";
}

/**
 * A circle of files that import one another.
 *
 * @param {Map<string, string[]>} imports
 */
function circleIn(imports) {
  const done = new Set();
  const walk = (file, way) => {
    if (way.includes(file)) return [...way.slice(way.indexOf(file)), file];
    if (done.has(file)) return null;
    for (const next of imports.get(file) ?? []) {
      const circle = walk(next, [...way, file]);
      if (circle) return circle;
    }
    done.add(file);
    return null;
  };
  for (const file of imports.keys()) {
    const circle = walk(file, []);
    if (circle) return circle.join(" -> ");
  }
  return "";
}

test("every folder is known, and imports only from those below it", () => {
  const wrong = [];
  for (const [file, imports] of IMPORTS) {
    const layer = layerOf(file);
    if (file === "app.js") continue;
    if (!(layer in LAYERS)) wrong.push(`${file} is in no known folder`);
    for (const other of imports) {
      const below = layerOf(other);
      if (below !== layer && !LAYERS[layer]?.includes(below)) wrong.push(`${file} imports ${other}`);
    }
  }
  assert.deepEqual(wrong, []);
});

test("views change the state by the actions alone", () => {
  const wrong = [];
  for (const [file, imports] of IMPORTS) {
    if (!file.startsWith("ui/")) continue;
    for (const other of imports)
      if (other.startsWith("state/") && !QUESTIONS.includes(other)) wrong.push(`${file} imports ${other}`);
  }
  assert.deepEqual(wrong, []);
});

test("no files import one another in a circle", () => {
  assert.equal(circleIn(new Map(Object.entries({ a: ["b"], b: ["c"], c: ["b"] }))), "b -> c -> b");
  assert.equal(circleIn(IMPORTS), "");
});

test("no views name one another's types in a circle", () => {
  const views = FILES.filter((file) => file.startsWith("ui/"));
  assert.equal(circleIn(new Map(views.map((file) => [file, [...IMPORTS.get(file), ...named(file, TYPE_IMPORT)]]))), "");
});
