/**
 * My keys as the server keeps them: made, opened, changed (e2ee.md, 4, 13.1 and 14). A change counts only
 * once it was read back from the server and opened with what the password gives. Nothing here is kept in this browser;
 * what is opened is held by who has asked for it, and dropped.
 */
import { commitPassword, preparePassword, readDerivation } from "../../calls/account.js";
import * as api from "../../calls/keys.js";
import * as account from "../../crypto/account.js";
import { equal, fromBase64Url, randomBytes, Refused, toBase64Url } from "../../crypto/encoding.js";
import { signDirEntry, tagOf } from "../../crypto/directory.js";
import { signingKey } from "../../crypto/signatures.js";
import { signInWith } from "../credentials.js";

/** @typedef {import("../../crypto/encoding.js").Bytes} Bytes */
/** @typedef {import("../../crypto/account.js").Bundle} Bundle */
/** @typedef {import("../../crypto/account.js").Recovery} Recovery */
/** @typedef {import("../credentials.js").Derived} Derived */
/** @typedef {import("../credentials.js").NewPassword} NewPassword */
/** @typedef {import("../../calls/keys.js").Opening} Opening */

/** Whose keys. @typedef {{ uid: string, username: string, instance: Bytes }} Own */
/** A sealed trust store. @typedef {{ rev: number, blob: string | null }} SealedTrust */
/**
 * The account opened by a password; `kek` is what that password wraps with.
 *
 * @typedef {{ akGen: number, bundle: Bundle, trust: SealedTrust, hasCode: boolean, kek: Bytes }} Opened
 */
/** My newest entry in the list of keys. @typedef {{ gen: number, leaf: Bytes, tag: Bytes }} Latest */
/**
 * What a change needs to know besides the password: the newest `akGen` that this browser has known, and the time.
 *
 * @typedef {{ knownAkGen: number, time: number }} Moment
 */

const KEY = 32;
const NONE = new Uint8Array();
/** After a change the line may be gone for a moment. */
const READ_AGAIN_MS = [300, 1000, 3000];

/**
 * Opens what a sign-in, or `unlock`, has answered.
 *
 * @param {Own} own
 * @param {Opening} opening
 * @param {Derived} derived
 * @returns {Promise<Opened>}
 * @throws {{ code: "keys_do_not_open" | "update_needed" }}
 */
export async function openKeys({ uid }, { share, keys }, { pwk }) {
  try {
    if (!keys?.akPassword || !keys.bundle) throw new Refused("form");
    const kek = await account.keyEncryptionKey(pwk, fromBase64Url(share));
    const ak = await account.openAkPassword(kek, uid, keys.akGen, fromBase64Url(keys.akPassword));
    const bundle = await account.openBundle(ak, uid, keys.akGen, fromBase64Url(keys.bundle));
    return { akGen: keys.akGen, bundle, trust: sealedTrustOf(keys), hasCode: keys.akRecovery !== null, kek };
  } catch (error) {
    throw { code: error instanceof Refused && error.rule === "suite" ? "update_needed" : "keys_do_not_open" };
  }
}

/** @param {import("../../calls/keys.js").KeptKeys} keys @returns {SealedTrust} */
export function sealedTrustOf({ trust, trustRev }) {
  return { rev: trustRev, blob: trust };
}

/**
 * The first keys (14.1), without a recovery code: that comes once somebody has kept one.
 *
 * @param {Own} own
 * @param {Derived & { share: string }} secrets
 * @param {Moment} moment
 * @returns {Promise<Opened>}
 * @throws {{ code: string }} `conflict`: there are keys already
 */
export async function makeFirstKeys(own, secrets, moment) {
  const kek = await account.keyEncryptionKey(secrets.pwk, fromBase64Url(secrets.share));
  const generation = account.makeGeneration(1);
  const bundle = { trustKey: randomBytes(KEY), recoveryPublic: null, rmac: null, gens: [generation] };
  const dir = await dirEntryOf(own, {
    type: "create",
    generation,
    tag: await tagOf(own.instance, own.username),
    moment,
  });
  const keys = await sealKeys(own, { kek, bundle, from: 0, moment });
  return settle(own, secrets, keys, bundle, () => api.putKeys({ auth: secrets.auth, dir, keys }));
}

