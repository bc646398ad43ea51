/** Coming in: the first run, invitations, links to choose a password, and what a closed server says. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { enterAccount, openBrowser, PASSWORD, person, startServer, visitor } from "./support.js";

const NEXT = "seven quiet lanterns 8";
let server, browser, admin, invitation, garden;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/**
 * A call of the page's own session.
 *
 * @param {{ page: import("playwright-core").Page }} someone
 * @param {string} method @param {string} path @param {unknown} [body]
 */
function call({ page }, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const answer = await fetch(path, {
        method,
        ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`);
      return answer.status === 204 ? null : answer.json();
    },
    [method, path, body],
  );
}

/** @param {{ page: import("playwright-core").Page }} someone @param {string} name */
async function inRoom({ page }, name) {
  await page.locator(".room-head h1", { hasText: name }).waitFor();
}

test("the first run ends with a link to send", async () => {
  admin = await visitor(browser);
  const { page } = admin;
  await page.goto(server.setup);
  await page.locator("h1", { hasText: "Set up Impulse" }).waitFor();
  await enterAccount(page, "root");
  await page.locator("h1", { hasText: "Everything is ready" }).waitFor();
  invitation = await page.locator(".link-box").innerText();
  assert.match(invitation, new RegExp(`^${server.url}/invite#[\\w-]{16,}$`));
  await page.locator(".form-note", { hasText: "your own computer" }).waitFor();
  await page.locator("button", { hasText: "Go to the rooms" }).click();
  await page.locator(".room-item", { hasText: "General" }).waitFor();
});

test("that link lets a new person in, and is nowhere in the address bar", async () => {
  const guest = await visitor(browser);
  const { page } = guest;
  await page.goto(invitation);
  await page.locator("h1", { hasText: "root invites you to Impulse" }).waitFor();
  assert.equal(page.url(), `${server.url}/invite`);
  await page.reload();
  await page.locator("h1", { hasText: "root invites you" }).waitFor();
  await enterAccount(page, "mira");
  await page.locator(".room-item", { hasText: "General" }).waitFor();
  assert.deepEqual(guest.problems, []);
  await guest.context.close();
});

test("an invitation to closed rooms names them and leads into them, for newcomers and members", async () => {
  garden = await call(admin, "POST", "/api/rooms", { name: "Garden", topic: "What grows", kind: "closed" });
  const { path } = await call(admin, "POST", "/api/invites", { label: "gardeners", rooms: [garden.id] });
  await call(admin, "PATCH", "/api/me", { display_name: "Root & Branch" });

  const newcomer = await visitor(browser);
  await newcomer.page.goto(server.url + path);
  await newcomer.page.locator("h1", { hasText: "Root & Branch (@root) invites you" }).waitFor();
  await newcomer.page.locator(".entry-rooms li", { hasText: "What grows" }).waitFor();
  await enterAccount(newcomer.page, "newcomer");
  await inRoom(newcomer, "Garden");

  const hand = await person(browser, server.url, "hand");
  await hand.page.goto(server.url + path);
  await hand.page.locator(".entry-switch", { hasText: "You are hand" }).waitFor();
  await hand.page.locator("button", { hasText: "Join" }).click();
  await inRoom(hand, "Garden");

  const old = await visitor(browser);
  await old.page.goto(server.url + path);
  await old.page.locator(".entry-switch .link-button", { hasText: "Sign in" }).click();
  await enterAccount(old.page, "mira", "wrong wrong wrong");
  await old.page.locator(".form-alert", { hasText: "Wrong username or password." }).waitFor();
  await enterAccount(old.page, "mira");
  await inRoom(old, "Garden");
  assert.equal(await old.page.evaluate(() => Object.keys(sessionStorage).length), 0, "the secret is spent");
  for (const someone of [newcomer, hand, old]) await someone.context.close();
});

test("an invitation that was revoked, or never was, says what to do next", async () => {
  const { id, path } = await call(admin, "POST", "/api/invites", { label: "mistake" });
  await call(admin, "DELETE", `/api/invites/${id}`);
  const guest = await visitor(browser);
  for (const address of [path, "/invite#never-was-one", "/invite"]) {
    await guest.page.goto("about:blank");
    await guest.page.goto(server.url + address);
    await guest.page.locator("h1", { hasText: "not valid any more" }).waitFor();
  }
  await guest.page.locator("button", { hasText: "Sign in" }).click();
  await guest.page.locator("h1", { hasText: "Welcome back" }).waitFor();
  await guest.context.close();
});

test("a link is made in the settings, shown once, counted, and revoked there", async () => {
  const { page } = admin;
  await page.locator(".me [aria-label='Settings']").click();
  await page.locator("[data-section=invites]").click();
  await page.locator(".settings-body button", { hasText: "Invite people" }).click();
  await page.locator("#invite-room").selectOption({ label: "Garden" });
  await page.locator("#invite-uses").selectOption("10");
  await page.locator("dialog button", { hasText: "Make the link" }).click();
  const link = await page.locator(".link-box").innerText();
  await page.locator("dialog .dialog-foot button", { hasText: "Close" }).click();
  const row = page.locator(".access", { hasText: "Garden" }).filter({ hasText: "used 0 times" });
  await row.waitFor();
  const guest = await visitor(browser);
  await guest.page.goto(link);
  await enterAccount(guest.page, "gardener");
  await inRoom(guest, "Garden");
  await page.locator("[data-section=profile]").click();
  await page.locator("[data-section=invites]").click();
  const used = page.locator(".access", { hasText: "used 1 time" }).filter({ hasText: "Garden" });
  await used.locator("button", { hasText: "Revoke" }).click();
  await used.waitFor({ state: "detached" });
  await guest.page.goto("about:blank");
  await guest.page.goto(link);
  await guest.page.locator("h1", { hasText: "not valid any more" }).waitFor();
  await page.keyboard.press("Escape");
  await guest.context.close();
});

test("an account made by an administrator is opened with its ticket, once", async () => {
  const { path } = await call(admin, "POST", "/api/admin/users", { username: "anton", display_name: "Anton" });
  const guest = await visitor(browser);
  const { page } = guest;
  await page.goto(server.url + path);
  await page.locator("h1", { hasText: "Welcome, Anton" }).waitFor();
  assert.equal(page.url(), `${server.url}/reset`);
  assert.equal(await page.inputValue("#username"), "anton");
  await page.fill("#password", "password1234");
  await page.click("button[type=submit]");
  await page.locator(".form-alert", { hasText: "too easy to guess" }).waitFor();
  await page.fill("#password", PASSWORD);
  await page.click("button[type=submit]");
  await page.locator(".me-name strong", { hasText: "Anton" }).waitFor();
  const late = await visitor(browser);
  await late.page.goto(server.url + path);
  await late.page.locator("h1", { hasText: "not valid any more" }).waitFor();
  await late.context.close();
  await guest.context.close();
});

test("a forgotten password is replaced with a ticket, also where somebody else is signed in", async () => {
  const { users } = await call(admin, "GET", "/api/users?q=anton");
  const { path } = await call(admin, "POST", `/api/admin/users/${users[0].id}/reset`, {});
  const shared = await person(browser, server.url, "housemate");
  const { page } = shared;
  await page.goto(server.url + path);
  await page.locator("h1", { hasText: "Choose a new password" }).waitFor();
  await page.fill("#password", NEXT);
  await page.click("button[type=submit]");
  await page.locator(".me-name strong", { hasText: "Anton" }).waitFor();
  const elsewhere = await visitor(browser);
  await elsewhere.page.goto(server.url);
  await enterAccount(elsewhere.page, "anton", PASSWORD);
  await elsewhere.page.locator(".form-alert", { hasText: "Wrong username or password." }).waitFor();
  await enterAccount(elsewhere.page, "anton", NEXT);
  await elsewhere.page.locator(".shell").waitFor();
  await elsewhere.context.close();
  await shared.context.close();
});

test("by invitation: the page says so, takes a link, and the link lets in", async () => {
  await call(admin, "PATCH", "/api/admin/settings", { registration: "invite" });
  const guest = await visitor(browser);
  const { page } = guest;
  await page.goto(server.url);
  await page.locator(".entry-switch", { hasText: "You need an invitation link" }).waitFor();
  await page.goto(`${server.url}/register`);
  await page.locator("h1", { hasText: "By invitation" }).waitFor();
  assert.equal(await page.locator("#password").count(), 0);
  await page.fill("#invite-link", invitation);
  await page.click("button[type=submit]");
  await page.locator("h1", { hasText: "invites you" }).waitFor();
  await enterAccount(page, "invited");
  await page.locator(".shell").waitFor();
  await guest.context.close();
});

test("closed: the page says who makes accounts, and an invitation is for members only", async () => {
  await call(admin, "PATCH", "/api/admin/settings", { registration: "closed", name: "Northwind" });
  const { path } = await call(admin, "POST", "/api/invites", { rooms: [garden.id] });
  const guest = await visitor(browser);
  const { page } = guest;
  await page.goto(`${server.url}/register`);
  await page.locator("h1", { hasText: "Registration is closed" }).waitFor();
  await page.locator("button", { hasText: "Sign in" }).click();
  await page.locator(".entry-eyebrow", { hasText: "Northwind" }).waitFor();
  await page.goto("about:blank");
  await page.goto(invitation);
  await page.locator("h1", { hasText: "not valid any more" }).waitFor();
  await page.goto("about:blank");
  await page.goto(server.url + path);
  await page.locator("h1", { hasText: "invites you to Northwind" }).waitFor();
  await page.locator(".entry-small", { hasText: "people who have an account here" }).waitFor();
  await enterAccount(page, "invited");
  await inRoom(guest, "Garden");
  await guest.context.close();
});
