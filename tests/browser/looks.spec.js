/** What the eye notices, measured: heights, edges, distances, colours, and what opens where. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
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
  setUpAdmin,
  startServer,
  visitor,
} from "./support.js";

const LONG = Array.from({ length: 34 }, (_, index) => `line ${index + 1}. https://example.org/${index}`).join("\n");
const CODE = `see:\n\`\`\`rust\nlet wait = ${"(wait * 2) + ".repeat(20)}1;\n\`\`\``;
/** A screen of a phone with a finger, which `person` of a desk does not have. */
const phone = (width) => ({
  viewport: { width, height: 740 },
  hasTouch: true,
  isMobile: true,
  reducedMotion: "reduce",
});

let server, browser, root, bob;

before(async () => {
  server = await startServer();
  browser = await openBrowser();
  root = await setUpAdmin(browser, server, "root", { reducedMotion: "reduce" });
  bob = await person(browser, server.url, "bob", {
    reducedMotion: "reduce",
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await openRoom(root.page, "General");
  await openRoom(bob.page, "General");
  for (const text of ["first of three", "ok", "yes"]) await say(bob.page, text);
  await message(root.page, "yes").waitFor();
  await say(root.page, "mine");
  await message(bob.page, "mine").waitFor();
  await say(bob.page, LONG);
  await say(bob.page, "word ".repeat(1590));
  await message(root.page, "word word").waitFor();
  await say(root.page, CODE);
  await message(bob.page, "wait * 2").waitFor();
});

after(async () => {
  await browser?.close();
  await server?.stop();
});

const box = (locator) => locator.evaluate((node) => node.getBoundingClientRect().toJSON());
const near = (one, other, what, by = 1) => assert.ok(Math.abs(one - other) <= by, `${what}: ${one} and ${other}`);

/** Asks the server as whoever is signed in on a page. */
const ask = (page, path, method, body) =>
  page.evaluate(
    async ([to, how, what]) => {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(to, { method: how, headers, body: JSON.stringify(what) });
      return answer.json().catch(() => null);
    },
    [path, method, body],
  );

/** The same browser profile on another screen. */
async function on(someone, options) {
  const storageState = await someone.context.storageState();
  const other = await visitor(browser, { ...options, storageState });
  await other.page.goto(server.url);
  return other;
}

test("messages are close together, and time, sign and tools stand beside them", async () => {
  const seen = root.page;
  const [ok, yes] = await Promise.all([box(message(seen, "ok")), box(message(seen, "yes"))]);
  near(yes.top - ok.top, 30, "a grouped word takes 30 px", 0.5);

  const gutter = message(seen, "yes").locator(".message-gutter");
  await seen.mouse.move(5, 5);
  assert.match(await gutter.innerText(), /\d:\d\d/);
  await eventually(async () => assert.equal(await gutter.evaluate((node) => getComputedStyle(node).opacity), "0"));
  await message(seen, "yes").hover();
  await eventually(async () => assert.equal(await gutter.evaluate((node) => getComputedStyle(node).opacity), "1"));

  for (const [text, side] of [
    ["yes", "after"],
    ["mine", "before"],
  ]) {
    await message(seen, text).locator(".bubble").hover();
    const [tools, line] = await Promise.all([
      box(seen.locator(".tools")),
      box(message(seen, text).locator(".message-line")),
    ]);
    const gap = side === "after" ? tools.left - line.right : line.left - tools.right;
    near(gap, 4, `tools of ${text}`);
    near((tools.top + tools.bottom) / 2, (line.top + line.bottom) / 2, `height of the tools of ${text}`);
  }
  await message(seen, "mine").locator("[aria-label='Sent']").waitFor();
  assert.equal(await message(seen, "yes").locator(".message-sign").count(), 0, "not beside those of others");
  assertCalm(root, bob);
});

test("a long message is folded, opens for whoever looks into it, and stays as it was left", async () => {
  const { page } = root;
  const long = message(page, "line 34.");
  await long.locator(".fold[data-fold=cut]").waitFor();
  for (const text of ["line 34.", "word word"]) {
    const { height } = await box(message(page, text).last().locator(".bubble"));
    assert.ok(height < 450, `${height} px for "${text}"`);
  }
  assert.equal(await message(page, "yes").locator(".fold").count(), 0, "short ones are not even watched");
  await long.locator("button", { hasText: "Show all" }).click();
  near((await box(long.locator(".fold-text"))).height, 34 * 20, "all lines", 4);

  await page.evaluate(() => getSelection().selectAllChildren(document.querySelector("[data-fold=open] .fold-text")));
  await long.locator("button", { hasText: "Show less" }).evaluate((node) => node.click());
  assert.equal(await long.locator(".fold").getAttribute("data-fold"), "open", "what is selected stays");
  await page.evaluate(() => getSelection().removeAllRanges());
  await openRoom(page, "Random");
  await openRoom(page, "General");
  await long.locator(".fold[data-fold=open]").waitFor();
  await long.locator("button", { hasText: "Show less" }).click();
  await long.locator(".fold[data-fold=cut]").waitFor();

  // As a search of the page does, the focus scrolls the hidden part into view.
  const link = long.locator("a").last();
  await link.focus();
  await long.locator(".fold[data-fold=open]").waitFor();
  await eventually(async () => {
    const [seen, list] = await Promise.all([box(link), box(page.locator(".scroller"))]);
    assert.ok(seen.top >= list.top && seen.bottom <= list.bottom, "what was looked for stays in view");
  });
  assertCalm(root, bob);
});

test("code has the whole width, its language, a button that copies it, and a fade where it is cut", async () => {
  const { page } = bob;
  const row = message(page, "wait * 2").last();
  await row.locator(".code-head", { hasText: "rust" }).waitFor();
  const [bubble, body] = await Promise.all([box(row.locator(".bubble")), box(row.locator(".message-body"))]);
  near(bubble.width, body.width, "the width of code");
  await row.locator(".code-copy").click();
  await page.locator(".toast", { hasText: "Copied." }).waitFor();
  assert.match(await page.evaluate(() => navigator.clipboard.readText()), /^let wait = \(wait/);
  const fade = () => row.locator("pre").evaluate((node) => getComputedStyle(node).getPropertyValue("--fade"));
  assert.equal(await fade(), "2.5rem");
  await row.locator("pre").evaluate((node) => node.scrollTo(node.scrollWidth, 0));
  await eventually(async () => assert.equal(await fade(), "0"));
  assertCalm(root, bob);
});

test("menus and pickers stand beside their button, on a light page, and are walked with the keyboard", async () => {
  const { page } = bob;
  await message(page, "yes").last().scrollIntoViewIfNeeded();
  await message(page, "yes").last().locator(".bubble").hover();
  const more = page.locator(".tools [aria-label='More actions']");
  const button = await box(more);
  await more.click();
  const menu = page.locator(".dialog-menu");
  const place = await box(menu);
  const gap = Math.min(Math.abs(place.top - button.bottom), Math.abs(button.top - place.bottom));
  near(gap, 4, "below or above its button");
  assert.ok(place.left <= button.right && place.right >= button.left, "at its button");
  const dim = await menu.evaluate((node) => getComputedStyle(node, "::backdrop").backgroundColor);
  assert.equal(dim, "rgba(0, 0, 0, 0)");
  const focused = () => page.evaluate(() => document.activeElement.textContent);
  await page.keyboard.press("End");
  assert.match(await focused(), /Delete/);
  await page.keyboard.press("r");
  assert.match(await focused(), /React/);
  await page.keyboard.press("ArrowDown");
  assert.match(await focused(), /Reply/);
  await page.keyboard.press("Escape");
  await menu.waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("aria-expanded")), "false");

  const smile = page.locator(".composer .icon-button").first();
  await smile.click();
  const picker = page.locator(".dialog-picker");
  near((await box(smile)).top - (await box(picker)).bottom, 4, "over the button at the lower edge");
  await page.mouse.click(900, 200);
  await picker.waitFor({ state: "detached" });

  const hand = await on(bob, phone(390));
  await openRoomOn(hand.page, "General");
  await message(hand.page, "yes").last().locator(".bubble").tap();
  const sheet = await box(hand.page.locator(".dialog-menu"));
  near(sheet.bottom, 740, "a sheet at the lower edge of a phone");
  near(sheet.width, 390, "as wide as the phone");
  await hand.context.close();
  assertCalm(bob, hand);
});

/** On a phone the rooms are a screen of their own, unless a room is open already. */
async function openRoomOn(page, name) {
  await page.locator(".room-item", { hasText: name }).first().tap();
  await page.locator(".room-head h1", { hasText: name }).waitFor();
}

test("the list of rooms is low with a mouse and high for a thumb, folds, and tells of what is beyond it", async () => {
  const { page } = root;
  await page.locator("[aria-label='New direct message']").click();
  await page.locator(".dialog .option", { hasText: "bob" }).click();
  await page.locator(".dialog .button-primary").click();
  await page.locator(".room-head h1", { hasText: "bob" }).waitFor();
  const names = page.locator(".room-item .room-item-name");
  const lefts = await names.evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect().left));
  assert.equal(new Set(lefts).size, 1, `one edge for rooms and people: ${lefts}`);
  assert.equal((await box(page.locator(".room-item").first())).height, 32);
  const hand = await on(root, phone(390));
  await hand.page.goto(server.url);
  await hand.page.locator(".room-item").first().waitFor();
  assert.equal((await box(hand.page.locator(".room-item").first())).height, 44);
  await hand.context.close();

  const rooms = page.locator(".section-toggle", { hasText: "Rooms" });
  await rooms.click();
  await page.locator(".room-item", { hasText: "Random" }).waitFor({ state: "detached" });
  await page.reload();
  assert.equal(await rooms.getAttribute("aria-expanded"), "false");
  await openRoom(bob.page, "Random");
  await say(bob.page, "@root look here");
  await page.locator(".room-item[data-unread]", { hasText: "Random" }).waitFor();
  await rooms.click();

  for (let n = 0; n < 14; n += 1) await ask(page, "/api/rooms", "POST", { name: `Hall ${n}`, kind: "open" });
  await page.setViewportSize({ width: 1280, height: 420 });
  const below = page.locator(".unread-beyond[data-way=down]");
  await below.waitFor();
  await below.click();
  await below.waitFor({ state: "hidden" });
  const seen = await page.evaluate(() => {
    const list = document.querySelector(".room-lists").getBoundingClientRect();
    return [...document.querySelectorAll(".room-item[data-unread]")].some(
      (item) => item.getBoundingClientRect().bottom <= list.bottom && item.getBoundingClientRect().top >= list.top,
    );
  });
  assert.ok(seen);
  await page.setViewportSize({ width: 1280, height: 800 });
  assertCalm(root, bob);
});

