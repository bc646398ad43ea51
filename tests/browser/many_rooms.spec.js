/** A server with a thousand rooms and a room with many people: found and paged by the server, never all at once. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { assertCalm, eventually, openBrowser, openRoom, person, setUpAdmin, startServer } from "./support.js";

const ROOMS = 1000;
const GUESTS = 120;
/** Calls under way at once while everything is made. */
const AT_ONCE = 20;
const DIRECTORY_PAGE = 40;
const MEMBERS_PAGE = 50;

let server, browser, chief, ada, call;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  chief = await setUpAdmin(browser, server, "chief");
  ada = await person(browser, server.url, "ada");
  // Made beside the page, which would follow every one of them.
  await chief.page.goto("about:blank");
  call = async (method, path, data) => {
    const answer = await chief.context.request.fetch(server.url + path, {
      method,
      data,
      headers: { Origin: server.url },
    });
    assert.ok(answer.ok(), `${method} ${path}: ${answer.status()} ${await answer.text()}`);
    return answer.status() === 204 ? null : answer.json();
  };
  await all(ROOMS, (n) =>
    call("POST", "/api/rooms", { kind: "open", name: `Hall ${number(n)}`, topic: n === 777 ? "The quiet one" : "" }),
  );
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

/** @param {number} n */
const number = (n) => String(n).padStart(4, "0");
const label = (name) => `[aria-label="${name}"]`;

/** @param {number} count @param {(n: number) => Promise<any>} make @returns {Promise<any[]>} */
async function all(count, make) {
  const made = [];
  for (let from = 1; from <= count; from += AT_ONCE) {
    made.push(
      ...(await Promise.all(
        Array.from({ length: Math.min(AT_ONCE, count - from + 1) }, (_, index) => make(from + index)),
      )),
    );
  }
  return made;
}

/** @param {string} name */
async function roomId(name) {
  const { rooms } = await call("GET", `/api/rooms/directory?q=${encodeURIComponent(name)}`);
  return rooms[0].id;
}

test("the directory shows a page, and the next one when asked, in the order of the names", async () => {
  const { page } = ada;
  const names = page.locator("dialog .option strong");
  await page.locator(label("Browse rooms")).click();
  await page.locator("dialog [role=status]", { hasText: /^1,?003 rooms$/ }).waitFor();
  assert.equal(await names.count(), DIRECTORY_PAGE);
  await page.locator("dialog button", { hasText: "Show more" }).click();
  await eventually(async () => assert.equal(await names.count(), 2 * DIRECTORY_PAGE));
  const shown = await names.allTextContents();
  // General and Hall 0001 to Hall 0079: none twice, none left out.
  assert.deepEqual(shown, [
    "General",
    ...Array.from({ length: 2 * DIRECTORY_PAGE - 1 }, (_, index) => `Hall ${number(index + 1)}`),
  ]);
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
});

test("one room of a thousand is found by its topic, and joined", async () => {
  const { page } = ada;
  await page.locator(label("Browse rooms")).click();
  await page.locator("dialog input[type=search]").fill("QUIET");
  await page.locator("dialog [role=status]", { hasText: "1 room" }).waitFor();
  assert.deepEqual(await page.locator("dialog .option strong").allTextContents(), ["Hall 0777"]);
  assert.equal(await page.locator("dialog button", { hasText: "Show more" }).isVisible(), false);
  await page.locator(label("Join: Hall 0777")).click();
  await page.locator(".room-head h1", { hasText: "Hall 0777" }).waitFor();
  await page.locator(".composer textarea").waitFor();
});

test("an archived room is found only by those who ask for archived ones", async () => {
  const { page } = ada;
  await call("PATCH", `/api/rooms/${await roomId("Hall 0500")}`, { archived: true });
  await page.locator(label("Browse rooms")).click();
  await page.locator("dialog input[type=search]").fill("hall 0500");
  await page.locator("dialog .results-empty", { hasText: "Nothing matches" }).waitFor();
  await page.locator("dialog .check", { hasText: "Archived" }).click();
  await page.locator("dialog .option", { hasText: "Hall 0500" }).locator(".tag", { hasText: "Archived" }).waitFor();
  assert.equal(await page.locator(label("Join: Hall 0500")).count(), 0);
  await page.keyboard.press("Escape");
  await page.locator("dialog").waitFor({ state: "detached" });
});

