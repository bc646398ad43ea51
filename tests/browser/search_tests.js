/** Search over everything the server can read, as people use it. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { assertAccessible, assertFits } from "./axe.js";
import { world } from "./content_world.js";
import { bytes, pick } from "./files_support.js";
import { openDirect } from "./keys.js";
import { act, assertCalmButForTheLine, eventually, message, openRoom, roomAt, say, writeMany } from "./support.js";

const OVERRIDE = "\u202e";
let line, ada, bob;

before(async () => {
  ({ line, ada, bob } = await world());
});

const roomOf = (page) => new URL(page.url()).pathname.split("/").at(-1);
const field = (page) => page.locator(".search-panel [role=combobox]");
const results = (page) => page.locator(".search-result .search-text").allInnerTexts();
const offers = (page) => page.locator(".search-offer-label").allInnerTexts();
const status = (page) => page.locator(".search-foot [role=status]");
const notes = (page) => page.locator(".search-said");
const focused = (page) => page.evaluate(() => document.activeElement?.closest(".message")?.textContent ?? "");
/** To another room, on a phone by the list of rooms. */
async function goTo(page, name) {
  const back = page.locator(".room-back");
  if (await back.isVisible()) await back.click();
  await openRoom(page, name);
}

const shows = (page, check) => eventually(async () => check(await results(page)));

/** What the field says is chosen. */
const chosen = (page) =>
  field(page).evaluate((node) => {
    const id = node.getAttribute("aria-activedescendant");
    return id ? (document.getElementById(id)?.textContent ?? "gone") : "";
  });

/** Marks of each result, in which nothing is but text. */
const marks = (page) =>
  page
    .locator(".search-result .search-text")
    .evaluateAll((nodes) =>
      nodes.map((node) => [...node.children].map((child) => `${child.localName} ${child.textContent}`).join(", ")),
    );

test("Ctrl+F finds in the room as one types, newest first, and leads to a message and on to the next one", async () => {
  const { page } = ada;
  await goTo(bob.page, "General");
  await openRoom(page, "General");
  await writeMany(bob.page, roomOf(bob.page), [
    "the first green bean of all",
    ...Array.from({ length: 120 }, (_, n) => `filler ${n} about tea`),
    `<b>Green beans</b> & résumé ${OVERRIDE}gnp`,
    "Всё ещё встречаемся",
    "東京都に行く",
    "👍👍 beans 👍",
    "مرحبا beans بالعالم",
  ]);
  await message(page, "بالعالم").waitFor();
  await page.locator(".composer textarea").focus();
  await page.keyboard.press("Control+f");
  await field(page).waitFor();
  assert.deepEqual(await offers(page), ["from:", "in:", "before:", "after:", "has:", '" "', "-"]);
  await assertAccessible(page, "search, empty");
  const asked = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.pathname === "/api/search") asked.push(url.searchParams.get("q"));
  });
  await page.keyboard.type("green bea", { delay: 10 });
  await shows(page, (found) =>
    assert.deepEqual(found, [`<b>Green beans</b> & résumé ${OVERRIDE}gnp`, "the first green bean of all"]),
  );
  assert.ok(asked.length < 5 && asked.at(-1) === 'in:"General" green bea*', asked.join());
  assert.deepEqual(await marks(page), ["mark Green, mark beans", "mark green, mark bean"]);
  assert.equal(await status(page).innerText(), "2 results");
  assert.equal(await page.locator(".search-day:visible").innerText(), "Today");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  assert.match(await chosen(page), /the first green bean/);
  await assertAccessible(page, "search, results");
  await page.keyboard.press("Enter");
  await page.locator(".message-flash", { hasText: "the first green bean" }).waitFor();
  assert.match(await focused(page), /the first green bean/);
  assert.match(page.url(), /#[\w-]{22}$/);
  await page.keyboard.press("Control+f");
  assert.match(await chosen(page), /the first green bean/, "it goes on where it was");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.locator(".message-flash", { hasText: "Green beans" }).waitFor();
  await page.keyboard.press("Control+f");
  const isOurs = page.evaluate(
    () => new Promise((resolve) => addEventListener("keydown", (event) => resolve(event.defaultPrevented))),
  );
  await page.keyboard.press("Control+f");
  assert.equal(await isOurs, false, "a second time it is the browser's");
  await page.keyboard.press("Escape");
  await field(page).waitFor({ state: "hidden" });
  assert.match(await focused(page), /Green beans/, "the focus is given back");
});

