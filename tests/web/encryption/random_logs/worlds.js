/**
 * Worlds: a directory and a room's log in batches, valid and not, for the two programs that judge them, this client and
 * the server. A world is one line of JSON, byte strings in hex; `verdictsOf` says what is told about each batch.
 */
import * as directory from "../../../../web/crypto/directory.js";
import { bytesOfHex, concat, hexOf } from "../../../../web/crypto/encoding.js";
import * as log from "../../../../web/crypto/room_log.js";
import { edPublicOf, sign, signingKey, xPublicOf } from "../../../../web/crypto/signatures.js";
import { Random } from "../random.js";

const START = 1_767_225_600_000;
const PEOPLE = ["1", "2", "7", "42", "100", "9007199254740991"];
/** Has no entry in the directory. */
const NOBODY = "5";

/** People whose keys change now and then, in one directory. */
class Town {
  /** @param {Random} random */
  constructor(random) {
    this.random = random;
    this.instance = random.bytes(16);
    this.entries = [];
    /** @type {Map<string, {seed: Uint8Array, sign: CryptoKey}[]>} by uid, then generation - 1 */
    this.keys = new Map(PEOPLE.map((uid) => [uid, []]));
    this.latest = new Map();
  }

  /** @param {number} changes  after everybody has keys */
  async fill(changes) {
    for (const uid of PEOPLE) await this.change(uid, "create");
    for (let at = 0; at < changes; at += 1)
      await this.change(this.random.pick(PEOPLE), this.random.weighted({ rotate: 3, reset: 3, rename: 1 }));
    this.view = await directoryOf(this.instance, this.entries);
  }

  /** @param {string} uid @param {"create" | "rotate" | "reset" | "rename"} type */
  async change(uid, type) {
    const own = this.keys.get(uid);
    const before = this.latest.get(uid);
    if (type !== "rename") {
      const [seed, x] = [this.random.bytes(32), this.random.bytes(32)];
      own.push({ seed, sign: await signingKey(seed), ed: await edPublicOf(seed), x: await xPublicOf(x) });
    }
    const keys = own.at(-1);
    const name = type === "rename" || !before ? `${uid}-${this.entries.length}` : before.name;
    const entry = {
      uid,
      tag: await directory.tagOf(this.instance, name),
      type,
      gen: own.length,
      ed: keys.ed,
      x: keys.x,
      prevLeaf: before?.leaf ?? new Uint8Array(),
      time: START,
    };
    const old = type === "rotate" ? own.at(-2).sign : undefined;
    const signed = await directory.signDirEntry(this.instance, entry, keys.sign, old);
    const leaf = await directory.leafOf(signed);
    this.latest.set(uid, { leaf, name });
    this.entries.push({ n: this.entries.length + 1, uid, leaf, tag: entry.tag, name, ...signed });
  }
}

/** Makes entries for a state, most of them valid. */
class Author {
  /** @param {Town} town @param {Random} random */
  constructor(town, random) {
    this.town = town;
    this.random = random;
    this.links = new Map();
    this.dn = PEOPLE.length;
  }

  /** @param {log.RoomState} state */
  async entry(state) {
    const { random, town } = this;
    if (random.happens(0.2)) this.dn = Math.min(town.view.n, this.dn + random.between(1, 3));
    const dn = Math.max(state.dn, Math.min(this.dn, town.view.n) - (random.happens(0.1) ? 2 : 0));
    const members = [...state.members.keys()];
    const able = members.filter((uid) => !log.stale(state, uid, dn, town.view));
    const actor = random.happens(0.9) && able.length ? random.pick(able) : random.pick([...PEOPLE, NOBODY]);
    const body = state.seq < 0 ? this.founding(actor, dn) : await this.body(state, actor, dn);
    const time = state.seq < 0 ? START : state.time + random.pick([0, 1, 1000, 1000, 100_000_000]);
    const joiner = body.type === "join" && random.happens(0.9) ? this.joiner(state, actor) : actor;
    if (body.type === "join") await this.signLink(state, body, joiner, dn);
    const gen = town.view.genAt(joiner, dn) || 1;
    return this.disturbed(
      {
        rid: state.rid,
        seq: state.seq + 1,
        prev: state.head,
        actor: joiner,
        gen,
        time,
        dn,
        dh: town.view.hashAt(dn),
        body,
      },
      state,
    );
  }

