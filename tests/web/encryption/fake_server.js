/**
 * The server's part in keys (sections 13.1, 13.2 and 11.4 of e2ee.md), in memory and over `fetch`, and
 * what a bad one can do. It checks what the real one checks, so that a client that errs is refused here, too.
 */
import assert from "node:assert/strict";
import * as directory from "../../../web/crypto/directory.js";
import { proofMessage } from "../../../web/crypto/account.js";
import {
  concat,
  equal,
  fromBase64Url,
  kdf,
  randomBytes,
  sha256,
  toBase64Url,
  u64,
} from "../../../web/crypto/encoding.js";
import { edPublicOf, sign, signingKey, verify } from "../../../web/crypto/signatures.js";

const refuse = (status, code, detail) => ({
  status,
  body: { error: { code, message: code, ...(detail ? { detail } : {}) } },
});

export class FakeServer {
  /** By user name. @type {Map<string, any>} */
  accounts = new Map();
  instance = randomBytes(16);
  /** @type {{ uid: string, tag: any, leaf: any, e: any, sn: any, so: any, name: string, isMissing?: boolean }[]} */
  entries = [];
  /** @type {any[]} hashes: H_0 first */
  chain = [];
  isClosed = false;
  /** Who is signed in. */
  user = "";
  /** What was brought back. @type {{ from: number, to: number, bytes: number }[]} */
  brought = [];
  /** Every call: method and path. @type {string[]} */
  calls = [];
  /** By method and path: `lost` does it and answers nothing, `cut` does nothing. @type {Map<string, "lost" | "cut">} */
  faults = new Map();
  /** What a bad server changes of an answer. @type {(path: string, body: any) => any} */
  twist = (_path, body) => body;
  /** Positions that a bad server does not tell. */
  shownTo = Infinity;
  #turn = Promise.resolve();
  #pending = new Map();
  #challenges = new Map();

  static async start() {
    const server = new FakeServer();
    server.seed = randomBytes(32);
    server.dirKey = await edPublicOf(server.seed);
    server.key = await signingKey(server.seed);
    server.chain = [await directory.rootHash(server.instance)];
    globalThis.fetch = /** @type {any} */ ((path, options) => server.fetch(path, options));
    return server;
  }

  /** @param {string} path @param {any} options */
  async fetch(path, { method, body, headers }) {
    const url = new URL(path, "http://impulse.test");
    const key = `${method} ${url.pathname}`;
    this.calls.push(key);
    const fault = this.faults.get(key);
    if (fault) this.faults.delete(key);
    if (fault === "cut") throw new TypeError("Failed to fetch");
    assert.ok(!headers["impulse-user"] || headers["impulse-user"] === this.user);
    // One after the other, as transactions are.
    const answering = this.#turn.then(() => this.#answer(key, url, body ? JSON.parse(body) : undefined));
    this.#turn = answering.catch(() => {});
    const answer = await answering;
    if (fault === "lost") throw new TypeError("Failed to fetch");
    const { status = 200, body: told = null, bytes } = answer ?? {};
    if (bytes) return new Response(this.twist(key, bytes), { status });
    if (status === 204) return new Response(null, { status });
    return new Response(JSON.stringify(this.twist(key, told)), { status });
  }

  get me() {
    return [...this.accounts.values()].find(({ uid }) => uid === this.user);
  }

