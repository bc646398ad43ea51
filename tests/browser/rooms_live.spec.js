/** Pages about rooms while the rooms change under them; and no barrier in what stands beside the details. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { assertAccessible, assertFits, PLACES } from "./axe.js";
import {
  assertCalm,
  enterAccount,
  eventually,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  startServer,
} from "./support.js";

let server, browser, ada, bob, uids;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  [ada, bob] = [await person(browser, server.url, "ada"), await person(browser, server.url, "bob")];
  await person(browser, server.url, "cleo").then(({ context }) => context.close());
  const { users } = await api(ada, "GET", "/api/users");
  uids = Object.fromEntries(users.map((user) => [user.username, user.uid]));
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const label = (name) => `[aria-label="${name}"]`;
const item = ({ page }, name) => page.locator(".room-item", { hasText: name });

/** A call as the page's own person, for what is not looked at here. */
function api({ page }, method, path, body) {
  return page.evaluate(
    async ([method, path, body]) => {
      const answer = await fetch(path, {
        method,
        ...(body ? { headers: { "content-type": "application/json" }, body: JSON.stringify(body) } : {}),
      });
      return answer.status === 204 ? null : answer.json();
    },
    [method, path, body],
  );
}

/** A room of ada's with bob in it, open before both. */
async function together(name, kind = "open") {
  const room = await api(ada, "POST", "/api/rooms", { name, kind, members: [uids.bob] });
  for (const someone of [ada, bob]) {
    await item(someone, name).waitFor();
    await openRoom(someone.page, name);
  }
  return `/api/rooms/${room.id}`;
}

/** @param {{ page: import("playwright-core").Page }} someone */
async function closeDialogs({ page }) {
  while (await page.locator("dialog[open]").count()) await page.keyboard.press("Escape");
}

beforeEach(async () => {
  for (const someone of [ada, bob]) await closeDialogs(someone);
});

/** The element that has the focus, by its label or text. */
const focused = ({ page }) =>
  page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? document.activeElement?.textContent ?? "");

test("open details follow the room: its name, what I may do, who is in it", async () => {
  const room = await together("Workshop", "closed");
  await bob.page.locator(".members-button").click();
  await bob.page.locator("[data-member]", { hasText: "ada" }).waitFor();
  assert.deepEqual(await bob.page.locator(".tab").allTextContents(), ["Members", "Files", "For me"]);
  await api(ada, "PATCH", room, { name: "Smithy", topic: "Hot" });
  await bob.page.locator("dialog h2", { hasText: "Smithy" }).waitFor();
  await bob.page.locator(".dialog-lead", { hasText: "Hot" }).waitFor();
  await api(ada, "PATCH", `${room}/members/${uids.bob}`, { role: "admin" });
  await bob.page.locator(".tab", { hasText: "Settings" }).click();
  await bob.page.fill("#details-topic", "half typed");
  await api(ada, "PATCH", room, { name: "Forge", read_only: true });
  await eventually(async () => assert.equal(await bob.page.locator("#details-name").inputValue(), "Forge"));
  assert.equal(
    await bob.page.locator("#details-topic").inputValue(),
    "half typed",
    "nobody takes away what is being typed",
  );
  assert.equal(await bob.page.locator(".check", { hasText: "Read-only" }).locator("input").isChecked(), true);
  await bob.page.locator(".tab", { hasText: "Members" }).click();
  await api(ada, "POST", `${room}/members`, { uid: uids.cleo });
  await bob.page.locator("[data-member]", { hasText: "cleo" }).waitFor();
});

test("who is sent out while the details are open sees them close, and a way on", async () => {
  const room = await together("Attic", "closed");
  await say(ada.page, "for members only");
  await message(bob.page, "for members only").waitFor();
  await bob.page.locator(".members-button").click();
  await bob.page.locator("[data-member]", { hasText: "ada" }).waitFor();
  await api(ada, "DELETE", `${room}/members/${uids.bob}`);
  await bob.page.locator("dialog").waitFor({ state: "detached" });
  await bob.page.locator(".room-empty", { hasText: "no longer in this room" }).waitFor();
  assert.equal(await message(bob.page, "for members only").count(), 0);
  await say(ada.page, "he does not hear this");
  await bob.page.locator(".room-empty button", { hasText: "Back to the rooms" }).click();
  await bob.page.locator(".room-head h1").waitFor();
  await api(ada, "POST", `${room}/members`, { uid: uids.bob });
  await item(bob, "Attic").waitFor();
});

