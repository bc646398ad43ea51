import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const FOLDERS = ["web", "tests/web", "tests/browser", "tests/examples"];
const WIDTH = 120;

test("no line of the client and its tests is wider than an editor beside another one", () => {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(path.join(ROOT, folder), { recursive: true })
      .filter((file) => /\.(js|css|html)$/.test(file))
      .map((file) => path.join(folder, file)),
  );
  const wide = files.flatMap((file) => {
    const lines = readFileSync(path.join(ROOT, file), "utf8").split("\n");
    return lines.flatMap((line, index) => ([...line].length > WIDTH ? [`${file}:${index + 1}`] : []));
  });
  assert.ok(files.length > 100);
  assert.deepEqual(wide, []);
});
