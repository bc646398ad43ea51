/** A small table of emoji by their usual short names: for `:name:` completion and the reaction picker. */

/** The picker's first row, and the keys people reach for. */
export const QUICK = ["👍", "❤️", "😂", "🎉", "😮", "😢", "🙏", "🔥"];

/** @type {readonly (readonly [string, string])[]} */
export const EMOJI = [
  ["+1", "👍"],
  ["-1", "👎"],
  ["heart", "❤️"],
  ["joy", "😂"],
  ["tada", "🎉"],
  ["open_mouth", "😮"],
  ["cry", "😢"],
  ["pray", "🙏"],
  ["fire", "🔥"],
  ["smile", "😄"],
  ["grin", "😁"],
  ["slight_smile", "🙂"],
  ["wink", "😉"],
  ["sweat_smile", "😅"],
  ["rofl", "🤣"],
  ["heart_eyes", "😍"],
  ["kissing_heart", "😘"],
  ["yum", "😋"],
  ["sunglasses", "😎"],
  ["thinking", "🤔"],
  ["neutral", "😐"],
  ["eyeroll", "🙄"],
  ["smirk", "😏"],
  ["sleeping", "😴"],
  ["mask", "😷"],
  ["exploding_head", "🤯"],
  ["party", "🥳"],
  ["nerd", "🤓"],
  ["scream", "😱"],
  ["angry", "😠"],
  ["rage", "😡"],
  ["skull", "💀"],
  ["ghost", "👻"],
  ["robot", "🤖"],
  ["cat", "🐱"],
  ["dog", "🐶"],
  ["fox", "🦊"],
  ["panda", "🐼"],
  ["penguin", "🐧"],
  ["crab", "🦀"],
  ["unicorn", "🦄"],
  ["bee", "🐝"],
  ["wave", "👋"],
  ["clap", "👏"],
  ["ok_hand", "👌"],
  ["raised_hands", "🙌"],
  ["handshake", "🤝"],
  ["muscle", "💪"],
  ["point_up", "☝️"],
  ["point_right", "👉"],
  ["eyes", "👀"],
  ["brain", "🧠"],
  ["sparkles", "✨"],
  ["star", "⭐"],
  ["zap", "⚡"],
  ["rainbow", "🌈"],
  ["sun", "☀️"],
  ["moon", "🌙"],
  ["snowflake", "❄️"],
  ["coffee", "☕"],
  ["pizza", "🍕"],
  ["cake", "🍰"],
  ["beer", "🍺"],
  ["apple", "🍎"],
  ["rocket", "🚀"],
  ["car", "🚗"],
  ["bike", "🚲"],
  ["house", "🏠"],
  ["gift", "🎁"],
  ["balloon", "🎈"],
  ["trophy", "🏆"],
  ["medal", "🏅"],
  ["soccer", "⚽"],
  ["guitar", "🎸"],
  ["bulb", "💡"],
  ["books", "📚"],
  ["pencil", "✏️"],
  ["calendar", "📅"],
  ["chart", "📈"],
  ["link", "🔗"],
  ["lock", "🔒"],
  ["key", "🔑"],
  ["wrench", "🔧"],
  ["hammer", "🔨"],
  ["bug", "🐛"],
  ["warning", "⚠️"],
  ["check", "✅"],
  ["x", "❌"],
  ["question", "❓"],
  ["exclamation", "❗"],
  ["100", "💯"],
  ["hourglass", "⏳"],
  ["bell", "🔔"],
  ["computer", "💻"],
  ["phone", "📱"],
  ["world", "🌍"],
  ["clock", "🕐"],
  ["green_heart", "💚"],
  ["blue_heart", "💙"],
  ["broken_heart", "💔"],
  ["shrug", "🤷"],
  ["facepalm", "🤦"],
];

/**
 * The emoji whose names begin with `start`, then those that contain it.
 *
 * @param {string} start
 * @param {number} limit
 * @returns {(readonly [string, string])[]}
 */
export function findEmoji(start, limit) {
  const wanted = start.toLowerCase();
  const first = EMOJI.filter(([name]) => name.startsWith(wanted));
  const later = EMOJI.filter(([name]) => !name.startsWith(wanted) && name.includes(wanted));
  return [...first, ...later].slice(0, limit);
}

/**
 * Turns a finished `:name:` into its emoji.
 *
 * @param {string} text
 */
export function replaceShortcodes(text) {
  return text.replace(/:([a-z0-9_+-]{1,24}):/g, (whole, name) => EMOJI.find(([known]) => known === name)?.[1] ?? whole);
}
