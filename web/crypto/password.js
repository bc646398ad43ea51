/**
 * The password never leaves the browser: what the server gets is derived from it (encryption design, 4.2). As only
 * the client sees the password, only the client can judge it.
 */
import { bytesOf, concat, kdf } from "./encoding.js";

/** Work for one guess; made a little slower for the thief than for the person. */
export const ITERATIONS = 1_000_000;
const ITERATIONS_MIN = 600_000;
const ITERATIONS_MAX = 5_000_000;
export const ALGORITHM = "pbkdf2-sha256";

const LENGTH_MIN = 10;
const LENGTH_MAX = 256;
/** What people choose when ten characters are asked of them. Compared without digits at the end and in lower case. */
const COMMON = new Set(("password passwort passwords mypassword thepassword password1234 iloveyou iloveyouso administrator qwertyuiop qwertyuiopasdf "
  + "asdfghjkl asdfghjklzxcvbnm zxcvbnm letmein letmeinnow welcome welcometo sunshine princess football baseball basketball superman "
  + "trustnoone whatever changeme changemenow contraseña contrasena пароль парольпароль qwerty qwertyqwerty йцукен йцукенгшщз monkey "
  + "dragon master abcdefghij abcdefgh abc abcd impulse impulsechat default computer internet starwars michael jennifer").split(" "));
const DIGIT_RUNS = "01234567890123456789 98765432109876543210 1q2w3e4r5t6y7u8i9o0p 1qaz2wsx3edc4rfv5tgb";

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
  if (!(iterations >= ITERATIONS_MIN && iterations <= ITERATIONS_MAX)) throw { code: "unsafe_kdf", message: "The server asks for a key derivation that is not safe." };
  if (!globalThis.crypto?.subtle) throw { code: "insecure" };
  const key = await crypto.subtle.importKey("raw", bytesOf(password.normalize("NFKC")), "PBKDF2", false, ["deriveBits"]);
  const salted = concat(bytesOf("impulse/e2ee/1/password"), salt);
  const bits = await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt: salted, iterations }, key, 256);
  const mk = new Uint8Array(bits);
  return { auth: await kdf(mk, "auth"), pwk: await kdf(mk, "pwk") };
}

/**
 * Whether a password is good enough to protect keys.
 *
 * @param {string} password
 * @param {string} username
 */
export function isWeak(password, username) {
  const normal = password.normalize("NFKC");
  const length = [...normal].length;
  if (length < LENGTH_MIN || length > LENGTH_MAX) return true;
  const lower = normal.toLowerCase();
  const core = lower.replace(/[\d\s!?.*_-]+$/, "").replace(/^[\d\s]+/, "");
  if (COMMON.has(lower) || COMMON.has(core) || DIGIT_RUNS.includes(lower)) return true;
  if (new Set(lower).size < 4) return true;
  return Boolean(username) && (core === username.toLowerCase() || lower === username.toLowerCase());
}