  async #answer(key, url, body) {
    switch (key) {
      case "GET /api/e2ee/info":
        return { body: { instance: toBase64Url(this.instance), dir_key: toBase64Url(this.dirKey), encryption: "on" } };
      case "GET /api/info":
        return { body: { name: "Test", limits: {}, ...(this.isDemo ? { demo: { password: "x", people: [] } } : {}) } };
      case "POST /api/auth/prelogin": {
        const slot = this.accounts.get(body.username)?.slot ?? {
          alg: "pbkdf2-sha256",
          salt: toBase64Url(randomBytes(16)),
          iter: 1e6,
        };
        return { body: { alg: slot.alg, salt: slot.salt, iter: slot.iter } };
      }
      case "POST /api/auth/register": {
        const { username, alg, salt, iter, auth } = body;
        const uid = String(this.accounts.size + 42);
        this.accounts.set(username, {
          uid,
          username,
          slot: { alg, salt, iter, auth },
          keys: null,
          locked: false,
          sessions: 1,
        });
        this.user = uid;
        return { status: 201, body: { uid, id: uid, share: await shareOf(auth) } };
      }
      case "POST /api/auth/login": {
        const account = this.accounts.get(body.username);
        if (!account || account.slot.auth !== body.auth) return refuse(401, "bad_credentials");
        this.user = account.uid;
        return { body: { uid: account.uid, ...(await this.#opening(account)) } };
      }
      case "POST /api/auth/unlock":
        if (this.me.slot.auth !== body.auth) return refuse(401, "bad_credentials");
        return { body: await this.#opening(this.me) };
      case "POST /api/auth/password/prepare":
        return this.#prepare(body);
      case "POST /api/auth/password/commit":
        return this.#commit(body);
      case "POST /api/auth/recovery/open":
        return this.#openRecovery(body);
      case "GET /api/keys/challenge":
        return { body: { challenge: this.#challenge(this.me) } };
      case "PUT /api/keys":
        return this.#first(body);
      case "POST /api/keys/rewrap":
        return this.#rewrap(body);
      case "POST /api/keys/rotate":
        return this.#rotate(body);
      case "POST /api/keys/reset":
        return this.#reset(body);
      case "GET /api/keys/trust": {
        const { keys, locked } = this.me;
        const { trust_rev: rev = 0, trust: blob = null, ak_gen = 0, ak_recovery } = keys ?? {};
        return { body: { rev, blob, ak_gen, locked, has_code: Boolean(ak_recovery) } };
      }
      case "PUT /api/keys/trust": {
        const { keys } = this.me;
        if (!keys) return refuse(409, "conflict");
        if (body.rev !== keys.trust_rev + 1) return this.#keysConflict(keys);
        Object.assign(keys, { trust: body.blob, trust_rev: body.rev });
        return { status: 204 };
      }
      case "GET /api/dir":
        return { bytes: await this.#rows(Number(url.searchParams.get("from"))) };
      case "GET /api/dir/entries":
        return { body: { entries: this.#told((url.searchParams.get("uids") ?? "").split(",")) } };
      case "POST /api/dir/entries":
        for (const entry of body.entries) {
          const refusal = await this.append(this.user, entry, this.me.username);
          if (refusal) return refusal;
        }
        return { body: { n: this.entries.length } };
      case "POST /api/dir/again":
        return this.#again(body);
      case "GET /api/sessions":
        return { body: { sessions: this.sessions ?? [] } };
      case "DELETE /api/sessions":
        this.endedOthers = true;
        return { status: 204 };
      case "DELETE /api/sessions/9":
        this.endedNine = true;
        return { status: 204 };
      default:
        return refuse(404, "not_found");
    }
  }

  async #opening({ slot, keys, locked }) {
    const told = keys && { ...keys, ak_password: locked ? null : keys.ak_password };
    return { share: await shareOf(slot.auth), keys: told, locked };
  }

  #keysConflict({ ak_gen, trust_rev }) {
    return refuse(409, "keys_conflict", { ak_gen, trust_rev });
  }

  #challenge(account) {
    const challenge = toBase64Url(randomBytes(32));
    this.#challenges.set(challenge, account.uid);
    return challenge;
  }

  async #prepare({ by, alg, salt, iter, auth }) {
    const account = by.ticket
      ? [...this.accounts.values()].find(({ ticket }) => ticket === by.ticket)
      : by.recovery
        ? await this.#recovering(by.username, by.recovery)
        : this.me;
    if (!account) return refuse(401, by.ticket ? "not_found" : "bad_credentials");
    if (by.auth && account.slot.auth !== by.auth) return refuse(401, "bad_credentials");
    const pending = toBase64Url(randomBytes(16));
    this.#pending.set(pending, { account, slot: { alg, salt, iter, auth }, byTicket: Boolean(by.ticket) });
    return { body: { pending, share: await shareOf(auth) } };
  }

  async #commit({ pending, keys, challenge, proof }) {
    const found = this.#pending.get(pending);
    if (!found) return refuse(404, "not_found");
    const { account, slot, byTicket } = found;
    if (account.keys && !byTicket && !(keys && proof)) return refuse(400, "bad_request");
    if (keys) {
      const refusal = this.#from(account, keys) ?? (await this.#proven(account, "password", challenge, proof));
      if (refusal) return refusal;
      this.#keep(account, keys);
    }
    account.slot = slot;
    if (byTicket) account.ticket = null;
    if (byTicket && account.keys && !keys) account.locked = true;
    this.#pending.delete(pending);
    return { status: 204 };
  }

  async #recovering(username, rauth) {
    const account = this.accounts.get(username);
    const digest = toBase64Url(await sha256(fromBase64Url(rauth)));
    return account?.keys && account.rauthDigest === digest ? account : null;
  }

  async #openRecovery({ username, rauth }) {
    const account = await this.#recovering(username, rauth);
    if (!account) return refuse(401, "bad_credentials");
    return {
      body: { uid: account.uid, keys: { ...account.keys, ak_password: null }, challenge: this.#challenge(account) },
    };
  }

  async #first({ auth, dir, keys, rauth_digest }) {
    if (this.me.slot.auth !== auth) return refuse(401, "bad_credentials");
    if (this.me.keys) return refuse(409, "conflict");
    if (this.isClosed) return refuse(503, "unavailable");
    const refusal = this.#from(this.me, keys) ?? (await this.append(this.user, dir, this.me.username));
    if (refusal) return refusal;
    this.#keep(this.me, keys, rauth_digest);
    return { status: 201, body: {} };
  }

  async #rewrap({ auth, keys, rauth_digest, challenge, proof }) {
    if (this.me.slot.auth !== auth) return refuse(401, "bad_credentials");
    const refusal = this.#from(this.me, keys) ?? (await this.#proven(this.me, "rewrap", challenge, proof));
    if (refusal) return refusal;
    this.#keep(this.me, keys, rauth_digest);
    this.me.locked = false;
    return { status: 204 };
  }