test("people are invited from the list of rooms and from the beginning of an empty room", async () => {
  const { page } = root;
  await page.locator(".sidebar-invite", { hasText: "Invite people" }).click();
  await page.locator("dialog h2", { hasText: "Invite people" }).waitFor();
  await page.keyboard.press("Escape");
  await openRoom(page, "Hall 3");
  assert.equal(await page.locator(".beginning button").first().innerText(), "Invite people");
  await page.locator(".beginning button").first().click();
  await page.locator("dialog select").first().waitFor();
  assert.match(
    await page
      .locator("dialog select")
      .first()
      .evaluate((node) => node.selectedOptions[0].text),
    /Hall 3/,
  );
  await page.keyboard.press("Escape");
});

/** Opens every dialog of a room and of the list, one after the other. */
const DIALOGS = {
  details: (page) => page.locator(".members-button").click(),
  browse: (page) => page.locator(".section-head [aria-label='Browse rooms']").click(),
  create: (page) => page.locator(".section-head [aria-label='New room']").click(),
  direct: (page) => page.locator(".section-head [aria-label='New direct message']").click(),
  switcher: (page) => page.keyboard.press("Control+k"),
  invite: (page) => page.locator(".sidebar-invite").click(),
  status: (page) => page.locator(".me-status").click(),
};

