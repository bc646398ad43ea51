/** A person: the keys of the account as they lie on the server, and what opens them. */
import * as account from "../../../../web/crypto/account.js";
import { signDirEntry, tagOf } from "../../../../web/crypto/directory.js";
import { randomBytes } from "../../../../web/crypto/encoding.js";
import { saveIdentity } from "../../../../web/crypto/keystore.js";
import { signingKey, exchangeKey, xPublicOf } from "../../../../web/crypto/signatures.js";

export class Person {
  constructor(uid, server) {
    this.uid = uid;
    this.name = `person${uid}`;
    this.server = server;
    this.akGen = 0;
    /** Every generation there ever was, for those who get hold of old keys. */
    this.ever = [];
    server.accounts.set(uid, { name: this.name, open: true });
  }

  /** First keys, or all new ones after a reset. */
  async begin(type = "create") {
    const latest = this.server.view.latest(this.uid);
    const generation = account.makeGeneration((latest?.entry.gen ?? 0) + 1);
    const signed = await this.#entry(type, generation, latest);
    await this.server.append(this.uid, signed, this.name);
    await this.#keep([generation], generation);
  }

  /** 14.10: a new generation; the old exchange keys stay in the bundle. */
  async rotate(identity) {
    await this.#renew((gens, next) => account.withGeneration(gens, next), identity);
  }

  /**
   * 14.7 (b): the password is forgotten, the keys of this browser cannot be exported. `before`: own wraps for the next
   * generation are posted before it exists.
   */
  async rotateByTicket(identity, before) {
    await this.#renew((_, next) => [next], identity, before);
  }

  async #renew(bundleOf, identity, before = async () => {}) {
    const { gens } = await this.bundle();
    const latest = this.server.view.latest(this.uid);
    const generation = account.makeGeneration(latest.entry.gen + 1);
    const signed = await this.#entry("rotate", generation, latest, identity.sign);
    await before({ gen: generation.gen, x: await xPublicOf(generation.x) });
    await this.server.append(this.uid, signed, this.name);
    await this.#keep(bundleOf(gens, generation), generation);
  }

  async #entry(type, generation, latest, old) {
    const { instance } = this.server;
    const { ed, x } = await account.publicKeysOf(generation);
    const entry = {
      uid: this.uid,
      tag: await tagOf(instance, this.name),
      type,
      gen: generation.gen,
      ed,
      x,
      prevLeaf: latest?.leaf ?? new Uint8Array(),
      time: this.server.clock.now,
    };
    return signDirEntry(instance, entry, await signingKey(generation.seed), old);
  }

  async #keep(gens, generation) {
    this.ever.push({
      ...generation,
      privateKey: await exchangeKey(generation.x),
      publicKey: await xPublicOf(generation.x),
    });
    this.trustKey ??= randomBytes(32);
    await this.#seal({ trustKey: this.trustKey, recoveryPublic: null, rmac: null, gens });
  }

  async #seal(bundle) {
    const ak = randomBytes(32);
    this.kek = randomBytes(32);
    this.akGen += 1;
    this.blobs = {
      akGen: this.akGen,
      akPassword: await account.sealAkPassword(this.kek, this.uid, this.akGen, ak),
      bundle: await account.sealBundle(ak, this.uid, this.akGen, bundle),
    };
  }

  async bundle() {
    const { akGen, akPassword, bundle } = this.blobs;
    const ak = await account.openAkPassword(this.kek, this.uid, akGen, akPassword);
    return account.openBundle(ak, this.uid, akGen, bundle);
  }

  /** Another password: the same keys in other wrappings. */
  async changePassword() {
    await this.#seal(await this.bundle());
  }

  /** The keys as a browser gets them that knows the password and nothing else. */
  async unlock() {
    return saveIdentity(null, this.uid, this.blobs.akGen, await this.bundle());
  }
}

/** Bytes that look like a wrap and are none. */
export function falseWrap() {
  const w = randomBytes(81);
  w[0] = 1;
  return w;
}