  async #rotate({ auth, pending, dir, keys, rauth_digest, forget_old }) {
    const prepared = this.#pending.get(pending);
    if (auth ? this.me.slot.auth !== auth : prepared?.account !== this.me) return refuse(401, "bad_credentials");
    if (this.isClosed) return refuse(503, "unavailable");
    const refusal = this.#from(this.me, keys) ?? (await this.append(this.user, dir, this.me.username));
    if (refusal) return refusal;
    this.#keep(this.me, keys, rauth_digest);
    if (prepared) this.me.slot = prepared.slot;
    this.me.locked = false;
    this.me.forgotOld = Boolean(forget_old);
    return { status: 204 };
  }

  async #reset({ auth, dir, keys, rauth_digest }) {
    if (this.me.slot.auth !== auth) return refuse(401, "bad_credentials");
    if (!this.me.locked) return refuse(403, "forbidden");
    const refusal = this.#from(this.me, keys) ?? (await this.append(this.user, dir, this.me.username));
    if (refusal) return refusal;
    this.#keep(this.me, keys, rauth_digest);
    this.me.locked = false;
    return { status: 204 };
  }

  #from(account, { from, ak_gen, trust_rev }) {
    const has = account.keys ?? { ak_gen: 0, trust_rev: 0 };
    if (from !== has.ak_gen || ak_gen <= from) return this.#keysConflict(has);
    if (trust_rev !== undefined && trust_rev <= has.trust_rev) return this.#keysConflict(has);
    return null;
  }

  #keep(account, { from: _from, trust, trust_rev, ...blobs }, rauthDigest) {
    const { trust: oldTrust = null, trust_rev: oldRev = 0 } = account.keys ?? {};
    account.keys = { ...blobs, trust: trust ?? oldTrust, trust_rev: trust_rev ?? oldRev };
    if (rauthDigest) account.rauthDigest = rauthDigest;
    assert.equal(fromBase64Url(blobs.ak_password).length, 61);
    if (blobs.ak_recovery) assert.equal(fromBase64Url(blobs.ak_recovery).length, 113);
  }

  async #proven(account, purpose, challenge, proof) {
    if (this.#challenges.get(challenge) !== account.uid) return refuse(404, "not_found");
    this.#challenges.delete(challenge);
    const { ed } = directory.parseDirEntry(this.instance, this.entries.findLast(({ uid }) => uid === account.uid)?.e);
    const message = proofMessage(this.instance, account.uid, purpose, fromBase64Url(challenge));
    return (await verify(ed, message, fromBase64Url(proof))) ? null : refuse(400, "bad_signature");
  }

  /** @param {string} uid @param {{ e: string, sn: string, so?: string }} signed @param {string} name */
  async append(uid, { e, sn, so = "" }, name) {
    const list = await this.#list();
    const entry = { e: fromBase64Url(e), sn: fromBase64Url(sn), so: fromBase64Url(so) };
    try {
      const own = this.entries.flatMap((each, at) => (each.uid === uid ? [{ ...each, n: at + 1 }] : []));
      await list.addEntries(uid, own);
      await this.push(uid, (await list.checkNext(uid, entry)).tag, entry, name);
    } catch (error) {
      return refuse(400, "bad_entry", { rule: error.rule });
    }
    return null;
  }

  /** Whatever it is: a bad server checks nothing. */
  async push(uid, tag, { e, sn, so }, name) {
    const leaf = await directory.leafOf({ e, sn, so });
    const n = this.entries.length + 1;
    this.entries.push({ uid, tag, leaf, e, sn, so, name });
    this.chain.push(await directory.nodeHash(this.chain[n - 1], n, { uid, tag, leaf }));
  }

  /** A restored backup: what came after this position is gone. @param {number} n */
  setBack(n) {
    this.entries.length = n;
    this.chain.length = n + 1;
  }

  async #list() {
    const rows = this.entries.map((row, at) => concat(this.chain[at + 1], directory.rowOf(row)));
    return directory.Directory.create(this.instance, concat(...rows));
  }

  async head(n = Math.min(this.entries.length, this.shownTo)) {
    const t = Date.now();
    const sig = await sign(this.key, directory.headMessage(this.instance, { n, h: this.chain[n], t }));
    return { n, h: this.chain[n], t, sig };
  }

  async #rows(from) {
    const { n, h, t, sig } = await this.head();
    const rows = this.entries.slice(from - 1, n).map((row) => directory.rowOf(row));
    return concat(u64(n), h, u64(t), sig, ...rows);
  }

  #told(uids) {
    return this.entries.flatMap(({ uid, e, sn, so, name, isMissing }, at) =>
      uids.includes(uid) && !isMissing && at < this.shownTo
        ? [
            {
              n: at + 1,
              uid,
              name,
              e: toBase64Url(e),
              sn: toBase64Url(sn),
              ...(so.length ? { so: toBase64Url(so) } : {}),
            },
          ]
        : [],
    );
  }

  async #again({ head, from, rows, entries }) {
    this.brought.push({ from, to: head.n, bytes: JSON.stringify({ head, from, rows, entries }).length });
    const list = await this.#list();
    const signed = { n: head.n, h: fromBase64Url(head.h), t: head.t, sig: fromBase64Url(head.sig) };
    if (!(await directory.checkHead(this.instance, this.dirKey, signed))) return refuse(400, "bad_signature");
    const bytes = fromBase64Url(rows);
    if (bytes.length) {
      const result = await list
        .follow({ from, head: signed, rows: bytes }, this.dirKey)
        .catch(() => ({ outcome: "bad" }));
      if (result.outcome === "fork") return refuse(409, "dir_conflict", { n: this.entries.length });
      if (result.outcome === "bad") return refuse(400, "bad_request");
      for (let n = this.entries.length + 1; n <= list.n; n += 1) {
        this.entries.push({ ...list.rowAt(n), isMissing: true });
        this.chain.push(list.hashAt(n));
      }
    }
    for (const { n, e, sn, so = "", name } of entries) {
      const entry = { e: fromBase64Url(e), sn: fromBase64Url(sn), so: fromBase64Url(so) };
      const row = this.entries[n - 1];
      if (!equal(await directory.leafOf(entry), row.leaf)) return refuse(400, "bad_entry");
      Object.assign(row, entry, { name, isMissing: false });
    }
    const missing = this.entries.flatMap(({ isMissing }, at) => (isMissing ? [at + 1] : []));
    return { body: { n: this.entries.length, missing } };
  }
}

/** As Argon2id would: what a password gives, and nothing else. @param {string} auth */
async function shareOf(auth) {
  return toBase64Url(await kdf(fromBase64Url(auth), "share"));
}