test("what stands beside a message goes with its room", async () => {
  const room = await together("Cellar", "closed");
  await say(ada.page, "one more question");
  const open = async (/** @type {string} */ tool) => {
    await message(bob.page, "one more question").hover();
    await bob.page.locator(`.tools ${label(tool)}`).click();
    await bob.page.locator("dialog").waitFor();
  };
  for (const tool of ["More actions", "React"]) {
    await open(tool);
    await bob.page.goBack();
    await bob.page.locator("dialog").waitFor({ state: "detached" });
    await openRoom(bob.page, "Cellar");
  }
  await open("More actions");
  await api(ada, "DELETE", `${room}/members/${uids.bob}`);
  await bob.page.locator(".room-empty", { hasText: "no longer in this room" }).waitFor();
  await bob.page.locator("dialog").waitFor({ state: "detached" });
});

test("a mute is counted down, ends by itself, and gives the draft back", async () => {
  const room = await together("Parlour");
  await bob.page.locator(".composer textarea").fill("what I wanted to say");
  await api(ada, "PATCH", `${room}/members/${uids.bob}`, { silenced_until: Date.now() + 4000 });
  await bob.page.locator(".composer-closed", { hasText: "A moderator has muted you in this room until" }).waitFor();
  assert.match(await bob.page.locator(".composer-left").innerText(), /^0:0\d$/);
  await bob.page.locator(".composer textarea").waitFor();
  assert.equal(await bob.page.locator(".composer textarea").inputValue(), "what I wanted to say");
  await bob.page.locator(".composer textarea").press("Enter");
  await message(ada.page, "what I wanted to say").waitFor();
});

test("the keyboard alone makes a group, however slow the search, and stays in the conversation", async () => {
  const { page } = ada;
  await page.route("**/api/users?*", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await route.continue();
  });
  await page.locator(label("New direct message")).focus();
  await page.keyboard.press("Enter");
  for (const name of ["bob", "cleo"]) {
    await page.keyboard.type(name);
    await page.keyboard.press("Enter");
    await page.locator(".chip", { hasText: name }).waitFor();
  }
  await page.keyboard.press("Backspace");
  await eventually(async () =>
    assert.deepEqual(
      await page
        .locator(".chip")
        .allInnerTexts()
        .then((all) => all.map((text) => text.replace(/^\w\s*/, "").trim())),
      ["bob"],
    ),
  );
  await page.keyboard.type("cleo");
  await page.keyboard.press("Enter");
  await page.locator(".chip", { hasText: "cleo" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".room-title h1", { hasText: "bob and cleo" }).waitFor();
  await eventually(async () => assert.equal(await focused(ada), "Message to bob and cleo"));
  await page.unroute("**/api/users?*");
});

test("a room in the list has a menu: favourite, mute, details; the star keeps the focus", async () => {
  const { page } = ada;
  await item(ada, "Parlour").click({ button: "right" });
  await page.locator(".menu-item", { hasText: "Add to favourites" }).click();
  await page.locator(".section-head h2", { hasText: "Favourites" }).waitFor();
  await item(ada, "Parlour").click({ button: "right" });
  await page.locator(".menu-item", { hasText: "Mute this room" }).click();
  await page.locator(".room-item[data-muted]", { hasText: "Parlour" }).waitFor();
  await openRoom(bob.page, "Parlour");
  await say(bob.page, "@ada psst");
  await openRoom(page, "Attic");
  assert.equal(await item(ada, "Parlour").locator(".badge").count(), 0, "nothing calls from a muted room");
  await openRoom(page, "Parlour");
  await message(page, "psst").waitFor();
  await page.locator(label("Favourite")).focus();
  await page.keyboard.press("Enter");
  await page.locator(".star-button[aria-pressed=false]").waitFor();
  assert.equal(await focused(ada), "Favourite");
});

test("what a browser kept by itself before goes to the server, once", async () => {
  const { rooms } = await api(bob, "GET", "/api/rooms");
  const { id } = rooms.find((room) => room.name === "Random");
  await bob.page.evaluate((id) => localStorage.setItem(`impulse.notify.${id}`, JSON.stringify("none")), id);
  await bob.page.reload();
  await bob.page.locator(".room-item[data-muted]", { hasText: "Random" }).waitFor();
  assert.equal((await api(bob, "GET", `/api/rooms/${id}`)).notify, "none");
  assert.equal(await bob.page.evaluate((id) => localStorage.getItem(`impulse.notify.${id}`), id), null);
});

