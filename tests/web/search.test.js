/** Searching: what the server is asked for, page by page, and what was found while more happens. */
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { MessageSearch, SearchActions } from "../../web/state/search.js";
import { partsOf, sentFor, whereOf } from "../../web/state/search_query.js";
import { forgetAccount } from "../../web/state/remembered.js";
import { emptyState, Store } from "../../web/state/store.js";
import { emptyTimeline, withChanged } from "../../web/state/timelines.js";
import { marksOf, passageOf } from "../../web/ui/search/passage.js";
import { isKnown, suggestionsFor } from "../../web/ui/search/suggestions.js";
import { until, useBrowser } from "./files_browser.js";

const said = (mid, more = {}) => ({ mid, rev: 0, kind: "msg", by: "2", t: mid, at: 0, createdSeq: 1, seq: 1, ...more });
const page = (mids, more = {}) => ({
  epoch: "e",
  results: mids.map((mid) => ({ room: "7", message: said(mid), marks: [[0, 1]] })),
  cursor: undefined,
  cut: [],
  encrypted: 0,
  unknown: [],
  ...more,
});

/** A search at a server that answers in turn, with what was asked and given up. */
function begin(...answers) {
  const store = new Store({
    ...emptyState(),
    phase: "signed_in",
    me: { uid: "1" },
    connection: { online: true, isLost: false },
    rooms: new Map([["7", { id: "7", kind: "open", name: "General" }]]),
  });
  const asked = [];
  const find = async ({ q, cursor }, _me, signal) => {
    const answer = answers[asked.length] ?? page([]);
    asked.push(cursor ? `${q} ${cursor}` : q);
    if (answer === "never") return new Promise((_, reject) => signal.addEventListener("abort", () => reject({})));
    if (answer.code) throw answer;
    return answer;
  };
  const readRoom = async (id) => ({ id, kind: "open", name: `room ${id}` });
  const search = new MessageSearch({ store, users: { need() {} }, calls: { find, readRoom } });
  const found = () => search.found.map(({ message }) => message.mid);
  const done = () => until(() => !search.isRunning);
  return { store, search, asked, found, done };
}

beforeEach(() => useBrowser());

test("a query is read as the server reads it", () => {
  const shown = (text) =>
    partsOf(text).map(({ operator, negated, quoted, value }) =>
      [negated ? "-" : "", operator ? `${operator}:` : "", quoted ? `"${value}"` : value].join(""),
    );
  assert.deepEqual(shown(`beans -"old peas" FROM:"Anna K" in:x from: e-mail - has:file`), [
    "beans",
    `-"old peas"`,
    `from:"Anna K"`,
    "in:x",
    "from:",
    "e-mail",
    "-",
    "has:file",
  ]);
  assert.deepEqual(shown(`«зелёные бобы» a"b c`), [`"зелёные бобы"`, "a", `"b c"`]);
});

test("the last word may go on while it is typed, and an operator that is being typed is none yet", () => {
  for (const [text, expected] of [
    ["bea", "bea*"],
    ["green bea", "green bea*"],
    ["beans ", "beans"],
    ["résumé", "résumé*"],
    ["встре", "встре*"],
    ["bea*", "bea*"],
    ["👍", "👍"],
    ["-bea", "-bea"],
    [`"green bea`, `"green bea`],
    ["beans from:an", "beans"],
    ["beans from:anna ", "beans from:anna"],
    ["from:", ""],
    ["%", "%"],
    [` "" - `, ""],
  ])
    assert.equal(sentFor(text, { end: "open" }), expected, text);
  assert.equal(sentFor("beans from:an", { end: "closed" }), "beans from:an");
  assert.equal(sentFor("beans from:an", { end: "known" }), "beans from:an");
  assert.equal(sentFor("from:anna bea", { end: "known" }), "from:anna bea*");
  assert.equal([...sentFor("👍".repeat(10_000), { end: "open" })].length, 1001, "more is of no use to the server");
});

