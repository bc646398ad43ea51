/** A demo: one press on a face, and one is in rooms that are alive; the bot answers. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertAccessible, assertFits, PLACES } from "./axe.js";
import {
  assertCalm,
  eventually,
  message,
  newFolder,
  openBrowser,
  openRoom,
  say,
  startServer,
  visitor,
} from "./support.js";

let server, browser;

before(async () => {
  server = await startServer({ demo: true, dataDir: await newFolder() });
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** @param {import("playwright-core").Page} page @param {string} name */
async function enterAs(page, name) {
  await page.goto(server.url);
  await page.locator(".entry-person", { hasText: name }).click();
  await page.locator(".room-item").first().waitFor();
}

for (const [place, options] of Object.entries(PLACES)) {
  test(`the faces of a demo have no barrier and fit, on the ${place}`, async () => {
    const { page, context } = await visitor(browser, options);
    await page.goto(server.url);
    await page.locator(".entry-person img").first().waitFor();
    await assertAccessible(page, "sign-in of a demo");
    await page.setViewportSize({ width: 320, height: 640 });
    await assertFits(page, "sign-in of a demo at 320 px");
    await context.close();
  });
}

test("one press enters as demo, who administrates and has something to read", async () => {
  const demo = await visitor(browser);
  await enterAs(demo.page, "Demo");
  const me = await demo.page.evaluate(() => fetch("/api/me").then((answer) => answer.json()));
  assert.deepEqual([me.username, me.admin], ["demo", true]);
  const rooms = demo.page.locator(".room-item");
  assert.equal(await rooms.count(), 9);
  await rooms.filter({ hasText: "Launch" }).locator(".badge", { hasText: "2" }).waitFor();
  await openRoom(demo.page, "General");
  await message(demo.page, "Say hello!").waitFor();
  await eventually(async () => assert.ok((await demo.page.locator(".message .avatar img").count()) >= 3));
  assertCalm(demo);
  await demo.context.close();
});

test("two people talk, and the bot answers whom it is mentioned by", async () => {
  const [ada, grace] = [await visitor(browser), await visitor(browser)];
  await enterAs(ada.page, "Ada");
  await enterAs(grace.page, "Grace");
  await openRoom(ada.page, "Random");
  await openRoom(grace.page, "Random");
  await say(ada.page, "@pulse how are you?");
  await message(grace.page, "@pulse how are you?").first().waitFor();
  await message(grace.page, "70 beats a minute").waitFor();
  assertCalm(ada, grace);
  await ada.context.close();
  await grace.context.close();
});
