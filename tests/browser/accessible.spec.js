/** Every screen passes axe, on a desk in the light and on a phone in the dark. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { enterAccount, openBrowser, openRoom, say, startServer, visitor } from "./support.js";

const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");
const DESK = { viewport: { width: 1280, height: 800 }, colorScheme: "light", reducedMotion: "reduce" };
const PHONE = { viewport: { width: 390, height: 844 }, colorScheme: "dark", reducedMotion: "reduce" };

let server, browser;

before(async () => {
  [server, browser] = await Promise.all([startServer(), openBrowser()]);
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** @param {import("playwright-core").Page} page @param {string} screen */
async function assertAccessible(page, screen) {
  // What fades in, or waits for its ok, is pale for a moment on purpose.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished.catch(() => {}))));
  await page.locator(".message-pending").waitFor({ state: "detached" });
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const found = violations.map((rule) => `${screen}: ${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 150)).join(" | ")}`);
  assert.deepEqual(found, []);
}

for (const [place, options] of Object.entries({ desk: DESK, phone: PHONE })) {
  test(`no screen has a barrier that axe finds, on the ${place}`, async () => {
    // axe is not the page's own script, so this one context is without the policy.
    const { page, context } = await visitor(browser, { ...options, bypassCSP: true });
    await page.goto(`${server.url}/register`);
    await page.locator("#username").waitFor();
    await assertAccessible(page, "register");
    await enterAccount(page, place);
    await page.locator(".room-item").first().waitFor();
    await assertAccessible(page, "rooms");
    await openRoom(page, "General");
    await say(page, "**Hello**, `everybody`: https://example.org");
    await page.locator(".message").first().waitFor();
    await assertAccessible(page, "room");
    for (const keys of ["Control+k", "Control+/"]) {
      await page.keyboard.press(keys);
      await page.locator("dialog[open]").waitFor();
      await assertAccessible(page, keys);
      await page.keyboard.press("Escape");
      await page.locator("dialog[open]").waitFor({ state: "detached" });
    }
    await context.close();
  });
}
