/** What is measured, by name: each is a title, a target, a unit, and a function that measures it. */
import { newPage, openRoom, PATIENCE_MS, shown, slowLine, texts } from "./stage.mjs";
import { pause } from "./writer.mjs";

/** @typedef {import("./stage.mjs").Stage} Stage */
/** @typedef {{ title: string, target: number, unit: string, tls?: boolean, measure: (stage: Stage) => Promise<number> }} Row */

const KEYS = 120;
const KEY_EVERY_MS = 100;
const BUSY_S = 10;
const BURST = 5_000;
const BURST_S = 0.7;
const MISSED = 950;
/** After the first of the missed messages is on the screen: all of the work for them falls into this time. */
const AFTERMATH_MS = 5_000;

/** @type {Record<string, Row>} */
export const ROWS = {
  warm: {
    title: "a room on Slow 4G, warm",
    target: 2_500,
    unit: "ms",
    measure: async ({ context, address }) => (await load(context, address)).room,
  },
  cold: {
    title: "a room on Slow 4G, cold, HTTP/1.1",
    target: 6_000,
    unit: "ms",
    measure: (stage) => withoutCache(stage, async (context) => (await load(context, stage.address)).room),
  },
  cold2: {
    title: "a room on Slow 4G, cold, HTTP/2",
    target: 4_000,
    unit: "ms",
    tls: true,
    measure: (stage) => withoutCache(stage, async (context) => (await load(context, stage.address)).room),
  },
  paint: {
    title: "something of the app's own on the screen, Slow 4G, cold",
    target: 1_500,
    unit: "ms",
    measure: (stage) => withoutCache(stage, async (context) => (await load(context, stage.address)).paint),
  },
  keys: { title: "keypress to frame at 50 messages/s, p95", target: 50, unit: "ms", measure: keypresses },
  busy20: {
    title: "main thread at 20 messages/s",
    target: 20,
    unit: "%",
    measure: (stage) => busyAt(stage, 20),
  },
  busy50: {
    title: "main thread at 50 messages/s",
    target: 40,
    unit: "%",
    measure: (stage) => busyAt(stage, 50),
  },
  burst: { title: "5,000 messages in 0.7 s on the screen", target: 5_000, unit: "ms", measure: burst },
  missed: { title: "950 missed messages after a reconnect, longest task", target: 100, unit: "ms", measure: missed },
};

/**
 * Loads a room over the slow line: when its messages were drawn, and when anything of the page was.
 *
 * @param {import("playwright-core").BrowserContext} context
 * @param {string} address
 */
async function load(context, address) {
  const page = await newPage(context);
  await slowLine(page);
  await page.addInitScript(() => {
    const look = () => {
      const drawn = document.querySelector(".message") && document.querySelector(".composer textarea");
      if (drawn) window["roomShown"] = performance.now();
      else requestAnimationFrame(look);
    };
    look();
  });
  await page.goto(address, { waitUntil: "commit" });
  const room = await (await page.waitForFunction(() => window["roomShown"])).jsonValue();
  const paint = await page.evaluate(() => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? NaN);
  const other = await page.evaluate(
    (wanted) => {
      const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      return entries.map((entry) => entry["nextHopProtocol"]).find((protocol) => protocol && protocol !== wanted);
    },
    address.startsWith("https:") ? "h2" : "http/1.1",
  );
  if (other) throw new Error(`something came by ${other}`);
  await page.close();
  return { room, paint };
}

/**
 * A browser of the same person that has never been here.
 *
 * @param {Stage} stage
 * @param {(context: import("playwright-core").BrowserContext) => Promise<number>} measure
 */
async function withoutCache({ browser, context }, measure) {
  const storageState = await context.storageState();
  const fresh = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: "en-GB", storageState });
  try {
    return await measure(fresh);
  } finally {
    await fresh.close();
  }
}

/**
 * Types while messages come, and measures from each press to the end of the frame that follows it.
 *
 * @param {Stage} stage
 */
async function keypresses(stage) {
  const page = await openRoom(stage);
  await page.evaluate(() => {
    window["delays"] = [];
    addEventListener(
      "keydown",
      ({ timeStamp }) =>
        requestAnimationFrame(() => {
          const { port1, port2 } = new MessageChannel();
          port1.onmessage = () => window["delays"].push(performance.now() - timeStamp);
          port2.postMessage(null);
        }),
      true,
    );
  });
  const writing = stage.writer.write(stage.room, texts("typed over", 50 * ((KEYS * KEY_EVERY_MS) / 1000)), 50);
  const field = page.locator(".composer textarea");
  await field.focus();
  const began = performance.now();
  for (let key = 0; key < KEYS; key += 1) {
    await pause(began + key * KEY_EVERY_MS - performance.now());
    void page.keyboard.press(key % 8 === 7 ? "Backspace" : "a");
  }
  await writing;
  await page.waitForFunction((count) => window["delays"].length >= count, KEYS);
  const delays = await page.evaluate(() => window["delays"]);
  await field.fill("");
  await page.close();
  return percentile(delays, 0.95);
}

/**
 * The part of the time in which the page's main thread has work, by its own clock.
 *
 * @param {Stage} stage
 * @param {number} rate
 */
async function busyAt(stage, rate) {
  const page = await openRoom(stage);
  const devtools = await page.context().newCDPSession(page);
  await devtools.send("Performance.enable", { timeDomain: "threadTicks" });
  const taskSeconds = async () => {
    const { metrics } = await devtools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN;
  };
  const before = await taskSeconds();
  const began = performance.now();
  await stage.writer.write(stage.room, texts(`at ${rate}/s`, rate * BUSY_S), rate);
  const busy = (await taskSeconds()) - before;
  const share = (busy / ((performance.now() - began) / 1000)) * 100;
  await page.close();
  return share;
}

/** From the first of many messages until the last of them is drawn. @param {Stage} stage */
async function burst(stage) {
  const page = await openRoom(stage);
  const began = performance.now();
  const all = texts("burst", BURST);
  await Promise.all([stage.writer.write(stage.room, all, BURST / BURST_S), shown(page, all[BURST - 1])]);
  const took = performance.now() - began;
  await page.close();
  return took;
}

/** The longest task while what was missed is taken in. @param {Stage} stage */
async function missed(stage) {
  const page = await openRoom(stage);
  await page.evaluate(() => {
    window["longest"] = 0;
    const watch = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) window["longest"] = Math.max(window["longest"], duration);
    });
    watch.observe({ type: "longtask" });
  });
  stage.line.cut();
  await stage.writer.write(stage.room, texts("missed", MISSED));
  stage.line.mend();
  await page.evaluate(() => dispatchEvent(new Event("online")));
  await page.locator(".message", { hasText: "missed " }).first().waitFor({ timeout: PATIENCE_MS });
  await page.waitForTimeout(AFTERMATH_MS);
  const longest = await page.evaluate(() => window["longest"]);
  await page.close();
  return longest;
}

/** @param {number[]} values @param {number} share */
function percentile(values, share) {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