test("a room is looked in by its name, unless that could be read as something else or the query names rooms", () => {
  const where = whereOf({ id: "7", kind: "open", name: "Two words" });
  assert.equal(sentFor("beans", { end: "open", where }), `in:"Two words" beans*`);
  assert.equal(sentFor("beans in:x ", { end: "open", where }), "beans in:x");
  assert.equal(sentFor("", { end: "open", where }), "");
  for (const nothing of ["%", "?! %", "from: ", `"," -`])
    assert.equal(sentFor(nothing, { end: "closed", where }), nothing.trim(), "a room alone is everything in it");
  for (const something of ["👍", "→", "-tea", "有", "has:link"])
    assert.equal(sentFor(something, { end: "closed", where }), `in:"Two words" ${something}`);
  for (const name of [`a "b"`, "@anna", "#x", " x", ""])
    assert.equal(whereOf({ id: "7", kind: "open", name }), "in:7", name);
  assert.equal(whereOf({ id: "7", kind: "dm", name: "" }), "in:7");
});

test("only what stands when the keys pause is asked for, and what is under way is given up", async () => {
  const { search, asked, found, done } = begin("never", page(["a", "b"]));
  search.type("b", null);
  search.type("be", null);
  await until(() => asked.length === 1);
  assert.deepEqual(asked, ["be*"]);
  search.type("bea", null);
  search.type("bea ", null);
  await done();
  assert.deepEqual([asked, found(), search.error], [["be*", "bea"], ["a", "b"], null]);
  search.type("bea ", null);
  assert.ok(!search.isRunning, "the same is not asked again");
  search.type("", null);
  assert.deepEqual([found(), search.isAsked, asked.length], [[], false, 2]);
});

test("older results follow by the cursor, none twice, also when a page is short or empty", async () => {
  const slow = { cut: ["time"], cursor: "c2" };
  const { search, asked, found, done } = begin(
    page(["a", "b"], { cursor: "c1" }),
    page(["b", "c"], slow),
    page([], { ...slow, cursor: "c3" }),
    page([], { ...slow, cursor: "c4" }),
    page(["d"]),
  );
  search.enter("x", null);
  await done();
  search.more();
  search.more();
  await done();
  assert.deepEqual([asked, found(), search.isSlow], [["x", "x c1"], ["a", "b", "c"], true]);
  search.more();
  await done();
  assert.deepEqual(asked.slice(2), ["x c2", "x c3"], "it goes on by itself once");
  assert.ok(search.hasMore && search.isSlow);
  search.more();
  await done();
  assert.deepEqual([found(), search.hasMore], [["a", "b", "c", "d"], false]);
  search.more();
  assert.equal(asked.length, 5);
});

test("what is answered late, or failed, leaves nothing of other words, and there is an end to it", async () => {
  const late = { then: (take) => setTimeout(() => take(page(["late"], { cursor: "c" })), 30) };
  const many = Array.from({ length: 600 }, (_, n) => `m${n}`);
  const { search, asked, found, done } = begin(
    late,
    page(["a"], { cursor: "c1" }),
    { code: "unavailable" },
    page(many),
  );
  search.enter("x", null);
  search.enter("y", null);
  await done();
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.deepEqual(found(), ["a"]);
  search.enter("z", null);
  await done();
  search.more();
  assert.deepEqual([asked, found(), search.error?.code], [["x", "y", "z"], [], "unavailable"]);
  search.retry();
  await done();
  assert.deepEqual([asked.at(-1), found().length, search.isFull], ["z", 500, true]);
});

test("of two rooms of one name only the one that is meant is looked in", async () => {
  const results = ["7", "8"].map((room) => ({ room, message: said(room), marks: [] }));
  const { search, asked, found, done } = begin({ ...page([]), results }, { ...page([]), results });
  search.enter("x", "7");
  await done();
  assert.deepEqual([asked, found()], [[`in:"General" x`], ["7"]]);
  search.enter("x in:general", "7");
  await done();
  assert.deepEqual(found(), ["7", "8"]);
});