/**
 * Opens my keys anew, which every change begins with.
 *
 * @param {Own} own
 * @param {Derived} derived
 * @returns {Promise<Opened>}
 */
export async function unlockKeys(own, derived) {
  return openKeys(own, await api.unlock(derived.auth), derived);
}

/**
 * Another password (14.13): the same keys under another account key.
 *
 * @param {Own} own
 * @param {Opened} opened
 * @param {{ old: Derived, next: NewPassword, signOutOthers: boolean }} change
 * @param {Moment} moment
 * @returns {Promise<Opened>}
 */
export async function changePassword(own, opened, { old, next, signOutOthers }, moment) {
  const { pending, share } = await preparePassword({ auth: old.auth }, next.slot);
  const kek = await account.keyEncryptionKey(next.pwk, fromBase64Url(share));
  const keys = await sealKeys(own, { kek, bundle: opened.bundle, from: opened.akGen, moment });
  const challenge = await api.readChallenge();
  const proof = await prove(own, opened.bundle, "password", challenge);
  const send = () => commitPassword({ pending, signOutOthers, keys, challenge, proof });
  return settle(own, next, keys, opened.bundle, send);
}

/**
 * A recovery code, the first one or another (14.14).
 *
 * @param {Own} own
 * @param {Opened} opened
 * @param {Derived} derived
 * @param {Recovery} recovery
 * @param {Moment} moment
 * @returns {Promise<Opened>}
 */
export async function setRecovery(own, opened, derived, recovery, moment) {
  const bundle = { ...opened.bundle, recoveryPublic: recovery.publicKey, rmac: recovery.rmac };
  const keys = await sealKeys(own, { kek: opened.kek, bundle, from: opened.akGen, moment });
  const challenge = await api.readChallenge();
  const proof = await prove(own, bundle, "rewrap", challenge);
  const rauthDigest = toBase64Url(recovery.rauthDigest);
  const send = () => api.rewrapKeys({ auth: derived.auth, keys, rauthDigest, challenge, proof });
  return settle(own, derived, keys, bundle, send);
}

/**
 * What a recovery code opens (14.7).
 *
 * @param {string} username
 * @param {Recovery} recovery
 * @returns {Promise<{ uid: string, akGen: number, bundle: Bundle, challenge: string, trust: SealedTrust }>}
 * @throws {{ code: string }} `other_account`: this is not the account of this code; `bad_credentials`
 */
export async function openWithCode(username, recovery) {
  const { uid, keys, challenge } = await api.openRecovery(username, toBase64Url(recovery.rauth));
  try {
    if (!keys.akRecovery || !keys.bundle) throw new Refused("form");
    const ak = await account.openAkRecovery(recovery, uid, keys.akGen, fromBase64Url(keys.akRecovery));
    const bundle = await account.openBundle(ak, uid, keys.akGen, fromBase64Url(keys.bundle));
    if (!bundle.recoveryPublic || !equal(bundle.recoveryPublic, recovery.publicKey)) throw new Refused("mac");
    return { uid, akGen: keys.akGen, bundle, challenge, trust: sealedTrustOf(keys) };
  } catch (error) {
    throw { code: error instanceof Refused && error.rule === "suite" ? "update_needed" : "other_account" };
  }
}

/**
 * Forgotten password, with the recovery code (14.7 a): sets another one, and signs in with it.
 *
 * @param {Omit<Own, "uid">} own
 * @param {Recovery} recovery
 * @param {NewPassword} next
 * @param {Moment} moment
 * @returns {Promise<import("../credentials.js").Entrance>}
 */
