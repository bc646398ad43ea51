/**
 * Passwords, turned into keys before anything is sent: the server gets only what is derived from them, and a weak one
 * never leaves `newSlot`. What else is derived opens the account's keys and stays in this browser.
 */
import * as api from "../calls/account.js";
import { fromBase64Url, randomBytes, toBase64Url } from "../crypto/encoding.js";
import { ALGORITHM, derive, ITERATIONS, weaknessOf } from "../crypto/password.js";

const SALT_BYTES = 16;

/** How a password is derived, as far as the server says it. @typedef {{ salt: string, iter: number }} Derivation */
/**
 * What comes of a password: `auth` proves it to the server, `pwk` opens keys.
 *
 * @typedef {{ auth: string, pwk: Uint8Array<ArrayBuffer>, derivation: Derivation }} Derived
 */
/** A password as it is to be kept, and what comes of it. @typedef {Derived & { slot: api.PasswordSlot }} NewPassword */
/**
 * What a sign-in has opened: an account, and what opens its keys.
 *
 * @typedef {api.LogIn & { derived: Derived }} Entrance
 */

/**
 * @param {{ username: string, password: string }} account
 * @returns {Promise<Entrance>}
 */
export async function signIn({ username, password }) {
  const derived = await deriveFor(username, password);
  return { ...(await api.logIn({ username, auth: derived.auth, device: deviceName() })), derived };
}

/**
 * @param {{ username: string, password: string, setup?: string, invite?: string }} account
 * @returns {Promise<Entrance>}
 */
export async function register({ username, password, setup, invite }) {
  const { slot, ...derived } = await newPassword(username, password);
  const { share } = await api.register({
    username,
    ...slot,
    device: deviceName(),
    ...(setup ? { setup } : {}),
    ...(invite ? { invite } : {}),
  });
  return { share, keys: null, locked: false, derived };
}

/**
 * Proves the present password, prepares the new one, and makes it the current one: for an account without keys.
 *
 * @param {{ username: string, old: string, password: string, signOutOthers: boolean }} change
 */
export async function changePassword({ username, old, password, signOutOthers }) {
  const { slot } = await newPassword(username, password);
  const { auth } = await deriveFor(username, old);
  const { pending } = await api.preparePassword({ auth }, slot);
  await api.commitPassword({ pending, signOutOthers });
}

/**
 * Sets the password that a ticket allows to choose, and signs in with it; the key is derived once. An account that has
 * keys is locked then.
 *
 * @param {{ ticket: string, username: string, password: string }} choice
 * @returns {Promise<Entrance>}
 */
export async function redeemTicket({ ticket, username, password }) {
  const { slot, ...derived } = await newPassword(username, password);
  const { pending } = await api.preparePassword({ ticket }, slot);
  // Where one is still signed in the keys are; a ticket for who may have been robbed has ended all sessions itself.
  await api.commitPassword({ pending, signOutOthers: false });
  return signInWith(username, derived);
}

/**
 * Signs in with a password that was derived already.
 *
 * @param {string} username
 * @param {Derived} derived
 * @returns {Promise<Entrance>}
 */
export async function signInWith(username, derived) {
  return { ...(await api.logIn({ username, auth: derived.auth, device: deviceName() })), derived };
}

/**
 * What proves a password to the server.
 *
 * @param {string} username
 * @param {string} password
 */
export async function authOf(username, password) {
  return (await deriveFor(username, password)).auth;
}

/**
 * Derives a present password. A server that names another salt, or fewer rounds, than this browser has seen for the
 * account gets nothing (e2ee.md, 4.2).
 *
 * @param {string} username
 * @param {string} password
 * @param {{ salt?: string, iter: number } | null} [known]  what was seen; without a salt any one is taken
 * @returns {Promise<Derived>}
 * @throws {{ code: "unsafe_kdf" | "other_salt" }}
 */
export async function deriveFor(username, password, known = null) {
  const { alg, salt, iter } = await api.readDerivation(username);
  if (alg !== ALGORITHM || (known && iter < known.iter)) throw { code: "unsafe_kdf" };
  if (known?.salt && salt !== known.salt) throw { code: "other_salt" };
  const { auth, pwk } = await derive(password, fromBase64Url(salt), iter);
  return { auth: toBase64Url(auth), pwk, derivation: { salt, iter } };
}

/**
 * A new password as the server keeps it, with a salt of its own, and what comes of it.
 *
 * @param {string} username
 * @param {string} password
 * @returns {Promise<NewPassword>}
 * @throws {{ code: "weak_password" }}
 */
export async function newPassword(username, password) {
  if (await weaknessOf(password, username)) throw { code: "weak_password" };
  const bytes = randomBytes(SALT_BYTES);
  const { auth, pwk } = await derive(password, bytes, ITERATIONS);
  const salt = toBase64Url(bytes);
  const slot = { alg: ALGORITHM, salt, iter: ITERATIONS, auth: toBase64Url(auth) };
  return { auth: slot.auth, pwk, derivation: { salt, iter: ITERATIONS }, slot };
}

/** A few words by which people know this browser in the list of their sessions. */
function deviceName() {
  const agent = navigator.userAgent;
  const browser = ["Firefox", "Edg", "Chrome", "Safari"].find((name) => agent.includes(name)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac", "Linux"].find((name) => agent.includes(name)) ?? "";
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(" on ");
}