test("what could not be asked is asked again: when the line is back, after the time that the server says", async () => {
  const { store, search, asked, found, done } = begin(
    { code: "network" },
    { code: "rate_limited", retryMs: 20 },
    page(["a"], { cursor: "c1" }),
    { code: "unavailable" },
    page(["b"]),
  );
  store.update({ connection: { online: false, isLost: false } });
  search.enter("x", null);
  await until(() => search.error?.code === "network");
  await new Promise((resolve) => setTimeout(resolve, 50));
  store.update({ connection: { online: true, isLost: false } });
  await until(() => found().length === 1);
  search.more();
  await done();
  assert.deepEqual([search.error?.code, found()], ["unavailable", ["a"]], "what was found stays");
  search.retry();
  await done();
  assert.deepEqual([asked.at(-1), found(), search.error], ["x c1", ["a", "b"], null]);
});

test("what was found follows what happens to it: deletions, changes, leaving, a restored server", async () => {
  const { store, search, found, done } = begin(page(["a", "b", "c"], { cursor: "c1" }), page(["z"], { epoch: "f" }), {
    ...page(["n"], { epoch: "f" }),
    results: [{ room: "9", message: said("n"), marks: [] }],
  });
  search.enter("x", null);
  await done();
  const messages = [
    said("a", { kind: "del", t: "", seq: 5 }),
    said("b", { t: "other", seq: 6 }),
    said("c", { seq: 7, reactions: { "👍": ["1"] } }),
  ];
  store.update({ timelines: new Map([["7", { ...emptyTimeline(), loaded: true, messages }]]) });
  await until(() => search.found[0]?.message.kind === "del");
  assert.deepEqual(
    search.found.map(({ marks }) => marks.length),
    [0, 0, 1],
    "marks of another text are none",
  );
  // Outside of what is loaded, too.
  const there = {
    ...store.state.timelines.get("7"),
    moreBefore: true,
    messages: [said("z", { createdSeq: 9, seq: 9 })],
  };
  const gone = said("c", { kind: "del", t: "", createdSeq: 3, seq: 10 });
  store.update({ timelines: new Map([["7", withChanged(there, [gone])]]) });
  await until(() => search.found[2]?.message.kind === "del");
  search.more();
  await done();
  assert.deepEqual(found(), ["n"], "another epoch begins anew");
  await until(() => search.rooms.get("9")?.name === "room 9");
  const left = begin(page(["a"]));
  left.search.enter("x", null);
  await left.done();
  left.store.update({ rooms: new Map() });
  await until(() => !left.found().length);
});

test("recent searches are mine, few, short, and gone with the account", () => {
  const store = new Store({ ...emptyState(), me: { uid: "1" } });
  const actions = new SearchActions({ store, users: {} });
  for (let n = 0; n < 12; n += 1) actions.remember(` beans ${n} `);
  actions.remember("beans 7");
  actions.remember("x".repeat(201));
  actions.remember("  ");
  assert.deepEqual(actions.recent().slice(0, 3), ["beans 7", "beans 11", "beans 10"]);
  assert.equal(actions.recent().length, 8);
  store.update({ me: { uid: "2" } });
  assert.deepEqual(actions.recent(), []);
  actions.remember("peas");
  actions.forgetRecent();
  assert.deepEqual(actions.recent(), []);
  store.update({ me: { uid: "1" } });
  assert.equal(actions.recent().length, 8);
  forgetAccount();
  assert.deepEqual(actions.recent(), []);
});

