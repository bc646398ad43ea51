/** The screens of the administration by themselves: long lists, refusals, other people's haste, keyboard, axe. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { playAdministration, STATS } from "./admin_answers.js";
import { assertAccessible, assertFits, PLACES } from "./axe.js";
import { assertCalm, eventually, openBrowser, person, setUpAdmin, startServer, visitor } from "./support.js";

const DESK = { viewport: { width: 1280, height: 800 }, reducedMotion: "reduce" };
const SMALL = { viewport: { width: 320, height: 640 }, reducedMotion: "reduce" };
const SECTIONS = ["", "/users", "/rooms", "/invites", "/settings", "/audit"];
const ROWS_MAX = 250;

let server, browser, signedIn;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  const admin = await setUpAdmin(browser, server);
  signedIn = await admin.context.storageState();
  await admin.context.close();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** The administrator at a section, with answers played. */
async function administrator(path, { other, ...options } = {}) {
  const someone = await visitor(browser, { ...DESK, ...options, storageState: signedIn });
  await playAdministration(someone.page, other);
  await someone.page.goto(`${server.url}/admin${path}`);
  await someone.page.locator(".admin-head h1").waitFor();
  return someone;
}

test("somebody who is no administrator is told so, and fetches nothing of it", async () => {
  const ada = await person(browser, server.url, "ada");
  const asked = [];
  ada.page.on("request", (request) => asked.push(new URL(request.url()).pathname));
  await ada.page.goto(`${server.url}/admin/users`);
  await ada.page.getByText("Only administrators of this server").waitFor();
  assert.equal(await ada.page.getByRole("button", { name: "Administration" }).count(), 0);
  assert.deepEqual(
    asked.filter((path) => (/admin\//.test(path) && path !== "/admin/users") || path.includes("admin.en")),
    [],
  );
  await ada.page.getByRole("button", { name: "Back to the rooms" }).click();
  await ada.page.locator(".room-item").first().waitFor();
  assertCalm(ada);
  await ada.context.close();
});

test("an administrator finds the way in and back by the keyboard, and the heading takes the focus", async () => {
  const admin = await visitor(browser, { ...DESK, storageState: signedIn });
  await playAdministration(admin.page);
  await admin.page.goto(server.url);
  await admin.page.getByRole("button", { name: "Administration" }).press("Enter");
  await admin.page.locator(".admin-head h1", { hasText: "Overview" }).waitFor();
  await eventually(async () => assert.equal(await admin.page.title(), "Overview · Administration · Impulse"));
  await admin.page.getByRole("link", { name: "Audit log" }).press("Enter");
  await admin.page.locator(".admin-head h1:focus", { hasText: "Audit log" }).waitFor();
  assert.equal(new URL(admin.page.url()).pathname, "/admin/audit");
  await admin.page.goBack();
  await admin.page.locator(".admin-head h1", { hasText: "Overview" }).waitFor();
  await admin.page.getByRole("link", { name: "Back to the rooms" }).press("Enter");
  await admin.page.locator(".composer textarea").waitFor();
  assertCalm(admin);
  await admin.context.close();
});

test("of ten thousand people only a few hundred are in the document, and both ways lead on", async () => {
  const admin = await administrator("/users");
  const rows = admin.page.locator(".table tbody tr");
  await rows.first().waitFor();
  for (let seen = 100; seen <= 500; seen += 50) {
    await rows.last().scrollIntoViewIfNeeded();
    await admin.page.locator(".table-status", { hasText: `–${seen} of 10,000 people` }).waitFor();
    assert.ok((await rows.count()) <= ROWS_MAX);
  }
  assert.equal(await admin.page.locator(".table-status").innerText(), "251–500 of 10,000 people");
  const before = await admin.page.getByRole("button", { name: "Show earlier ones" });
  await before.press("Enter");
  await admin.page.locator(".table-status", { hasText: "201–450 of 10,000 people" }).waitFor();
  await rows.filter({ hasText: "person00201" }).waitFor();
  assert.equal(await admin.page.locator(".table-frame").getAttribute("aria-busy"), "false");
  assertCalm(admin);
  await admin.context.close();
});

test("search and filter stand in the address: reloading keeps them and going back undoes them", async () => {
  const admin = await administrator("/users");
  await admin.page.getByRole("searchbox").fill("00057");
  await admin.page.locator(".table-status", { hasText: /^1 person$/ }).waitFor();
  await admin.page.getByRole("radio", { name: "Disabled" }).check({ force: true });
  await eventually(() => assert.equal(new URL(admin.page.url()).search, "?q=00057&state=disabled"));
  await admin.page.reload();
  await admin.page.locator(".row-open", { hasText: "person00057" }).waitFor();
  assert.equal(await admin.page.getByRole("searchbox").inputValue(), "00057");
  assert.ok(await admin.page.getByRole("radio", { name: "Disabled" }).isChecked());
  await admin.page.goBack();
  await eventually(async () => assert.ok(await admin.page.getByRole("radio", { name: "All" }).isChecked()));
  await admin.page.getByRole("searchbox").fill("nobody of that name");
  await admin.page.getByText("Nothing matches.").waitFor();
  assertCalm(admin);
  await admin.context.close();
});

test("a list that cannot be read says so and can be asked again", async () => {
  let away = true;
  const admin = await administrator("/rooms", {
    other: () => (away ? { refuse: "unavailable", status: 503 } : undefined),
  });
  await admin.page.getByRole("alert").getByText("The server is busy").first().waitFor();
  away = false;
  await admin.page.getByRole("button", { name: "Retry" }).click();
  await admin.page.locator(".row-open", { hasText: "General" }).waitFor();
  await admin.context.close();
});

test("who comes second is told that another administrator was first, and sees how it is now", async () => {
  let disabled = false;
  const now = () => ({
    id: "2",
    uid: "2",
    username: "bob",
    display_name: "Bob",
    avatar: null,
    admin: false,
    state: disabled ? "disabled" : "active",
    created_at: 1,
    seen_at: 1,
    sessions: 1,
    presence: "offline",
    rooms: 3,
  });
  const admin = await administrator("/users?id=2", {
    other: (method, path) => {
      if (path !== "/api/admin/users/2") return undefined;
      if (method !== "PATCH") return now();
      disabled = true;
      return { refuse: "conflict", status: 409 };
    },
  });
  await admin.page.locator(".action", { hasText: "Disable" }).click();
  await admin.page.locator("dialog", { hasText: "Disable Bob?" }).getByRole("button", { name: "Disable" }).click();
  await admin.page.getByText("Another administrator was faster").waitFor();
  await admin.page.locator(".dialog-side .action", { hasText: "Enable" }).waitFor();
  await admin.context.close();
});

test("the last administrator stays one, and is told why", async () => {
  const admin = await administrator("/users?id=1", {
    other: (method) => (method === "PATCH" ? { refuse: "forbidden", status: 403 } : undefined),
  });
  await admin.page.locator(".action", { hasText: "Take administration away" }).click();
  await admin.page.getByRole("dialog").last().getByRole("button", { name: "Take administration away" }).click();
  await admin.page.getByText("This is the last administrator").waitFor();
  await admin.page.locator(".dialog-side .stamp", { hasText: "Admin" }).waitFor();
  await admin.context.close();
});

test("a chart is read by the arrow keys and by the pointer, and has a sentence for screen readers", async () => {
  const admin = await administrator("");
  const chart = admin.page.locator(".chart", { hasText: "New people a day" });
  const slider = chart.getByRole("slider", { name: "Read values: New people a day, last 30 days" });
  await slider.focus();
  await slider.press("ArrowLeft");
  assert.match(await slider.getAttribute("aria-valuetext"), /: 0 people$/);
  await slider.press("Home");
  assert.equal(await chart.locator(".chart-value").innerText(), "0 people");
  assert.notEqual(await chart.locator(".chart-when").innerText(), "");
  await slider.blur();
  assert.equal(await chart.locator(".chart-value").innerText(), "23 this week");
  await chart.locator(".chart-plot").hover({ position: { x: 2, y: 40 } });
  assert.equal(await chart.locator(".chart-value").innerText(), "0 people");
  assert.match(
    await chart.getByRole("img").getAttribute("aria-label"),
    /^New people a day, last 30 days: now 1 person; most 3 people/,
  );
  assertCalm(admin);
  await admin.context.close();
});

test("the figures are asked again while the page is seen, and not while it is hidden", async () => {
  const admin = await visitor(browser, { ...DESK, storageState: signedIn });
  let asked = 0;
  await playAdministration(admin.page, (_, path) => {
    if (!path.endsWith("/stats")) return undefined;
    asked += 1;
    return { ...STATS, now: { ...STATS.now, connections: asked } };
  });
  await admin.page.clock.install();
  await admin.page.goto(`${server.url}/admin`);
  const connections = admin.page.locator(".tile", { hasText: "Connections" }).locator("strong");
  await eventually(async () => assert.equal(await connections.innerText(), "1"));
  await admin.page.clock.runFor(5_100);
  await eventually(async () => assert.equal(await connections.innerText(), "2"));
  const hide = (hidden) =>
    admin.page.evaluate((value) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => value });
      document.dispatchEvent(new Event("visibilitychange"));
    }, hidden);
  await hide(true);
  await admin.page.clock.runFor(60_000);
  assert.equal(asked, 2);
  await hide(false);
  await eventually(async () => assert.equal(await connections.innerText(), "3"));
  await admin.context.close();
});

