/** Which module of the client may import which; docs/architecture.md draws the same picture. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));
const IMPORT =
  /^(?:import|export)\s[^"';]*?from\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"|\bimport\("(\.[^"]+)"\)(?!\s*\.)/gm;

/** What each folder imports besides itself. Types may come from anywhere: they are comments. */
const LAYERS = {
  "app.js": ["platform", "state", "ui"],
  ui: ["calls", "crypto", "locales", "platform", "state"],
  state: ["calls", "crypto", "net", "platform"],
  calls: ["net"],
  net: [],
  crypto: [],
  platform: [],
  locales: [],
};

/** What each folder of views imports from the other ones. */
const VIEWS = {
  base: [],
  people: ["base"],
  notify: ["people", "base"],
  files: ["people", "base"],
  search: ["files", "people", "base"],
  rooms: ["files", "notify", "people", "search", "base"],
  composer: ["files", "people", "base"],
  timeline: ["files", "people", "base"],
  entry: ["people", "base"],
  keys: ["entry", "people", "base"],
  settings: ["keys", "entry", "people", "base"],
  admin: ["people", "base"],
  shell: [
    "admin",
    "composer",
    "entry",
    "files",
    "keys",
    "notify",
    "people",
    "rooms",
    "search",
    "settings",
    "timeline",
    "base",
  ],
};
/** What views import from `state`: questions to the state they are handed. All else they ask its actions for. */
const QUESTIONS = [
  "state/attention.js",
  "state/blocks.js",
  "state/clock.js",
  "state/invitations.js",
  "state/known_messages.js",
  "state/people_status.js",
  "state/rights.js",
  "state/search_query.js",
];

/** Keys with an underscore that are not fields of the wire: pictures, codes of errors, and the sealed trust store. */
const OWN_NAMES = [
  "ui/base/icons.js: bell_off",
  "ui/base/icons.js: eye_off",
  "ui/base/icons.js: shield_off",
  "ui/base/refusals.js: not_found",
  "crypto/trust.js: ak_gen",
];

const files = readdirSync(WEB, { recursive: true }).filter((file) => file.endsWith(".js"));
const read = (file) => readFileSync(path.join(WEB, file), "utf8");
const layerOf = (file) => file.split("/")[0];

/** The text without comments, whose types name other modules. @param {string} text */
const code = (text) => text.replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, "");

/** The modules that a module imports. @param {string} file */
function importsOf(file) {
  const found = [...code(read(file)).matchAll(IMPORT)].map(([, ...names]) => names.find(Boolean));
  return found.map((name) => path.posix.join(path.posix.dirname(file), name));
}

test("imports lead down the layers only", () => {
  assert.ok(files.length > 90);
  const wrong = files.flatMap((file) => {
    const layer = layerOf(file);
    const allowed = [layer, ...(LAYERS[layer] ?? [])];
    return importsOf(file)
      .filter((each) => !allowed.includes(layerOf(each)))
      .map((each) => `${file} imports ${each}`);
  });
  assert.deepEqual(wrong, []);
});

test("views import views of folders below theirs only, and nobody imports the shell", () => {
  const folderOf = (file) => file.split("/")[1] ?? "";
  const views = files.filter((file) => layerOf(file) === "ui");
  assert.deepEqual([...new Set(views.map(folderOf))].sort(), Object.keys(VIEWS).sort());
  const wrong = views.flatMap((file) =>
    importsOf(file)
      .filter((each) => layerOf(each) === "ui" && folderOf(each) !== folderOf(file))
      .filter((each) => !VIEWS[folderOf(file)].includes(folderOf(each)))
      .map((each) => `${file} imports ${each}`),
  );
  assert.deepEqual(wrong, []);
});

test("views change the state by its actions alone", () => {
  const wrong = files
    .filter((file) => layerOf(file) === "ui")
    .flatMap((file) =>
      importsOf(file)
        .filter((each) => layerOf(each) === "state" && !QUESTIONS.includes(each))
        .map((each) => `${file} imports ${each}`),
    );
  assert.deepEqual(wrong, []);
});

test("only calls/ speaks HTTP, and only state/ has a socket", () => {
  const importers = (module) => files.filter((file) => importsOf(file).includes(module)).map(layerOf);
  assert.deepEqual([...new Set(importers("net/http.js"))], ["calls"]);
  assert.deepEqual([...new Set(importers("net/socket.js"))], ["state"]);
  assert.deepEqual(
    files.filter((file) => /\bfetch\(|\bXMLHttpRequest\b|\bnew WebSocket\b/.test(code(read(file)))).sort(),
    ["net/http.js", "net/socket.js"],
  );
});

test("names of the wire are used in net/wire*.js alone", () => {
  // Texts may have an underscore: keys of words, names of forms, codes of the server.
  const bare = (text) =>
    code(text)
      .replace(/"(?:[^"\\\n]|\\.)*"|`[^`$]*`/g, '""')
      .replace(/\/(?:[^/\\\n]|\\.)+\/[a-z]*/g, "");
  const wrong = files
    .filter((file) => !/^net\/wire\w*\.js$/.test(file) && layerOf(file) !== "locales")
    .flatMap((file) => (bare(read(file)).match(/\b[a-z]+(?:_[a-z]+)+\b/g) ?? []).map((name) => `${file}: ${name}`));
  assert.deepEqual(
    [...new Set(wrong)].filter((each) => !OWN_NAMES.includes(each)),
    [],
  );
});

/**
 * Files that lead to one another in a circle.
 *
 * @param {string[]} starts
 * @param {(file: string) => string[]} next
 */
function circlesOf(starts, next) {
  const done = new Set();
  const circles = [];
  const walk = (file, way) => {
    if (way.includes(file)) return circles.push([...way.slice(way.indexOf(file)), file].join(" -> "));
    if (done.has(file)) return;
    for (const each of next(file)) walk(each, [...way, file]);
    done.add(file);
  };
  for (const file of starts) walk(file, []);
  return circles;
}

test("no module imports itself by a detour", () => {
  assert.deepEqual(
    circlesOf(["a"], (file) => ({ a: ["b"], b: ["c"], c: ["b"] })[file]),
    ["b -> c -> b"],
  );
  assert.deepEqual(circlesOf(files, importsOf), []);
});

test("no views need one another's types in a circle", () => {
  const views = files.filter((file) => layerOf(file) === "ui");
  const named = (file) => [...read(file).matchAll(/\bimport\("(\.[^"]+)"\)\./g)].map(([, name]) => name);
  const typed = (file) => named(file).map((name) => path.posix.join(path.posix.dirname(file), name));
  assert.deepEqual(
    circlesOf(views, (file) => [...importsOf(file), ...typed(file)].filter((each) => layerOf(each) === "ui")),
    [],
  );
});
