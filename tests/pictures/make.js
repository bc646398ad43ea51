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

/** @typedef {"light" | "dark"} Scheme */

/**
 * What is shown, by the name of the file; in both schemes, or in one.
 *
 * @type {Record<string, { options: object, scheme?: Scheme, show: (page: Page) => Promise<void> }>}
 */
const PICTURES = {
  desktop: { options: DESKTOP, show: (page) => openRoom(page, ROOM) },
  phone: { options: PHONE, show: (page) => page.locator(".room-item", { hasText: ROOM }).tap() },
  "phone-rooms": { options: PHONE, show: async () => {} },
  "files-attached": { options: DESKTOP, scheme: "light", show: attach },
  "files-viewer": { options: DESKTOP, scheme: "dark", show: view },
  search: { options: DESKTOP, scheme: "light", show: search },
};

/** Pictures that are painted in the page, and a file. @param {Page} page */
async function attach(page) {
  await openRoom(page, ROOM);
  await page.evaluate(async () => {
    /** @param {string} name @param {[string, string, string, string]} colours  sky above and below, near and far */
    const paint = async (name, [above, below, far, near]) => {
      const canvas = new OffscreenCanvas(1200, 800);
      const art = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
      const sky = art.createLinearGradient(0, 0, 0, 560);
      sky.addColorStop(0, above);
      sky.addColorStop(1, below);
      art.fillStyle = sky;
      art.fillRect(0, 0, 1200, 800);
      art.fillStyle = "#fff4d6";
      art.beginPath();
      art.arc(840, 330, 70, 0, 7);
      art.fill();
      for (const [colour, height, wave] of /** @type {const} */ ([
        [far, 470, 90],
        [near, 600, 60],
      ])) {
        art.fillStyle = colour;
        art.beginPath();
        art.moveTo(0, 800);
        for (let x = 0; x <= 1200; x += 8)
          art.lineTo(x, height + wave * Math.sin(x / 150 + height) + 18 * Math.sin(x / 41));
        art.lineTo(1200, 800);
        art.fill();
      }
      return new File([await canvas.convertToBlob({ type: "image/jpeg", quality: 0.9 })], name, { type: "image/jpeg" });
    };
    const dataTransfer = new DataTransfer();
    dataTransfer.items.add(await paint("evening.jpg", ["#5b3f9e", "#f2a07b", "#6a4d86", "#2f2a4f"]));
    dataTransfer.items.add(await paint("morning.jpg", ["#7fb6e8", "#fde3c0", "#7da58a", "#37614d"]));
    dataTransfer.items.add(
      new File([new Uint8Array(1_284_000)], "Route and packing list.pdf", { type: "application/pdf" }),
    );
    const init = { dataTransfer, bubbles: true, cancelable: true };
    for (const type of ["dragover", "drop"]) document.querySelector(".log")?.dispatchEvent(new DragEvent(type, init));
  });
  await page.locator(".attachment[data-phase=done]").nth(2).waitFor();
  await page.locator(".attachment-alt").first().fill("Hills in the evening, seen from the hut");
  await page.locator(".composer textarea").fill("Last weekend, and the plan for the next one");
}

/** One of them as large as the screen. @param {Page} page */
async function view(page) {
  await attach(page);
  await page.locator(".send").click();
  await page.locator(".message-pending").waitFor({ state: "detached" });
  await page.locator(".gallery-picture").first().click();
  await page.locator(".viewer img").evaluate((node) => /** @type {HTMLImageElement} */ (node).decode());
}

/** What was found everywhere, and one of it in its room. @param {Page} page */
async function search(page) {
  await openRoom(page, ROOM);
  await page.keyboard.press("Control+Shift+F");
  await page.locator(".search-panel input").fill("thursday");
  await page.locator(".search-result").nth(1).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.locator(".message-flash").waitFor();
}

/** A zone in which it is this hour, or nearly. */
function zone() {
  const ahead = Math.min(14, HOUR - new Date().getUTCHours());
  // The names count from west to east: UTC+2 is `Etc/GMT-2`.
  return `Etc/GMT${ahead > 0 ? "-" : "+"}${Math.abs(ahead)}`;
}

const [server, browser] = await Promise.all([startServer({ demo: true }), openBrowser()]);
try {
  for (const [name, { options, scheme, show }] of Object.entries(PICTURES)) {
    for (const colorScheme of scheme ? [scheme] : /** @type {const} */ (["light", "dark"])) {
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