  founding(actor, dn) {
    const { random, town } = this;
    return {
      type: "create",
      nonce: random.bytes(16),
      root: town.view.rootAt(actor, dn) ?? random.bytes(32),
      kind: random.happens(0.75) ? "closed" : "dm",
      first: random.pick([1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 127, 128, 0]),
      kc: random.bytes(32),
    };
  }

  /** Somebody to do something to: most often one for whom it makes sense. */
  target(state, sensible) {
    const { random } = this;
    return random.happens(0.8) && sensible.length ? random.pick(sensible) : random.pick([...PEOPLE, NOBODY]);
  }

  joiner(state, actor) {
    const out = PEOPLE.filter((uid) => !state.members.has(uid));
    return out.length ? this.random.pick(out) : actor;
  }

  /** @param {log.RoomState} state */
  async body(state, actor, dn) {
    const { random, town } = this;
    const { view } = town;
    const members = [...state.members.keys()];
    const others = members.filter((uid) => uid !== actor);
    const founding = state.seq < state.first;
    const type = random.weighted(
      founding
        ? { add: 8, profile: 2, epoch: 0.5, role: 0.3 }
        : { add: 5, remove: 3, unban: 1, role: 3, epoch: 5, link: 2, unlink: 0.7, join: 3, profile: 1, create: 0.1 },
    );
    const role = random.weighted({ member: 6, admin: 3, owner: 1 });
    const rootOf = (uid) => (random.happens(0.95) && view.rootAt(uid, dn)) || random.bytes(32);
    switch (type) {
      case "add": {
        const stale = members.filter((uid) => log.stale(state, uid, dn, view));
        const out = PEOPLE.filter((uid) => !state.members.has(uid));
        const uid = this.target(state, random.happens(0.6) && stale.length ? stale : out);
        const again = state.members.get(uid);
        const own = state.members.get(actor);
        const fitting = again && own && random.happens(0.8) ? log.lowerRole(again.role, own.role) : role;
        return { type, uid, root: rootOf(uid), role: again ? fitting : random.happens(0.6) ? "member" : role };
      }
      case "remove": {
        const reason = random.weighted({ left: 2, removed: 3, banned: 3 });
        const uid = reason === "left" && random.happens(0.9) ? actor : this.target(state, others);
        return { type, uid, reason };
      }
      case "unban":
        return { type, uid: this.target(state, [...state.banned]) };
      case "role":
        return { type, uid: this.target(state, members), role };
      case "epoch":
        return this.epoch(state, actor, others);
      case "link":
        return this.link(state);
      case "unlink":
        return { type, lid: this.lid(state) };
      case "join":
        return { type, lid: this.lid(state), root: random.bytes(32), linkSig: random.bytes(64) };
      case "profile":
        return { type, epoch: state.epoch - (random.happens(0.1) ? 1 : 0), box: random.bytes(random.between(93, 120)) };
      default:
        return this.founding(actor, dn);
    }
  }

  epoch(state, actor, others) {
    const { random } = this;
    const n = state.epoch + (random.happens(0.95) ? 1 : random.between(0, 2));
    const link = (m) => ({ m, nonce: random.bytes(12), box: random.bytes(48) });
    const below = Array.from({ length: Math.max(n - 1, 0) }, (_, at) => n - 1 - at);
    const some = below.filter((m) => m === state.epoch || random.happens(0.2)).slice(0, random.happens(0.97) ? 8 : 9);
    const shut = random.happens(0.4) ? random.shuffled(others).slice(0, random.between(1, others.length || 1)) : [];
    if (random.happens(0.04)) shut.push(random.pick([...PEOPLE, NOBODY, actor]));
    const skip = [...new Set(shut)].sort((one, other) => Number(one) - Number(other));
    if (random.happens(0.02)) skip.reverse();
    const reason = random.pick(["member", "keys", "shut", "repair", "manual"]);
    return { type: "epoch", n, kc: random.bytes(32), links: some.map(link), skip, reason };
  }

  link(state) {
    const { random } = this;
    const lid = random.happens(0.95) ? random.bytes(8) : this.lid(state);
    const life = random.pick([0, 1, 50_000, 2_592_000_000, 2_592_000_001, 2_592_001_000]);
    const seed = random.bytes(32);
    this.links.set(hexOf(lid), seed);
    const max = random.pick([0, 1, 1, 2, 1000, 1001]);
    return { type: "link", lid, seed, ed: seed, expires: state.time + life, max };
  }

  lid(state) {
    const { random } = this;
    const known = [...state.links.keys()];
    if (!known.length || random.happens(0.1)) return random.bytes(8);
    return Uint8Array.from(Buffer.from(random.pick(known), "hex"));
  }