test("the overview says which database does not answer", async () => {
  const admin = await administrator("", {
    other: (_, path) =>
      path.endsWith("/stats")
        ? { ...STATS, now: { ...STATS.now, database: { chat: false, accounts: true } } }
        : undefined,
  });
  await admin.page.getByRole("status").getByText("Not answering: chat database").waitFor();
  await admin.context.close();
});

test("a link with a secret is shown once, whole, and ready to be copied", async () => {
  const admin = await administrator("/users", { permissions: ["clipboard-read", "clipboard-write"] });
  await admin.page.getByRole("button", { name: "Add person" }).click();
  await admin.page.getByRole("button", { name: "Add", exact: true }).click();
  assert.equal(await admin.page.getByLabel("Username").getAttribute("aria-invalid"), "true");
  await admin.page.getByLabel("Username").fill("noor");
  await admin.page.keyboard.press("Enter");
  await admin.page.getByRole("button", { name: "Copy link" }).click();
  await admin.page.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(await admin.page.evaluate(() => navigator.clipboard.readText()), `${server.url}/reset#t`);
  assertCalm(admin);
  await admin.context.close();
});

/** What loads has loaded. @param {import("playwright-core").Page} page */
function settled(page) {
  return page.locator(".spinner").first().waitFor({ state: "detached" });
}

