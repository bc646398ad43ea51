/** Running a place: one administrator, the people it is done to, and a real server between them. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  assertCalm,
  enterAccount,
  eventually,
  openBrowser,
  openRoom,
  PASSWORD,
  person,
  say,
  setUpAdmin,
  startServer,
  visitor,
} from "./support.js";

let server, browser, root, noor, ada;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  root = await setUpAdmin(browser, server, "root", { permissions: ["clipboard-read", "clipboard-write"] });
  ada = await person(browser, server.url, "ada");
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** @param {string} section @param {string} [query] */
async function open(section, query = "") {
  await root.page.goto(`${server.url}/admin${section}${query}`);
  await root.page.locator(".admin-head h1").waitFor();
}

/** Opens one row beside the list. @param {string} name */
async function openRow(name) {
  await root.page.locator(".row-open", { hasText: name }).first().click();
  await root.page.locator(".dialog-side .action").first().waitFor();
}

/** @param {string} deed @param {string} [confirm] */
async function perform(deed, confirm) {
  await root.page.locator(".dialog-side .action", { has: root.page.getByText(deed, { exact: true }) }).click();
  if (confirm)
    await root.page.locator("dialog[open]").last().getByRole("button", { name: confirm, exact: true }).click();
}

/** @param {string} text */
function toast(text) {
  return root.page.locator(".toast", { hasText: text });
}

async function linkShown() {
  const link = await root.page.getByLabel("Link", { exact: true }).inputValue();
  await root.page.getByRole("button", { name: "Done" }).click();
  return link;
}

/** @param {import("playwright-core").Page} page @param {string} name */
async function signIn(page, name, password = PASSWORD) {
  await page.goto(`${server.url}/login`);
  await enterAccount(page, name, password);
}

test("an added person chooses a password by the link and is in", async () => {
  await open("/users");
  await root.page.getByRole("button", { name: "Add person" }).click();
  await root.page.getByLabel("Username").fill("noor");
  await root.page.getByLabel("Display name").fill("Noor Haddad");
  await root.page.keyboard.press("Enter");
  await root.page.getByText("Noor Haddad is added").waitFor();
  const link = await linkShown();
  await root.page
    .locator(".table tr", { hasText: "Noor Haddad" })
    .locator(".stamp", { hasText: "No password yet" })
    .waitFor();

  noor = await visitor(browser);
  await noor.page.goto(link);
  await noor.page.fill("#password", PASSWORD);
  await noor.page.click("button[type=submit]");
  await noor.page.locator(".room-item").first().waitFor();
  await root.page.reload();
  await root.page.locator(".table tr", { hasText: "Noor Haddad" }).locator(".stamp", { hasText: "Active" }).waitFor();

  const late = await visitor(browser);
  await late.page.goto(link);
  await late.page.getByRole("button", { name: "Sign in" }).waitFor();
  await late.context.close();
  assertCalm(root, noor);
});

test("disabling signs a person out of an open page and keeps out, until it is undone", async () => {
  await openRow("Noor Haddad");
  await perform("Disable", "Disable");
  await noor.page.locator("#password").waitFor();
  await enterAccount(noor.page, "noor");
  await noor.page.locator(".form-alert").waitFor();
  await root.page.locator(".dialog-side .stamp", { hasText: "Disabled" }).waitFor();
  await toast("Noor Haddad is disabled").getByRole("button", { name: "Undo" }).click();
  await root.page.locator(".dialog-side .stamp", { hasText: "Active" }).waitFor();
  await signIn(noor.page, "noor");
  await noor.page.locator(".room-item").first().waitFor();
});

test("a new administrator sees the way in without a reload, and loses it as fast", async () => {
  await perform("Make administrator", "Make administrator");
  await noor.page.getByRole("button", { name: "Administration" }).click();
  await noor.page.locator(".admin-head h1", { hasText: "Overview" }).waitFor();
  await noor.page.locator(".tile").first().waitFor();
  await root.page.keyboard.press("Escape");
  await openRow("Noor Haddad");
  await perform("Take administration away", "Take administration away");
  await noor.page.getByText("Only administrators of this server").waitFor();
  await noor.page.getByRole("button", { name: "Back to the rooms" }).click();
  await noor.page.locator(".room-item").first().waitFor();
});