test("the lines of a dialog begin at one edge, and a screen has one coloured button", async () => {
  const { page } = root;
  await openRoom(page, "General");
  for (const [name, open] of Object.entries(DIALOGS)) {
    await open(page);
    await page.locator("dialog[open]").waitFor();
    await page.locator("dialog .option, dialog .field, dialog .input").first().waitFor();
    const { edges, coloured } = await page.evaluate(() => {
      const dialog = document.querySelector("dialog[open]");
      const start = dialog.getBoundingClientRect().left;
      const first = "h2, .dialog-lead, .tab:first-child, .search-field .input, .field > *, .option > :first-child";
      const lines = [...dialog.querySelectorAll(first)].filter(
        (node) => node.checkVisibility() && !node.closest(".field-pair > :last-child, .choice, .suggestions"),
      );
      return {
        edges: lines.map((node) => {
          const padding = node.matches(".tab, .dialog-lead") ? parseFloat(getComputedStyle(node).paddingLeft) : 0;
          return Math.round(node.getBoundingClientRect().left + padding - start);
        }),
        coloured: [...dialog.querySelectorAll("button:not(.avatar)")].filter(
          (node) => node.checkVisibility() && getComputedStyle(node).backgroundImage.includes("gradient"),
        ).length,
      };
    });
    assert.ok(edges.length > 0, name);
    assert.deepEqual([...new Set(edges)], [21], `${name}: ${edges}`);
    assert.ok(coloured <= 1, `${name}: ${coloured} coloured buttons`);
    await page.keyboard.press("Escape");
    await page.locator("dialog[open]").waitFor({ state: "detached" });
  }
  const inRoom = await page
    .locator("button")
    .evaluateAll(
      (nodes) =>
        nodes.filter((node) => getComputedStyle(node).backgroundImage.includes("gradient") && !node.matches(".avatar"))
          .length,
    );
  assert.ok(inRoom <= 1);
});