export async function recoverWithCode({ username, instance }, recovery, next, moment) {
  const { uid, akGen, bundle, challenge } = await openWithCode(username, recovery);
  const own = { uid, username, instance };
  const by = { recovery: toBase64Url(recovery.rauth), username };
  const { pending, share } = await preparePassword(by, next.slot);
  const kek = await account.keyEncryptionKey(next.pwk, fromBase64Url(share));
  const keys = await sealKeys(own, { kek, bundle, from: akGen, moment });
  const proof = await prove(own, bundle, "password", challenge);
  // Whether or not the answer comes, the new password tells whether it counts.
  await commitPassword({ pending, keys, challenge, proof }).catch(unlessLost);
  return signInWith(username, next);
}

/**
 * A password that was set by a ticket has locked the account; the code opens it again (14.7 c).
 *
 * @param {Own} own
 * @param {Derived & { share: string }} secrets
 * @param {Recovery} recovery
 * @param {Moment} moment
 * @returns {Promise<Opened>}
 */
export async function unlockWithCode(own, secrets, recovery, moment) {
  const { uid, akGen, bundle, challenge } = await openWithCode(own.username, recovery);
  if (uid !== own.uid) throw { code: "other_account" };
  const kek = await account.keyEncryptionKey(secrets.pwk, fromBase64Url(secrets.share));
  const keys = await sealKeys(own, { kek, bundle, from: akGen, moment });
  const proof = await prove(own, bundle, "rewrap", challenge);
  const send = () => api.rewrapKeys({ auth: secrets.auth, keys, challenge, proof });
  return settle(own, secrets, keys, bundle, send);
}

/**
 * Lost for good: new keys that nobody knows yet (14.7 c). What the old ones opened stays closed until somebody lets me
 * back in.
 *
 * @param {Own} own
 * @param {Derived & { share: string, from: number, trustRev: number }} secrets  what the server has now
 * @param {Latest} latest
 * @param {string} trustText  of an empty trust store
 * @param {Moment} moment
 * @returns {Promise<Opened>}
 */
export async function startFresh(own, secrets, latest, trustText, moment) {
  const kek = await account.keyEncryptionKey(secrets.pwk, fromBase64Url(secrets.share));
  const generation = account.makeGeneration(latest.gen + 1);
  const bundle = { trustKey: randomBytes(KEY), recoveryPublic: null, rmac: null, gens: [generation] };
  const dir = await dirEntryOf(own, { type: "reset", generation, tag: latest.tag, prevLeaf: latest.leaf, moment });
  const trust = { rev: secrets.trustRev + 1, text: trustText };
  const keys = await sealKeys(own, { kek, bundle, from: secrets.from, trust, moment });
  return settle(own, secrets, keys, bundle, () => api.resetKeys({ auth: secrets.auth, dir, keys }));
}

/**
 * New keys that continue the old ones, with the password and so with all old keys (14.10).
 *
 * @param {Own} own
 * @param {Opened} opened
 * @param {{ derived: Derived, next: NewPassword | null, latest: Latest, trustText: string }} change
 * @param {Moment} moment
 * @returns {Promise<Opened>}
 */
export async function rotateKeys(own, opened, { derived, next, latest, trustText }, moment) {
  const before = newest(opened.bundle);
  if (before.gen !== latest.gen) throw { code: "keys_do_not_match" };
  const generation = account.makeGeneration(before.gen + 1);
  const gens = account.withGeneration(opened.bundle.gens, generation);
  const bundle = { ...opened.bundle, trustKey: randomBytes(KEY), gens };
  const oldKey = await signingKey(before.seed);
  const dir = await dirEntryOf(own, {
    type: "rotate",
    generation,
    tag: latest.tag,
    prevLeaf: latest.leaf,
    oldKey,
    moment,
  });
  const prepared = next ? await preparePassword({ auth: derived.auth }, next.slot) : null;
  const kek = next && prepared ? await account.keyEncryptionKey(next.pwk, fromBase64Url(prepared.share)) : opened.kek;
  const trust = { rev: opened.trust.rev + 1, text: trustText };
  const keys = await sealKeys(own, { kek, bundle, from: opened.akGen, trust, moment });
  const by = prepared ? { pending: prepared.pending } : { auth: derived.auth };
  const send = () => api.rotateKeys({ ...by, dir, keys, forgetOld: true });
  return settle(own, next ?? derived, keys, bundle, send);
}

