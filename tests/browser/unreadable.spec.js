import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { act, assertCalm, message, openBrowser, openRoom, person, say, startServer } from "./support.js";

const LINE = "This message cannot be read";
let server, browser, ada;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  ada = await person(browser, server.url, "ada");
  await openRoom(ada.page, "General");
  await say(ada.page, "to be spoilt");
  await message(ada.page, "to be spoilt").waitFor();
  await act(ada.page, "to be spoilt", "Reply");
  await say(ada.page, "an answer to it");
  await message(ada.page, "an answer to it").locator(".quote").waitFor();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

test("a message that the server cannot read is one line that can be deleted but not edited", async () => {
  const { page } = ada;
  await page.route(/\/api\/rooms\/\d+\/messages/, async (route) => {
    const response = await route.fetch();
    const body = await response.json();
    const spoil = ({ t, ...msg }) => (t === "to be spoilt" ? { ...msg, unreadable: true } : { ...msg, t });
    await route.fulfill({
      response,
      json: { ...body, messages: body.messages.map((entry) => ({ ...entry, msg: spoil(entry.msg) })) },
    });
  });
  await page.reload();
  await openRoom(page, "General");
  const row = page.locator(".message", { has: page.locator(".bubble-deleted", { hasText: LINE }) });
  await row.waitFor();
  assert.match(await message(page, "an answer to it").locator(".quote").innerText(), new RegExp(LINE));

  await row.locator(".bubble").hover();
  await page.locator(".tools [aria-label='More actions']").click();
  const remove = page.locator(".menu-item", { hasText: "Delete" });
  await remove.waitFor();
  for (const action of ["Edit", "Copy text"])
    assert.equal(await page.locator(".menu-item", { hasText: action }).count(), 0, action);
  await remove.click();
  await page.locator("dialog .button-danger").click();
  await row.waitFor({ state: "detached" });
  await message(page, "Message deleted").first().waitFor();
  assertCalm(ada);
});