test("a person has one colour everywhere, and it can be read in the light and in the dark", async () => {
  const { page } = root;
  const colourOf = (locator) => locator.first().evaluate((node) => getComputedStyle(node).backgroundImage);
  await openRoom(page, "General");
  const colour = await colourOf(page.locator(".message:not(.message-own) > .avatar"));
  assert.match(colour, /gradient/);
  const places = { list: await colourOf(page.locator(".room-item", { hasText: "bob" }).locator(".avatar")) };
  await page.locator(".message-author", { hasText: "bob" }).first().click();
  places.card = await colourOf(page.locator(".dialog-card .avatar"));
  await page.keyboard.press("Escape");
  await DIALOGS.details(page);
  places.members = await colourOf(page.locator("dialog .option", { hasText: "@bob" }).locator(".avatar"));
  await page.keyboard.press("Escape");
  await DIALOGS.switcher(page);
  places.switcher = await colourOf(page.locator("dialog .option", { hasText: "bob" }).locator(".avatar"));
  await page.keyboard.press("Escape");
  const { path } = await ask(bob.page, "/api/invites", "POST", {});
  const stranger = await visitor(browser);
  await stranger.page.goto(server.url + path);
  places.invitation = await colourOf(stranger.page.locator(".entry .avatar"));
  await page.goto(`${server.url}/admin/users`);
  places.administration = await colourOf(page.locator(".who", { hasText: "@bob" }).locator(".avatar"));
  for (const [place, found] of Object.entries(places)) assert.equal(found, colour, place);
  await stranger.context.close();

  for (const theme of ["light", "dark"]) {
    const low = await page.evaluate(contrastsOf, theme);
    assert.deepEqual(low, [], theme);
  }
});

