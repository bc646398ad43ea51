import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  assertCalm,
  enterAccount,
  eventually,
  newFolder,
  openBrowser,
  PASSWORD,
  startServer,
  visitor,
} from "./support.js";

let server, browser;

before(async () => {
  server = await startServer({ dataDir: await newFolder() });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a wrong setup code makes nobody an admin", async () => {
  const guest = await visitor(browser);
  await guest.page.goto(`${server.url}/setup#wrong`);
  assert.equal(guest.page.url(), `${server.url}/setup`, "the code is out of the address bar");
  await enterAccount(guest.page, "mallory");
  await guest.page.locator(".form-alert", { hasText: "not valid" }).waitFor();
  assert.equal(await guest.page.locator(".shell").count(), 0);
  await guest.context.close();
});

test("the setup link makes the admin, who lands in armed rooms", async () => {
  const admin = await visitor(browser);
  await admin.page.goto(server.setup);
  await admin.page.locator("h1", { hasText: "Set up Impulse" }).waitFor();
  await enterAccount(admin.page, "root");
  await admin.page.locator("h1", { hasText: "Everything is ready" }).waitFor();
  await admin.page.locator("button", { hasText: "Go to the rooms" }).click();
  for (const room of ["General", "Random", "Help"]) await admin.page.locator(".room-item", { hasText: room }).waitFor();
  const me = await admin.page.evaluate(() => fetch("/api/me").then((answer) => answer.json()));
  assert.equal(me.admin, true);
  assertCalm(admin);
  await admin.context.close();
});

test("the link is used up, and others are no admins", async () => {
  const guest = await visitor(browser);
  await guest.page.goto(server.setup);
  await guest.page.locator("h1", { hasText: "Impulse is set up" }).waitFor();
  await guest.page.goto(`${server.url}/register`);
  await enterAccount(guest.page, "second");
  await guest.page.locator(".shell").waitFor();
  const me = await guest.page.evaluate(() => fetch("/api/me").then((answer) => answer.json()));
  assert.equal(me.admin, false);
  await guest.context.close();
});

test("a password that everybody tries is refused before it is sent", async () => {
  const guest = await visitor(browser);
  await guest.page.goto(`${server.url}/register`);
  await enterAccount(guest.page, "carol", "short");
  await guest.page.locator(".form-alert", { hasText: "at least 10 characters" }).waitFor();
  await enterAccount(guest.page, "carol", "password123");
  await guest.page.locator(".form-alert", { hasText: "too easy" }).waitFor();
  assertCalm(guest);
  await guest.context.close();
});

test("signing out and in again; a wrong password says so and nothing more", async () => {
  const guest = await visitor(browser);
  await guest.page.goto(server.url);
  await enterAccount(guest.page, "second", "not my password");
  await guest.page.locator(".form-alert", { hasText: "Wrong username or password." }).waitFor();
  await enterAccount(guest.page, "second", PASSWORD);
  await guest.page.locator(".shell").waitFor();
  await guest.page.locator("[aria-label='Settings']").click();
  await guest.page.locator("dialog button", { hasText: "Sign out" }).click();
  await guest.page.locator("dialog .button-primary", { hasText: "Sign out" }).click();
  await guest.page.locator("#username").waitFor();
  await guest.page.reload();
  await guest.page.locator("#username").waitFor();
  await eventually(async () => assert.equal(await guest.page.locator(".shell").count(), 0));
  await guest.context.close();
});
