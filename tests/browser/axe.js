/** Holds a screen to axe. The one context that does it is without the policy: axe is not the page's own script. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const AXE = readFileSync(fileURLToPath(import.meta.resolve("axe-core/axe.min.js")), "utf8");

/** On a desk in the light and on a phone in the dark. */
export const PLACES = {
  desk: { viewport: { width: 1280, height: 800 }, colorScheme: "light", reducedMotion: "reduce", bypassCSP: true },
  phone: { viewport: { width: 390, height: 844 }, colorScheme: "dark", reducedMotion: "reduce", bypassCSP: true },
};

/** Where pictures of the screens go that are held to axe, if somebody wants to look at them. */
const PICTURES = process.env.IMPULSE_PICTURES;

/**
 * @param {import("playwright-core").Page} page
 * @param {string} screen
 * @param {object} [options]
 * @param {boolean} [options.isOffline]  what waits is not sent now
 */
export async function assertAccessible(page, screen, { isOffline = false } = {}) {
  if (PICTURES) await picture(page, screen);
  // What fades in, or waits for its ok, is pale for a moment on purpose. What follows a scroll never ends.
  await page.evaluate(() => {
    const timed = document.getAnimations().filter(({ timeline }) => timeline instanceof DocumentTimeline);
    return Promise.all(timed.map((animation) => animation.finished.catch(() => {})));
  });
  if (!isOffline) await page.locator(".message-pending").waitFor({ state: "detached" });
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const found = violations.map(
    (rule) => `${screen}: ${rule.id}: ${rule.nodes.map((node) => node.html.slice(0, 150)).join(" | ")}`,
  );
  assert.deepEqual(found, []);
}

/**
 * Nothing is wider than the page.
 *
 * @param {import("playwright-core").Page} page
 * @param {string} screen
 */
export async function assertFits(page, screen) {
  const wide = await page.evaluate(() =>
    [...document.querySelectorAll("#app *, dialog *")]
      .filter(
        (node) =>
          node instanceof HTMLElement &&
          node.checkVisibility() &&
          !node.closest(".hidden-visually, .log, pre, [aria-hidden=true]") &&
          node.getBoundingClientRect().right > innerWidth + 1,
      )
      .map((node) => `${node.tagName}.${node.className}`),
  );
  assert.deepEqual(wide, [], screen);
}

/** On a phone and on a desk, in the light and in the dark. @param {import("playwright-core").Page} page */
async function picture(page, screen) {
  const viewport = page.viewportSize();
  const isDark = await page.evaluate(() => matchMedia("(prefers-color-scheme: dark)").matches);
  for (const [place, options] of Object.entries(PLACES)) {
    await page.setViewportSize(options.viewport);
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      await page.emulateMedia({ colorScheme });
      await page.screenshot({ path: `${PICTURES}/${screen}, ${place}, ${colorScheme}.png` });
    }
  }
  if (viewport) await page.setViewportSize(viewport);
  await page.emulateMedia({ colorScheme: isDark ? "dark" : "light" });
}