for (const [place, options] of Object.entries(PLACES)) {
  test(`no screen of the administration has a barrier that axe finds, on the ${place}`, async () => {
    const { page, context } = await administrator("", options);
    for (const section of SECTIONS) {
      await page.goto(`${server.url}/admin${section}`);
      await page.locator(".admin-head h1").waitFor();
      await settled(page);
      await assertAccessible(page, section);
      const add = page.locator(".admin-tools .button");
      if (!(await add.count())) continue;
      await add.click();
      if (section !== "/audit") await page.locator("dialog[open]").waitFor();
      else await page.locator(".verdict").waitFor();
      await settled(page);
      await assertAccessible(page, `${section} ${await add.innerText()}`);
    }
    await page.goto(`${server.url}/admin/users?id=9`);
    await page.locator(".action").first().waitFor();
    await assertAccessible(page, "a removed person");
    await page.goto(`${server.url}/admin/users?id=2`);
    for (const deed of ["Rename", "New password", "Remove"]) {
      await page.locator(".action", { hasText: deed }).click();
      await assertAccessible(page, deed);
      await page.keyboard.press("Escape");
    }
    await page.goto(`${server.url}/admin/rooms`);
    await page.locator(".row-open").first().click();
    await page.locator(".action", { hasText: "Hand over" }).click();
    await assertAccessible(page, "hand over");
    await context.close();
  });
}

for (const locale of ["en", "ru", "es"]) {
  test(`everything fits 320 pixels in ${locale}`, async () => {
    const { page, context } = await administrator("", { ...SMALL, locale });
    for (const section of SECTIONS) {
      await page.goto(`${server.url}/admin${section}`);
      await page.locator(".admin-head h1").waitFor();
      await settled(page);
      await assertFits(page, section);
      assert.equal(
        await page.evaluate(() => /\b(?:admin|audit)_\w+/.exec(document.body.innerText)?.[0] ?? null),
        null,
        section,
      );
    }
    const toggle = page.locator(".admin-toggle");
    await toggle.press("Enter");
    await page.locator(".admin-links a").nth(1).press("Enter");
    await page.locator(".admin-head h1:focus").waitFor();
    assert.equal(await toggle.getAttribute("aria-expanded"), "false");
    assert.equal(new URL(page.url()).pathname, "/admin/users");
    await context.close();
  });
}
