/** Files from the hand into the room: attached, sent over a bad line, shown, looked at, found again. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, test } from "node:test";
import { assertAccessible, assertFits } from "./axe.js";
import { world } from "./content_world.js";
import { attached, bytes, hand, pick, picture } from "./files_support.js";
import { act, assertCalm, assertCalmButForTheLine, eventually, message, openRoom, say } from "./support.js";

const PIECE = 4 * 1024 * 1024;
let line, ada, li;

before(async () => {
  ({ line, ada, bob: li } = await world());
});

const send = (page) => page.locator(".send:not(:disabled)").click();
const isSent = (page) => eventually(async () => assert.equal(await page.locator(".message-pending").count(), 0));
const focusedName = (page) => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");

/** Every call about files from now on, as "METHOD offset". */
function watchUploads(page) {
  const asked = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.pathname.startsWith("/api/files"))
      asked.push([request.method(), url.searchParams.get("offset")].filter(Boolean).join(" "));
  });
  return asked;
}

/** What a card's link answers, as a digest. */
function digestOf(page, name) {
  return page.evaluate(async (name) => {
    const card = [...document.querySelectorAll("a.file-card")].find((each) => each.textContent?.includes(name));
    const content = await (await fetch(card?.getAttribute("href") ?? "")).arrayBuffer();
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", content));
    return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }, name);
}

test("what is pasted, dropped and picked is attached in order, removed, described and sent with a text", async () => {
  const { page } = ada;
  await hand(page, "paste", "body", picture("one.png", 300, 200));
  await hand(page, "drop", ".log", picture("two.png", 200, 300, [220, 90, 60]), bytes("notes.txt", 900, "text/plain"));
  await pick(page, bytes("plan.pdf", 5000, "application/pdf"));
  await eventually(async () => assert.deepEqual(await attached(page), ["one.png", "two.png", "notes.txt", "plan.pdf"]));
  await page.locator(".attachment[data-phase=done]").nth(3).waitFor();
  await assertAccessible(page, "composer with files");
  await page.locator(".attachment", { hasText: "notes.txt" }).locator(".attachment-remove").press("Enter");
  await eventually(async () => assert.deepEqual(await attached(page), ["one.png", "two.png", "plan.pdf"]));
  assert.equal(await focusedName(page), "Remove plan.pdf", "the focus is not lost");
  const words = page.locator(".attachment", { hasText: "one.png" }).locator(".attachment-alt");
  await words.fill("Blue stripes");
  await words.press("Enter");
  assert.ok(await page.locator(".composer textarea").evaluate((node) => node === document.activeElement));
  await page.keyboard.type("three files");
  await page.keyboard.press("Enter");
  assert.deepEqual(await attached(page), []);
  const row = message(li.page, "three files");
  await row.locator(".gallery-picture").nth(1).waitFor();
  assert.deepEqual(await row.locator(".gallery-picture").evaluateAll((nodes) => nodes.map((node) => node.ariaLabel)), [
    "Open picture: Blue stripes",
    "Open picture: two.png",
  ]);
  assert.match(await row.locator("a.file-card").innerText(), /plan\.pdf\s+Document · PDF/);
  assert.equal(await row.locator("a.file-card").getAttribute("download"), "plan.pdf");
  await isSent(page);
  await act(page, "three files", "Reply");
  await say(page, "seen");
  await message(li.page, "seen").locator(".quote", { hasText: "3 files · three files" }).waitFor();
});

test("a cut in the middle and a reload lose nothing: it goes on where it stopped and arrives once", async () => {
  const { page } = ada;
  const film = bytes("film.bin", 3 * PIECE - 7);
  let held = /** @type {((value?: unknown) => void) | null} */ (null);
  let pieces = 0;
  await page.route(/\/api\/files\/.+offset=/, async (route) => {
    pieces += 1;
    if (pieces === 2) {
      line.cut();
      return route.abort();
    }
    if (pieces === 4) await new Promise((resolve) => (held = resolve));
    return route.fallback().catch(() => {});
  });
  const asked = watchUploads(page);
  await pick(page, film);
  await page.locator(".composer textarea").fill("a long film");
  await send(page);
  await eventually(() => assert.equal(pieces, 2));
  await say(page, "and this after it");
  line.mend();
  await eventually(() => assert.ok(held, "the third piece is on its way"));
  const progress = message(page, "a long film").locator(".message-upload");
  await progress.getByText(/Sending (?:3|6)\d %/).waitFor();
  assert.equal(await message(li.page, "and this after it").count(), 0, "nothing overtakes it");
  assert.deepEqual(asked, ["POST", "PUT 0", `PUT ${PIECE}`, "GET", `PUT ${PIECE}`, `PUT ${2 * PIECE}`]);
  await page.reload();
  held?.();
  await message(li.page, "and this after it").waitFor();
  await isSent(page);
  const rest = asked.slice(6);
  assert.deepEqual([rest[0], new Set(rest.slice(1)).size <= 1], ["GET", true], "only what was missing");
  assert.equal(await message(li.page, "a long film").count(), 1);
  const order = await li.page.locator(".message .bubble").allInnerTexts();
  assert.ok(
    order.findIndex((text) => text.includes("a long film")) < order.findIndex((text) => text.includes("after it")),
  );
  assert.equal(await digestOf(li.page, "film.bin"), createHash("sha256").update(film.buffer).digest("hex"));
  await page.unroute(/\/api\/files\/.+offset=/);
});

