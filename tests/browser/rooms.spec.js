/** Rooms of every kind, by those who run them and those who are in them. */
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { assertAccessible, assertFits, PLACES } from "./axe.js";
import {
  enterAccount,
  eventually,
  message,
  openBrowser,
  openRoom,
  person,
  say,
  setUpAdmin,
  startServer,
} from "./support.js";

let server, browser, chief, ada, bob, cleo;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  chief = await setUpAdmin(browser, server, "chief");
  [ada, bob, cleo] = [
    await person(browser, server.url, "ada"),
    await person(browser, server.url, "bob"),
    await person(browser, server.url, "cleo"),
  ];
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const label = (name) => `[aria-label="${name}"]`;
const item = ({ page }, name) => page.locator(".room-item", { hasText: name });

/** What one test left open must not be in the way of the next. */
beforeEach(async () => {
  for (const someone of [chief, ada, bob, cleo]) await closeDialogs(someone);
});

/** @param {{ page: import("playwright-core").Page }} someone */
async function closeDialogs({ page }) {
  while (await page.locator("dialog[open]").count()) await page.keyboard.press("Escape");
}

/**
 * @param {{ page: import("playwright-core").Page }} someone
 * @param {string} name
 * @param {{ closed?: boolean }} [options]
 */
async function makeRoom({ page }, name, options = {}) {
  await page.locator(label("New room")).click();
  await page.fill("#room-name", name);
  if (options.closed) await page.locator(".choice", { hasText: "Closed" }).click();
  await page.locator("dialog button[type=submit]").click();
  await page.locator(".room-title h1", { hasText: name }).waitFor();
}

/** @param {{ page: import("playwright-core").Page }} someone @param {string} tab */
async function details({ page }, tab) {
  await page.locator(".members-button").click();
  await page.locator(".tab", { hasText: tab }).click();
}

/** @param {{ page: import("playwright-core").Page }} someone @param {string} who */
async function addPerson(someone, who) {
  const { page } = someone;
  await details(someone, "Members");
  await page.locator("button", { hasText: "Add people" }).click();
  await page.locator("dialog").last().locator(".search-field input").fill(who);
  const found = page.locator("dialog").last().locator(".option");
  await eventually(async () => assert.equal(await found.count(), 1));
  await page.locator(label(`Add: ${who}`)).click();
  await closeDialogs(someone);
  await details(someone, "Members");
  await page.locator(".member-name", { hasText: who }).waitFor();
  await closeDialogs(someone);
}

/** @param {{ page: import("playwright-core").Page }} someone @param {string} who @param {string} act */
async function act(someone, who, deed) {
  await details(someone, "Members");
  await someone.page.locator(label(`Actions for ${who}`)).click();
  await someone.page.locator(".menu-item", { hasText: deed }).click();
}

test("a closed room appears where somebody is added, at once, and nowhere else", async () => {
  await makeRoom(ada, "Cellar", { closed: true });
  await addPerson(ada, "bob");
  await item(bob, "Cellar").waitFor();
  assert.equal(await item(cleo, "Cellar").count(), 0);
  await openRoom(bob.page, "Cellar");
  await say(ada.page, "down here");
  await message(bob.page, "down here").waitFor();
});

test("an admin of the room may do more than a member, and less than the owner", async () => {
  await details(bob, "Members");
  await bob.page.locator(".member-name", { hasText: "ada" }).waitFor();
  assert.equal(await bob.page.locator(label("Actions for ada")).count(), 0);
  assert.equal(await bob.page.locator(".tab", { hasText: "Settings" }).count(), 0);
  await closeDialogs(bob);
  await act(ada, "bob", "Make an admin of the room");
  await ada.page.locator(".member-name", { hasText: "bob" }).locator(".tag", { hasText: "Admin" }).waitFor();
  await closeDialogs(ada);
  await details(bob, "Settings");
  await bob.page.fill("#details-topic", "Mind the stairs");
  await bob.page.locator(".room-form button[type=submit]").click();
  await closeDialogs(bob);
  await ada.page.locator(".room-title p", { hasText: "Mind the stairs" }).waitFor();
});

test("the last owner is told why he cannot leave", async () => {
  await details(ada, "For me");
  await ada.page.locator("button", { hasText: "Leave room" }).click();
  await ada.page.locator("dialog").last().locator(".button-danger").click();
  await ada.page.locator(".field-error", { hasText: "only owner" }).waitFor();
  await closeDialogs(ada);
});