test("the last administrator cannot take himself away", async () => {
  await open("/users");
  await openRow("root");
  await perform("Take administration away", "Take administration away");
  await toast("This is the last administrator").waitFor();
  await perform("Remove", "Remove");
  await root.page.locator("dialog[open] .form-alert", { hasText: "This is the last administrator" }).waitFor();
});

test("a new password for an account somebody else may know ends what is open; the link sets the next", async () => {
  await open("/users");
  await openRow("Noor Haddad");
  await perform("New password");
  await root.page.getByText("Somebody else may know it").click();
  await root.page.getByRole("button", { name: "Make the link" }).click();
  const link = await linkShown();
  await noor.page.locator("#password").waitFor();
  await enterAccount(noor.page, "noor");
  await noor.page.locator(".form-alert").waitFor();
  await noor.page.goto(link);
  await noor.page.fill("#password", "another kettle 9 plum");
  await noor.page.click("button[type=submit]");
  await noor.page.locator(".room-item").first().waitFor();
});

test("a removed person is gone with a neutral name, and comes back as before", async () => {
  await openRoom(noor.page, "General");
  await say(noor.page, "I was here");
  await openRoom(ada.page, "General");
  await ada.page.locator(".message", { hasText: "I was here" }).waitFor();
  await perform("Remove", "Remove");
  await noor.page.locator("#password").waitFor();
  await ada.page.locator(".message-author", { hasText: "Former member" }).waitFor();
  await root.page.locator(".dialog-side .action", { hasText: "Restore" }).waitFor();
  await root.page.keyboard.press("Escape");
  await open("/users", "?state=removed");
  await openRow("Noor Haddad");
  await perform("Restore");
  await root.page.locator(".dialog-side .stamp", { hasText: "Active" }).waitFor();
  await ada.page.locator(".message-author", { hasText: "Noor Haddad" }).waitFor();
  await signIn(noor.page, "noor", "another kettle 9 plum");
  await noor.page.locator(".room-item", { hasText: "General" }).waitFor();
});

test("a room is added for somebody, closed to writing, put away, removed and restored", async () => {
  await open("/rooms");
  await root.page.getByRole("button", { name: "Add room" }).click();
  await root.page.getByLabel("Name", { exact: true }).fill("Garden");
  await root.page.getByRole("combobox", { name: "Owner" }).fill("noor");
  await root.page.getByRole("option", { name: /Noor Haddad/ }).click();
  await root.page.getByRole("button", { name: "Create room" }).click();
  await noor.page.locator(".room-item", { hasText: "Garden" }).waitFor();
  await openRow("Garden");
  await root.page.locator(".figures", { hasText: "Noor Haddad" }).waitFor();
  await perform("Read-only");
  await root.page.locator(".dialog-side .stamp", { hasText: "Read-only" }).waitFor();
  await perform("Hand over");
  await root.page.getByRole("combobox", { name: "Owner" }).fill("ada");
  await root.page.getByRole("option", { name: /@ada/ }).click();
  await root.page.getByRole("dialog").last().getByRole("button", { name: "Hand over" }).click();
  await root.page.locator(".figures", { hasText: "ada" }).waitFor();
  await perform("Archive");
  await root.page.locator(".dialog-side .stamp", { hasText: "Archived" }).waitFor();
  await perform("Remove", "Remove");
  await noor.page.locator(".room-item", { hasText: "Garden" }).waitFor({ state: "detached" });
  await open("/rooms", "?state=removed");
  await openRow("Garden");
  await perform("Restore");
  await noor.page.locator(".room-item", { hasText: "Garden" }).waitFor();
  await perform("Take out of the archive");
  await toast("Garden is open for writing again").waitFor();
});

test("an invitation is shown once, lets a newcomer in, and is over when it is revoked", async () => {
  await open("/invites");
  await root.page.locator(".admin-tools").getByRole("button", { name: "Make invitation" }).click();
  await root.page.getByLabel("Label").fill("Allotments");
  await root.page.getByRole("checkbox", { name: "Garden" }).check();
  await root.page.getByLabel("Can be used").selectOption("5");
  await root.page.getByRole("button", { name: "Make the link" }).click();
  const link = await linkShown();
  const row = root.page.locator(".table tr", { hasText: "Allotments" });
  await row.getByText("0 of 5").waitFor();

  const guest = await visitor(browser);
  await guest.page.goto(link);
  await guest.page.locator("#username").waitFor();
  await enterAccount(guest.page, "bert");
  await guest.page.locator(".room-item", { hasText: "Garden" }).waitFor();
  assertCalm(guest);
  await guest.context.close();

  await root.page.reload();
  await row.getByText("1 of 5").waitFor();
  await row.getByRole("button", { name: "Revoke" }).click();
  await root.page.locator("dialog[open]").getByRole("button", { name: "Revoke" }).click();
  await row.getByText("Revoked").waitFor();
  const late = await visitor(browser);
  await late.page.goto(link);
  await late.page.locator("main").waitFor();
  await eventually(async () => assert.equal(await late.page.locator(".spinner").count(), 0));
  assert.equal(await late.page.locator("#username").count(), 0);
  await late.context.close();
});

