/**
 * The password never leaves the browser: what the server gets is derived from it (e2ee.md, 4.2). As only
 * the client sees the password, only the client can judge it.
 */
import { bytesOf, concat, kdf } from "./encoding.js";

/** Rounds of the key derivation: as many as a person will wait for, since each guess of a thief takes as long. */
export const ITERATIONS = 1_000_000;
const ITERATIONS_MIN = 600_000;
const ITERATIONS_MAX = 5_000_000;
export const ALGORITHM = "pbkdf2-sha256";

export const LENGTH_MIN = 10;
const LENGTH_MAX = 256;
/** Fewer different characters than this are a pattern, however long. */
const DISTINCT_MIN = 4;
/** A unit up to this long that repeats is a pattern. */
const UNIT_MAX = 5;
/** Walks over keys and alphabets, read in both directions. */
const WALKS = [
  "01234567890123456789",
  "abcdefghijklmnopqrstuvwxyz",
  "qwertyuiopasdfghjklzxcvbnm",
  "1q2w3e4r5t6y7u8i9o0p",
  "q1w2e3r4t5y6u7i8o9p0",
  "1qaz2wsx3edc4rfv5tgb6yhn7ujm",
  "qazwsxedcrfvtgbyhnujm",
  "йцукенгшщзхъфывапролджэячсмитьбю",
  "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
];
const SWAPS = /** @type {Record<string, string>} */ ({
  0: "o",
  1: "i",
  3: "e",
  4: "a",
  5: "s",
  7: "t",
  "@": "a",
  $: "s",
});

/**
 * @typedef {object} Derived
 * @property {Uint8Array<ArrayBuffer>} auth  goes to the server
 * @property {Uint8Array<ArrayBuffer>} pwk   stays, and opens the account's keys
 */

/**
 * @param {string} password
 * @param {Uint8Array} salt
 * @param {number} iterations
 * @returns {Promise<Derived>}
 */
export async function derive(password, salt, iterations) {
  if (!(iterations >= ITERATIONS_MIN && iterations <= ITERATIONS_MAX))
    throw { code: "unsafe_kdf", message: "The server asks for a key derivation that is not safe." };
  if (!globalThis.crypto?.subtle) throw { code: "insecure" };
  const key = await crypto.subtle.importKey("raw", bytesOf(password.normalize("NFKC")), "PBKDF2", false, [
    "deriveBits",
  ]);
  const salted = concat(bytesOf("impulse/e2ee/1/password"), salt);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: salted, iterations }, key, 256);
  const mk = new Uint8Array(bits);
  return { auth: await kdf(mk, "auth"), pwk: await kdf(mk, "pwk") };
}

/** @typedef {"short" | "long" | "common" | "pattern" | "username"} Weakness */

/**
 * Why a password is not good enough to protect keys, or null. Loads the list of common ones at its first use.
 *
 * @param {string} password
 * @param {string} username
 * @returns {Promise<Weakness | null>}
 */
export async function weaknessOf(password, username) {
  const { COMMON } = await import("./common_passwords.js");
  const normal = password.normalize("NFKC");
  const length = [...normal].length;
  if (length < LENGTH_MIN) return "short";
  if (length > LENGTH_MAX) return "long";
  const lower = normal.toLowerCase();
  if (isPattern(lower)) return "pattern";
  const name = username.normalize("NFKC").toLowerCase();
  for (const form of cores(lower)) {
    if (name && form === name) return "username";
    if (COMMON.has(form) || COMMON.has(halfOf(form))) return "common";
  }
  return null;
}

/**
 * How hard a password that is not weak is to guess, for the meter: 1 to 3. Length is what counts; a sign of each
 * further kind makes up for two characters.
 *
 * @param {string} password
 * @returns {1 | 2 | 3}
 */
export function strengthOf(password) {
  const kinds = [/\p{Ll}/u, /\p{Lu}/u, /\d/, /[^\p{L}\d]/u].filter((kind) => kind.test(password)).length;
  const worth = Math.min([...password].length, 3 * new Set(password).size) + 2 * kinds;
  return worth < 19 ? 1 : worth < 25 ? 2 : 3;
}

/** @param {string} lower */
function isPattern(lower) {
  if (new Set(lower).size < DISTINCT_MIN) return true;
  for (let unit = 1; unit <= UNIT_MAX; unit += 1) {
    if (
      lower.length >= 2 * unit &&
      lower ===
        lower
          .slice(0, unit)
          .repeat(Math.ceil(lower.length / unit))
          .slice(0, lower.length)
    )
      return true;
  }
  const squeezed = lower.replace(/[\s_.-]+/g, "");
  return WALKS.some((walk) => walk.includes(squeezed) || [...walk].reverse().join("").includes(squeezed));
}

/**
 * What is left when decoration is taken away, with letters for the digits that stand for them and without.
 *
 * @param {string} lower
 */
function cores(lower) {
  const around = /^[^\p{L}]+|[^\p{L}]+$/gu;
  const swapped = (/** @type {string} */ text) => text.replace(/[013457@$]/g, (sign) => SWAPS[sign] ?? sign);
  const core = lower.replace(around, "");
  return new Set([
    lower,
    core,
    swapped(core),
    swapped(lower).replace(around, ""),
    swapped(lower.replace(/\d+[^\p{L}\d]*$/u, "")).replace(around, ""),
  ]);
}

/** The first half of a text that says the same thing twice. @param {string} text */
function halfOf(text) {
  const half = text.slice(0, text.length / 2);
  return half + half === text ? half : "";
}