/** The uses of the twelve colours whose contrast is below 4.5, in the page. */
function contrastsOf(theme) {
  document.documentElement.dataset.theme = theme;
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const luminance = (colour) => {
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((byte) => {
      const part = byte / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (one, other) => {
    const [high, low] = [luminance(one), luminance(other)].sort((a, b) => b - a);
    return (high + 0.05) / (low + 0.05);
  };
  const low = [];
  for (let tint = 0; tint < 12; tint += 1) {
    const node = document.createElement("span");
    node.className = `tint-${tint}`;
    document.body.append(node);
    const value = (name) => {
      node.style.color = `var(${name})`;
      return getComputedStyle(node).color;
    };
    for (const [ink, ground] of [
      ["white", value("--person")],
      ["white", value("--person-deep")],
      [value("--person-ink"), value("--panel")],
      [value("--person-ink"), value("--raised")],
      [value("--person-ink"), value("--person-soft")],
    ])
      if (contrast(ink, ground) < 4.5) low.push(`${node.className}: ${ink} on ${ground}: ${contrast(ink, ground)}`);
    node.remove();
  }
  delete document.documentElement.dataset.theme;
  return low;
}

test("a card mentions its person in the message that is being written", async () => {
  const { page } = bob;
  await openRoom(page, "General");
  await page.locator(".composer textarea").fill("see");
  await page.locator(".message-author", { hasText: "root" }).first().click();
  await page.locator(".dialog-card button", { hasText: "Mention" }).click();
  assert.equal(await page.locator(".composer textarea").inputValue(), "see @root ");
  assert.ok(await page.locator(".composer textarea").evaluate((node) => node === document.activeElement));
  await page.keyboard.press("Control+z");
  assert.equal(await page.locator(".composer textarea").inputValue(), "see");
  await page.locator(".composer textarea").fill("");
});

/** Names of what can be pressed and is lower or narrower than a finger needs. */
const smallTargets = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll("button, a[href], select, summary")]
      .filter((node) => {
        const { width, height } = node.getBoundingClientRect();
        const inText = node.closest(".bubble, p, .hint") && !node.matches(".quote, .fold-button, .code-copy");
        const seen = node.checkVisibility({ visibilityProperty: true }) && !node.matches(".skip, [tabindex='-1']");
        return seen && !inText && (width < 23.5 || height < 23.5);
      })
      .map((node) => `${node.className || node.tagName}: ${node.textContent.slice(0, 20)}`),
  );

/** The tabs whose words have no room. */
const cutTabs = (page) =>
  page
    .locator(".tab")
    .evaluateAll((nodes) =>
      nodes.filter((node) => node.scrollWidth > node.clientWidth).map((node) => node.textContent),
    );

test("nothing is cut, wrapped or too small to hit on narrow pages in three languages", async () => {
  await ask(root.page, "/api/rooms", "POST", {
    name: "Long topic",
    topic: `https://example.org/${"a-very-long-path/".repeat(8)}`,
    kind: "open",
  });
  for (const [locale, width] of [
    ["ru-RU", 390],
    ["es-ES", 360],
    ["ru-RU", 320],
  ]) {
    const { page, context } = await on(root, { ...phone(width), locale });
    const where = `${locale} at ${width}`;
    await page.locator(".room-item").first().waitFor();
    assert.deepEqual(await smallTargets(page), [], `rooms, ${where}`);
    // Of an encrypted chat the bar has the most buttons.
    await openRoomOn(page, "bob");
    await page.locator(".shield-button").waitFor();
    assert.ok((await box(page.locator(".room-title"))).width > 80, `the name of a chat, ${where}`);
    await page.locator(".room-back").tap();
    await openRoomOn(page, "Long topic");
    await page.locator(".beginning").waitFor();
    const parts = await page
      .locator(".beginning > *")
      .evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect().toJSON()));
    for (const part of parts) assert.ok(part.left >= 0 && part.right <= width, `beginning, ${where}`);
    assert.deepEqual(await smallTargets(page), [], `room, ${where}`);
    await page.locator(".members-button").tap();
    await page.locator("dialog .option").first().waitFor();
    const tabs = await page
      .locator(".tab")
      .evaluateAll((nodes) => nodes.map((node) => node.getBoundingClientRect().toJSON()));
    assert.equal(new Set(tabs.map((tab) => tab.top)).size, 1, `tabs in one row, ${where}`);
    assert.ok(tabs.at(-1).right <= width, `all tabs, ${where}: ${tabs.at(-1).right}`);
    assert.deepEqual(await cutTabs(page), [], `tabs, ${where}`);
    assert.deepEqual(await smallTargets(page), [], `details, ${where}`);
    await page.goto(`${server.url}/admin/users`);
    await page.locator(".who").first().waitFor();
    await assertFits(page, `people, ${where}`);
    const outside = await page.locator(".table tbody tr").evaluateAll(
      (rows) =>
        rows.flatMap((row) => {
          const { right } = row.getBoundingClientRect();
          return [...row.querySelectorAll("time, .stamp")].filter((part) => part.getBoundingClientRect().right > right);
        }).length,
    );
    assert.equal(outside, 0, `the card of a person, ${where}`);
    await context.close();
  }
  for (const locale of ["en-GB", "ru-RU", "es-ES"]) {
    const { page, context } = await on(root, { locale });
    const jump = page.locator(".jump span");
    await jump.waitFor();
    assert.ok(await jump.evaluate((node) => node.scrollWidth <= node.clientWidth), `jump in ${locale}`);
    await page.locator(".members-button").click();
    await page.locator("dialog .option").first().waitFor();
    assert.deepEqual(await cutTabs(page), [], `tabs in ${locale}`);
    await context.close();
  }
  const { page, context } = await visitor(browser);
  await page.goto(`${server.url}/register`);
  const middle = async (locator) => ((side) => (side.top + side.bottom) / 2)(await box(locator));
  near(
    await middle(page.locator(".field-head label")),
    await middle(page.locator(".field-head .link-button")),
    "the password and what makes one",
  );
  await context.close();
});