test("a draft keeps its files over a reload, and what the server refuses says why and is tried again", async () => {
  const { page } = ada;
  let isFull = true;
  await page.route(/\/api\/files$/, (route) =>
    isFull
      ? route.fulfill({ status: 507, json: { error: { code: "disk_full", message: "Full." } } })
      : route.fallback(),
  );
  await pick(page, picture("kept.png", 120, 90), bytes("kept.txt", 10));
  const tile = page.locator(".attachment", { hasText: "kept.png" });
  await tile.getByText("The disk of the server is full.").waitFor();
  await page.locator(".room-item", { hasText: "Random" }).click();
  await page.locator(".room-item", { hasText: "General" }).getByText("Draft").waitFor();
  await openRoom(page, "General");
  await page.reload();
  await eventually(async () => assert.deepEqual(await attached(page), ["kept.png", "kept.txt"]));
  await tile.locator("img").waitFor();
  isFull = false;
  for (const name of ["kept.png", "kept.txt"])
    await page.locator(".attachment", { hasText: name }).locator(".link-button").click();
  await page.locator(".attachment[data-phase=done]").nth(1).waitFor();
  await send(page);
  await li.page.locator(".file-card", { hasText: "kept.txt" }).waitFor();
  await page.unroute(/\/api\/files$/);
  await page.route("**/api/info", async (route) => {
    const answer = await route.fetch();
    const info = await answer.json();
    await route.fulfill({ response: answer, json: { ...info, limits: { ...info.limits, file_size: 1024 * 1024 } } });
  });
  await page.reload();
  await page.locator(".composer textarea").waitFor();
  const asked = watchUploads(page);
  await pick(page, bytes("huge.iso", 2 * 1024 * 1024));
  await page.locator(".toast", { hasText: /huge\.iso: 2\sMB is too large, at most 1\sMB\./ }).waitFor();
  assert.deepEqual([asked, await attached(page)], [[], []]);
  await page.unroute("**/api/info");
});

test("nothing moves while pictures load, neither above nor below them", async () => {
  const { page } = li;
  await page.route(/\/files\/[\w-]{22}\//, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    return route.fallback().catch(() => {});
  });
  await pick(ada.page, picture("wide.png", 900, 500));
  await ada.page.locator(".composer textarea").fill("a wide one");
  await send(ada.page);
  await isSent(ada.page);
  for (let n = 0; n < 3; n += 1) await say(ada.page, `line ${n}`);
  await page.reload();
  await message(page, "line 2").waitFor();
  await page.evaluate(() => {
    // One row above the picture, and one below it.
    const rows = [...document.querySelectorAll(".message")];
    const at = rows.findIndex((each) => each.textContent?.includes("a wide one"));
    const places = /** @type {string[]} */ ([]);
    Object.assign(window, { places });
    const look = () => {
      places.push([rows[at - 1], rows[at + 1]].map((row) => Math.round(row?.getBoundingClientRect().top ?? 0)).join());
      requestAnimationFrame(look);
    };
    look();
  });
  const image = message(page, "a wide one").locator("img");
  await eventually(async () => assert.ok(await image.evaluate((node) => node.complete && node.naturalWidth > 0)));
  await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
  const places = await page.evaluate(() => [...new Set(/** @type {any} */ (window).places)]);
  assert.equal(places.length, 1, `the rows stood at ${places.join(" ")}`);
  await page.unroute(/\/files\/[\w-]{22}\//);
});

