/**
 * The calls about one's own account, and about the server before one has any. Passwords do not occur here: what
 * proves or sets one is derived from it in `state/credentials.js`.
 */
import { call, callAsAnybody, SIGN_IN_MS, upload } from "../net/http.js";
import {
  demoFromWire,
  namesFromWire,
  namesToWire,
  openingFromWire,
  pictureFromWire,
  userFromWire,
} from "../net/wire.js";

export { callAs } from "../net/http.js";

/** @typedef {import("../state/types.js").User} User */
/**
 * A password as the server keeps it.
 *
 * @typedef {{ alg: string, salt: string, iter: number, auth: string }} PasswordSlot
 */
/**
 * Proves who sets a password: by the present one, by a ticket, or by the recovery code.
 *
 * @typedef {{ auth: string } | { ticket: string } | { recovery: string, username: string }} Proof
 */
/** What opens the keys of an account, as a sign-in answers it. @typedef {import("./keys.js").Opening} LogIn */
/**
 * @typedef {object} ProfileChange
 * @property {string} [displayName]
 * @property {string} [bio]
 * @property {string} [locale]
 * @property {{ state: string, text: string, until: number | null }} [status]
 */

/** @returns {Promise<import("../state/types.js").Info>} */
export async function readInfo() {
  const wire = await call("GET", "/api/info");
  return { ...namesFromWire(wire), ...(wire.demo ? { demo: demoFromWire(wire.demo) } : {}) };
}

/** @param {string} username @returns {Promise<{ alg: string, salt: string, iter: number }>} */
export const readDerivation = (username) => call("POST", "/api/auth/prelogin", { username }, SIGN_IN_MS);

/** @param {{ username: string, auth: string, device: string }} login @returns {Promise<LogIn>} */
export async function logIn(login) {
  return openingFromWire(await call("POST", "/api/auth/login", login, SIGN_IN_MS));
}

/** @returns {Promise<void>} */
export const logOut = () => call("POST", "/api/auth/logout");

/**
 * @param {PasswordSlot & { username: string, device: string, setup?: string, invite?: string }} account
 * @returns {Promise<{ share: string }>}
 */
export const register = (account) => call("POST", "/api/auth/register", account, SIGN_IN_MS);

/**
 * The first of two steps; nothing changes before the second.
 *
 * @param {Proof} by
 * @param {PasswordSlot} slot
 * @returns {Promise<{ pending: string, share: string }>} what `commitPassword` makes the current one, and what a key
 *   for the new password is made of
 */
export async function preparePassword(by, slot) {
  const { pending, share } = await call("POST", "/api/auth/password/prepare", { by, ...slot }, SIGN_IN_MS);
  return { pending: String(pending), share: String(share) };
}

/**
 * An account with keys needs them as they are under the new password, and a proof that one has them.
 *
 * @param {{ pending: string, signOutOthers?: boolean, keys?: import("./keys.js").NewKeys, challenge?: string,
 *   proof?: string }} change
 * @returns {Promise<void>}
 */
export const commitPassword = (change) => call("POST", "/api/auth/password/commit", namesToWire(change), SIGN_IN_MS);

/**
 * Whose ticket it is.
 *
 * @param {string} ticket
 * @returns {Promise<{ username: string, displayName: string, isNew: boolean }>}
 */
export async function readTicket(ticket) {
  const owner = namesFromWire(await call("POST", "/api/auth/ticket", { ticket }));
  return { username: String(owner.username), displayName: String(owner.displayName ?? ""), isNew: Boolean(owner.new) };
}

/** Whoever the cookie belongs to. @returns {Promise<User>} */
export async function readMe() {
  return userFromWire(await callAsAnybody("GET", "/api/me"));
}

/**
 * @param {ProfileChange} change
 * @returns {Promise<User>}
 */
export async function changeMe(change) {
  return userFromWire(await call("PATCH", "/api/me", namesToWire(change)));
}

/**
 * @param {string} auth
 * @param {"keep" | "erase"} messages  what becomes of mine
 * @returns {Promise<void>}
 */
export const removeMe = (auth, messages) => call("DELETE", "/api/me", { auth, messages }, SIGN_IN_MS);

/**
 * @param {Blob} picture
 * @param {(part: number) => void} progress  0 to 1
 */
export async function uploadAvatar(picture, progress) {
  return pictureFromWire((await upload("PUT", "/api/me/avatar", picture, progress))?.avatar);
}

/** @returns {Promise<void>} */
export const removeAvatar = () => call("DELETE", "/api/me/avatar");

/** @returns {Promise<(import("../state/types.js").Access & { current: boolean })[]>} */
export async function listSessions() {
  const { sessions } = namesFromWire(await call("GET", "/api/sessions"));
  return sessions.map((/** @type {any} */ session) => ({
    ...accessOf(session, session.device),
    current: Boolean(session.current),
  }));
}

/** @param {string} id @returns {Promise<void>} */
export const endSession = (id) => call("DELETE", `/api/sessions/${encodeURIComponent(id)}`);

/** @returns {Promise<void>} */
export const endOtherSessions = () => call("DELETE", "/api/sessions");

/** @returns {Promise<import("../state/types.js").Token[]>} */
export async function listTokens() {
  const { tokens } = namesFromWire(await call("GET", "/api/tokens"));
  return tokens.map((/** @type {any} */ token) => ({
    ...accessOf(token, token.label),
    scope: token.scope === "read" || token.scope === "admin" ? token.scope : "write",
    expiresAt: token.expiresAt ?? null,
  }));
}

/**
 * @param {import("../state/types.js").TokenWish} wish
 * @returns {Promise<string>} the token itself, which is shown this once
 */
export async function createToken({ label, scope, lifeS }) {
  return String((await call("POST", "/api/tokens", namesToWire({ label, scope, expiresInS: lifeS }))).token);
}

/** @param {string} id @returns {Promise<void>} */
export const revokeToken = (id) => call("DELETE", `/api/tokens/${encodeURIComponent(id)}`);

/**
 * @param {{ id: unknown, createdAt: unknown, seenAt: unknown }} access
 * @param {unknown} name
 * @returns {import("../state/types.js").Access}
 */
function accessOf({ id, createdAt, seenAt }, name) {
  return { id: String(id), name: String(name ?? ""), createdAt: Number(createdAt), seenAt: Number(seenAt) };
}