test("marks fall on whole characters, in every script, whatever comes", () => {
  const shown = (text, marks) =>
    passageOf(text, marks)
      .map((piece) => (piece.isMarked ? `[${piece.text}]` : piece.text))
      .join("");
  for (const [text, marks, expected] of [
    ["Всё ещё", [[0, 3]], "[Всё] ещё"],
    ["cafe\u0301 x", [[0, 4]], "[cafe\u0301] x"],
    ["東京都", [[1, 3]], "東[京都]"],
    ["a👍b", [[1, 3]], "a[👍]b"],
    ["a👍b", [[2, 3]], "a[👍]b"],
    ["a👍b", [[0, 2]], "[a👍]b"],
    ["abc", [[1, 2], [0, 9], [-4, 1], [3, 1], "x", [0.5, 2]], "[abc]"], // prettier-ignore
    ["", [[0, 5]], ""],
    ["<b>", [], "<b>"],
  ])
    assert.equal(shown(text, marks), expected, text);
  const long = `${"word ".repeat(100)}beans ${"👍".repeat(400)}`;
  const passage = shown(long, [[500, 505]]);
  assert.match(passage, /^… word .*\[beans\].* …$/su);
  assert.ok(passage.length < 400 && passage.isWellFormed());
});

test("in an encrypted chat, too, words and parts of them are marked without regard to case and accents", () => {
  const shown = (text, wanted) =>
    passageOf(text, marksOf(text, wanted))
      .map((piece) => (piece.isMarked ? `[${piece.text}]` : piece.text))
      .join("");
  for (const [text, wanted, expected] of [
    ["Résumé, RESUMES", "resume", "[Résumé], [RESUME]S"],
    ["Resume\u0301 x", "résumé", "[Resume\u0301] x"],
    ["Всё ещё", "все  щё", "[Всё] е[щё]"],
    ["👍 İx 東京都", "京都 ix", "👍 [İx] 東[京都]"],
    ["한국", "국", "한[국]"],
    ["aaa", "a", "[a][a][a]"],
    ["nothing", " ", "nothing"],
  ])
    assert.equal(shown(text, wanted), expected, text);
});

test("operators and what may follow them are offered as one types", () => {
  const known = {
    people: [
      { username: "me", name: "Me (Ada)" },
      { username: "anna", name: "Anna K" },
      { username: "joanna", name: "" },
    ],
    rooms: [
      { value: "General", name: "General" },
      { value: "Two words", name: "Two words" },
      { value: "@anna", name: "Anna K" },
    ],
    days: [
      { value: "2026-05-01", name: "Today" },
      { value: "2026", name: "" },
    ],
    recent: ["beans"],
  };
  const offered = (text, cursor = text.length) =>
    suggestionsFor(text, cursor, known).map((each) => text.slice(0, each.from) + each.text + text.slice(each.to));
  assert.deepEqual(offered(""), ["beans", "from:", "in:", "before:", "after:", "has:", '"', "-"]);
  assert.deepEqual(offered("beans f"), []);
  assert.deepEqual(offered("beans fr"), ["beans from:"]);
  assert.deepEqual(offered("beans -fr"), ["beans -from:"]);
  assert.deepEqual(offered("beans from:an"), ["beans from:anna ", "beans from:joanna "]);
  assert.deepEqual(offered("-from:@ÁN"), ["-from:anna ", "-from:joanna "]);
  assert.deepEqual(offered("in:tw"), [`in:"Two words" `]);
  assert.deepEqual(offered(`in:"two w`), [`in:"Two words" `]);
  assert.deepEqual(offered(`in:"two words"`), []);
  assert.deepEqual(offered("in:ann"), ["in:@anna "]);
  assert.deepEqual(offered("before:2026-0"), ["before:2026-05-01 "]);
  assert.deepEqual(offered("has:"), ["has:file ", "has:link "]);
  assert.deepEqual(offered("has:x beans", 4), ["has:file x beans", "has:link x beans"]);
  assert.deepEqual(offered("from:anna "), []);
  assert.deepEqual(offered("x".repeat(10_000)), []);
  const whole = (text) => isKnown(text, text.length, suggestionsFor(text, text.length, known));
  for (const text of ["from:ANNA", "in:general", 'x in:"two words', "has:link", "before:2026", "after:2025-02-03"])
    assert.ok(whole(text) === !text.includes('"'), text);
  for (const text of ["from:ann", "has:lin", "before:2026-0", "anna", "from:"]) assert.ok(!whole(text), text);
});