test("the viewer opens by keyboard, walks, enlarges, and gives the focus back", async () => {
  const { page } = ada;
  await pick(page, ...[1, 2, 3, 4, 5].map((n) => picture(`p${n}.png`, 300 + n, 200)));
  await page.locator(".composer textarea").fill("five");
  await send(page);
  const row = message(page, "five").last();
  await row.waitFor();
  await isSent(page);
  assert.equal(await row.locator(".gallery-picture").count(), 4);
  assert.equal(await row.locator(".picture-left").innerText(), "+1");
  await row.focus();
  await page.keyboard.press("ArrowRight");
  await eventually(async () => assert.equal(await focusedName(page), "Open picture: p1.png"));
  await page.keyboard.press("Enter");
  const viewer = page.locator("dialog.viewer");
  await viewer.locator("strong", { hasText: "p1.png" }).waitFor();
  await page.keyboard.press("ArrowRight");
  await viewer.locator("strong", { hasText: "p2.png" }).waitFor();
  await page.keyboard.press("End");
  await viewer.locator("strong", { hasText: "p5.png" }).waitFor();
  await assertAccessible(page, "viewer");
  await hand(page, "drop", "dialog.viewer", bytes("late.txt", 30));
  await page.locator(".toast", { hasText: "Nothing can be sent here now." }).waitFor();
  await page.keyboard.press("+");
  const scale = () => viewer.locator("img").evaluate((node) => new DOMMatrix(getComputedStyle(node).transform).a);
  await eventually(async () => assert.equal(await scale(), 1.5));
  await page.keyboard.press("0");
  await eventually(async () => assert.equal(await scale(), 1));
  const download = page.waitForEvent("download");
  await viewer.locator("a[download]").click();
  assert.equal((await download).suggestedFilename(), "p5.png");
  await page.keyboard.press("Escape");
  await viewer.waitFor({ state: "detached" });
  assert.equal(await focusedName(page), "Open picture: p1.png");
});

test("an open viewer follows: pictures that are taken out leave it, and it closes with the one it shows", async () => {
  const { page } = li;
  const mid = (await message(page, "five").last().getAttribute("data-mid")) ?? "";
  await page.locator("[aria-label='Open picture: p1.png']").press("Enter");
  const viewer = page.locator("dialog.viewer");
  const place = viewer.locator(".viewer-place");
  const [at, n] = ((await place.innerText()).match(/\d+/g) ?? []).map(Number);
  const change = (method, body) =>
    ada.page.evaluate(
      ([path, method, body]) =>
        fetch(path, { method, ...(body ? { body, headers: { "content-type": "application/json" } } : {}) }),
      [`/api/rooms/${new URL(page.url()).pathname.split("/").at(-1)}/messages/${mid}`, method, body],
    );
  const ids = await ada.page
    .locator(`[data-mid="${mid}"] .gallery-picture`)
    .evaluateAll((nodes) => nodes.map((node) => ({ id: node.dataset.key })));
  await change("PATCH", JSON.stringify({ t: "four", f: ids }));
  await eventually(async () => assert.equal(await place.innerText(), `${at} of ${n - 1}`));
  assert.ok(await viewer.isVisible());
  await change("DELETE");
  await viewer.waitFor({ state: "detached" });
  await page.locator(".toast", { hasText: "This picture is no longer here." }).waitFor();
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("data-mid"));
  await eventually(async () => assert.equal(await focused(), mid, "the focus is at what is left of the message"));
});

test("an edit keeps the files as they are drawn, and words about pictures are changed later", async () => {
  const { page } = ada;
  await pick(page, picture("later.png", 200, 200), bytes("tone.txt", 30));
  await send(page);
  await isSent(page);
  // What plays would stop if it was drawn anew.
  const shown = li.page.locator("[title='later.png'] img");
  await shown.evaluate((node) => void Object.assign(node, { isSame: true }));
  await page.locator(".composer textarea").focus();
  await page.keyboard.press("ArrowUp");
  await page.locator(".composer-about", { hasText: "Editing" }).waitFor();
  await hand(page, "paste", ".composer textarea", bytes("more.txt", 30));
  await page.locator(".toast", { hasText: "Finish the edit, then attach more to a new one." }).waitFor();
  await page.keyboard.type("now with words");
  await page.keyboard.press("Enter");
  const theirs = message(li.page, "now with words");
  await theirs.locator(".edited").waitFor();
  assert.equal(await theirs.locator(".gallery-picture").count(), 1);
  assert.equal(await theirs.locator("img").evaluate((node) => node.isSame), true);
  await message(page, "now with words").hover();
  await page.locator(".tools [aria-label='More actions']").click();
  await page.locator(".menu-item", { hasText: "Describe pictures" }).click();
  await assertAccessible(page, "descriptions");
  await page.locator("dialog textarea").fill("A square");
  await page.locator("dialog button[type=submit]").click();
  await theirs.locator("[aria-label='Open picture: A square']").waitFor();
  await theirs.locator("img").evaluate((node) => void Object.assign(node, { isSame: true }));
  await act(page, "now with words", "React");
  await page.locator("dialog .emoji-key").first().click();
  await theirs.locator(".reaction").waitFor();
  assert.equal(await theirs.locator("img").evaluate((node) => node.isSame), true);
});

