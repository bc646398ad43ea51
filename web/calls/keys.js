/**
 * The calls about my keys (e2ee.md, 13.1). Everything here is sealed before it is sent and opened after it
 * has come, in `state/encryption`; texts are base64url.
 */
import { call, SIGN_IN_MS } from "../net/http.js";
import { namesFromWire, namesToWire, openingFromWire } from "../net/wire.js";

/**
 * My keys as the server keeps them. `bundle` is null only for an account that came back after a restore.
 *
 * @typedef {object} KeptKeys
 * @property {number} akGen
 * @property {string | null} akPassword  null while the account is locked
 * @property {string | null} akRecovery  null without a recovery code
 * @property {string | null} bundle
 * @property {string | null} trust
 * @property {number} trustRev
 */
/**
 * The same as they are to be; `from` is the `akGen` that the server has, 0 for none.
 *
 * @typedef {object} NewKeys
 * @property {number} from
 * @property {number} akGen
 * @property {string} akPassword
 * @property {string | null} akRecovery
 * @property {string} bundle
 * @property {string} [trust]
 * @property {number} [trustRev]
 */
/**
 * An entry of the list of keys with its signatures.
 *
 * @typedef {{ e: string, sn: string, so?: string }} SignedDirEntry
 */
/**
 * What opens an account: the share of the key, and the keys.
 *
 * @typedef {{ share: string, keys: KeptKeys | null, locked: boolean }} Opening
 */
/**
 * Who asks: by the password, or by a password that was prepared.
 *
 * @typedef {{ auth: string } | { pending: string }} By
 */

/**
 * What the server says of the encryption.
 *
 * @returns {Promise<{ instance: string, dirKey: string, encryption: "off" | "on" | "required" }>}
 */
export async function readEncryptionInfo() {
  return namesFromWire(await call("GET", "/api/e2ee/info"));
}

/** @param {string} auth @returns {Promise<Opening>} */
export async function unlock(auth) {
  return openingFromWire(await call("POST", "/api/auth/unlock", { auth }, SIGN_IN_MS));
}

/**
 * @param {string} username
 * @param {string} rauth
 * @returns {Promise<{ uid: string, keys: KeptKeys, challenge: string }>}
 */
export async function openRecovery(username, rauth) {
  return namesFromWire(await call("POST", "/api/auth/recovery/open", { username, rauth }, SIGN_IN_MS));
}

/** @returns {Promise<string>} to be signed once, within five minutes */
export async function readChallenge() {
  return String((await call("GET", "/api/keys/challenge")).challenge);
}

/**
 * My first keys.
 *
 * @param {{ auth: string, dir: SignedDirEntry, keys: NewKeys, rauthDigest?: string }} first
 * @returns {Promise<void>}
 */
export const putKeys = (first) => call("PUT", "/api/keys", namesToWire(first), SIGN_IN_MS);

/**
 * The same keys, kept anew.
 *
 * @param {{ auth: string, keys: NewKeys, rauthDigest?: string, challenge: string, proof: string }} change
 * @returns {Promise<void>}
 */
export const rewrapKeys = (change) => call("POST", "/api/keys/rewrap", namesToWire(change), SIGN_IN_MS);

/**
 * New keys that continue the old ones.
 *
 * @param {By & { dir: SignedDirEntry, keys: NewKeys, rauthDigest?: string,
 *   forgetOld?: boolean }} change
 * @returns {Promise<void>}
 */
export const rotateKeys = (change) => call("POST", "/api/keys/rotate", namesToWire(change), SIGN_IN_MS);

/**
 * New keys instead of lost ones; only while the account is locked.
 *
 * @param {{ auth: string, dir: SignedDirEntry, keys: NewKeys, rauthDigest?: string }} change
 * @returns {Promise<void>}
 */
export const resetKeys = (change) => call("POST", "/api/keys/reset", namesToWire(change), SIGN_IN_MS);

/**
 * What I know of people's keys, sealed, and how far my keys are. `locked`: a ticket has set the password, and it opens
 * nothing.
 *
 * @returns {Promise<{ rev: number, blob: string | null, akGen: number, locked: boolean, hasCode: boolean }>}
 */
export async function readTrust() {
  return namesFromWire(await call("GET", "/api/keys/trust"));
}

/**
 * @param {number} rev  one more than what the server has, else it refuses
 * @param {string} blob
 * @returns {Promise<void>}
 */
export const putTrust = (rev, blob) => call("PUT", "/api/keys/trust", { rev, blob });
