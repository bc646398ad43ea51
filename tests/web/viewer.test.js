/** Pictures as large as the screen: what fingers do there, and how the pictures follow their room. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { cutOff, emptyTimeline, withChanged } from "../../web/state/timelines.js";
import { bindGestures } from "../../web/ui/files/gestures.js";
import { picturesAfter, roomPictures, stillThere } from "../../web/ui/files/room_pictures.js";
import { Zoom } from "../../web/ui/files/zoom.js";

/** A stage of 400 × 800 with a picture of 400 × 300 in its middle, and what was done on it. */
function stage() {
  const listeners = new Map();
  const done = /** @type {string[]} */ ([]);
  /** Events of which the browser waits for the answer. */
  const active = /** @type {string[]} */ ([]);
  const zoom = new Zoom();
  zoom.measure({ width: 400, height: 800 }, { width: 400, height: 300 });
  let now = performance.now() + 1000;
  const node = /** @type {any} */ ({
    addEventListener: (name, listener, options) => {
      listeners.set(name, listener);
      if (options?.passive === false) active.push(name);
    },
    getBoundingClientRect: () => ({ left: 0, top: 0, width: 400, height: 800 }),
    setPointerCapture: () => {},
  });
  bindGestures(node, {
    isOn: () => zoom.isOn,
    isBeside: (point) => zoom.isBeside(point),
    zoom: (factor) => void done.push(factor > 1 ? "in" : "out"),
    toggle: () => void done.push("toggle"),
    move: () => void done.push("move"),
    step: (way) => void done.push(`step ${way}`),
    close: () => void done.push("close"),
  });
  const tell = (name, id, [clientX, clientY], more = {}) =>
    listeners.get(name)({ pointerId: id, button: 0, isPrimary: true, clientX, clientY, timeStamp: now, ...more });
  return {
    down: (id, at, more) => tell("pointerdown", id, at, more),
    move: (id, at) => tell("pointermove", id, at),
    up: (id, at) => tell("pointerup", id, at),
    click: (at) => tell("click", 0, at),
    active,
    /** Whether the browser may take a finger's move for a scroll. */
    mayScroll: () => {
      let may = true;
      listeners.get("touchmove")({ preventDefault: () => (may = false) });
      return may;
    },
    cancel: (id) => tell("pointercancel", id, [0, 0]),
    wait: (ms) => (now += ms),
    /** What was done since it was asked last. */
    done: () => done.splice(0),
  };
}

const MIDDLE = [200, 400];
const BESIDE = [200, 40];
/** As a browser tells of a tap. */
const tap = (on, id, at) => (on.down(id, at), on.up(id, at), on.click(at));
const swipe = (on, id, [dx, dy]) => (on.down(id, MIDDLE), on.up(id, [200 + dx, 400 + dy]));

test("a tap beside the picture closes, one on it does nothing, two enlarge, and swipes turn the page", () => {
  const on = stage();
  tap(on, 1, MIDDLE);
  assert.deepEqual(on.done(), []);
  on.wait(200);
  tap(on, 2, MIDDLE);
  assert.deepEqual(on.done(), ["toggle"]);
  on.wait(1000);
  tap(on, 3, BESIDE);
  assert.deepEqual(on.done(), ["close"]);
  for (const [way, what] of /** @type {[[number, number], string[]][]} */ ([
    [[-90, 10], ["step 1"]],
    [[90, 10], ["step -1"]],
    [[10, 90], ["close"]],
    [[30, 30], []],
  ])) {
    swipe(on, 4, way);
    assert.deepEqual(on.done(), what);
  }
});

test("the viewer closes with the click of a tap and not before, so that nothing below it is clicked", () => {
  const on = stage();
  on.down(1, BESIDE);
  on.up(1, BESIDE);
  assert.deepEqual(on.done(), []);
  on.click(BESIDE);
  on.click(BESIDE);
  assert.deepEqual(on.done(), ["close"], "one tap is one click");
  swipe(on, 2, [-90, 0]);
  on.click(BESIDE);
  assert.deepEqual(on.done(), ["step 1"], "the click of a mouse after a swipe is no tap");
});

test("a tap after a swipe is heard, also when the browser has lost a finger before", () => {
  const on = stage();
  assert.ok(on.active.includes("touchmove") && !on.mayScroll(), "no fling is left for the tap to stop");
  tap(on, 1, MIDDLE);
  on.wait(50);
  swipe(on, 2, [-90, 0]);
  on.wait(50);
  tap(on, 3, MIDDLE);
  assert.deepEqual(on.done(), ["step 1"], "the taps around a swipe are not one double tap");
  // Its end is never told.
  on.down(4, MIDDLE);
  on.wait(1000);
  swipe(on, 5, [90, 0]);
  on.wait(1000);
  tap(on, 6, BESIDE);
  assert.deepEqual(on.done(), ["step -1", "close"]);
});