test("Ctrl+K offers what was looked at last first, and says how much it found", async () => {
  const { page } = ada;
  await openRoom(page, "Help");
  await openRoom(page, "Attic");
  await page.keyboard.press("Control+k");
  assert.equal(await page.locator("[role=option] strong").first().innerText(), "Help");
  await page.keyboard.type("gener");
  await page.locator("dialog [role=status]", { hasText: "1 result" }).waitFor({ state: "attached" });
  await page.keyboard.press("Enter");
  await page.locator(".room-title h1", { hasText: "General" }).waitFor();
});

test("who is not the last owner any more may step down and leave", async () => {
  const room = await together("Bridge");
  await ada.page.locator(".members-button").click();
  await ada.page.locator(label("Actions for ada")).click();
  await ada.page.locator(".menu-item", { hasText: "Step down" }).click();
  await ada.page.locator(".field-error", { hasText: "the only one" }).waitFor();
  await closeDialogs(ada);
  await ada.page.locator(".members-button").click();
  await ada.page.locator(".tab", { hasText: "Settings" }).click();
  await ada.page.locator("button", { hasText: "Hand over" }).click();
  await ada.page.locator(label("Make the owner: bob")).click();
  await ada.page.locator(".toast", { hasText: "bob is the owner now." }).waitFor();
  await closeDialogs(ada);
  const { members } = await api(bob, "GET", `${room}/members`);
  assert.deepEqual(
    members.map(({ uid, role }) => `${uid} ${role}`).sort(),
    [`${uids.ada} admin`, `${uids.bob} owner`].sort(),
  );
  await item(ada, "Bridge").click({ button: "right" });
  await ada.page.locator(".menu-item", { hasText: "Leave room" }).click();
  await ada.page.locator("dialog .button-danger").click();
  await item(ada, "Bridge").waitFor({ state: "detached" });
});

const NARROW = { viewport: { width: 320, height: 568 }, reducedMotion: "reduce", bypassCSP: true };
const TWICE = { viewport: { width: 640, height: 400 }, reducedMotion: "reduce", bypassCSP: true };

for (const [place, options] of Object.entries({ ...PLACES, narrow: NARROW, "a page at twice its size": TWICE })) {
  test(`pickers, menus and closed rooms have no barrier: ${place}`, async () => {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    const someone = { page };
    const look = async (/** @type {string} */ screen) => {
      await assertAccessible(page, `${place}: ${screen}`);
      await assertFits(page, `${place}: ${screen}`);
    };
    await page.goto(server.url);
    await enterAccount(page, "ada");
    await item(someone, "Parlour").waitFor();
    await page.locator(label("New direct message")).click();
    await page.locator(".people-picker input:focus").waitFor();
    await page.keyboard.type("bob");
    await page.locator("[role=option]", { hasText: "bob" }).waitFor();
    await look("picker");
    await page.keyboard.press("Enter");
    await page.locator(".chip").waitFor();
    await look("picker with a chip");
    await closeDialogs(someone);
    await page.keyboard.press("Control+k");
    await page.keyboard.type("o");
    await look("switcher");
    await closeDialogs(someone);
    await item(someone, "Parlour").click({ button: "right" });
    await look("menu of a room, a muted one in the list");
    await closeDialogs(someone);
    await item(someone, "Parlour").click();
    await page.locator(".members-button").click();
    await page.locator(label("Actions for bob")).click();
    await look("menu of a member");
    await page.locator(".menu-item", { hasText: "Mute…" }).click();
    await look("how long to mute");
    await page.keyboard.press("Escape");
    await page.locator("button", { hasText: "Banned" }).click();
    await page.locator(".results-empty").waitFor();
    await look("banned");
    await closeDialogs(someone);
    const parlour = new URL(page.url()).pathname.split("/").pop();
    await api(someone, "PATCH", `/api/rooms/${parlour}`, { archived: true });
    await page.locator(".composer-closed").waitFor();
    await look("an archived room");
    await api(someone, "PATCH", `/api/rooms/${parlour}`, { archived: false });
    await page.locator(".composer textarea").waitFor();
    await page.goto(`${server.url}/room/999999`);
    await page.locator(".room-empty h1").waitFor();
    await look("no such room");
    await context.close();
  });
}

test("nobody's page complained", () => {
  const onPurpose = /status of 409/;
  assertCalm(
    ...[ada, bob].map(({ problems }) => ({ problems: problems.filter((problem) => !onPurpose.test(problem)) })),
  );
});
