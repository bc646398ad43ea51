/**
 * Passwords, turned into keys before anything is sent: the server gets only what is derived from them, and a weak one
 * never leaves `newSlot`.
 */
import * as api from "../calls/account.js";
import { fromBase64Url, randomBytes, toBase64Url } from "../crypto/encoding.js";
import { ALGORITHM, derive, ITERATIONS, weaknessOf } from "../crypto/password.js";

const SALT_BYTES = 16;

/** @param {{ username: string, password: string }} account */
export async function signIn({ username, password }) {
  await api.logIn({ username, auth: await authOf(username, password), device: deviceName() });
}

/** @param {{ username: string, password: string, setup?: string, invite?: string }} account */
export async function register({ username, password, setup, invite }) {
  await api.register({
    username,
    ...(await newSlot(username, password)),
    device: deviceName(),
    ...(setup ? { setup } : {}),
    ...(invite ? { invite } : {}),
  });
}

/**
 * Proves the present password, prepares the new one, and makes it the current one.
 *
 * @param {{ username: string, old: string, password: string, signOutOthers: boolean }} change
 */
export async function changePassword({ username, old, password, signOutOthers }) {
  const slot = await newSlot(username, password);
  const pending = await api.preparePassword({ auth: await authOf(username, old) }, slot);
  await api.commitPassword(pending, { signOutOthers });
}

/**
 * Sets the password that a ticket allows to choose, and signs in with it; the key is derived once.
 *
 * @param {{ ticket: string, username: string, password: string }} choice
 */
export async function redeemTicket({ ticket, username, password }) {
  const slot = await newSlot(username, password);
  await api.commitPassword(await api.preparePassword({ ticket }, slot));
  await api.logIn({ username, auth: slot.auth, device: deviceName() });
}

/**
 * What proves a password to the server.
 *
 * @param {string} username
 * @param {string} password
 */
export async function authOf(username, password) {
  const { alg, salt, iter } = await api.readDerivation(username);
  if (alg !== ALGORITHM) throw { code: "unsafe_kdf" };
  return toBase64Url((await derive(password, fromBase64Url(salt), iter)).auth);
}

/**
 * A password as the server keeps it, with a salt of its own.
 *
 * @param {string} username
 * @param {string} password
 * @returns {Promise<api.PasswordSlot>}
 */
async function newSlot(username, password) {
  if (await weaknessOf(password, username)) throw { code: "weak_password" };
  const salt = randomBytes(SALT_BYTES);
  const { auth } = await derive(password, salt, ITERATIONS);
  return { alg: ALGORITHM, salt: toBase64Url(salt), iter: ITERATIONS, auth: toBase64Url(auth) };
}

/** A few words by which people know this browser in the list of their sessions. */
function deviceName() {
  const agent = navigator.userAgent;
  const browser = ["Firefox", "Edg", "Chrome", "Safari"].find((name) => agent.includes(name)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac", "Linux"].find((name) => agent.includes(name)) ?? "";
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(" on ");
}