test("a room's files are listed newest first, found by name, and lead to their message", async () => {
  const { page } = li;
  await page.locator(".members-button").click();
  await page.locator("[data-tab=files]").click();
  const files = page.locator(".room-file strong");
  await eventually(async () =>
    assert.equal((await files.allInnerTexts()).slice(0, 2).sort().join(), "later.png,tone.txt"),
  );
  await assertAccessible(page, "files of a room");
  const find = page.locator("[aria-label='Find a file by its name']");
  await page.route(/\/api\/rooms\/\d+\/files/, (route) => route.abort());
  await find.fill("tone");
  await page.locator(".panel-alert", { hasText: "No connection to the server." }).waitFor();
  assert.deepEqual(await files.allInnerTexts(), [], "nothing that was found for other words");
  await page.unroute(/\/api\/rooms\/\d+\/files/);
  await page.locator(".results-more button", { hasText: "Retry" }).click();
  await eventually(async () => assert.deepEqual(await files.allInnerTexts(), ["tone.txt"]));
  await find.fill("PLAN");
  await eventually(async () => assert.deepEqual(await files.allInnerTexts(), ["plan.pdf"]));
  await page.locator("[aria-label='Show the message with plan.pdf']").click();
  await page.locator("dialog[open]").waitFor({ state: "detached" });
  await eventually(async () => assert.ok(await message(page, "three files").first().isVisible()));
});

test("on a phone the camera is asked for, a picture is swiped, and nothing is wider than the screen", async () => {
  const { page } = li;
  await page.locator(".attach-button").tap();
  await assertAccessible(page, "ways to attach");
  const camera = page.waitForEvent("filechooser");
  await page.locator(".menu-item", { hasText: "Take a picture" }).tap();
  assert.equal(await (await camera).element().getAttribute("capture"), "environment");
  await (await camera).setFiles([picture("camera.png", 640, 480)]);
  await page.locator(".attachment img").waitFor();
  await assertFits(page, "composer with a picture");
  await assertAccessible(page, "composer with a picture");
  await page.locator(".send:not(:disabled)").tap();
  await isSent(page);
  const last = page.locator("[aria-label='Open picture: camera.png']");
  await last.tap();
  const viewer = page.locator("dialog.viewer");
  await viewer.locator("strong", { hasText: "camera.png" }).waitFor();
  await assertAccessible(page, "viewer on a phone");
  const touch = await page.context().newCDPSession(page);
  const swipe = async (x, y) => {
    const at = (px, py) => [{ x: px, y: py, id: 1 }];
    await touch.send("Input.dispatchTouchEvent", { type: "touchStart", touchPoints: at(190, 420) });
    for (let n = 1; n <= 4; n += 1) {
      const touchPoints = at(190 + (x * n) / 4, 420 + (y * n) / 4);
      await touch.send("Input.dispatchTouchEvent", { type: "touchMove", touchPoints });
    }
    await touch.send("Input.dispatchTouchEvent", { type: "touchEnd", touchPoints: [] });
  };
  await swipe(140, 0);
  await viewer.locator("strong", { hasText: "later.png" }).waitFor();
  await swipe(-140, 0);
  await viewer.locator("strong", { hasText: "camera.png" }).waitFor();
  await swipe(0, 200);
  await viewer.waitFor({ state: "detached" });
  await last.tap();
  await viewer.waitFor();
  await page.keyboard.press("Escape");
  await viewer.waitFor({ state: "detached" });
  await assertFits(page, "room with pictures");
  await assertAccessible(page, "room with pictures");
  await last.press("Enter");
  await viewer.waitFor();
  await page.goBack();
  await viewer.waitFor({ state: "detached" });
});

test("nothing complained all the while", () => {
  // So is a list that could not be read.
  assertCalm({ problems: li.problems.filter((each) => !each.includes("net::ERR_FAILED")) });
  // A full disk is an answer that a browser counts as an error.
  ada.problems = ada.problems.filter((each) => !each.includes("status of 507"));
  assertCalmButForTheLine(ada);
});
