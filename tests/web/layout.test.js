import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const WEB = fileURLToPath(new URL("../../web", import.meta.url));
const WIDTH = 120;

test("no line of the client is wider than an editor beside another one", () => {
  const files = readdirSync(WEB, { recursive: true }).filter((file) => /\.(js|css|html)$/.test(file));
  const wide = files.flatMap((file) => {
    const lines = readFileSync(path.join(WEB, file), "utf8").split("\n");
    return lines.flatMap((line, index) => ([...line].length > WIDTH ? [`${file}:${index + 1}`] : []));
  });
  assert.ok(files.length > 100);
  assert.deepEqual(wide, []);
});