test("a double tap on a picture opens the viewer and does not close it again", () => {
  const on = stage();
  on.wait(-900);
  tap(on, 1, BESIDE);
  assert.deepEqual(on.done(), []);
  on.wait(400);
  tap(on, 2, BESIDE);
  assert.deepEqual(on.done(), ["close"]);
});

test("two fingers enlarge and move, and neither their end nor one that is taken away is a tap", () => {
  const on = stage();
  on.down(1, [150, 400]);
  on.down(2, [250, 400], { isPrimary: false });
  on.move(2, [350, 400]);
  assert.deepEqual(on.done(), ["in", "move"]);
  on.up(1, [150, 400]);
  on.up(2, [350, 400]);
  on.click(BESIDE);
  assert.deepEqual(on.done(), []);
  on.down(3, BESIDE);
  on.cancel(3);
  on.click(BESIDE);
  assert.deepEqual(on.done(), []);
});

const picture = (id) => ({ id, name: `${id}.png`, type: "image/png", size: 1, width: 2, height: 3 });
const message = (seq, files, more = {}) => ({
  mid: `m${seq}`,
  rev: 0,
  kind: "msg",
  by: "2",
  t: "",
  at: seq,
  createdSeq: seq,
  seq,
  status: "sent",
  files,
  ...more,
});

/** Room 4, with these messages. */
function stateWith(messages, more = {}) {
  const timeline = { ...emptyTimeline(0), loaded: true, messages, ...more };
  return /** @type {any} */ ({
    rooms: new Map([["4", { id: "4" }]]),
    timelines: new Map([["4", timeline]]),
    blocked: new Set(),
  });
}
const change = (state, ...messages) =>
  state.timelines.set("4", withChanged(state.timelines.get("4"), /** @type {any} */ (messages)));
const ids = (pictures) => pictures.map(({ file }) => file.id).join();

test("pictures go with their message, with an edit, and with the room", () => {
  const state = stateWith([message(1, [picture("a"), picture("b")]), message(2, [picture("c")]), message(3, [])]);
  const all = roomPictures(state, "4");
  assert.equal(ids(all), "a,b,c");
  assert.ok(
    stillThere(state, "4", all).every((each, at) => each === all[at]),
    "what did not change is the same",
  );
  change(state, message(1, [{ ...picture("b"), alt: "a dog" }], { seq: 4, rev: 1, edited: 9 }));
  const edited = stillThere(state, "4", all);
  assert.deepEqual([ids(edited), edited[0].file.alt], ["b,c", "a dog"]);
  change(state, message(2, undefined, { seq: 5, rev: 1, kind: "del" }));
  assert.equal(ids(stillThere(state, "4", edited)), "b");
  state.rooms.clear();
  assert.equal(ids(stillThere(state, "4", edited)), "");
});

test("pictures outside of what is loaded go, too, and stay as long as nothing is known", () => {
  const state = stateWith([message(8, [])], { moreBefore: true });
  const all = [1, 2].map((n) => ({ key: `p${n}`, file: picture(`p${n}`), mid: `m${n}`, by: "2", at: n }));
  assert.equal(ids(stillThere(state, "4", all)), "p1,p2");
  change(state, message(1, undefined, { seq: 9, rev: 1, kind: "del" }));
  assert.equal(ids(stillThere(state, "4", all)), "p2");
  for (let seq = 10; seq < 300; seq += 1) change(state, message(3, [], { seq, edited: seq }));
  assert.equal(state.timelines.get("4").elsewhere.length, 100, "what is remembered is bounded");
  assert.equal(cutOff(state.timelines.get("4"), 5).elsewhere, undefined, "in another epoch it means nothing");
});

test("a picture of mine is followed to the server, and goes when it is not sent", () => {
  const mine = (files) => message(0, files, { mid: "mine", by: "1", status: "pending" });
  const local = (key) => ({ ...picture(""), key, name: key });
  const state = stateWith([message(1, [picture("a")]), mine([local("k1"), local("k2")])]);
  const all = roomPictures(state, "4");
  change(state, message(2, [picture("x"), picture("y")], { mid: "mine", by: "1" }));
  const sent = stillThere(state, "4", all);
  assert.deepEqual([ids(sent), sent.map(({ key }) => key)], ["a,x,y", ["a", "k1", "k2"]]);
  assert.equal(ids(stillThere(stateWith([message(1, [picture("a")])]), "4", all)), "a", "discarded");
});

test("what comes after the pictures that are shown is there to go on to, but for those of blocked people", () => {
  const state = stateWith([message(1, [picture("a")])]);
  const all = roomPictures(state, "4");
  state.blocked.add("3");
  change(state, message(2, [picture("b")]), message(3, [picture("c")], { by: "3" }), message(4, [picture("d")]));
  assert.equal(ids(picturesAfter(state, "4", all)), "b,d");
});