  async signLink(state, body, joiner, dn) {
    const { random, town } = this;
    const seed = this.links.get(hexOf(body.lid));
    body.root = (random.happens(0.95) && town.view.rootAt(joiner, dn)) || body.root;
    if (!seed || random.happens(0.05)) return;
    const message = log.joinMessage(state.rid, body.lid, joiner, body.root);
    body.linkSig = await sign(await signingKey(seed), message);
  }

  /** Signed, and now and then with something wrong about it. */
  async disturbed(entry, state) {
    const { random, town } = this;
    if (entry.body.type === "link") {
      const small = random.happens(0.03) ? new Uint8Array(32) : null;
      entry.body.ed = small ?? (await edPublicOf(entry.body.seed));
    }
    const wrong = random.weighted({
      nothing: 90,
      chain: 2,
      time: 1,
      dn: 2,
      gen: 2,
      hand: 1,
      byte: 2,
      cut: 1,
      small: 0.5,
    });
    if (wrong === "chain") {
      const field = random.pick(["rid", "prev", "seq"]);
      if (field === "seq") entry.seq += random.pick([1, -1]) + (entry.seq === 0 ? 1 : 0);
      else entry[field] = random.pick([new Uint8Array(), random.bytes(32)]);
      if (entry.seq < 0) entry.seq = 1;
    }
    if (wrong === "time") entry.time = Math.max(0, state.time - 1);
    if (wrong === "dn") {
      entry.dn = Math.max(0, entry.dn + random.pick([-1, 1, 100]));
      if (random.happens(0.7)) entry.dh = town.view.hashAt(entry.dn) ?? entry.dh;
    }
    if (wrong === "gen") entry.gen = Math.max(0, entry.gen + random.pick([-1, 1]));
    const own = town.keys.get(entry.actor)?.[entry.gen - 1];
    const hand = wrong === "hand" || !own ? town.keys.get(random.pick(PEOPLE))[0] : own;
    const { e, s } = await log.signEntry(entry, hand.sign);
    if (wrong === "small") return { e, s: concat(Uint8Array.of(1), s.slice(1, 32).fill(0), s.slice(32)) };
    if (wrong === "byte") return this.flipped(e, hand.sign);
    if (wrong === "cut") return this.resized(e, s, hand.sign);
    return { e, s };
  }

  async flipped(e, key) {
    const at = this.random.between(0, e.length - 1);
    const changed = e.with(at, e[at] ^ (1 << this.random.between(0, 7)));
    return { e: changed, s: await sign(key, changed) };
  }

  async resized(e, s, key) {
    const { random } = this;
    if (random.happens(0.2)) return { e, s: random.pick([s.slice(1), concat(s, s.slice(0, 1)), new Uint8Array()]) };
    const changed = random.happens(0.5) ? e.slice(0, -random.between(1, 8)) : concat(e, random.bytes(4));
    return { e: changed, s: await sign(key, changed) };
  }
}

/**
 * @param {Uint8Array} instance
 * @param {{uid: string, e: Uint8Array, sn: Uint8Array, so: Uint8Array}[]} positions
 */
async function directoryOf(instance, positions) {
  const view = await directory.Directory.create(instance);
  const entries = [];
  for (const [at, { uid, e, sn, so }] of positions.entries()) {
    const { tag } = directory.parseDirEntry(instance, e);
    entries.push({ n: at + 1, uid, tag, leaf: await directory.leafOf({ e, sn, so }), e, sn, so });
  }
  let h = view.hashAt(0);
  for (const { n, ...row } of entries) h = await directory.nodeHash(h, n, row);
  const seed = new Uint8Array(32).fill(1);
  const head = { n: entries.length, h, t: START };
  const sig = await sign(await signingKey(seed), directory.headMessage(instance, head));
  const rows = concat(...entries.map(directory.rowOf));
  await view.follow({ from: 1, head: { ...head, sig }, rows }, await edPublicOf(seed));
  for (const person of new Set(entries.map(({ uid }) => uid)))
    await view.addEntries(
      person,
      entries.filter(({ uid }) => uid === person),
    );
  return view;
}