test("words of every script are found and marked whole, and older results follow", async () => {
  const { page } = ada;
  await page.keyboard.press("Control+Shift+F");
  for (const [typed, expected] of [
    ["все еще", ["mark Всё, mark ещё"]],
    ["京都", ["mark 京都"]],
    ["resume", ["mark résumé"]],
    ["👍", ["mark 👍, mark 👍, mark 👍"]],
    ["مرحبا", ["mark مرحبا"]],
  ]) {
    await field(page).fill(typed);
    await eventually(async () => assert.deepEqual(await marks(page), expected));
  }
  await field(page).fill("tea");
  await status(page).getByText("The newest 20; there may be more").waitFor();
  await page.locator(".search-foot button", { hasText: "Show more" }).press("Enter");
  await eventually(async () => assert.ok((await results(page)).length >= 40));
  await page.locator(".search-list").evaluate((node) => node.scrollTo(0, node.scrollHeight));
  await eventually(async () => assert.ok((await results(page)).length >= 60));
  const numbers = (await results(page)).map((text) => Number(/filler (\d+)/.exec(text)?.[1]));
  assert.deepEqual(
    numbers,
    numbers.map((_, index) => 119 - index),
  );
  for (let n = 0; n < 3; n += 1) await page.keyboard.press("ArrowDown");
  assert.match(await chosen(page), /filler 117 /);
  // Where it would cover the message, it makes room for it.
  await page.setViewportSize({ width: 1000, height: 800 });
  await page.keyboard.press("Enter");
  await page.locator(".message-flash", { hasText: "filler 117 " }).waitFor();
  assert.ok(!(await field(page).isVisible()));
  await page.keyboard.press("Control+Shift+F");
  assert.match(await chosen(page), /filler 117 /);
  await page.setViewportSize({ width: 1400, height: 800 });
});

test("operators are offered and take what is known; what nothing is called so is said", async () => {
  const { page } = ada;
  await openRoom(page, "Random");
  await pick(page, bytes("plan.pdf", 900, "application/pdf"));
  await page.locator(".attachment[data-phase=done]").waitFor();
  await say(page, "the plan");
  await page.keyboard.press("Control+Shift+F");
  await field(page).fill("");
  await page.keyboard.type("fr");
  await eventually(async () => assert.deepEqual(await offers(page), ["from:"]));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.keyboard.type("bo");
  await eventually(async () => assert.deepEqual(await offers(page), ["bob"]));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  assert.equal(await field(page).inputValue(), "from:bob ");
  await shows(page, (found) => assert.equal(found.length, 20));
  await page.keyboard.type("gree");
  await shows(page, (found) => assert.equal(found.length, 2));
  assert.deepEqual(await page.locator(".search-where").allInnerTexts(), ["General", "General"]);
  await field(page).fill("has:file in:random ");
  await page.locator(".search-file", { hasText: "plan.pdf" }).waitFor();
  assert.match(await page.locator(".search-file").innerText(), /plan\.pdf\s+Document · PDF/);
  await field(page).fill("before:2020-");
  assert.deepEqual(await offers(page), []);
  await field(page).fill(`beans from:${OVERRIDE}nobody `);
  await notes(page).getByText("Nothing has this name or date here").waitFor();
  assert.ok(!(await notes(page).innerText()).includes(OVERRIDE));
  assert.equal(await status(page).innerText(), "Nothing found.");
  await field(page).fill("beans ".repeat(2000));
  await notes(page).getByText("only its beginning was searched for").waitFor();
  await shows(page, (found) => assert.ok(found.length >= 3));
  await page.keyboard.press("Enter");
  await field(page).fill("");
  assert.ok(!(await offers(page)).some((offer) => offer.includes("beans")), "a long one is not kept");
  await field(page).fill("wasabi");
  await page.keyboard.press("Enter");
  await status(page).getByText("Nothing found.").waitFor();
  await field(page).fill("");
  await eventually(async () => assert.equal((await offers(page))[0], "wasabi"));
  await page.locator(".search-offer", { hasText: "Clear recent searches" }).click();
  await eventually(async () => assert.equal((await offers(page))[0], "from:"));
});

test("an encrypted chat is named as left out, and searched in this browser with the same words", async () => {
  const { page } = ada;
  await page.keyboard.press("Escape");
  await openDirect(page, "bob");
  await say(page, "secret beans");
  await page.locator(".message-pending").waitFor({ state: "detached" });
  await page.keyboard.press("Control+f");
  await page.locator("dialog.chat-search").waitFor();
  await page.keyboard.press("Escape");
  await page.keyboard.press("Control+Shift+F");
  await field(page).fill("beans from:ada ");
  await notes(page).getByText("1 encrypted chat was left out: the server cannot read it.").waitFor();
  await assertAccessible(page, "search, encrypted");
  await page.locator(".search-chats button", { hasText: "Search in bob" }).press("Enter");
  const dialog = page.locator("dialog.chat-search");
  await dialog.locator("mark", { hasText: "beans" }).waitFor();
  assert.equal(await dialog.locator("input").inputValue(), "beans");
  await page.keyboard.press("Escape");
});

