/**
 * The ways in that need no public certificate: a page that offers no cryptography says so, with the address that works.
 */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, PLACES } from "./axe.js";
import { openBrowser, setUpAdmin, startServer, visitor } from "./support.js";

/** A name that is neither localhost nor https: what a phone in the same network sees. */
const ELSEWHERE = "chat.test";

let server, browser, plain;

before(async () => {
  server = await startServer();
  browser = await openBrowser([`--host-resolver-rules=MAP ${ELSEWHERE} 127.0.0.1`]);
  const url = new URL(server.url);
  plain = `http://${ELSEWHERE}:${url.port}`;
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** @param {import("playwright-core").Page} page */
async function saysSo(page) {
  await page.locator("h1", { hasText: "This address is not secure" }).waitFor();
  await page.locator(".entry-small", { hasText: "--lan" }).waitFor();
  assert.equal(await page.locator("input, form").count(), 0, "nothing invites to type");
}

test("without cryptography no page asks for a password, and each names the address that works", async () => {
  const someone = await visitor(browser);
  const { page } = someone;
  const { port } = new URL(server.url);
  for (const [path, kept] of [
    ["/", "/"],
    ["/login", "/login"],
    ["/register", "/register"],
    ["/room/1", "/room/1"],
    ["/setup#secret-of-setup", "/setup#secret-of-setup"],
    ["/invite#secret-of-invite", "/invite#secret-of-invite"],
    ["/reset#secret-of-reset", "/reset#secret-of-reset"],
  ]) {
    await page.goto("about:blank");
    await page.goto(plain + path);
    await saysSo(page);
    const link = page.locator(".form-note a");
    assert.equal(await link.getAttribute("href"), `http://localhost:${port}${kept}`);
    assert.equal(await link.innerText(), `http://localhost:${port}`);
    assert.ok(!page.url().includes("secret"), "not in the address bar");
  }
  // What Chromium itself says about such an address.
  const ours = someone.problems.filter((problem) => !problem.includes("Cross-Origin-Opener-Policy"));
  assert.deepEqual(ours, []);
  await someone.context.close();
});

test("the address that works is the server's own https one where it knows it", async () => {
  const env = { IMPULSE_HOSTS: `chat.example.org,127.0.0.1,${ELSEWHERE}`, IMPULSE_TRUSTED_PROXIES: "192.0.2.77" };
  const proxied = await startServer({ env });
  const someone = await visitor(browser);
  const { page } = someone;
  const { port } = new URL(proxied.url);
  await page.goto(`http://${ELSEWHERE}:${port}/invite#secret`);
  const link = page.locator("a.button", { hasText: "Open the secure address" });
  assert.equal(await link.getAttribute("href"), "https://chat.example.org/invite#secret");
  await page.locator("code", { hasText: "https://chat.example.org" }).waitFor();
  assert.equal(await page.locator("input, form").count(), 0);
  await someone.context.close();
  await proxied.stop();
});

test("the address of this machine is named where the server cannot be asked", async () => {
  const someone = await visitor(browser);
  await someone.page.route("**/api/info", (route) => route.abort());
  await someone.page.goto(`${plain}/login`);
  await saysSo(someone.page);
  await someone.context.close();
});

test("it is said in three languages, for everybody, on a desk and on a phone", async () => {
  for (const [place, options] of Object.entries(PLACES)) {
    const someone = await visitor(browser, options);
    await someone.page.goto(`${plain}/login`);
    await saysSo(someone.page);
    await assertAccessible(someone.page, place);
    await assertFits(someone.page, place);
    for (const [language, title] of [
      ["Русский", "Этот адрес не защищён"],
      ["Español", "Esta dirección no es segura"],
    ]) {
      await someone.page.locator(".entry-languages button", { hasText: language }).click();
      await someone.page.locator("h1", { hasText: title }).waitFor();
      await assertFits(someone.page, `${place} ${language}`);
    }
    await someone.context.close();
  }
});

test("on localhost the same server asks for a name and a password", async () => {
  const admin = await setUpAdmin(browser, server);
  assert.deepEqual(admin.problems, []);
  await admin.context.close();
});