test("the pill stays in one line at 320 px", async () => {
  const { page, context } = await on(root, { ...phone(320), locale: "ru-RU" });
  await page.locator(".room-item").first().waitFor();
  await openRoomOn(page, "General");
  await page.locator(".message").nth(3).waitFor();
  await page.locator(".scroller").evaluate((node) => node.scrollTo(0, 0));
  await page.locator(".pill").waitFor();
  const { height, left, right } = await box(page.locator(".pill"));
  assert.ok(height <= 40 && left >= 0 && right <= 320, `${height} px high, from ${left} to ${right}`);
  await context.close();
});

test("forced colours show which room is open and which tab is in front", async () => {
  const { page, context } = await on(root, { forcedColors: "active" });
  await page.locator(".room-item[aria-current]").waitFor();
  const ground = (selector) =>
    page
      .locator(selector)
      .first()
      .evaluate((node) => getComputedStyle(node).backgroundColor);
  assert.notEqual(await ground(".room-item[aria-current]"), await ground(".room-item:not([aria-current])"));
  await DIALOGS.details(page);
  await page.locator(".tab").first().waitFor();
  assert.notEqual(await ground(".tab[aria-selected=true]"), await ground(".tab[aria-selected=false]"));
  await context.close();
});

for (const [place, options] of Object.entries(PLACES)) {
  test(`messages, menus, pickers and cards have no barrier that axe finds, on the ${place}`, async () => {
    const { page, context } = await visitor(browser, options);
    await page.goto(server.url);
    await enterAccount(page, "bob");
    await page.locator(".room-item", { hasText: "General" }).first().click();
    await message(page, "line 34.").first().waitFor();
    await assertAccessible(page, "folded and code");
    await message(page, "mine").last().locator(".bubble").hover();
    await page.locator(".tools [aria-label='More actions']").click();
    await assertAccessible(page, "menu");
    await page.keyboard.press("Escape");
    await page.locator(".composer .icon-button").first().click();
    await page.locator(".dialog-picker").waitFor();
    await assertAccessible(page, "picker");
    await page.keyboard.press("Escape");
    await page.locator(".message-author", { hasText: "root" }).first().click();
    await page.locator(".dialog-card").waitFor();
    await assertAccessible(page, "card");
    await context.close();
  });
}