test("a read-only room closes the field for members and keeps what they had begun", async () => {
  await makeRoom(ada, "News");
  await addPerson(ada, "cleo");
  await item(cleo, "News").waitFor();
  await openRoom(cleo.page, "News");
  await cleo.page.locator(".composer textarea").fill("half a thought");
  await details(ada, "Settings");
  await ada.page.locator(".check", { hasText: "Read-only" }).locator("input").check();
  await cleo.page.locator(".composer-closed", { hasText: "Only admins of this room write here." }).waitFor();
  assert.equal(await cleo.page.locator(".composer textarea").isVisible(), false);
  await ada.page.locator(".check", { hasText: "Read-only" }).locator("input").uncheck();
  await closeDialogs(ada);
  await eventually(async () =>
    assert.equal(await cleo.page.locator(".composer textarea").inputValue(), "half a thought"),
  );
  await cleo.page.locator(".composer textarea").fill("");
});

test("the muted read, and write again when they may", async () => {
  await act(ada, "cleo", "Mute…");
  await ada.page.locator(".menu-item", { hasText: "for an hour" }).click();
  await ada.page.locator(".tag", { hasText: "Muted" }).waitFor();
  await closeDialogs(ada);
  await cleo.page.locator(".composer-closed", { hasText: "A moderator has muted you" }).waitFor();
  await say(ada.page, "you hear me");
  await message(cleo.page, "you hear me").waitFor();
  await act(ada, "cleo", "Let speak again");
  await closeDialogs(ada);
  await cleo.page.locator(".composer textarea").waitFor();
  await say(cleo.page, "thank you");
  await message(ada.page, "thank you").waitFor();
});

test("who is banned is out at once, is told kindly, and cannot come back until it is lifted", async () => {
  await act(ada, "cleo", "Ban");
  await ada.page.locator("dialog").last().locator(".button-danger").click();
  await cleo.page.locator(".room-empty").waitFor();
  await item(cleo, "News").waitFor({ state: "detached" });
  await cleo.page.locator(".room-empty button", { hasText: "Join" }).click();
  await cleo.page.locator(".field-error", { hasText: "You cannot join this room" }).waitFor();
  await ada.page.locator("button", { hasText: "Banned" }).click();
  await ada.page.locator(label("Lift the ban: cleo")).click();
  await ada.page.locator(".results-empty", { hasText: "Nobody is banned here." }).waitFor();
  await closeDialogs(ada);
  await cleo.page.locator(".room-empty button", { hasText: "Join" }).click();
  await item(cleo, "News").waitFor();
});

test("a group is made of chips and found again, not doubled", async () => {
  for (let round = 0; round < 2; round += 1) {
    await ada.page.locator(label("New direct message")).click();
    for (const name of ["bob", "cleo"]) {
      await ada.page.locator("dialog .search-field input").fill(name);
      await ada.page.keyboard.press("Enter");
      await ada.page.locator(".chip", { hasText: name }).waitFor();
    }
    await ada.page.locator("button", { hasText: "Open conversation" }).click();
    await ada.page.locator("dialog").waitFor({ state: "detached" });
    await ada.page.locator(".room-title h1", { hasText: "bob and cleo" }).waitFor();
  }
  assert.equal(await item(ada, "bob and cleo").count(), 1);
  await say(ada.page, "the three of us");
  await item(cleo, "ada and bob").click();
  await message(cleo.page, "the three of us").waitFor();
});

test("favourites and muted rooms are the same in all my browsers", async () => {
  const other = await browser.newContext();
  const page = await other.newPage();
  await page.goto(server.url);
  await enterAccount(page, "ada");
  await item({ page }, "News").waitFor();
  await openRoom(ada.page, "News");
  await ada.page.locator(label("Favourite")).click();
  await page.locator(".section-head h2", { hasText: "Favourites" }).waitFor();
  await details(ada, "For me");
  await ada.page.locator(".segments label", { hasText: "Nothing" }).click();
  await closeDialogs(ada);
  await page.locator(".room-item[data-muted]", { hasText: "News" }).waitFor();
  await ada.page.locator(label("Favourite")).click();
  await page.locator(".section-head h2", { hasText: "Favourites" }).waitFor({ state: "hidden" });
  await other.close();
});

test("a room that was removed by mistake is back with one press", async () => {
  await openRoom(cleo.page, "News");
  await openRoom(ada.page, "News");
  await details(ada, "Settings");
  await ada.page.locator("button", { hasText: "Remove room" }).click();
  await ada.page.locator("dialog").last().locator(".button-danger").click();
  await cleo.page.locator(".room-empty", { hasText: "no longer in this room" }).waitFor();
  await ada.page.locator(".toast button", { hasText: "Undo" }).click();
  await ada.page.locator(".room-title h1", { hasText: "News" }).waitFor();
  await item(cleo, "News").waitFor();
  await message(ada.page, "you hear me").waitFor();
});

