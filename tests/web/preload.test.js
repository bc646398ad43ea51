import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));
const IMPORT = /^(?:import|export)\s[^"';]*?from\s+"(\.[^"]+)"|^import\s+"(\.[^"]+)"/gm;

/** Every module that `app.js` needs before it can run. */
function reachable() {
  const seen = new Set();
  const walk = (file) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, from, bare] of readFileSync(path.join(WEB, file), "utf8").matchAll(IMPORT)) {
      walk(path.posix.join(path.posix.dirname(file), from ?? bare));
    }
  };
  walk("app.js");
  seen.delete("app.js");
  return [...seen].sort();
}

test("the page asks for all its modules at once, and for no others", () => {
  const page = readFileSync(path.join(WEB, "index.html"), "utf8");
  const asked = [...page.matchAll(/rel="modulepreload" href="\/([^"]+)"/g)].map(([, file]) => file).sort();
  assert.ok(asked.length > 20);
  assert.deepEqual(asked, reachable());
});

test("what only administrators open is not asked for ahead", () => {
  assert.ok(
    !reachable().some(
      (file) => file.startsWith("ui/admin/") || file.includes("locales/admin.") || file === "calls/admin.js",
    ),
  );
  const door = readFileSync(path.join(WEB, "ui/shell/admin_door.js"), "utf8");
  assert.match(door, /\bimport\("\.\.\/admin\/screen\.js"\)/);
});
