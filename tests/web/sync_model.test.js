/**
 * The sync engine against a model of the server, driven at random: whatever comes late, fails, overtakes or breaks, at
 * every moment what is shown is a part of the history without a gap, and once all is calm it is what the server has.
 * A failure names its seed; `SYNC_SEED=n node --test web/sync_model.test.js` runs that one again, and `SYNC_STEPS=n`
 * more of them.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createBrowser, settled } from "./model_browser.js";
import { ModelServer, randomFrom } from "./model_server.js";

const ROOMS = ["a", "b", "c"];
/** Steps of one run, and how many go by before all may come to rest. */
const STEPS = 400;
const CALM_EVERY = 100;
const ALL_STEPS = Number(process.env["SYNC_STEPS"] ?? 100_000);
const SEED = process.env["SYNC_SEED"];

class Driver {
  steps = 0;
  /** What was shown last, by room. */
  #before = new Map();
  /** Rooms of which a part is from before the server was set back. */
  #setBack = new Set();
  #backup = null;
  #arrivals = [];

  constructor(seed) {
    this.random = randomFrom(seed);
    this.server = new ModelServer(this.random, ROOMS);
    for (const id of ROOMS) for (let n = this.random.below(40); n > 0; n -= 1) this.server.change(id);
    for (const room of this.server.rooms.values()) room.read = this.random.below(room.seq + 1);
    this.browser = createBrowser(this.server);
  }