test("what was found follows deletions, blocking and leaving", async () => {
  const { page } = ada;
  await openRoom(page, "Random");
  await goTo(bob.page, "Random");
  await writeMany(bob.page, roomOf(bob.page), ["turnip one", "turnip two", "turnip three"]);
  await message(page, "turnip three").waitFor();
  await page.keyboard.press("Control+f");
  await field(page).fill("turnip");
  await shows(page, (found) => assert.deepEqual(found, ["turnip three", "turnip two", "turnip one"]));
  await bob.page.evaluate(
    async ([room, mid]) => fetch(`/api/rooms/${room}/messages/${mid}`, { method: "DELETE" }),
    [roomOf(bob.page), await message(bob.page, "turnip two").getAttribute("data-mid")],
  );
  await shows(page, (found) => assert.deepEqual(found, ["turnip three", "Message deleted", "turnip one"]));
  const uid = await message(page, "turnip one").locator("[data-person]").first().getAttribute("data-person");
  const block = (method) => page.evaluate(([uid, method]) => fetch(`/api/blocks/${uid}`, { method }), [uid, method]);
  assert.ok((await block("PUT").catch(() => null)) !== null);
  await shows(page, (found) => assert.match(found[0] ?? "", /blocked person/));
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await shows(page, (found) => assert.equal(found[0], "turnip three"));
  assert.match((await results(page)).at(-1) ?? "", /blocked person/);
  await block("DELETE");
  await shows(page, (found) => assert.equal(found.at(-1), "turnip one"));
  const me = await page.evaluate(() => fetch("/api/me").then((answer) => answer.json()));
  await page.evaluate(
    ([room, uid]) => fetch(`/api/rooms/${room}/members/${uid}`, { method: "DELETE" }),
    [roomOf(page), String(me.uid ?? me.id)],
  );
  await shows(page, (found) => assert.deepEqual(found, []));
});

test("without a line, with too many searches, and where looking takes long, it says so and goes on", async () => {
  const { page } = ada;
  await openRoom(page, "General");
  await page.keyboard.press("Control+f");
  line.cut();
  await field(page).fill("résumé");
  await status(page).getByText("No connection to the server.").waitFor();
  line.mend();
  await shows(page, (found) => assert.equal(found.length, 1));
  const answers = [
    { status: 429, headers: { "retry-after": "1" }, json: { error: { code: "rate_limited", message: "" } } },
    { json: { epoch: "e", results: [], cursor: "c1", cut: ["time"] } },
    { json: { epoch: "e", results: [], cursor: "c2", cut: ["time"] } },
    { json: { epoch: "e", results: [] } },
    { status: 503, json: { error: { code: "unavailable", message: "" } } },
  ];
  await page.route(/\/api\/search/, (route) => route.fulfill(answers.shift() ?? { status: 500, json: {} }));
  await field(page).fill("whatever ");
  await status(page).getByText("Too many searches in a short time.").waitFor();
  await status(page).getByText("Older messages have not been looked at.").waitFor();
  await page.locator(".search-foot button", { hasText: "Look further back" }).click();
  await status(page).getByText("Nothing found.", { exact: true }).waitFor();
  await field(page).fill("again ");
  await status(page).getByText("The server cannot search now.").waitFor();
  assert.equal(answers.length, 0);
  await page.unroute(/\/api\/search/);
  await page.locator(".search-foot button", { hasText: "Retry" }).click();
  await status(page).getByText("Nothing found.").waitFor();
  assertCalmButForTheLine({ problems: ada.problems.filter((problem) => !/status of (?:429|503)/.test(problem)) });
});

test("on a phone it fills the screen: a result opens the room, and going back leads to the results", async () => {
  const { page } = bob;
  await goTo(page, "General");
  await page.locator(".chat-search-button").click();
  await field(page).fill("green");
  await page.locator(".search-result", { hasText: "the first green bean" }).waitFor();
  await goTo(ada.page, "General");
  await say(ada.page, "under the search");
  await message(page, "under the search").waitFor({ state: "attached" });
  await assertFits(page, "search on a phone");
  await assertAccessible(page, "search on a phone");
  const box = await page.locator(".search-panel").boundingBox();
  assert.deepEqual([box?.x, box?.y, box?.width], [0, 0, 390]);
  assert.ok(!(await page.locator(".composer").isVisible()));
  const unread = async () => (await roomAt(page, roomOf(page) ?? "")).unread;
  assert.equal(await unread(), 1, "what nobody sees is not read");
  await page.locator(".search-result", { hasText: "the first green bean" }).click();
  await page.locator(".message-flash", { hasText: "the first green bean" }).waitFor();
  assert.ok(!(await field(page).isVisible()));
  await page.goBack();
  await page.locator(".search-result", { hasText: "the first green bean" }).waitFor();
  assert.equal(await field(page).inputValue(), "green");
  await page.locator(".search-bar [aria-label=Close]").click();
  await page.locator(".composer textarea").waitFor();
  assert.ok(!(await field(page).isVisible()));
  await page.locator(".pill").click();
  await eventually(async () => assert.equal(await unread(), 0));
  assertCalmButForTheLine(bob);
});

test("nothing of it is left when the session ends", async () => {
  const { page } = ada;
  await page.keyboard.press("Control+f");
  await field(page).fill("private");
  await page.keyboard.press("Enter");
  const kept = () => page.evaluate(() => Object.keys(localStorage).filter((key) => key.includes("searches")).length);
  assert.equal(await kept(), 1);
  await page.evaluate(() => fetch("/api/auth/logout", { method: "POST" }));
  await page.locator(".entry").first().waitFor();
  await page.locator(".search-panel").waitFor({ state: "detached" });
  assert.equal(await kept(), 0);
});
