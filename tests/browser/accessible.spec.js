/** Every screen passes axe, on a desk in the light and on a phone in the dark. */
import { after, before, test } from "node:test";
import { assertAccessible, PLACES } from "./axe.js";
import { enterAccount, openBrowser, openRoom, say, startServer, visitor } from "./support.js";

let server, browser;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

for (const [place, options] of Object.entries(PLACES)) {
  test(`no screen has a barrier that axe finds, on the ${place}`, async () => {
    const { page, context } = await visitor(browser, options);
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
