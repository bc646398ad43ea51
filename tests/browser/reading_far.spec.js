/** Where one reads on: at the first unread message however far back, and nowhere else, whatever comes meanwhile. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import {
  act,
  assertCalm,
  assertCalmButForTheLine,
  eventually,
  message,
  openBrowser,
  openRoom,
  person,
  roomAt,
  say,
  startLine,
  startServer,
  writeMany,
} from "./support.js";

let server, line, browser, ada, bob, bobUid;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  line = await startLine(server.url);
  [ada, bob] = await Promise.all([person(browser, server.url, "ada"), person(browser, line.url, "bob")]);
  // What others write is written beside a page that shows it.
  await ada.page.goto(`${server.url}/icons/favicon.svg`);
  bobUid = (await call(bob.page, "GET", "/api/me")).uid;
});

after(async () => {
  await browser?.close();
  await line?.stop();
  await server?.stop();
});

const numbered = (name, count, from = 1) => Array.from({ length: count }, (_, at) => `${name} ${from + at}.`);
const scroller = (page) => page.locator(".scroller");
const badge = (page, room) => page.locator(".room-item", { hasText: room }).locator(".badge");
/** The texts of the messages that are wholly on the screen. */
const onScreen = (page) =>
  scroller(page).evaluate((node) => {
    const { top, bottom } = node.getBoundingClientRect();
    return [...node.querySelectorAll(".message")]
      .filter((row) => row.getBoundingClientRect().top >= top && row.getBoundingClientRect().bottom <= bottom + 4)
      .map((row) => row.querySelector(".bubble")?.textContent ?? "");
  });
/** A call of the account of a page. */
const call = (page, method, path, body) =>
  page.evaluate(
    (wish) =>
      fetch(wish.path, {
        method: wish.method,
        ...(wish.body ? { headers: { "Content-Type": "application/json" }, body: JSON.stringify(wish.body) } : {}),
      }).then((answer) => answer.json()),
    { method, path, body },
  );
/** Makes a room that both are in, which bob has not opened. */
async function newRoom(name) {
  const { id } = await call(ada.page, "POST", "/api/rooms", { kind: "open", name, members: [bobUid] });
  await bob.page.locator(".room-item", { hasText: name }).waitFor();
  return id;
}
/** The mid of the message at a place in a room. */
async function midAt(room, seq) {
  const { messages } = await call(ada.page, "GET", `/api/rooms/${room}/messages?before=${seq + 1}&limit=1`);
  return messages[0].msg.mid;
}
/** What the title says is unread. */
const unreadIn = (title) => Number(/^\(([\d,]+)\)/.exec(title)?.[1]?.replace(",", "") ?? 0);
/** Follows a link to a message. */
const follow = (page, room, mid) =>
  page.evaluate((path) => {
    history.pushState(null, "", path);
    dispatchEvent(new PopStateEvent("popstate"));
  }, `/room/${room}#${mid}`);

for (const count of [150, 3000])
  test(`${count} unread messages: opened at the first, and nothing is read but what was on the screen`, async () => {
    const { page } = bob;
    const name = `Hall ${count}`;
    const room = await newRoom(name);
    await openRoom(page, name);
    await writeMany(ada.page, room, numbered("old", 5));
    await message(page, "old 5.").waitFor();
    await eventually(async () => assert.equal((await roomAt(page, room)).unread, 0));
    await openRoom(page, "General");
    await writeMany(ada.page, room, numbered("new", count));
    await eventually(async () => assert.equal((await roomAt(page, room)).unread, Math.min(count, 1000)));
    await openRoom(page, name);
    await page.locator(".divider").waitFor();
    assert.match(await page.locator(".divider + .message").innerText(), /new 1\./);
    assert.ok((await onScreen(page)).includes("new 1."));
    await eventually(async () => assert.ok((await roomAt(page, room)).read > 5, "what is on the screen is read"));
    await page.waitForTimeout(600);
    const { read, unread } = await roomAt(page, room);
    const seen = (await onScreen(page)).filter((text) => text.startsWith("new")).length;
    assert.ok(read <= 5 + seen + 1, `${read} is read, ${seen} are on the screen`);
    assert.ok(unread >= Math.min(count - seen - 1, 1000), `${unread} unread`);
  });