/**
 * New keys that continue the old ones, in a browser that has them but cannot export them (14.7 b). A ticket stands for
 * the forgotten password and brings another one; for a present password `present` is given instead of `next`.
 *
 * @param {Own} own
 * @param {CryptoKey} oldKey  signs for the generation before
 * @param {object} change
 * @param {{ ticket: string } | { auth: string }} change.by
 * @param {NewPassword | null} change.next
 * @param {Derived | null} change.present
 * @param {Latest} change.latest
 * @param {number} change.from  the `akGen` that the server has, as far as this browser knows
 * @param {number} change.trustRev
 * @param {string} change.trustText
 * @param {(gen: number, x: Bytes) => Promise<void>} change.beforehand  posts what the next generation needs to read on
 * @param {Moment} moment
 * @returns {Promise<Opened>}
 */
export async function rotateFromBrowser(own, oldKey, change, moment) {
  const { latest } = change;
  const generation = account.makeGeneration(latest.gen + 1);
  const bundle = { trustKey: randomBytes(KEY), recoveryPublic: null, rmac: null, gens: [generation] };
  const { x } = await account.publicKeysOf(generation);
  const dir = await dirEntryOf(own, {
    type: "rotate",
    generation,
    tag: latest.tag,
    prevLeaf: latest.leaf,
    oldKey,
    moment,
  });
  const { by, share, derived } = await whoAsks(change);
  await change.beforehand(generation.gen, x);
  const kek = await account.keyEncryptionKey(derived.pwk, fromBase64Url(share));
  const sealed = (/** @type {number} */ from, /** @type {number} */ trustRev) =>
    sealKeys(own, { kek, bundle, from, trust: { rev: trustRev + 1, text: change.trustText }, moment });
  let keys = await sealed(change.from, change.trustRev);
  const send = async () => {
    try {
      await api.rotateKeys({ ...by, dir, keys });
    } catch (error) {
      const { code, detail } = /** @type {{ code?: string, detail?: any }} */ (error);
      if (code !== "keys_conflict") throw error;
      // This browser cannot open what is there, and need not: it replaces it.
      keys = await sealed(Number(detail?.akGen), Math.max(change.trustRev, Number(detail?.trustRev)));
      await api.rotateKeys({ ...by, dir, keys });
    }
  };
  return settle(own, derived, () => keys, bundle, send);
}

/**
 * @param {{ by: { ticket: string } | { auth: string }, next: NewPassword | null, present: Derived | null }} change
 * @returns {Promise<{ by: import("../../calls/keys.js").By, share: string, derived: Derived }>}
 */
async function whoAsks({ by, next, present }) {
  if (next) {
    const { pending, share } = await preparePassword(by, next.slot);
    return { by: { pending }, share, derived: next };
  }
  if (!present || !("auth" in by)) throw { code: "no_keys_here" };
  return { by, share: (await api.unlock(by.auth)).share, derived: present };
}

/**
 * @param {Own} own
 * @param {object} entry
 * @param {"create" | "rotate" | "reset"} entry.type
 * @param {import("../../crypto/account.js").Generation} entry.generation
 * @param {Bytes} entry.tag
 * @param {Bytes} [entry.prevLeaf]
 * @param {CryptoKey} [entry.oldKey]
 * @param {Moment} entry.moment
 * @returns {Promise<import("../../calls/keys.js").SignedDirEntry>}
 */
async function dirEntryOf({ uid, instance }, { type, generation, tag, prevLeaf = NONE, oldKey, moment }) {
  const { ed, x } = await account.publicKeysOf(generation);
  const entry = { uid, tag, type, gen: generation.gen, ed, x, prevLeaf, time: Math.floor(moment.time) };
  const { e, sn, so } = await signDirEntry(instance, entry, await signingKey(generation.seed), oldKey);
  return { e: toBase64Url(e), sn: toBase64Url(sn), ...(so.length ? { so: toBase64Url(so) } : {}) };
}

