/**
 * Message text to nodes: what it makes of usual texts, and that no text costs much more than any other. Whoever writes
 * a message decides what everybody's page has to do.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";

/** As long as a message may be. */
const LENGTH = 32 * 1024;
const context = {
  mention: (/** @type {string} */ name) =>
    /^(ada|all|bob|李明|हिन्दी|ada\.b)$/.test(name) ? { uid: "1", self: name === "all" } : null,
};

/** Just enough of a document to count what is made, and to read it. */
class Node {
  static made = 0;

  constructor(tag = "", text = "") {
    Object.assign(this, { tag, text, children: [], attributes: {} });
    if (tag && tag !== "#fragment") Node.made += 1;
  }

  appendChild(child) {
    this.children.push(child);
  }
  append(...children) {
    for (const child of children) this.appendChild(child);
  }
  setAttribute(name, value) {
    this.attributes[name] = value;
  }
  set className(value) {
    this.attributes.class = value;
  }
  get textContent() {
    return this.text + this.children.map((child) => child.textContent).join("");
  }
  get depth() {
    return 1 + Math.max(0, ...this.children.map((child) => child.depth));
  }
  get markup() {
    const inside = this.text + this.children.map((child) => child.markup).join("");
    return this.tag && this.tag !== "#fragment" ? `<${this.tag}>${inside}</${this.tag}>` : inside;
  }
}

/** @type {typeof import("../../web/ui/base/format.js")} */
let format;

before(async () => {
  globalThis.Node = Node;
  globalThis.document = {
    createElement: (tag) => new Node(tag),
    createTextNode: (text) => new Node("", text),
    createDocumentFragment: () => new Node("#fragment"),
  };
  format = await import("../../web/ui/base/format.js");
});

const markup = (text) => format.format(text, context).markup;

/** Code with its language and the button that copies it. */
const block = (code, language = "") =>
  `<figure><figcaption>${language}<button>Copy</button></figcaption><pre><code>${code}</code></pre></figure>`;

/** Tokens that begin, end or continue something. */
const TOKENS = [
  "```",
  "``````",
  "`",
  "``",
  "````",
  "```\n",
  "\n```\n",
  "``` ```",
  "```a```",
  "`a`",
  "*",
  "**",
  "***",
  "*a*",
  "*a",
  "a*",
  "**a**",
  "**a ",
  "_",
  "__",
  "_a_",
  "_a ",
  "__a__",
  "~~",
  "~~a~~",
  "~",
  "**_",
  "*_~~",
  "**a*b_c~~",
  "> ",
  "> a\n",
  "> a\nb\n",
  "\n",
  "\n\n",
  " ",
  "\t",
  "http://",
  "http://a",
  "http://a ",
  "http://[",
  "http://a....",
  "....",
  "))))",
  "http://a)",
  "https://a.b/c?d ",
  "mailto:",
  "mailto:a@b ",
  "h",
  "H",
  "@",
  "@ada",
  "@ada ",
  "@李明",
  "交@ada处",
  "李",
  "हि",
  "@nobody ",
  "@...",
  "@a.-_",
  "a",
  "é",
  "\u0301",
  "\u202e",
  "👍",
  "\ud83d",
  "1\ufe0f\u20e3",
  "👩\u200d👧",
  "\u200d",
  "<b>",
  "&amp;",
  "\\",
  ":+1:",
  "#",
  "|",
  "[a](http://a)",
];

const repeated = (/** @type {string} */ token, length = LENGTH) =>
  token.repeat(Math.ceil(length / token.length)).slice(0, length);