test("a direct chat that was never opened is opened at its first message", async () => {
  const { page } = bob;
  const { id: room } = await call(ada.page, "POST", "/api/rooms", { kind: "dm", members: [bobUid] });
  await writeMany(ada.page, room, numbered("hello", 40));
  await eventually(async () => assert.equal(await badge(page, "ada").innerText(), "40"));
  await openRoom(page, "ada");
  await page.locator(".divider").waitFor();
  assert.match(await page.locator(".divider + .message").innerText(), /hello 1\./);
  assert.ok((await onScreen(page)).includes("hello 1."));
  assert.ok((await roomAt(page, room)).unread > 0);
});

test("1,200 missed while old messages are read: one stays there, and scrolls into the gap", async () => {
  const { page } = bob;
  const room = await newRoom("Gap");
  await writeMany(ada.page, room, numbered("old", 300));
  await openRoom(page, "Gap");
  await page.locator(".message").first().waitFor();
  await page.keyboard.press("Escape");
  await message(page, "old 300.").waitFor();
  await eventually(async () => assert.equal((await roomAt(page, room)).unread, 0));
  await scroller(page).hover();
  for (let turn = 0; turn < 40 && !(await onScreen(page)).includes("old 187."); turn += 1)
    await page.mouse.wheel(0, -400);
  const before = await onScreen(page);
  line.cut();
  await writeMany(ada.page, room, numbered("missed", 1200));
  line.mend();
  await page.locator(".pill", { hasText: /1.000\+ new messages/ }).waitFor();
  assert.deepEqual(await onScreen(page), before);
  assert.ok((await roomAt(page, room)).unread >= 1000);
  for (let turn = 0; turn < 80 && !(await onScreen(page)).includes("missed 30."); turn += 1) {
    await page.mouse.wheel(0, 500);
    await page.waitForTimeout(30);
  }
  assert.ok((await onScreen(page)).includes("missed 30."));
  assert.match(await page.locator(".divider + .message").innerText(), /missed 1\./);
  const { read } = await roomAt(page, room);
  await page.locator(".pill").click();
  await message(page, "missed 1200.").waitFor();
  await eventually(async () => assert.equal((await roomAt(page, room)).unread, 0));
  assert.ok(read < 400, `${read} was read before the jump`);
  assertCalmButForTheLine(bob);
  bob.problems.length = 0;
});

test("what came while the line was away begins under a divider, which stays on the screen", async () => {
  const { page } = bob;
  const room = await newRoom("Away");
  await writeMany(ada.page, room, numbered("before", 30));
  await openRoom(page, "Away");
  await page.locator(".message").first().waitFor();
  await page.keyboard.press("Escape");
  await message(page, "before 30.").waitFor();
  await eventually(async () => assert.equal((await roomAt(page, room)).unread, 0));
  line.cut();
  await writeMany(ada.page, room, numbered("after", 100));
  line.mend();
  await page.locator(".divider + .message", { hasText: "after 1." }).waitFor();
  await eventually(async () => assert.ok((await onScreen(page)).includes("after 1.")));
  await page.locator(".pill", { hasText: "new messages" }).waitFor();
  assert.ok((await roomAt(page, room)).unread > 50);
  assertCalmButForTheLine(bob);
  bob.problems.length = 0;
});

test("a link to a message 5,000 back opens around it with one page, and what lies between stays unread", async () => {
  const { page } = bob;
  const room = await newRoom("Deep");
  await writeMany(ada.page, room, numbered("deep", 5100));
  const mid = await midAt(room, 100);
  await openRoom(page, "Deep");
  await page.locator(".message").first().waitFor();
  await page.keyboard.press("Escape");
  await message(page, "deep 5100.").waitFor();
  const asked = [];
  page.on("request", (request) => request.url().includes("/messages?") && asked.push(request.url()));
  await follow(page, room, mid);
  await page.locator(`.message-flash[data-mid="${mid}"]`).waitFor();
  assert.equal(asked.filter((url) => url.includes(`around=${mid}`)).length, 1);
  assert.ok((await onScreen(page)).includes("deep 100."));
});