test("an archived room is read, found under archived, and takes nothing", async () => {
  await details(ada, "Settings");
  await ada.page.locator(".check", { hasText: "Archived" }).locator("input").check();
  await ada.page.locator(".composer-closed", { hasText: "archived" }).waitFor({ state: "attached" });
  await closeDialogs(ada);
  await bob.page.locator(label("Browse rooms")).click();
  await bob.page.locator("dialog .search-field input").fill("news");
  await bob.page.locator(".results-empty", { hasText: "Nothing matches" }).waitFor();
  await bob.page.locator(".check", { hasText: "Archived" }).click();
  await bob.page.locator(".option", { hasText: "News" }).waitFor();
  await closeDialogs(bob);
});

test("the directory finds by topic and joins", async () => {
  await bob.page.locator(label("Browse rooms")).click();
  await bob.page.locator("dialog .search-field input").fill("somebody will know");
  await eventually(async () =>
    assert.deepEqual(await bob.page.locator("dialog .option strong").allTextContents(), ["Help"]),
  );
  await closeDialogs(bob);
});

test("Ctrl+K finds a person whom only the server knows, and Enter opens the direct room", async () => {
  await person(browser, server.url, "zoe").then(({ context }) => context.close());
  await bob.page.keyboard.press("Control+k");
  await bob.page.keyboard.type("zo");
  await bob.page.locator("[role=option]", { hasText: "zoe" }).waitFor();
  await bob.page.keyboard.press("Enter");
  await bob.page.locator(".room-title h1", { hasText: "zoe" }).waitFor();
});

test("links into a room are made by whoever may bring people in", async () => {
  await openRoom(chief.page, "General");
  await details(chief, "Invite links");
  await chief.page.locator("button", { hasText: "Make a link" }).click();
  await chief.page.locator(".link-box", { hasText: "/invite#" }).waitFor();
  await chief.page.locator(".option strong", { hasText: "Used 0 of 10 times" }).waitFor();
  await chief.page.locator("button", { hasText: "Revoke" }).first().click();
  await chief.page.locator(".tag", { hasText: "Over" }).waitFor();
  await closeDialogs(chief);
  // In an open room every member may, in a closed one only its admins.
  await openRoom(bob.page, "General");
  await bob.page.locator(".members-button").click();
  await bob.page.locator(".tab", { hasText: "Invite links" }).waitFor();
  await closeDialogs(bob);
  await openRoom(ada.page, "Cellar");
  await act(ada, "bob", "Make a plain member");
  await closeDialogs(ada);
  await openRoom(bob.page, "Cellar");
  await eventually(async () => {
    await closeDialogs(bob);
    await bob.page.locator(".members-button").click();
    assert.equal(await bob.page.locator(".tab", { hasText: "Invite links" }).count(), 0);
  });
  await closeDialogs(bob);
});

test("every page about rooms is accessible and fits, on a desk and on a phone", async () => {
  for (const [place, options] of Object.entries(PLACES)) {
    const context = await browser.newContext(options);
    const page = await context.newPage();
    await page.goto(server.url);
    await enterAccount(page, "chief");
    if (place === "desk") await openRoom(page, "General");
    else await page.locator(".room-item", { hasText: "General" }).click();
    for (const tab of ["Members", "For me", "Settings", "Invite links"]) {
      await details({ page }, tab);
      await page.locator(".tab-panel > *").first().waitFor();
      await eventually(async () => assert.equal(await page.locator("dialog .spinner").count(), 0));
      await assertAccessible(page, `${place}: ${tab}`);
      await assertFits(page, `${place}: ${tab}`);
      await closeDialogs({ page });
    }
    if (place === "phone") await page.locator(".room-back").click();
    for (const name of ["Browse rooms", "New room"]) {
      await page.locator(label(name)).click();
      await page.locator("dialog[open]").waitFor();
      await assertAccessible(page, `${place}: ${name}`);
      await assertFits(page, `${place}: ${name}`);
      await closeDialogs({ page });
    }
    await context.close();
  }
});

test("nobody's page complained but of what was refused on purpose", () => {
  const refusals = /status of (403|404|409)/;
  for (const { problems } of [chief, ada, bob, cleo])
    assert.deepEqual(
      problems.filter((problem) => !refusals.test(problem)),
      [],
    );
});