test("settings hold for who signs in next, a second administrator is not overruled, undo takes them back", async () => {
  await open("/settings");
  await root.page.getByLabel("Name of the server").fill("Sunflower");
  await root.page.getByRole("radio", { name: /^Closed/ }).check();
  await root.page.getByText("Not saved yet").waitFor();
  await root.page.getByRole("button", { name: "Save changes" }).click();
  await toast("Settings saved").waitFor();
  const guest = await visitor(browser);
  await guest.page.goto(`${server.url}/register`);
  await guest.page.locator("h1").waitFor();
  await eventually(async () => assert.equal(await guest.page.locator("#username").count(), 0));
  await guest.page.goto(`${server.url}/login`);
  await guest.page.getByText("Sunflower").first().waitFor();
  assertCalm(guest);
  await guest.context.close();

  // Somebody else, by the API, changes the name meanwhile.
  await root.page.evaluate(() =>
    fetch("/api/admin/settings", {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ name: "Tulip" }),
    }),
  );
  await root.page.getByLabel("Name of the server").fill("Rose");
  await root.page.getByRole("button", { name: "Save changes" }).click();
  await toast("Another administrator was faster").waitFor();
  await eventually(async () => assert.equal(await root.page.getByLabel("Name of the server").inputValue(), "Tulip"));

  await root.page.getByRole("radio", { name: /^Open/ }).check();
  await root.page.getByLabel("Most accounts").fill("0");
  await root.page.getByRole("button", { name: "Save changes" }).click();
  assert.equal(await root.page.getByLabel("Most accounts").getAttribute("aria-invalid"), "true");
  await root.page.getByLabel("Most accounts").fill("");
  await root.page.getByRole("button", { name: "Save changes" }).click();
  await root.page.locator(".admin-settings-dirty").waitFor({ state: "detached" });
  await toast("Settings saved").last().getByRole("button", { name: "Undo" }).click();
  await toast("Undone").waitFor();
  await eventually(async () => assert.ok(await root.page.getByRole("radio", { name: /^Closed/ }).isChecked()));
});

test("the log says what was done, leads there, and proves that nobody rewrote it", async () => {
  await open("/audit");
  const row = (text) => root.page.locator(".table tbody tr", { hasText: text }).first();
  for (const text of [
    "Added a person",
    "Disabled a person",
    "Enabled a person",
    "Made an administrator",
    "Took administration away",
    "Made a link for a new password",
    "Removed a person",
    "Restored a person",
    "Made a room",
    "Archived a room",
    "Handed over a room",
    "Removed a room",
    "Restored a room",
    "Made an invitation",
    "Revoked an invitation",
    "Changed the settings",
  ])
    await row(text).waitFor();
  assert.match(await row("Removed a person").innerText(), /noor[\s\S]*Messages: kept/);
  await root.page.getByRole("button", { name: "Verify chain" }).click();
  await root.page.locator(".verdict-good", { hasText: /The chain of \d+ entries is whole/ }).waitFor();
  await root.page.getByLabel("Action").selectOption("user.create");
  await eventually(async () => assert.equal(await root.page.locator(".table tbody tr").count(), 1));
  await row("Added a person").getByRole("button", { name: "noor" }).click();
  await root.page.locator(".dialog-side h3", { hasText: "Noor Haddad" }).waitFor();
  await root.page.goBack();
  await root.page.getByRole("button", { name: "Clear filters" }).click();
  await row("Made a room").waitFor();
});

test("nobody's page complained but of what was refused on purpose", () => {
  const asked = /the server responded with a status of (401|403|409)/;
  for (const { problems } of [root, noor, ada])
    assert.deepEqual(
      problems.filter((problem) => !asked.test(problem)),
      [],
    );
});