/**
 * Everything under a new account key.
 *
 * @param {Own} own
 * @param {object} what
 * @param {Bytes} what.kek
 * @param {Bundle} what.bundle
 * @param {number} what.from
 * @param {{ rev: number, text: string }} [what.trust]
 * @param {Moment} what.moment
 * @returns {Promise<import("../../calls/keys.js").NewKeys>}
 */
async function sealKeys({ uid }, { kek, bundle, from, trust, moment }) {
  const akGen = Math.max(from, moment.knownAkGen) + 1;
  const ak = randomBytes(KEY);
  const { recoveryPublic, rmac } = bundle;
  const code = recoveryPublic && rmac ? { publicKey: recoveryPublic, rmac } : null;
  return {
    from,
    akGen,
    akPassword: toBase64Url(await account.sealAkPassword(kek, uid, akGen, ak)),
    akRecovery: code ? toBase64Url(await account.sealAkRecovery(code, uid, akGen, ak)) : null,
    bundle: toBase64Url(await account.sealBundle(ak, uid, akGen, bundle)),
    ...(trust
      ? {
          trust: toBase64Url(await account.sealTrust(bundle.trustKey, uid, trust.rev, trust.text)),
          trustRev: trust.rev,
        }
      : {}),
  };
}

/**
 * @param {Own} own
 * @param {Bundle} bundle
 * @param {"rewrap" | "password"} purpose
 * @param {string} challenge
 */
async function prove({ uid, instance }, bundle, purpose, challenge) {
  const key = await signingKey(newest(bundle).seed);
  return toBase64Url(await account.prove(key, instance, uid, purpose, fromBase64Url(challenge)));
}

/** @param {Bundle} bundle */
export function newest({ gens }) {
  return /** @type {import("../../crypto/account.js").Generation} */ (gens.at(-1));
}

/**
 * Makes a change, reads it back and opens it. If the answer was lost, what is read says whether the change was made.
 *
 * @param {Own} own
 * @param {Derived} derived  by what it opens afterwards
 * @param {import("../../calls/keys.js").NewKeys | (() => import("../../calls/keys.js").NewKeys)} keys
 * @param {Bundle} bundle
 * @param {() => Promise<void>} send
 * @returns {Promise<Opened>}
 */
async function settle(own, derived, keys, bundle, send) {
  const lost = await send().then(() => null, unlessLost);
  const sent = typeof keys === "function" ? keys() : keys;
  try {
    return await readBack(own, derived, sent, bundle);
  } catch (error) {
    throw lost ?? error;
  }
}

/**
 * @param {unknown} error
 * @returns {unknown} the same if the server may have done what was asked
 */
function unlessLost(error) {
  const { code } = /** @type {{ code?: string }} */ (error);
  if (code === "network" || code === "unavailable") return error;
  throw error;
}

/**
 * @param {Own} own
 * @param {Derived} derived
 * @param {import("../../calls/keys.js").NewKeys} sent
 * @param {Bundle} bundle
 * @returns {Promise<Opened>}
 * @throws {{ code: string }} `not_kept`: the server has something else; `keys_conflict`: somebody has changed it since
 */
async function readBack(own, derived, sent, bundle) {
  const { derivation } = derived;
  const told = await patiently(() => readDerivation(own.username));
  if (told.salt !== derivation.salt || told.iter !== derivation.iter) throw { code: "not_kept" };
  const opening = await patiently(() => api.unlock(derived.auth));
  if (opening.keys && opening.keys.akGen > sent.akGen) throw { code: "keys_conflict" };
  const opened = await openKeys(own, opening, derived).catch(() => Promise.reject({ code: "not_kept" }));
  const [kept, wanted] = [opened.bundle, bundle].map((each) => account.bundleText(own.uid, each));
  if (!kept || !wanted || !equal(kept, wanted)) throw { code: "not_kept" };
  return opened;
}

/** @template T @param {() => Promise<T>} read @returns {Promise<T>} */
async function patiently(read) {
  for (const wait of READ_AGAIN_MS) {
    try {
      return await read();
    } catch (error) {
      if (/** @type {{ code?: string }} */ (error).code !== "network") throw error;
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  }
  return read();
}