/** The entries of a batch. Most refused ones are drawn again: a log that grows shows more. */
async function randomBatch(author, state, random) {
  const batch = [];
  let after = state;
  const wanted = random.weighted({ 1: 6, 2: 3, 3: 1 });
  while (batch.length < Number(wanted)) {
    let signed = await author.entry(after);
    let verdict = await log.apply(after, signed, author.town.view);
    for (let again = 0; again < 12 && verdict.refusal && random.happens(0.9); again += 1) {
      signed = await author.entry(after);
      verdict = await log.apply(after, signed, author.town.view);
    }
    batch.push(signed);
    if (verdict.refusal) break;
    after = verdict.state;
  }
  return batch;
}

/**
 * @param {number} seed
 * @param {number} count  of batches
 */
export async function randomWorld(seed, count) {
  const random = new Random(seed);
  const town = new Town(random);
  await town.fill(random.between(4, 20));
  const author = new Author(town, random);
  const batches = [];
  let state = log.emptyState();
  let before = state;
  for (let at = 0; at < count; at += 1) {
    // Now and then somebody has not heard of the newest batch.
    const batch = await randomBatch(author, random.happens(0.05) ? before : state, random);
    const { state: after } = await log.applyAll(state, batch, town.view);
    batches.push(batch.map(({ e, s }) => ({ e: hexOf(e), s: hexOf(s) })));
    if (after) [before, state] = [state, after];
  }
  const positions = town.entries.map(({ uid, e, sn, so }) => ({ uid, e: hexOf(e), sn: hexOf(sn), so: hexOf(so) }));
  return { instance: hexOf(town.instance), positions, batches };
}

/** What this client says about each batch of a world. @param {Awaited<ReturnType<typeof randomWorld>>} world */
export async function verdictsOf({ instance, positions, batches }) {
  const unhexed = ({ uid, e, sn, so }) => ({ uid, e: bytesOfHex(e), sn: bytesOfHex(sn), so: bytesOfHex(so) });
  const view = await directoryOf(bytesOfHex(instance), positions.map(unhexed));
  const verdicts = [];
  let state = log.emptyState();
  for (const batch of batches) {
    const signed = batch.map(({ e, s }) => ({ e: bytesOfHex(e), s: bytesOfHex(s) }));
    const { state: after, refusal } = await log.applyAll(state, signed, view);
    verdicts.push(
      refusal ? { ok: false, index: refusal.index, rule: refusal.rule } : { ok: true, state: told(after, view) },
    );
    state = after ?? state;
  }
  return verdicts;
}

const ascending = (uids) => [...uids].sort((one, other) => Number(one) - Number(other));
const mapped = (map, write) => Object.fromEntries([...map].map(([key, value]) => [key, write(value)]));

/** A state as it is told. @param {log.RoomState} state @param {directory.Directory} view */
function told(state, view) {
  const epochs = Array.from({ length: state.epoch }, (_, at) => at + 1);
  return {
    rid: hexOf(state.rid),
    kind: state.kind,
    first: state.first,
    seq: state.seq,
    head: hexOf(state.head),
    time: state.time,
    dn: state.dn,
    members: mapped(state.members, ({ root, role, sinceSeq, sinceDn }) => [hexOf(root), role, sinceSeq, sinceDn]),
    past: mapped(state.past, (all) => all.map(({ fromSeq, toSeq, root, role }) => [fromSeq, toSeq, hexOf(root), role])),
    banned: ascending(state.banned),
    links: mapped(state.links, ({ ed, expires, max, uses, by, byRoot, ended }) => [
      hexOf(ed),
      expires,
      max,
      uses,
      by,
      hexOf(byRoot),
      ended,
    ]),
    epoch: state.epoch,
    kc: epochs.map((n) => hexOf(state.kc[n])),
    edges: epochs.map((n) => state.edges[n].map(({ m }) => m)),
    entry_of: epochs.map((n) => state.entryOf[n]),
    epoch_dn: state.epochDn,
    skipped: ascending(state.skipped),
    gone: state.gone,
    at: derivedAt(state, view),
  };
}

/** What follows from a state at each position of the directory from its own on. */
function derivedAt(state, view) {
  const members = [...state.members.keys()];
  const lids = [...state.links.keys()].sort();
  return Array.from({ length: view.n - state.dn + 1 }, (_, at) => {
    const n = state.dn + at;
    return {
      n,
      acting: log.acting(state, n, view),
      due: log.due(state, n, view),
      stale: ascending(members.filter((uid) => log.stale(state, uid, n, view))),
      live: lids.filter((lid) => log.live(state, lid, state.time, n, view)),
      rank: Object.fromEntries(members.map((uid) => [uid, log.rank(state, uid, n, view)])),
    };
  });
}