  /** What may happen, and how often. */
  #acts = [
    [14, () => this.server.change(this.random.of(ROOMS))],
    [3, () => this.#times(this.random.below(30), () => this.server.change(this.random.of(ROOMS)))],
    [24, () => this.#receive(1 + this.random.below(4))],
    [12, () => this.server.work()],
    [4, () => this.server.tick()],
    [10, () => this.#call((call) => this.browser.work(call))],
    [14, () => this.#call((call) => this.browser.answer(call))],
    [4, () => this.#call((call) => this.browser.fail(call, this.random.of([0, 503])))],
    [6, () => this.browser.clock.move(this.random.below(1500))],
    [2, () => this.browser.cut()],
    [6, () => this.browser.socket.online || this.browser.connect()],
    [1, () => this.server.readElsewhere(this.random.of(ROOMS))],
    [3, () => void this.browser.rooms.open(this.random.of(ROOMS))],
    [8, () => this.#inRoom((id) => void this.browser.rooms.loadOlder(id))],
    [8, () => this.#inRoom((id) => void this.browser.rooms.loadNewer(id))],
    [3, () => this.#inRoom((id) => void this.browser.rooms.jumpToPresent(id))],
    [3, () => this.#inRoom((id) => this.#seek(id))],
    [8, () => this.#inRoom((id) => this.#look(id))],
    [3, () => this.#inRoom((id) => void this.browser.messages.send(id, { text: "mine", mentions: [] }))],
    [0.3, () => this.server.remove(this.random.of(ROOMS))],
    [1, () => this.server.admit(this.random.of(ROOMS))],
    [0.2, () => void (this.#backup = this.server.backup())],
    [0.2, () => this.#restore()],
  ];

  #times(count, act) {
    for (let n = 0; n < count; n += 1) act();
  }

  /** As in a browser, what one frame sets off is done before the next one. */
  async #receive(count) {
    for (let n = 0; n < count; n += 1) {
      this.browser.receive();
      await settled();
    }
  }

  #call(act) {
    const call = this.random.of(this.browser.calls);
    if (call) act(call);
  }

  #inRoom(act) {
    const id = this.random.of([...this.browser.state.timelines.keys()]);
    if (id) act(id);
  }

  #look(id) {
    const { messages } = this.browser.state.timelines.get(id);
    const at = this.random.of(messages.filter(({ createdSeq }) => createdSeq > 0));
    if (!at) return;
    this.browser.rooms.lookAt(id, { seq: at.createdSeq, attends: this.random.chance(0.3) });
    if (this.random.chance(0.6)) this.browser.report(id, at.createdSeq);
  }

  #seek(id) {
    const room = this.server.rooms.get(id);
    const found = this.random.of(room.messages);
    if (!found || this.random.chance(0.3)) {
      const target = this.random.chance(0.5) ? { mid: "never" } : { seq: this.random.below(room.seq + 5) };
      void this.browser.rooms.showAround(id, target);
      return;
    }
    const { mid } = found;
    const removals = this.server.away.has(id) ? -1 : this.server.removals;
    void this.browser.rooms.showAround(id, { mid }).then((arrival) => {
      if (room !== this.server.rooms.get(id) || arrival === "superseded" || removals < this.server.removals) return;
      const right = room.find(mid)?.kind === "del" ? ["deleted", "shown"] : ["shown"];
      this.#arrivals.push([arrival, right]);
      if (arrival !== "shown") return;
      const timeline = this.browser.state.timelines.get(id);
      assert.ok(!timeline || timeline.messages.some((message) => message.mid === mid), `${mid} is not shown`);
    });
  }

  /** Until the browser is back, the rooms may have as many changes again as before the restore, or more. */
  #restore() {
    if (!this.#backup) return;
    this.browser.cut();
    this.server.restore(this.#backup);
    for (const id of this.browser.state.timelines.keys()) this.#setBack.add(id);
    this.#times(this.random.below(60), () => this.server.change(this.random.of(ROOMS)));
  }

  async step() {
    this.steps += 1;
    const all = this.#acts.reduce((sum, [weight]) => sum + weight, 0);
    let left = this.random.next() * all;
    const [, act] = this.#acts.find(([weight]) => (left -= weight) < 0);
    await act();
    await settled();
    this.#check();
  }

  #check() {
    assert.equal(this.browser.fault, "");
    for (const [arrival, right] of this.#arrivals) assert.ok(right.includes(arrival), `${arrival}, not ${right}`);
    this.#arrivals = [];
    const { timelines, rooms } = this.browser.state;
    for (const [id, timeline] of timelines) {
      const room = rooms.get(id);
      const { messages, moreAfter, newAfter } = timeline;
      const placed = messages.filter(({ createdSeq }) => createdSeq > 0);
      assert.equal(new Set(messages.map(({ mid }) => mid)).size, messages.length, `${id}: twice`);
      assert.ok(messages.slice(placed.length).every(({ createdSeq }) => createdSeq === 0) || moreAfter, `${id}: order`);
      assert.ok(!moreAfter || placed.length === messages.length, `${id}: mine without a place, beside the present`);
      assert.ok(placed.length <= 21, `${id}: too many`);
      const within = placed.filter(
        ({ createdSeq, by, kind }) => by !== "1" && kind === "msg" && createdSeq > room.read && createdSeq <= room.seq,
      );
      if (room) assert.equal(newAfter, moreAfter ? Math.max(0, room.unread - within.length) : 0, `${id}: new beyond`);
      if (!this.#setBack.has(id)) this.#checkHistory(id, timeline, placed);
      this.#before.set(id, timeline);
    }
  }

  /** A part of the history without a gap, nothing in it older than what is known. */
  #checkHistory(id, { messages, loaded, moreBefore, moreAfter, stale, seq }, placed) {
    const history = this.server.rooms.get(id).messages;
    // What a replay leaves out comes right behind it.
    const isLate = ({ mid }) => (this.server.late.get(mid) ?? 0) > seq;
    const old = new Map((this.#before.get(id)?.messages ?? []).map((message) => [message.mid, message]));
    for (const message of placed) {
      const states = history.find(({ mid }) => mid === message.mid)?.states;
      assert.ok(states, `${id}: ${message.mid} does not exist`);
      const state = states.find((each) => each.seq === message.seq);
      const isRight = state && state.t === message.t && state.kind === message.kind;
      assert.ok(isRight, `${id}: ${message.mid} never was so at ${message.seq}`);
      const before = old.get(message.mid);
      assert.ok(!before || before.seq <= message.seq, `${id}: ${message.mid} is older than before`);
      const known = states.findLast((each) => each.seq <= seq);
      assert.ok(
        stale || !known || isLate(message) || known.seq <= message.seq,
        `${id}: ${message.mid} is older than what came, ${seq}`,
      );
    }
    if (!loaded) return assert.equal(placed.length, 0);
    const [first, last] = [placed[0]?.createdSeq ?? 0, placed.at(-1)?.createdSeq ?? 0];
    const start = moreBefore ? first : 0;
    const end = moreAfter ? last : Math.max(last, stale ? 0 : seq);
    const shown = new Set(placed.map(({ mid }) => mid));
    const wanted = history.filter(
      (each) => each.createdSeq >= start && each.createdSeq <= end && (shown.has(each.mid) || !isLate(each)),
    );
    assert.deepEqual(
      placed.map(({ createdSeq }) => createdSeq),
      wanted.map(({ createdSeq }) => createdSeq),
      `${id}: a gap`,
    );
    assert.ok(messages.length || !moreAfter || stale, `${id}: nothing`);
  }

  /** Everything arrives, nothing fails, and at the end all is as the server has it. */
  async calm() {
    ROOMS.forEach((id) => this.server.admit(id));
    if (!this.browser.socket.online) this.browser.connect();
    for (let round = 0; ; round += 1) {
      assert.ok(round < 3000, "it never comes to rest");
      this.steps += 1;
      this.server.tick();
      const { connection } = this.server;
      const [call] = this.browser.calls;
      if (call) this.browser.answer(call);
      else if (connection.frames.length) this.browser.receive();
      else if (connection.commands.length) this.server.work();
      else if (this.browser.clock.timers.size) this.browser.clock.move(60_000);
      else break;
      await settled();
      this.#check();
    }
    for (const [id, { messages }] of this.browser.state.timelines)
      for (const { mid, status } of messages) if (status === "failed") void this.browser.messages.discard(id, mid);
    this.#checkCalm();
    this.#setBack.clear();
  }

  #checkCalm() {
    const { timelines, rooms } = this.browser.state;
    for (const [id, room] of this.server.rooms) {
      const { seq, read, unread, mentions } = rooms.get(id);
      assert.deepEqual({ seq, read, unread, mentions }, { seq: room.seq, read: room.read, ...room.unread() }, id);
      const timeline = timelines.get(id);
      if (!timeline) continue;
      const { messages, loaded, stale, loadingBefore, loadingAfter } = timeline;
      assert.deepEqual([loaded, stale, loadingBefore, loadingAfter], [true, false, false, false], id);
      assert.equal(timeline.seq, room.seq, id);
      const history = new Map(room.messages.map((message) => [message.mid, message]));
      for (const message of messages) {
        const { mid, t, kind, createdSeq, status } = message;
        const now = history.get(mid);
        const there = { t: now?.t, kind: now?.kind, seq: now?.seq, createdSeq: now?.createdSeq, status: "sent" };
        assert.deepEqual({ t, kind, seq: message.seq, createdSeq, status }, there, `${id}: ${mid}`);
      }
      this.#setBack.delete(id);
      this.#checkHistory(id, timeline, messages);
    }
  }
}

async function run(seed) {
  const driver = new Driver(seed);
  try {
    driver.browser.connect();
    for (let step = 1; step <= STEPS; step += 1) {
      await driver.step();
      if (step % CALM_EVERY === 0) await driver.calm();
    }
  } catch (error) {
    error.message = `SYNC_SEED=${seed}, step ${driver.steps}: ${error.message}`;
    throw error;
  } finally {
    driver.browser.stop();
  }
  return driver.steps;
}

test("what is shown never has a gap or grows older, and comes to be what the server has", async () => {
  if (SEED) return void (await run(Number(SEED)));
  for (let seed = 1, steps = 0; steps < ALL_STEPS; seed += 1) steps += await run(seed);
});
