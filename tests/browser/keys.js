/** What tests of keys and encrypted chats do on the page. */
import { enterAccount, PASSWORD, visitor } from "./support.js";

/** What Settings, Security, says of the keys. @param {import("playwright-core").Page} page */
export async function security(page) {
  await page.locator("[aria-label='Settings']").first().click();
  await page.locator("[data-section=security]").click();
  return page.locator(".security");
}

/** @param {import("playwright-core").Page} page */
export async function isReady(page) {
  const place = await security(page);
  await place.getByText("Your keys are in this browser.").waitFor();
  await page.keyboard.press("Escape");
}

/** Signs in with another browser, and does not keep what may be offered. */
export async function signInAt(browser, url, name, password = PASSWORD, options = {}) {
  const someone = await visitor(browser, options);
  await someone.page.goto(`${url}/login`);
  await enterAccount(someone.page, name, password);
  await someone.page.locator(".room-item").first().waitFor({ state: "attached" });
  return someone;
}

/** A link by which somebody chooses another password, made by an administrator. */
export function ticketFor(admin, name) {
  return admin.page.evaluate(async (username) => {
    const { users } = await (await fetch(`/api/admin/users?q=${username}`)).json();
    const { id, uid } = users.find((user) => user.username === username);
    const answer = await fetch(`/api/admin/users/${id ?? uid}/reset`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const { ticket, url, link } = await answer.json();
    return ticket ?? String(url ?? link).split("#")[1];
  }, name);
}

/** @param {import("playwright-core").Page} page @param {string} name */
export async function openDirect(page, name) {
  await page.locator("[aria-label='New direct message']").click();
  await page.locator("dialog input").fill(name);
  await page.locator("dialog [role=option]", { hasText: name }).click();
  await page.locator("dialog button", { hasText: "Open conversation" }).click();
  await page.locator(".room-head h1", { hasText: name }).waitFor();
  await page.locator(".composer textarea").waitFor();
}
