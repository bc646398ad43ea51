/** Keeping an account: password, browsers, tokens, and leaving for good. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  enterAccount,
  eventually,
  message,
  openBrowser,
  openRoom,
  PASSWORD,
  person,
  say,
  setUpAdmin,
  startServer,
  visitor,
} from "./support.js";

const NEXT = "seven quiet lanterns 8";
let server, browser, ada;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  ada = await person(browser, server.url, "ada");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** @param {import("playwright-core").Page} page @param {string} section */
async function openSettings(page, section) {
  await page.locator(".me [aria-label='Settings']").click();
  await page.locator(`[data-section=${section}]`).click();
}

/** The same person in another browser. @param {string} name @param {string} [password] */
async function again(name, password = PASSWORD) {
  const other = await visitor(browser);
  await other.page.goto(server.url);
  await enterAccount(other.page, name, password);
  await other.page.locator(".shell").waitFor();
  return other;
}

test("a new password is judged before it is sent", async () => {
  const { page } = ada;
  await openSettings(page, "password");
  const submit = page.locator(".settings-form button[type=submit]");
  const refusal = page.locator(".settings-form .field-error");
  await submit.click();
  await refusal.filter({ hasText: "Enter your current password" }).waitFor();
  await page.fill("#old-password", PASSWORD);
  for (const [password, why] of [
    ["short", "at least 10 characters"],
    ["P4ssw0rd2024", "too easy to guess"],
    ["qwertyuiopas", "keyboard"],
    ["Ada-1234567", "username"],
    [PASSWORD, "have already"],
  ]) {
    await page.fill("#new-password", password);
    await submit.click();
    await refusal.filter({ hasText: why }).waitFor();
  }
  await page.fill("#new-password", NEXT);
  await page.locator(".meter[data-strength='3']").waitFor();
  await page.fill("#new-password-again", "seven quiet lanterns 9");
  await submit.click();
  await refusal.filter({ hasText: "not the same" }).waitFor();
  for (const [id, autocomplete] of [
    ["old-password", "current-password"],
    ["new-password", "new-password"],
    ["new-password-again", "new-password"],
  ]) {
    assert.deepEqual(await page.locator(`#${id}`).evaluate((node) => [node.autocomplete, node.type]), [
      autocomplete,
      "password",
    ]);
  }
});

test("a passphrase is made on request, shown, and put into both fields", async () => {
  const { page } = ada;
  await page.locator(".field-head .link-button").click();
  const made = await page.inputValue("#new-password");
  assert.match(made, /^[a-z]{5}(-[a-z]{5}){3}$/);
  assert.equal(await page.inputValue("#new-password-again"), made);
  assert.equal(await page.locator("#new-password").getAttribute("type"), "text");
});

test("a wrong current password changes nothing", async () => {
  const { page } = ada;
  await page.fill("#old-password", "not my password at all");
  await page.locator(".settings-form button[type=submit]").click();
  await page.locator(".settings-form .field-error", { hasText: "not your current password" }).waitFor();
  const other = await again("ada");
  await other.context.close();
});

test("changing the password signs the other browsers out, and only the new one opens", async () => {
  const other = await again("ada");
  const { page } = ada;
  await page.fill("#old-password", PASSWORD);
  await page.fill("#new-password", NEXT);
  await page.fill("#new-password-again", NEXT);
  await page.locator(".settings-form button[type=submit]").click();
  await page.locator(".toast", { hasText: "other browsers are signed out" }).waitFor();
  await other.page.locator("#username").waitFor();
  await enterAccount(other.page, "ada", PASSWORD);
  await other.page.locator(".form-alert", { hasText: "Wrong username or password." }).waitFor();
  await other.page.locator(".entry-below .hint", { hasText: "administrator" }).waitFor();
  await enterAccount(other.page, "ada", NEXT);
  await other.page.locator(".shell").waitFor();
  assert.equal(await page.inputValue("#old-password"), "");
  await page.keyboard.press("Escape");
  await openRoom(page, "General");
  await say(page, "still here");
  await message(other.page, "still here")
    .or(other.page.locator(".room-item", { hasText: "General" }))
    .first()
    .waitFor();
  await other.context.close();
});

test("the browsers I use are listed, and one can be signed out from another", async () => {
  const other = await again("ada", NEXT);
  const { page } = ada;
  await openSettings(page, "sessions");
  const rows = page.locator(".access");
  await eventually(async () => assert.ok((await rows.count()) >= 2));
  assert.match(await rows.first().innerText(), /Chrome on Linux[\s\S]*This browser/);
  await rows.nth(1).locator("button", { hasText: "Sign out" }).click();
  await other.page.locator("#username").waitFor();
  await other.context.close();
});

test("a browser that is signed out closes what was open there", async () => {
  const other = await again("ada", NEXT);
  await openSettings(other.page, "profile");
  await ada.page.keyboard.press("Escape");
  await openSettings(ada.page, "sessions");
  await ada.page.locator(".access").nth(1).locator("button", { hasText: "Sign out" }).click();
  await other.page.locator("#username").waitFor();
  assert.equal(await other.page.locator("dialog").count(), 0);
  await other.context.close();
});

