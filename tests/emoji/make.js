/**
 * Makes the tables of emoji of the client (`web/ui/base/emoji_data.js`, `web/locales/emoji.*.js`) from the package
 * `emojibase-data` (MIT), which is made from Unicode's own tables:
 *
 *     npm pack emojibase-data && tar xzf emojibase-data-*.tgz && node tests/emoji/make.js package
 */
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const [from = "package"] = process.argv.slice(2);
/** What most systems and our own font can draw. */
const VERSION_MAX = 15;
/** Emojibase's numbers of the groups that are offered, in their order. */
const GROUPS = [0, 1, 3, 4, 5, 6, 7, 8, 9];
const TONES = ["🏻", "🏼", "🏽", "🏾", "🏿"];
const WIDTH = 116;
/** Words of one emoji that are searched in besides its name. */
const WORDS_MAX = 5;
/** Names that earlier versions of the client had, besides the usual ones. */
const EARLIER = {
  "❤️": ["heart"],
  "🙂": ["slight_smile"],
  "🙄": ["eyeroll"],
  "🥳": ["party"],
  "🤔": ["thinking"],
  "😐": ["neutral"],
  "🤓": ["nerd"],
  "🦊": ["fox"],
  "☀️": ["sun"],
  "🌙": ["moon"],
  "🚗": ["car"],
  "🚲": ["bike"],
  "🎁": ["gift"],
  "🏅": ["medal"],
  "💡": ["bulb"],
  "✅": ["check"],
  "📱": ["phone"],
  "🌍": ["world"],
  "🕐": ["clock"],
  "🤷": ["shrug"],
  "🤦": ["facepalm"],
  "🍰": ["cake"],
  "🏠": ["house"],
  "⚽": ["soccer"],
};

const read = (/** @type {string} */ file) => JSON.parse(readFileSync(path.join(from, file), "utf8"));
const list = (/** @type {string | string[] | undefined} */ names) => [names ?? []].flat();
/** Fully qualified, as Unicode recommends it: with the selector where a character is no picture by itself. */
const qualified = (/** @type {string} */ emoji) =>
  emoji
    .replace(/\ufe0f/g, "")
    .replace(/(?!\p{Emoji_Presentation})[\p{Extended_Pictographic}](?!\p{Emoji_Modifier})|[#*0-9]/gu, "$&\ufe0f");
const toned = (/** @type {string} */ emoji, /** @type {string} */ tone) =>
  emoji.replace(/(\p{Emoji_Modifier_Base})\ufe0f?/gu, `$1${tone}`);

const all = read("en/data.json")
  .filter((one) => GROUPS.includes(one.group) && one.version <= VERSION_MAX)
  .map((one) => ({ ...one, emoji: qualified(one.emoji) }));
const ordered = GROUPS.flatMap((group) => all.filter((one) => one.group === group).sort((a, b) => a.order - b.order));
const sources = ["github", "iamcal", "emojibase"].map((name) => read(`en/shortcodes/${name}.json`));

/** Names that are taken: what came first has them. @type {Set<string>} */
const taken = new Set(Object.values(EARLIER).flat());
const namesOf = new Map(ordered.map((one) => [one.hexcode, [...(EARLIER[one.emoji] ?? [])]]));
for (const source of sources) {
  for (const { hexcode } of ordered) {
    for (const name of list(source[hexcode])) {
      if (!/^[a-z0-9_+-]{1,40}$/.test(name) || taken.has(name)) continue;
      taken.add(name);
      namesOf.get(hexcode)?.push(name);
    }
  }
}

/** @param {any} one */
function hasTones(one) {
  const skins = (one.skins ?? []).filter((skin) => typeof skin.tone === "number");
  return TONES.every(
    (tone, n) => qualified(skins.find((skin) => skin.tone === n + 1)?.emoji ?? "") === toned(one.emoji, tone),
  );
}

/** Entries in lines that are no wider than an editor. @param {string[]} entries @param {string} between */
function packed(entries, between) {
  const lines = [""];
  for (const entry of entries) {
    const next = `${lines.at(-1)}${lines.at(-1) ? between : ""}${entry}`;
    if ([...next].length > WIDTH && lines.at(-1)) {
      lines[lines.length - 1] += between;
      lines.push(entry);
    } else lines[lines.length - 1] = next;
  }
  return lines.join("\n");
}

const note = (/** @type {string} */ what) =>
  `/**\n * ${what} Made by tests/emoji/make.js from\n * emojibase-data ${read("package.json").version} (MIT).\n */\n`;

const groups = GROUPS.map((group) => {
  const entries = ordered.filter((one) => one.group === group);
  return packed(
    entries.map((one) => `${one.emoji}${hasTones(one) ? "+" : ""} ${namesOf.get(one.hexcode)?.join(" ")}`),
    ";",
  );
});
writeFileSync(
  path.join(ROOT, "web/ui/base/emoji_data.js"),
  `${note("Every emoji with its short names, by group; `+` where it has skin tones.")}export const GROUPS = [\n${groups
    .map((group) => `  \`${group}\`,\n`)
    .join("")}];\n`,
);

for (const language of ["en", "es", "ru"]) {
  const words = new Map(read(`${language}/data.json`).map((one) => [one.hexcode, one]));
  const entries = ordered.map(({ hexcode }) => {
    const { label, tags = [] } = words.get(hexcode);
    return [label, ...tags.filter((tag) => tag !== label).slice(0, WORDS_MAX)]
      .map((word) => word.replace(/[;,`\\$]/g, ""))
      .join(",");
  });
  writeFileSync(
    path.join(ROOT, `web/locales/emoji.${language}.js`),
    `${note("What each emoji is called, and other words for it.")}export const words = \`
${packed(entries, ";")}\`;\n`,
  );
}