test("a jump far below the first unread message reads nothing of what it passes over", async () => {
  const { page } = bob;
  const room = await newRoom("Jump");
  await writeMany(ada.page, room, numbered("jump", 400));
  const mid = await midAt(room, 350);
  await page.goto(`${line.url}/room/${room}#${mid}`);
  await page.locator(`.message-flash[data-mid="${mid}"]`).waitFor();
  await page.waitForTimeout(700);
  assert.ok((await roomAt(page, room)).unread >= 350);
  await page.keyboard.press("Escape");
  await eventually(async () => assert.equal((await roomAt(page, room)).unread, 0));
});

test("a link to a deleted message says so, and one to none says that", async () => {
  const { page } = bob;
  const room = await newRoom("Gone");
  const mid = "AAAAAAAAAAAAAAAAAAAAAA";
  await writeMany(ada.page, room, [{ t: "gone soon", mid }]);
  await writeMany(ada.page, room, [{ kind: "del", rev: 1, mid }, ...numbered("later", 200)]);
  await openRoom(page, "Gone");
  await page.locator(".message").first().waitFor();
  await page.keyboard.press("Escape");
  await message(page, "later 200.").waitFor();
  for (const [each, words] of [
    [mid, "That message was deleted."],
    ["BBBBBBBBBBBBBBBBBBBBBA", "There is no such message here."],
  ]) {
    await follow(page, room, each);
    await page.locator(".toast", { hasText: words }).waitFor();
    assert.ok((await onScreen(page)).includes("later 200."));
  }
});

test("an edit, an answer and a deletion that were begun at one place end well at another", async () => {
  const { page } = bob;
  const room = await newRoom("Places");
  await writeMany(page, room, ["first of mine", "second of mine"]);
  await writeMany(ada.page, room, numbered("place", 400));
  const field = page.locator(".composer textarea");
  await follow(page, room, await midAt(room, 1));
  await message(page, "first of mine").waitFor();
  await act(page, "second of mine", "Delete");
  await page.locator("dialog .button-danger", { hasText: "Delete" }).click();
  await act(page, "first of mine", "Edit");
  await field.fill("first of mine, bet");
  await follow(page, room, await midAt(room, 350));
  await message(page, "place 350.").waitFor();
  await openRoom(page, "General");
  assert.equal(await field.inputValue(), "");
  await openRoom(page, "Places");
  assert.equal(await field.inputValue(), "first of mine, bet");
  await field.press("End");
  await page.keyboard.type("ter");
  await page.keyboard.press("Enter");
  const mine = async () => {
    const { messages } = await call(ada.page, "GET", `/api/rooms/${room}/messages?before=3&limit=2`);
    return messages.map(({ msg }) => msg.t ?? msg.kind);
  };
  await eventually(async () => assert.deepEqual(await mine(), ["first of mine, better", "del"]));

  await follow(page, room, await midAt(room, 20));
  await act(page, "place 20.", "Reply");
  await follow(page, room, await midAt(room, 390));
  await message(page, "place 390.").waitFor();
  assert.match(await page.locator(".composer-about").innerText(), /place 20\./);
  await say(page, "an answer from afar");
  await message(page, "an answer from afar").locator(".quote").click();
  await page.locator(".message-flash", { hasText: "place 20." }).waitFor();
});