test("all others can be signed out at once", async () => {
  const others = [await again("ada", NEXT), await again("ada", NEXT)];
  const { page } = ada;
  await page.keyboard.press("Escape");
  await openSettings(page, "sessions");
  await page.locator(".settings-body .dialog-foot button", { hasText: "Sign out all others" }).click();
  await page.locator("dialog .button-danger", { hasText: "Sign out all others" }).click();
  for (const other of others) {
    await other.page.locator("#username").waitFor();
    await other.context.close();
  }
  await eventually(async () => assert.equal(await page.locator(".access").count(), 1));
});

test("a token is shown once, works for a program, and ends when it is revoked", async () => {
  const { page } = ada;
  await page.locator("[data-section=tokens]").click();
  await page.fill("#token-label", "Backup script");
  await page.selectOption("#token-scope", "read");
  await page.selectOption("#token-life", { label: "30 days" });
  await page.locator(".settings-form button[type=submit]").click();
  const token = await page.locator(".token").innerText();
  const me = () => fetch(`${server.url}/api/me`, { headers: { authorization: `Bearer ${token}` } });
  assert.equal((await (await me()).json()).username, "ada");
  const change = await fetch(`${server.url}/api/me`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
    body: "{}",
  });
  assert.equal(change.status, 403);
  const row = page.locator(".access", { hasText: "Backup script" });
  await row.waitFor();
  assert.match(await row.innerText(), /Read only[^]*until /);
  await page.locator("[data-section=profile]").click();
  await page.locator("[data-section=tokens]").click();
  await page.locator(".access", { hasText: "Backup script" }).waitFor();
  assert.equal(await page.locator(".token").count(), 0);
  await page.locator(".access button", { hasText: "Revoke" }).click();
  await page.locator(".results-empty", { hasText: "no tokens" }).waitFor();
  assert.equal((await me()).status, 401);
  await page.keyboard.press("Escape");
});

test("leaving for good asks for the password and the name, and keeps the messages as a former member's", async () => {
  const leaver = await person(browser, server.url, "leaver");
  const { page } = leaver;
  await openRoom(page, "General");
  await say(page, "so long, and thanks");
  await openRoom(page, "Random");
  await page.locator(".composer textarea").fill("a draft nobody will send");
  await openRoom(ada.page, "General");
  await message(ada.page, "so long, and thanks").waitFor();
  await openSettings(page, "account");
  await page.locator("button", { hasText: "Delete my account" }).click();
  const submit = page.locator("dialog form button[type=submit]", { hasText: "Delete account" });
  assert.equal(await submit.isDisabled(), true);
  await page.fill("#delete-account-name", "leaver");
  await page.fill("#delete-account-password", "not my password");
  await submit.click();
  await page.locator("dialog .field-error", { hasText: "not your current password" }).waitFor();
  await page.fill("#delete-account-password", PASSWORD);
  await submit.click();
  await page.locator("#username").waitFor();
  await page.locator("dialog").waitFor({ state: "detached" });
  await enterAccount(page, "leaver");
  await page.locator(".form-alert").waitFor();
  assert.equal(await page.locator(".form-alert").innerText(), "Wrong username or password.");
  assert.deepEqual(
    await page.evaluate(() => Object.keys(localStorage).filter((key) => /draft|outbox|account/.test(key))),
    [],
    "nothing of the account is left here",
  );
  await message(ada.page, "so long, and thanks").waitFor();
  await ada.page.locator(".author-gone", { hasText: "Former member" }).waitFor();
  await leaver.context.close();
});

test("leaving can take the messages along", async () => {
  const leaver = await person(browser, server.url, "eraser");
  const { page } = leaver;
  await openRoom(page, "General");
  await say(page, "nobody should keep this");
  await message(ada.page, "nobody should keep this").waitFor();
  await openSettings(page, "account");
  await page.locator("button", { hasText: "Delete my account" }).click();
  await page.locator("dialog .choice", { hasText: "Erase them" }).click();
  await page.fill("#delete-account-password", PASSWORD);
  await page.fill("#delete-account-name", "eraser");
  await page.locator("dialog form button[type=submit]", { hasText: "Delete account" }).click();
  await page.locator("#username").waitFor();
  await eventually(async () => assert.equal(await message(ada.page, "nobody should keep this").count(), 0));
  await leaver.context.close();
});

test("the only administrator cannot leave", async () => {
  const admin = await setUpAdmin(browser, server);
  const { page } = admin;
  await openSettings(page, "account");
  await page.locator("button", { hasText: "Delete my account" }).click();
  await page.fill("#delete-account-password", PASSWORD);
  await page.fill("#delete-account-name", "root");
  await page.locator("dialog form button[type=submit]", { hasText: "Delete account" }).click();
  await page.locator("dialog .field-error", { hasText: "only administrator" }).waitFor();
  await admin.context.close();
});
