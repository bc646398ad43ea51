/** Getting in and out. The password is turned into keys here; the server gets only what is derived from it. */
import { fromBase64Url, randomBytes, toBase64Url } from "../crypto/encoding.js";
import { ALGORITHM, derive, ITERATIONS, weaknessOf } from "../crypto/password.js";
import { call, SIGN_IN_MS } from "../net/http.js";
import { keep, keysOf, recall, watchKept } from "../platform/storage.js";

/** @typedef {import("./types.js").User} User */

const ACCOUNT = "account";
/** What this browser keeps of a person, by the uid that follows: unfinished texts, and texts that were not sent yet. */
const WRITTEN = ["draft.", "outbox."];
/** Rooms looked at last. */
const RECENT = "recent";

/** Who was signed in when this browser was last used; the cookie itself cannot be read. */
export function rememberedAccount() {
  return /** @type {User | null} */ (recall(ACCOUNT));
}

/** @param {User} user */
export function rememberAccount(user) {
  keep(ACCOUNT, user);
}

/** The session has ended: whoever uses this browser next finds nothing that was written in it. */
export function forgetAccount() {
  keep(ACCOUNT, null);
  keep(RECENT, null);
  forgetWritten();
}

/**
 * Forgets what people have written here.
 *
 * @param {string} [but]  the uid of whoever is signed in now
 */
export function forgetWritten(but) {
  for (const key of WRITTEN.flatMap((start) => keysOf(start)))
    if (but === undefined || key.split(".")[1] !== but) keep(key, null);
}

/** Calls back when another tab of this browser has signed in or out. @param {() => void} changed */
export function watchAccount(changed) {
  watchKept(ACCOUNT, changed);
}

/** @param {{ username: string, password: string }} account */
export async function signIn({ username, password }) {
  return call(
    "POST",
    "/api/auth/login",
    { username, auth: await authOf(username, password), device: deviceName() },
    SIGN_IN_MS,
  );
}

/**
 * What proves a password to the server.
 *
 * @param {string} username
 * @param {string} password
 */
export async function authOf(username, password) {
  const { alg, salt, iter } = await call("POST", "/api/auth/prelogin", { username }, SIGN_IN_MS);
  if (alg !== ALGORITHM) throw { code: "unsafe_kdf" };
  return toBase64Url((await derive(password, fromBase64Url(salt), iter)).auth);
}

/** @param {{ username: string, password: string, setup?: string, invite?: string }} account */
export async function register({ username, password, setup, invite }) {
  const slot = await newSlot(username, password);
  return call(
    "POST",
    "/api/auth/register",
    { username, ...slot, device: deviceName(), ...(setup ? { setup } : {}), ...(invite ? { invite } : {}) },
    SIGN_IN_MS,
  );
}

/**
 * A password as the server keeps it, with a salt of its own. A weak one never leaves this function.
 *
 * @param {string} username
 * @param {string} password
 */
async function newSlot(username, password) {
  if (await weaknessOf(password, username)) throw { code: "weak_password" };
  const salt = randomBytes(16);
  const { auth } = await derive(password, salt, ITERATIONS);
  return { alg: ALGORITHM, salt: toBase64Url(salt), iter: ITERATIONS, auth: toBase64Url(auth) };
}

/**
 * Proves the old password, prepares the new one, and switches: nothing changes until the commit.
 *
 * @param {{ username: string, old: string, password: string, signOutOthers: boolean }} change
 */
export async function changePassword({ username, old, password, signOutOthers }) {
  const slot = await newSlot(username, password);
  const by = { auth: await authOf(username, old) };
  const { pending } = await call("POST", "/api/auth/password/prepare", { by, ...slot }, SIGN_IN_MS);
  await call("POST", "/api/auth/password/commit", { pending, sign_out_others: signOutOthers });
}

/** @param {string} ticket */
export async function lookTicket(ticket) {
  const wire = await call("POST", "/api/auth/ticket", { ticket });
  return { username: String(wire.username), displayName: String(wire.display_name ?? ""), isNew: Boolean(wire.new) };
}

/**
 * Sets the password that a ticket allows to choose, and signs in with it; the key is derived once.
 *
 * @param {{ ticket: string, username: string, password: string }} choice
 */
export async function spendTicket({ ticket, username, password }) {
  const slot = await newSlot(username, password);
  const { pending } = await call("POST", "/api/auth/password/prepare", { by: { ticket }, ...slot }, SIGN_IN_MS);
  await call("POST", "/api/auth/password/commit", { pending });
  await call("POST", "/api/auth/login", { username, auth: slot.auth, device: deviceName() }, SIGN_IN_MS);
}

/** @returns {Promise<User>} */
export async function whoAmI() {
  return userFromWire(await call("GET", "/api/me"));
}

/**
 * @param {any} wire
 * @returns {User}
 */
export function userFromWire(wire) {
  return {
    uid: String(wire.uid ?? wire.id),
    username: String(wire.username ?? ""),
    displayName: wire.display_name ?? "",
    bio: wire.bio ?? "",
    avatar: pictureFromWire(wire.avatar),
    state: wire.status?.state ?? "offline",
    text: wire.status?.text ?? "",
    until: wire.status?.until ?? null,
    ...(wire.locale ? { locale: String(wire.locale) } : {}),
    ...(wire.admin === undefined ? {} : { admin: Boolean(wire.admin) }),
    ...(wire.disabled ? { disabled: true } : {}),
    ...(wire.removed ? { removed: true } : {}),
    ...(wire.ambiguous ? { ambiguous: true } : {}),
  };
}

/**
 * @param {any} wire  `{"96": path, "384": path}`
 * @returns {import("./types.js").Picture | null}
 */
export function pictureFromWire(wire) {
  return wire?.["96"] ? { small: String(wire["96"]), large: String(wire["384"] ?? wire["96"]) } : null;
}

/** A few words by which a person knows this browser in the list of sessions. */
function deviceName() {
  const agent = navigator.userAgent;
  const browser = ["Firefox", "Edg", "Chrome", "Safari"].find((name) => agent.includes(name)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac", "Linux"].find((name) => agent.includes(name)) ?? "";
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(" on ");
}
