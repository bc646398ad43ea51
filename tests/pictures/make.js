/**
 * Makes the pictures of the client in `docs/images` anew, from the demo: `node pictures/make.js`, with the typeface
 * Inter (`fonts-inter`). Those of the administration show figures that no demo has, and are made by hand.
 */
import path from "node:path";
import { fileURLToPath } from "node:url";
import { openBrowser, openRoom, startServer } from "../browser/support.js";

const FOLDER = fileURLToPath(new URL("../../docs/images", import.meta.url));
const DESKTOP = { viewport: { width: 1280, height: 800 } };
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };
const ROOM = "General";
/** Wherever this is done, it is the afternoon on the pictures. */
const HOUR = 15;

/** @typedef {import("playwright-core").Page} Page */

/**
 * What is shown, by the name of the file.
 *
 * @type {Record<string, { options: object, show: (page: Page) => Promise<void> }>}
 */
const PICTURES = {
  desktop: { options: DESKTOP, show: (page) => openRoom(page, ROOM) },
  phone: { options: PHONE, show: (page) => page.locator(".room-item", { hasText: ROOM }).tap() },
  "phone-rooms": { options: PHONE, show: async () => {} },
};

/** A zone in which it is this hour, or nearly. */
function zone() {
  const ahead = Math.min(14, HOUR - new Date().getUTCHours());
  // The names count from west to east: UTC+2 is `Etc/GMT-2`.
  return `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`;
}

const [server, browser] = await Promise.all([startServer({ demo: true }), openBrowser()]);
try {
  for (const [name, { options, show }] of Object.entries(PICTURES)) {
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      const context = await browser.newContext({ ...options, colorScheme, locale: "en-GB", timezoneId: zone() });
      const page = await context.newPage();
      await page.goto(server.url);
      await page.locator(".entry-person", { hasText: "Demo" }).press("Enter");
      await page.locator(".room-item").first().waitFor();
      await show(page);
      await page.evaluate(() => document.fonts.ready);
      await page.waitForLoadState("networkidle");
      await page.screenshot({ path: path.join(FOLDER, `${name}-${colorScheme}.png`), animations: "disabled" });
      await context.close();
    }
  }
} finally {
  await browser.close();
  await server.stop();
}
