/** Who is found in a room: everybody, whatever this browser knows, and in whichever language it speaks. */
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { Preparation } from "../../web/ui/composer/preparation.js";
import { RoomPeople } from "../../web/ui/composer/room_people.js";

const { fetch, document, Node } = globalThis;
afterEach(() => Object.assign(globalThis, { fetch, document, Node }));

const user = (uid, username, more = {}) => ({ uid, username, displayName: "", ...more });

/** A room of three hundred, of whom this browser knows a few; the server answers what it is asked. */
function room({ known, members, answers = {}, more = {} }) {
  const asked = [];
  const state = {
    me: user("1", "me"),
    users: new Map(known.map((each) => [each.uid, each])),
    rooms: new Map([["4", { id: "4", kind: "open", role: "member", memberCount: members.length, members, ...more }]]),
  };
  globalThis.fetch = async (path) => {
    const begins = new URL(path, "http://x").searchParams.get("begins");
    asked.push(begins);
    const found = answers[begins] ?? [];
    const list = found.map((each) => ({
      uid: each.uid,
      role: "member",
      user: { uid: each.uid, username: each.username, display_name: each.displayName },
    }));
    return new Response(JSON.stringify({ members: list, next: null, total: list.length }));
  };
  const read = async (ask, profilesOf) => {
    const answer = await ask();
    for (const each of profilesOf(answer)) state.users.set(each.uid, each);
    return answer;
  };
  return { people: new RoomPeople({ state }, { read }, "4"), state, asked };
}

/** Just enough of a document to format a text. */
function useDocument() {
  globalThis.Node = class {
    appendChild() {}
    append() {}
    setAttribute() {}
  };
  const make = () => new globalThis.Node();
  globalThis.document = { createElement: make, createTextNode: make, createDocumentFragment: make };
}

test("those whom this browser knows are found at once, by user name, display name and any word of it", () => {
  const { people } = room({
    members: ["1", "2", "3", "5"],
    known: [
      user("2", "zoe", { displayName: "Anna Zoë Bär" }),
      user("3", "anna"),
      user("5", "joanna"),
      user("7", "annabel"),
      user("8", "anna2", { removed: true }),
    ],
  });
  const names = (typed) => people.matching(typed).map(({ username }) => username);
  assert.deepEqual(names("anna"), ["anna", "zoe", "joanna"], "members only, those whose user names begin so first");
  assert.deepEqual(names("bar"), ["zoe"]);
  assert.deepEqual(names(""), ["anna", "joanna", "zoe"]);
});

test("names are compared without the language of the browser, as the server compares them", () => {
  const { toLocaleLowerCase } = String.prototype;
  // A browser that speaks Turkish.
  String.prototype.toLocaleLowerCase = function () {
    return toLocaleLowerCase.call(this, "tr");
  };
  try {
    const { people } = room({ members: ["2", "3"], known: [user("2", "Ivan"), user("3", "हिन्दी")] });
    const find = people.finder();
    assert.deepEqual(
      people.matching("ivan").map(({ uid }) => uid),
      ["2"],
    );
    assert.equal(find("ivan")?.uid, "2");
    assert.equal(find("IVAN")?.uid, "2");
    assert.equal(find("हिन्दी")?.uid, "3");
    assert.equal(find("nobody"), null);
  } finally {
    String.prototype.toLocaleLowerCase = toLocaleLowerCase;
  }
});

test("the server is asked for a name once, and not at all where everybody is known", async () => {
  const zoe = user("299", "zoe");
  const members = Array.from({ length: 300 }, (_, n) => String(n + 1));
  const { people, asked } = room({ members, known: [user("2", "anna")], answers: { zo: [zoe] } });
  assert.ok(people.mayFind("zo"));
  await Promise.all([people.search("zo"), people.search("zo")]);
  assert.ok(!people.mayFind("zo"));
  await people.search("zo");
  assert.deepEqual(asked, ["zo"]);
  assert.deepEqual(
    people.matching("zo").map(({ uid }) => uid),
    ["299"],
  );
  const small = room({ members: ["1", "2"], known: [user("2", "anna")] });
  assert.ok(!small.people.mayFind("zo"));
});

test("a text waits for the people it calls who are not known yet, and calls them then", async () => {
  useDocument();
  const members = Array.from({ length: 300 }, (_, n) => String(n + 1));
  const answers = { zoe: [user("299", "Zoe")], 李明: [user("280", "李明")] };
  const { people, asked } = room({ members, known: [user("2", "anna")], answers });
  const preparation = new Preparation(people);
  assert.equal(preparation.missing("hello @anna"), null);
  await preparation.missing("@zoe, 交给@李明处理 and `@code`");
  assert.deepEqual(asked.sort(), ["zoe", "李明"]);
  const { text, mentions } = preparation.finish("@zoe, 交给@李明处理, @anna and @nobody");
  assert.equal(text, "@zoe, 交给@李明处理, @anna and @nobody");
  assert.deepEqual(mentions, ["299", "280", "2"]);
  assert.equal(preparation.missing("@zoe again"), null);
});

test("everybody is called by admins, by anybody in a small room, and never in a direct one", () => {
  useDocument();
  const crowd = Array.from({ length: 26 }, (_, n) => String(n + 1));
  const everybody = (members, more) => room({ members, known: [], more }).people.everybody;
  assert.equal(everybody(crowd, {}), 0);
  assert.equal(everybody(crowd.slice(1), {}), 25);
  assert.equal(everybody(crowd, { role: "admin" }), 26);
  assert.equal(everybody(crowd, { role: "owner" }), 26);
  assert.equal(everybody(["1", "2"], { kind: "dm" }), 0);
  const mentions = (more) => new Preparation(room({ members: crowd, known: [], more }).people).finish("@all").mentions;
  assert.deepEqual(mentions({ role: "admin" }), ["all"]);
  assert.deepEqual(mentions({}), []);
});

test("only one place knows which keys belong to an input method", async () => {
  const { readdirSync, readFileSync } = await import("node:fs");
  const web = new URL("../../web/", import.meta.url);
  const files = readdirSync(web, { recursive: true }).filter((file) => String(file).endsWith(".js"));
  const knowing = files.filter((file) =>
    /\.isComposing\b|keyCode/.test(readFileSync(new URL(String(file), web), "utf8")),
  );
  assert.deepEqual(knowing, ["ui/base/composing.js"]);
});
