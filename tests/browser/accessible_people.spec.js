/**
 * Settings, status, cards and the pages before signing in: no barrier that axe finds, and nothing wider than 320 px.
 */
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, PLACES } from "./axe.js";
import { enterAccount, message, openBrowser, openRoom, person, say, startServer, visitor } from "./support.js";

const SECTIONS = [
  "profile",
  "status",
  "appearance",
  "language",
  "notifications",
  "privacy",
  "password",
  "sessions",
  "tokens",
  "account",
];
let server, browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** @param {import("playwright-core").Page} page @param {(section: string) => Promise<void>} look */
async function everySection(page, look) {
  await page.locator(".me [aria-label='Settings']").click();
  await look("list");
  for (const section of SECTIONS) {
    const back = page.locator(".settings-back");
    if (await back.isVisible()) await back.click();
    await page.locator(`[data-section=${section}]`).click();
    await page.locator(".settings-body [aria-busy]").waitFor({ state: "detached" });
    await look(section);
  }
  await page.keyboard.press("Escape");
}

for (const [place, options] of Object.entries(PLACES)) {
  test(`settings, status and cards have no barrier, on the ${place}`, async () => {
    const { page, context } = await person(browser, server.url, place, options);
    await everySection(page, (section) => assertAccessible(page, `settings: ${section}`));
    await page.locator(".me-status").click();
    await page.locator(".dialog-status").waitFor();
    await assertAccessible(page, "status");
    await page.keyboard.press("Escape");
    await openRoom(page, "General");
    await say(page, `@${place}, that is me`);
    await message(page, `@${place}, that is me`).locator(".mention").click();
    await page.locator(".dialog-card .card-buttons").waitFor();
    await assertAccessible(page, "card");
    await context.close();
  });

  test(`the pages before signing in have no barrier, on the ${place}`, async () => {
    const { page, context } = await visitor(browser, options);
    for (const address of ["/login", "/register", "/invite#nothing", "/reset#nothing"]) {
      await page.goto("about:blank");
      await page.goto(server.url + address);
      await page.locator("h1").waitFor();
      await assertAccessible(page, address);
      await assertFits(page, address);
    }
    await page.goto(`${server.url}/register`);
    await enterAccount(page, "somebody", "password1234");
    await page.locator(".form-alert").waitFor();
    await assertAccessible(page, "a refusal");
    await context.close();
  });
}

test("everything fits 320 px, and a page at twice its size", async () => {
  for (const viewport of [
    { width: 320, height: 568 },
    { width: 640, height: 400 },
  ]) {
    const small = await person(browser, server.url, `narrow${viewport.width}`, { viewport, reducedMotion: "reduce" });
    await everySection(small.page, (section) => assertFits(small.page, `${viewport.width}: ${section}`));
    await small.page.locator(".me-status").click();
    await assertFits(small.page, `${viewport.width}: status`);
    await small.context.close();
  }
});

test("the first run has no barrier, from the first page to the last", async () => {
  const { page, context } = await visitor(browser, PLACES.phone);
  await page.goto(server.setup);
  await page.locator("h1", { hasText: "Set up Impulse" }).waitFor();
  await assertAccessible(page, "setup");
  await enterAccount(page, "root");
  await page.locator(".link-box").waitFor();
  await assertAccessible(page, "welcome");
  await assertFits(page, "welcome");
  const link = await page.locator(".link-box").innerText();
  await page.locator("button", { hasText: "Go to the rooms" }).click();
  await page.locator(".me [aria-label='Settings']").click();
  await page.locator("[data-section=invites]").click();
  await page.locator(".settings-body .access").waitFor();
  await assertAccessible(page, "my invitations");
  await page.locator(".settings-body button", { hasText: "Invite people" }).click();
  await page.locator("#invite-room").waitFor();
  await assertAccessible(page, "a new invitation");
  const guest = await visitor(browser, PLACES.desk);
  await guest.page.goto(link);
  await guest.page.locator("h1", { hasText: "invites you" }).waitFor();
  await assertAccessible(guest.page, "invitation");
  await guest.context.close();
  const ticket = await page.evaluate(async () => {
    const ask = (path, method, body) =>
      fetch(path, {
        method,
        headers: { "Content-Type": "application/json" },
        ...(body ? { body: JSON.stringify(body) } : {}),
      }).then((answer) => answer.json());
    const made = await ask("/api/admin/users", "POST", { username: "newcomer" });
    return made.path;
  });
  const newcomer = await visitor(browser, PLACES.phone);
  await newcomer.page.goto(server.url + ticket);
  await newcomer.page.locator("#password").waitFor();
  await assertAccessible(newcomer.page, "reset");
  await newcomer.page.goto(`${server.url}/no/such/page`);
  await newcomer.page.locator("h1").waitFor();
  await assertAccessible(newcomer.page, "an unknown address");
  await newcomer.context.close();
  await context.close();
});
