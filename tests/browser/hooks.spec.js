/** The hooks of a room: made with a name and a picture, used, renamed and revoked, by those who run the room alone. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { after, before, test } from "node:test";
import { assertAccessible, assertFits } from "./axe.js";
import { message, openBrowser, openRoom, person, setUpAdmin, startServer } from "./support.js";

let server, browser, chief, bob;
/**
 * A picture of one colour.
 *
 * @param {import("playwright-core").Page} page
 */
async function face(page) {
  const bytes = await page.evaluate(async () => {
    const canvas = new OffscreenCanvas(200, 200);
    const paint = canvas.getContext("2d");
    paint.fillStyle = "rgb(40, 120, 200)";
    paint.fillRect(0, 0, 200, 200);
    return [...new Uint8Array(await (await canvas.convertToBlob({ type: "image/png" })).arrayBuffer())];
  });
  return Buffer.from(bytes);
}

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  chief = await setUpAdmin(browser, server, "chief");
  bob = await person(browser, server.url, "bob");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** A picture of the page for whoever asks for it. */
async function picture(page, name) {
  const folder = process.env.IMPULSE_PICTURES;
  if (!folder) return;
  await mkdir(folder, { recursive: true });
  await page.screenshot({ path: path.join(folder, `${name}.png`) });
}

async function openHooks({ page }) {
  await openRoom(page, "General");
  await page.locator('[aria-label^="Room details"]').first().click();
  await page.locator('[role=tab]:has-text("Hooks")').click();
}

test("a hook is made with a name and a picture, writes as a bot, is renamed and revoked", async () => {
  const { page } = chief;
  await openHooks(chief);
  await page.locator("dialog", { hasText: "This room has no hooks." }).waitFor();
  await page.fill("#hook-name", "bob");
  await page.keyboard.press("Enter");
  await page.locator("dialog [role=alert]", { hasText: "a name like that" }).waitFor();
  await page.fill("#hook-name", "Build server");
  await page.setInputFiles("#hook-picture", { name: "bot.png", mimeType: "image/png", buffer: await face(page) });
  await page.locator('dialog button:has-text("Make hook")').click();
  const address = await page.locator('dialog code[aria-label="Address of the hook"]').innerText();
  assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/hooks\/[\w-]{43}$/);
  const example = await page.locator('dialog code[aria-label="Example"]').innerText();
  assert.equal(example, `curl -d 'It works' ${address}`);
  const row = page.locator("dialog [data-hook]", { hasText: "Build server" });
  await row.locator("img").waitFor();
  assert.match(await row.innerText(), /Not used yet/);
  await assertAccessible(page, "the hooks of a room");
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await assertFits(page, `hooks at ${width}`);
    for (const colorScheme of /** @type {const} */ (["light", "dark"])) {
      await page.emulateMedia({ colorScheme });
      await picture(page, `hooks-${width}-${colorScheme}`);
    }
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  const sent = await fetch(address, { method: "POST", body: "It works" });
  assert.equal(sent.status, 201);
  await openRoom(bob.page, "General");
  await message(bob.page, "It works").waitFor();
  const head = bob.page.locator(".message", { hasText: "It works" }).locator(".message-head");
  await head.locator(".tag", { hasText: "Bot" }).waitFor();
  assert.match(await head.innerText(), /Build server/);
  await assertAccessible(bob.page, "a message of a bot");
  await picture(bob.page, "hooks-message");

  await row.locator("button").focus();
  await page.keyboard.press("Enter");
  await page.locator('[role=menuitem]:has-text("Rename")').click();
  await page.fill("#hook-new-name", "Deploys");
  await page.keyboard.press("Enter");
  const renamed = page.locator("dialog [data-hook]", { hasText: "Deploys" });
  await renamed.waitFor();
  await head.locator("button", { hasText: "Deploys" }).waitFor();
  await renamed.locator("button").click();
  await page.locator('[role=menuitem]:has-text("Revoke")').click();
  await page.locator('dialog:has-text("What it wrote stays") button:has-text("Revoke hook")').click();
  await page.locator("dialog", { hasText: "This room has no hooks." }).waitFor();
  assert.equal((await fetch(address, { method: "POST", body: "x" })).status, 404);
  await message(bob.page, "It works").waitFor();
});

test("whoever does not run the room sees nothing of its hooks", async () => {
  const { page } = bob;
  await openRoom(bob.page, "General");
  await page.locator('[aria-label^="Room details"]').first().click();
  await page.locator("[role=tab]").first().waitFor();
  assert.equal(await page.locator('[role=tab]:has-text("Hooks")').count(), 0);
});
