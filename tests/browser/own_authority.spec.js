/** https with a certificate of the server's own: for those who accept the warning, and for those who trust it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:https";
import { tmpdir } from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { assertAccessible, assertFits, PLACES } from "./axe.js";
import {
  assertCalm,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  setUpAdmin,
  startServer,
  visitor,
} from "./support.js";

const run = promisify(execFile);

let server, folder, browser;

before(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "impulse-authority-"));
  server = await startServer({ env: { IMPULSE_TLS: "auto" } });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** The file with certificate and key of the authority. */
const authority = () => path.join(server.dataDir, "tls/authority.pem");

test("who accepts the warning sets the server up and chats, by a socket over TLS", async () => {
  assert.match(server.url, /^https:/);
  const options = { ignoreHTTPSErrors: true };
  const boss = await setUpAdmin(browser, server, "root", options);
  const guest = await person(browser, server.url, "sofa", { ...options, viewport: { width: 390, height: 844 } });
  await openRoom(boss.page, "General");
  await openRoom(guest.page, "General");
  await say(boss.page, "From the desk");
  await message(guest.page, "From the desk").waitFor();
  await say(guest.page, "From the sofa");
  await message(boss.page, "From the sofa").waitFor();
  assertCalm(boss, guest);
  await boss.context.close();
  await guest.context.close();
});

test("who trusts the authority gets no warning, and no thief of its key gets into the Internet", async () => {
  const stranger = await visitor(browser);
  await assert.rejects(stranger.page.goto(server.url), /ERR_CERT_AUTHORITY_INVALID/);
  await stranger.context.close();

  const trusting = await openBrowser(["--host-resolver-rules=MAP * 127.0.0.1"], await homeThatTrusts(authority()));
  const someone = await visitor(trusting);
  await someone.page.goto(`${server.url}/login`);
  await someone.page.fill("#username", "sofa");
  assert.ok(await someone.page.evaluate(() => isSecureContext));
  for (const [name, error] of [
    ["stolen.local", ""],
    ["example.com", "ERR_CERT"],
  ]) {
    const site = await forge(name);
    const visit = someone.page.goto(`https://${name}:${site.address().port}/`);
    if (error) await assert.rejects(visit, new RegExp(error));
    else await visit;
    site.closeAllConnections();
    await new Promise((resolve) => site.close(resolve));
  }
  await trusting.close();
});

test("the page that explains it is for everybody, in three languages, on every screen", async () => {
  for (const [place, options] of Object.entries(PLACES)) {
    for (const locale of ["en-GB", "ru-RU", "es-ES"]) {
      const someone = await visitor(browser, { ...options, locale, ignoreHTTPSErrors: true });
      const { page } = someone;
      await page.goto(`${server.url}/ca`);
      for (const system of await page.locator("summary").all()) await system.click();
      await assertAccessible(page, `${place} ${locale}`);
      await page.setViewportSize({ width: 320, height: 800 });
      await assertFits(page, `${place} ${locale}`);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(wide <= 0, `${place} ${locale}: ${wide} pixels too wide`);
      await someone.context.close();
    }
  }
  // Under its real policy its style applies and nothing is refused.
  const someone = await visitor(browser, { ignoreHTTPSErrors: true });
  await someone.page.goto(`${server.url}/ca`);
  assert.equal(await someone.page.evaluate(() => getComputedStyle(document.querySelector("main")).maxWidth), "640px");
  assertCalm(someone);
  await someone.context.close();
});

/**
 * A home whose owner trusts an authority.
 *
 * @param {string} file
 */
async function homeThatTrusts(file) {
  const database = path.join(folder, ".pki/nssdb");
  await mkdir(database, { recursive: true });
  await run("certutil", ["-N", "-d", `sql:${database}`, "--empty-password"]);
  await run("certutil", ["-A", "-d", `sql:${database}`, "-n", "impulse", "-t", "C,,", "-a", "-i", file]);
  return folder;
}

/**
 * A site whose certificate was made with the stolen key of the authority.
 *
 * @param {string} name
 */
async function forge(name) {
  const at = (kind) => path.join(folder, `${name}.${kind}`);
  await writeFile(at("ext"), `subjectAltName=DNS:${name}\nextendedKeyUsage=serverAuth\n`);
  const request = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=x"];
  await run("openssl", [...request, "-keyout", at("key"), "-out", at("csr")]);
  const sign = ["x509", "-req", "-in", at("csr"), "-CA", authority(), "-CAkey", authority(), "-days", "30"];
  await run("openssl", [...sign, "-extfile", at("ext"), "-out", at("crt"), "-CAserial", at("srl"), "-CAcreateserial"]);
  const site = createServer({ key: await readFile(at("key")), cert: await readFile(at("crt")) }, (_, answer) => {
    answer.end("stolen");
  });
  await new Promise((resolve) => site.listen(0, "127.0.0.1", () => resolve(undefined)));
  return site;
}