/** Repeats itself from run to run. */
function chance(seed) {
  let state = seed;
  return (/** @type {number} */ below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
}

/** Texts that are made to be dear: a token again and again, two in turns, many at random, and what nests. */
function* hostile() {
  for (const token of TOKENS) yield repeated(token);
  for (const a of TOKENS) for (const b of TOKENS.filter((_, index) => index % 4 === 0)) yield repeated(a + b);
  const next = chance(7);
  for (let n = 0; n < 200; n += 1) {
    let text = "";
    while (text.length < LENGTH) text += (TOKENS[next(TOKENS.length)] ?? "").repeat(1 + next(n % 2 ? 3 : 400));
    yield text.slice(0, LENGTH);
  }
  for (const [open, close] of [
    ["*a ", " a*"],
    ["**a_", "_a**"],
    ["*_~~", "~~_*"],
    ["> *", "*\n"],
    ["`*", "*`"],
    ["**", "**"],
    ["_(", ")_"],
  ]) {
    const times = Math.floor(LENGTH / (open.length + close.length));
    yield open.repeat(times) + close.repeat(times);
    yield open.repeat(2 * times);
    yield close.repeat(2 * times);
  }
  for (const mark of ["`", "```", "*", "**", "_", "~~"]) yield mark + repeated("a ", LENGTH - 10) + mark;
  for (const end of [".", "!", ")", "_", "*"]) yield `http://a/${repeated(end, LENGTH - 20)}a`;
}

/**
 * What a call costs this process, in microseconds of CPU: others on the machine do not count, and the best of a few
 * is what it really takes.
 *
 * @param {() => void} work
 * @param {number} enough  no more attempts once it was as cheap
 */
function costOf(work, enough = 0, attempts = 5) {
  let best = Number.POSITIVE_INFINITY;
  for (let n = 0; n < attempts && best > enough; n += 1) {
    const began = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(began);
    best = Math.min(best, user + system);
  }
  return best;
}

function readAll(/** @type {string} */ text) {
  format.format(text, context);
  format.plain(text, 160);
  format.isEmojiOnly(text);
}

test("marks, code, quotes, links and mentions become elements", () => {
  assert.equal(
    markup("**bold** *em* _em_ ~~gone~~ `code`"),
    "<strong>bold</strong> <em>em</em> <em>em</em> <s>gone</s> <code>code</code>",
  );
  assert.equal(markup("look:\n```js\nlet a = `b`;\n```\nso"), `look:${block("let a = `b`;", "js")}so`);
  assert.equal(markup("> one\n> two\nthree"), "<blockquote>one\ntwo</blockquote>three");
  assert.equal(
    markup("see https://a.example/b_(c), @ada and @nobody."),
    "see <a>https://a.example/b_(c)</a>, <span>@ada</span> and @nobody.",
  );
  assert.equal(markup("(https://a.example/b...)"), "(<a>https://a.example/b</a>...)");
  assert.equal(markup("https://a.example/b..."), "<a>https://a.example/b</a>...");
  assert.equal(markup("snake_case_name and 2 * 3 * 4"), "snake_case_name and 2 * 3 * 4");
  assert.equal(markup("```never closed"), "```never closed");
});

test("an address ends where a sentence around it goes on, in every script", () => {
  for (const [text, address] of [
    ["详情见https://example.com/a，谢谢大家", "https://example.com/a"],
    ["資料は https://example.com/a（社内）を見て", "https://example.com/a"],
    ["「https://example.com/a」と。", "https://example.com/a"],
    ["見てhttps://example.com/a。", "https://example.com/a"],
    ["https://zh.wikipedia.org/wiki/中国、", "https://zh.wikipedia.org/wiki/中国"],
    [
      "see (https://en.wikipedia.org/wiki/Rust_(programming_language))",
      "https://en.wikipedia.org/wiki/Rust_(programming_language)",
    ],
    [
      "https://en.wikipedia.org/wiki/Rust_(programming_language).",
      "https://en.wikipedia.org/wiki/Rust_(programming_language)",
    ],
    ["https://en.wikipedia.org/wiki/Hobson's_choice", "https://en.wikipedia.org/wiki/Hobson's_choice"],
    ["'https://example.com/a'", "https://example.com/a"],
    ["“https://example.com/a.”", "https://example.com/a"],
    ["[https://example.com/a[1]]", "https://example.com/a[1]"],
    ["https://example.com/a?b={c}), so", "https://example.com/a?b={c}"],
    ["**https://example.com/a**", "https://example.com/a"],
    ["mailto:ada@example.com;", "mailto:ada@example.com"],
  ]) {
    assert.deepEqual(/<a>(.*)<\/a>/.exec(markup(text))?.[1], address, text);
  }
  for (const text of ["xhttps://example.com", "éhttps://example.com", "हिhttps://example.com", "https://"])
    assert.ok(!markup(text).includes("<a>"), text);
});

test("a name is a mention in every script, and in no code, link or other name", () => {
  for (const [text, name] of [
    ["交给@bob处理", "@bob"],
    ["@bob様", "@bob"],
    ["@bob님", "@bob"],
    ["你好@李明", "@李明"],
    ["你好@李明处理", "@李明"],
    ["@हिन्दी नमस्ते", "@हिन्दी"],
    ["(@ada.)", "@ada"],
    ["@ada.b.", "@ada.b"],
    ["@ada...", "@ada"],
    ["@ada's", "@ada"],
    ["**@ada**", "@ada"],
    ["𠮷@ada", "@ada"],
  ]) {
    assert.equal(/<span>(.*)<\/span>/.exec(markup(text))?.[1], name, text);
  }
  for (const text of [
    "mail@ada.org",
    "@ada.org",
    "@adam",
    "@ada-b",
    "@ада",
    "हि@ada",
    "@हिन्दीमें",
    "`@ada`",
    "```@ada```",
    "https://example.com/@ada",
  ])
    assert.ok(!markup(text).includes("<span>"), text);
});

test("who writes is told the mentions that the readers see", () => {
  const find = (/** @type {string} */ name) =>
    /^(ada|李明)$/i.test(name) ? { uid: name === "李明" ? "2" : "1", self: false } : null;
  assert.deepEqual(format.peopleIn("@Ada, 你好@李明处理 and `@bob` @zoe. @zoe 交给@王小明", find), {
    uids: ["1", "2"],
    unknown: ["zoe", "王小"],
  });
  assert.deepEqual(format.peopleIn("https://example.com/@ada mail@ada.org", find), { uids: [], unknown: [] });
});

test("fences around nothing are text", () => {
  assert.equal(markup("``````"), "``````");
  assert.equal(markup("```\n\n```"), "```\n\n```");
  assert.equal(markup("``` ``` then ```code```"), `\`\`\` \`\`\` then ${block("code")}`);
  const text = "`".repeat(32_000);
  assert.equal(markup(text), text);
});

test("a message has so many elements at most, and the rest of it is text", () => {
  for (const token of [
    "`a` ",
    "*a* ",
    "**a** ",
    "@ada ",
    "http://a ",
    "```a```",
    "> a\nb\n",
    "> *a*\n`b`\n",
    "*a `b` c* ",
  ]) {
    const text = repeated(token);
    Node.made = 0;
    const out = format.format(text, context);
    assert.ok(
      Node.made > format.ELEMENTS_MAX - 5 && Node.made <= format.ELEMENTS_MAX,
      `${JSON.stringify(token)} made ${Node.made}`,
    );
    const end = text.slice(-200);
    assert.ok(out.textContent.endsWith(end.replace(/\n$/, "")), `${JSON.stringify(token)} ends as it was typed`);
  }
});

test("nothing that was written is lost, however hostile it is, and little nests", () => {
  const bare = (/** @type {string} */ text) => text.replace(/[`*_~>\s]/g, "");
  for (const text of hostile()) {
    Node.made = 0;
    const out = format.format(text, context);
    assert.ok(Node.made <= format.ELEMENTS_MAX, `${JSON.stringify(text.slice(0, 40))} made ${Node.made} elements`);
    assert.ok(out.depth <= 8, `${JSON.stringify(text.slice(0, 40))} nests ${out.depth} deep`);
    // A fence may name the language of its code, which is not shown.
    if (!text.includes("```")) assert.equal(bare(out.textContent), bare(text), JSON.stringify(text.slice(0, 40)));
  }
});

test("no text costs much more than a plain one of its length", () => {
  const plainText = repeated("Some words, as people write them. ");
  readAll(plainText);
  const usual = costOf(() => readAll(plainText), 0, 20);
  const bound = 40 * usual + 10_000;
  for (const text of hostile()) {
    const cost = costOf(() => readAll(text), bound);
    assert.ok(cost <= bound, `${JSON.stringify(text.slice(0, 60))} takes ${cost} µs; plain text takes ${usual} µs`);
  }
});

test("a text of four times the length takes about four times as long, not sixteen times", () => {
  const texts = [...TOKENS, "http://[x", "http://a/.", "**a _b ", "@a.b.c.d"];
  for (const token of texts) {
    const [short, long] = [repeated(token, LENGTH), repeated(token, 4 * LENGTH)];
    const once = costOf(() => readAll(short));
    const bound = 10 * once + 5_000;
    const cost = costOf(() => readAll(long), bound);
    assert.ok(cost <= bound, `${JSON.stringify(token)}: ${once} µs, and ${cost} µs for four times as much`);
  }
});

test("what is shown of a message in one line is short, bare and whole characters", () => {
  assert.equal(format.plain("**bold** and `code`\n> _so_", 160), "bold and code > so");
  assert.equal(format.plain("ab👍", 3), "ab");
  assert.ok(format.plain(repeated("*a "), 160).length <= 160);
  assert.equal(format.isEmojiOnly("👍 🎉"), true);
  assert.equal(format.isEmojiOnly(repeated("👍")), false);
});