test("Ctrl+K finds a room nobody here is in, and leads to where it can be joined", async () => {
  const { page } = ada;
  await page.keyboard.press("Control+k");
  await page.keyboard.type("hall 0123");
  await page.locator("[role=option]", { hasText: "Hall 0123" }).waitFor();
  await page.keyboard.press("Enter");
  await page.locator(".room-empty h1", { hasText: "Hall 0123" }).waitFor();
  assert.equal(await page.locator(".room-item", { hasText: "Hall 0123" }).count(), 0, "not joined by looking");
  await page.locator(".room-empty button", { hasText: "Join" }).click();
  await page.locator(".room-head h1", { hasText: "Hall 0123" }).waitFor();
});

test("the people of a large room come by pages and are searched by the server", async () => {
  const { page } = ada;
  const guests = await all(GUESTS, (n) =>
    call("POST", "/api/admin/users", { username: `guest${number(n)}`, display_name: `Guest ${number(n)}` }),
  );
  const room = await roomId("Hall 0777");
  for (const { uid } of guests) await call("POST", `/api/rooms/${room}/members`, { uid });
  await openRoom(page, "Hall 0777");
  await page.locator(".members-button").click();
  const rows = page.locator("dialog [data-member]");
  // The guests, ada, and chief who made the room.
  await page.locator("dialog [role=status]", { hasText: `${GUESTS + 2} members` }).waitFor();
  assert.equal(await rows.count(), MEMBERS_PAGE);
  for (const shown of [2 * MEMBERS_PAGE, GUESTS + 2]) {
    await page.locator("dialog button", { hasText: "Show more" }).click();
    await eventually(async () => assert.equal(await rows.count(), shown));
  }
  assert.equal(await page.locator("dialog button", { hasText: "Show more" }).isVisible(), false);
  const ids = await rows.evaluateAll((nodes) => nodes.map((node) => node.getAttribute("data-member")));
  assert.equal(new Set(ids).size, GUESTS + 2, "nobody twice");
  await page.locator("dialog input[type=search]").fill("guest 0099");
  await eventually(async () =>
    assert.deepEqual(await page.locator("dialog .name-button").allTextContents(), ["Guest 0099"]),
  );
  await page.keyboard.press("Escape");
});

test("a large room is entered without asking for its people one by one", async () => {
  const visit = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    storageState: await ada.context.storageState(),
  });
  const page = await visit.newPage();
  const asked = [];
  page.on("request", (request) => {
    if (/\/api\/users\/\d+$/.test(request.url())) asked.push(request.url());
  });
  // As on a server with more people than one answer holds: the browser knows nobody yet.
  await page.route("**/api/users", (route) => route.fulfill({ json: { users: [] } }));
  await page.goto(`${server.url}/room/${await roomId("Hall 0777")}`);
  await page.locator(".members-button", { hasText: String(GUESTS + 2) }).waitFor();
  await page.locator(".beginning").waitFor();
  assert.ok(asked.length > 0 && asked.length < GUESTS, `${asked.length} people were asked for`);
  await visit.close();
});

test("a group whose people are learnt late is called after them everywhere in the end", async () => {
  const { users } = await call("GET", "/api/users?q=guest000&limit=2");
  const uids = users.map((user) => user.uid);
  const { uid } = await (await ada.context.request.get(`${server.url}/api/me`)).json();
  const group = await call("POST", "/api/rooms", { kind: "dm", members: [uid, ...uids] });
  const visit = await browser.newContext({
    viewport: { width: 1280, height: 800 },
    locale: "en-GB",
    storageState: await ada.context.storageState(),
  });
  const page = await visit.newPage();
  let letGo = () => {};
  const held = new Promise((resolve) => {
    letGo = () => resolve(undefined);
  });
  await page.route(/\/api\/users(\/|\?|$)/, async (route) => {
    await held;
    await route.continue();
  });
  await page.goto(`${server.url}/room/${group.id}`);
  await page.locator(".beginning h2", { hasText: "#" }).waitFor();
  letGo();
  for (const place of [".room-head h1", ".beginning h2"])
    await page.locator(place, { hasText: "Guest 0001" }).waitFor();
  await visit.close();
});

test("nothing went wrong on the way", () => assertCalm(ada));
