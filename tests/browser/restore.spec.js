/** The server is set back to a backup while people look at it: all tabs show what it has; what waits is sent once. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import {
  BINARY,
  eventually,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  startLine,
  startServer,
  texts,
} from "./support.js";

let server, line, browser, folder, ada, bob;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "impulse-restore-"));
  server = await startServer();
  browser = await openBrowser();
  line = await startLine(server.url);
  [ada, bob] = await Promise.all([person(browser, line.url, "ada"), person(browser, server.url, "bob")]);
  for (const { page } of [ada, bob]) await openRoom(page, "General");
});

after(async () => {
  await browser?.close();
  await line?.stop();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const admin = (verb, file, dataDir) => promisify(execFile)(BINARY, ["admin", verb, file, "--data-dir", dataDir]);

test("two tabs show the truth after a restore, skip nothing that comes then, and send once what waited", async () => {
  const file = path.join(folder, "a.backup");
  const second = await ada.context.newPage();
  await second.goto(ada.page.url());
  await say(bob.page, "kept");
  await Promise.all([ada.page, second].map((page) => message(page, "kept").waitFor()));
  await admin("backup", file, server.dataDir);
  for (const n of [1, 2]) await say(bob.page, `lost ${n}`);
  await Promise.all([ada.page, second].map((page) => message(page, "lost 2").waitFor()));
  line.cut();
  await say(ada.page, "unsent");

  const { dataDir: old } = server;
  const port = Number(new URL(server.url).port);
  await server.stop({ keep: true });
  await rm(old, { recursive: true, force: true });
  // The user of the database must be able to pass.
  await chmod(folder, 0o755);
  const dataDir = path.join(folder, "data");
  await admin("restore", file, dataDir);
  server = await startServer({ dataDir, port });
  // More than was lost: the dangerous case, in which the numbers have passed what the tabs know.
  const fresh = [1, 2, 3, 4, 5].map((n) => `new ${n}`);
  await eventually(async () => assert.deepEqual(await texts(bob.page), ["kept"]));
  for (const text of fresh) await say(bob.page, text);
  await message(bob.page, "new 5").waitFor();
  line.mend();

  const all = ["kept", ...fresh, "unsent"];
  for (const page of [ada.page, second, bob.page])
    await eventually(async () => assert.deepEqual(await texts(page), all));
  await eventually(async () => assert.equal(await ada.page.locator(".message-pending").count(), 0));
  await ada.page.reload();
  await eventually(async () => assert.deepEqual(await texts(ada.page), all));
});