test("the page of history fails once and comes late: nothing is missing, what came live neither", async () => {
  const { page } = bob;
  const room = await newRoom("Late");
  await writeMany(ada.page, room, numbered("late", 150));
  await openRoom(page, "General");
  let asked = 0;
  await page.route("**/messages?**", async (route) => {
    asked += 1;
    if (asked === 1) return route.fulfill({ status: 503, json: { code: "unavailable", message: "later" } });
    if (asked === 2) await writeMany(ada.page, room, numbered("live", 5));
    await route.continue();
  });
  await openRoom(page, "Late");
  await page.locator(".divider").waitFor();
  await page.unroute("**/messages?**");
  await page.keyboard.press("Escape");
  await message(page, "live 5.").waitFor();
  const shown = await page.locator(".message .bubble").allInnerTexts();
  assert.deepEqual(shown.slice(-7), ["late 149.", "late 150.", ...numbered("live", 5)]);
  bob.problems.length = 0;
});

test("a hidden tab counts and announces what comes with a message of mine, and takes it back", async () => {
  const { page } = bob;
  const room = await newRoom("Hidden");
  await openRoom(page, "Hidden");
  await writeMany(ada.page, room, ["first"]);
  await message(page, "first").waitFor();
  const before = unreadIn(await page.title());
  await bob.context.grantPermissions(["notifications"], { origin: line.url });
  await page.evaluate(() => {
    window.announced = [];
    window.takenBack = 0;
    window.Notification = class {
      static permission = "granted";
      constructor(title, options) {
        window.announced.push(`${title}: ${options.body}`);
      }
      close() {
        window.takenBack += 1;
      }
    };
    Object.defineProperty(document, "visibilityState", { value: "hidden", configurable: true });
    document.hasFocus = () => false;
  });
  const writer = await bob.context.newPage();
  await writer.goto(`${line.url}/icons/favicon.svg`);
  const calls = ["@bob look", "and this"].map((t) => ({ t, m: [bobUid] }));
  await Promise.all([writeMany(ada.page, room, calls), writeMany(writer, room, ["mine"])]);
  await eventually(async () => assert.equal(await badge(page, "Hidden").innerText(), "2"));
  await eventually(async () =>
    assert.equal((await page.evaluate(() => window.announced)).at(-1), "Hidden: ada: and this"),
  );
  assert.equal(unreadIn(await page.title()), before + 2);
  await writer.evaluate(async (id) => {
    const socket = new WebSocket(`ws://${location.host}/ws`, ["impulse.v1"]);
    await new Promise((resolve) => (socket.onmessage = resolve));
    socket.send(JSON.stringify({ op: "read", id: "1", room: id, seq: 4 }));
    await new Promise(
      (resolve) => (socket.onmessage = ({ data }) => JSON.parse(data).id === "1" && resolve(undefined)),
    );
    socket.close();
  }, room);
  await eventually(async () => assert.equal(await badge(page, "Hidden").count(), 0));
  await eventually(async () => assert.ok((await page.evaluate(() => window.takenBack)) >= 1));
  await writer.close();
  assertCalm(bob);
});

test("an unread message with a mention that is deleted takes its badge with it", async () => {
  const { page } = bob;
  await page.reload();
  const room = await newRoom("Taken back");
  const mid = "CCCCCCCCCCCCCCCCCCCCCA";
  await openRoom(page, "General");
  await writeMany(ada.page, room, [{ t: "@bob", m: [bobUid], mid }]);
  await page.locator(".room-item", { hasText: "Taken back" }).locator(".badge-mention").waitFor();
  await writeMany(ada.page, room, [{ kind: "del", rev: 1, mid }]);
  await eventually(async () => assert.equal(await badge(page, "Taken back").count(), 0));
});

test("Today turns into Yesterday at midnight", async () => {
  const { page } = await person(browser, server.url, "carol");
  await openRoom(page, "General");
  const room = new URL(page.url()).pathname.split("/")[2];
  await writeMany(ada.page, room, ["at the end of the day"]);
  await message(page, "at the end of the day").waitFor();
  await page.clock.install();
  await page.reload();
  await page.locator(".day", { hasText: "Today" }).waitFor();
  const left = await page.evaluate(() => new Date().setHours(24, 0, 0, 0) - Date.now());
  await page.clock.fastForward(left + 1000);
  await page.locator(".day", { hasText: "Yesterday" }).waitFor();
  assert.equal(await page.locator(".day", { hasText: "Today" }).count(), 0);
});
