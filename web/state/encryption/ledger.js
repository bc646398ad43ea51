/**
 * What is known of the messages of one encrypted room: which revision of each was checked, where it stands, and which
 * parts of the history are loaded (8.5, 9 to 11, of e2ee.md). A checked entry is judged here against all that came
 * before it, and becomes the message that is shown.
 *
 * Everything is kept in this browser, so that a reload forgets no verdict. What was kept is read when a page near it
 * is.
 */
import { cite, order, readPv } from "../../crypto/order.js";
import { supersedes } from "../../crypto/verdicts.js";
import { afterRestore } from "../../crypto/restored.js";
import { Intervals } from "./intervals.js";
import { LedgerShelf } from "./ledger_shelf.js";
import { messageOf } from "./shown.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../../net/wire.js").SealedEntry} SealedEntry */
/** @typedef {import("../../crypto/envelope_form.js").Envelope} Envelope */
/** @typedef {import("../../crypto/content.js").Content} Content */
/**
 * An envelope after steps 1 to 8: `ok` was opened, `no_key` was not, but all else of it is checked.
 *
 * @typedef {{ is: "ok", env: Envelope, json: any, content: Content | null }
 *   | { is: "no_key", env: Envelope, json: any }
 *   | { is: "failed", rule: string }
 *   | { is: "newer" }
 *   | { is: "waits", json: any }} Checked  `waits`: nothing of it can be checked before the log is here
 */
/**
 * A message or a reaction as it is known. `is` is `missing` while its key is; `bad` is why what came last of it failed
 * its check.
 *
 * @typedef {object} Row
 * @property {string} mid
 * @property {"msg" | "react" | "del"} kind
 * @property {number} rev
 * @property {string} by  who made the revision
 * @property {string} author
 * @property {number} createdSeq  0 of a reaction
 * @property {number} revSeq
 * @property {number} seq  the newest change
 * @property {number} at
 * @property {number} epoch
 * @property {number} gen
 * @property {string} [ref]
 * @property {"shown" | "gone" | "missing"} is
 * @property {boolean} verified
 * @property {boolean} opened
 * @property {boolean} lost
 * @property {string} sig
 * @property {true} [stirred]  its reactions changed in what was lost with a restore, until they are told again
 * @property {string[]} [earlier]  the signatures of some revisions before this one
 * @property {string[]} [forgotten]  those of what was forgotten of it with a restore, until it is fetched again
 * @property {import("../types.js").Verdict} verdict
 * @property {string} [bad]
 * @property {"account" | "retention" | "admin"} [gone]
 * @property {number | null} [edited]
 * @property {string} [text]
 * @property {string} [re]
 * @property {string[]} [m]
 * @property {string} [emoji]
 * @property {[number, string, string]} [pv]
 * @property {"missing" | "lost"} [refers]
 * @property {number} [ts]
 * @property {any} [env]  of one whose key is missing
 */

/** Rows that are held of one room; the oldest are let go, with the parts of the history around them. */
const HELD_MOST = 20_000;
/** Revisions of one message, before the newest, that are known again if a backup brings one back. */
const EARLIER_MOST = 8;
/** Changes of one room that wait for the log to be checked. */
const LATE_MOST = 500;
const EVERYBODY = "all";
/** How close together lost messages stand. */
const SPREAD = 1000;
/** Restores of the server that are remembered. */
const RESTORES_MOST = 8;

export class Ledger {
  #parts;
  #room;
  /** By `mid`: messages and reactions. @type {Map<string, Row>} */
  #rows = new Map();
  /** Reactions by message. @type {Map<string, Set<string>>} */
  #reactions = new Map();
  /** Who has which place. @type {Map<number, Set<string>>} */
  #places = new Map();
  /**
   * Of each author and generation, the first and the last place.
   *
   * @type {Map<string, Map<number, { min: number, max: number }>>}
   */
  #gens = new Map();
  /** Messages that refer to what is not loaded, or not there. @type {Set<string>} */
  #doubtful = new Set();
  /** Changes of what is known that wait for the log. @type {SealedEntry[]} */
  #late = [];
  intervals = new Intervals();
  /**
   * What restores of the server have left (see `restore.js`), by rising common places: the newest epoch that was
   * followed before, and the parts of the history that were loaded.
   *
   * @type {{ common: number, epoch: number, loaded: import("./intervals.js").Interval[] }[]}
   */
  restores = [];
  #shelf;

  /** @param {Parts} parts @param {EncryptedRoom} room */
  constructor(parts, room) {
    this.#parts = parts;
    this.#room = room;
    this.#shelf = new LedgerShelf(parts, room.name);
  }

  /** Takes up what was kept of the newest part, at first. */
  load() {
    return this.#shelf.load(this);
  }

  /** Takes up what was kept of a part of the history. @param {number} from @param {number} to */
  reach(from, to) {
    return this.#shelf.reach(this, from, to);
  }

  /** @param {string} mid */
  row(mid) {
    return this.#rows.get(mid);
  }

  /** @returns {Iterable<Row>} */
  rows() {
    return this.#rows.values();
  }

  /** @param {string} mid @returns {Row[]} */
  reactionsTo(mid) {
    return [...(this.#reactions.get(mid) ?? [])].flatMap((each) => this.#rows.get(each) ?? []);
  }

  /** How many messages failed their check, lack their key, or were lost. */
  get counts() {
    const counts = { failed: 0, missing: 0, lost: 0 };
    for (const { kind, bad, is, lost, verdict, env } of this.#rows.values()) {
      if (kind === "react") continue;
      counts.failed += Number(Boolean(bad) || verdict === "failed");
      counts.missing += Number(is === "missing" && env !== undefined);
      counts.lost += Number(lost);
    }
    return counts;
  }

  /**
   * What a message of mine cites: the newest that is checked (8.4).
   *
   * @returns {[number, string, string] | null}
   */
  cite() {
    return cite([...this.#rows.values()].map(asCited));
  }

  /**
   * Whether an entry says the same as is known, so that it need not be checked again.
   *
   * @param {string} mid
   * @param {any} env
   */
  isKnown(mid, env) {
    const row = this.#rows.get(mid);
    return row !== undefined && row.is === "shown" && row.verified && !row.lost && env?.s === row.sig;
  }

  /**
   * Takes a message, or a change of one.
   *
   * @param {SealedEntry} entry
   * @param {Checked | null} checked  null if it is known
   * @param {{ revSeq: number, mid: string, checked: Checked | null }[] | null} reacts  all reactions, if they are told
   * @returns {Message | null} what is shown now
   */
  take(entry, checked, reacts) {
    if (entry.ref) return this.#takeReaction(entry, checked);
    if (entry.gone) this.#takeGone(entry, entry.gone);
    else if (checked) this.#takeMessage(entry, checked);
    const row = this.#rows.get(entry.mid);
    if (!row) return null;
    if (reacts) this.#takeReactions(entry, reacts);
    if (reacts) delete row.stirred;
    row.seq = row.lost ? row.seq : Math.max(row.seq, entry.seq);
    row.at = row.lost ? row.at : entry.at;
    if (entry.edited !== null && !row.lost) row.edited = entry.edited;
    this.#shelf.note(row);
    return this.show(row);
  }

  /** @param {Row} row */
  show(row) {
    return messageOf(row, this.reactionsTo(row.mid), this.#parts.uid, this.#placeOf(row));
  }

  /** Where a message stands; what a backup has lost stands behind the last common place. @param {Row} row */
  #placeOf(row) {
    if (!row.lost) return row.createdSeq;
    const common = this.#lostAfter;
    const after = Math.max(1, row.createdSeq - common);
    return common + after / (after + SPREAD);
  }

  /** The place behind which messages were lost. */
  get #lostAfter() {
    return this.restores[0]?.common ?? 0;
  }

  /** @param {SealedEntry} entry @returns {Row} */
  #newRow({ mid, kind, rev, by, createdSeq, revSeq, seq, at, ref }) {
    return {
      mid,
      kind,
      rev,
      by,
      author: by,
      createdSeq,
      revSeq,
      seq,
      at,
      epoch: 0,
      gen: 0,
      ...(ref ? { ref } : {}),
      is: "shown",
      verified: false,
      opened: false,
      lost: false,
      sig: "",
      verdict: "failed",
    };
  }

  /** The server took a message away: that is no revision, and a signed deletion beats it. */
  #takeGone(/** @type {SealedEntry} */ entry, /** @type {NonNullable<SealedEntry["gone"]>} */ gone) {
    const known = this.#rows.get(entry.mid);
    if (known?.verified && known.kind === "del") return;
    const { bad: _, ...rest } = withoutContent(known ?? this.#newRow(entry));
    this.#set({ ...rest, createdSeq: entry.createdSeq, lost: false, is: "gone", opened: false, verdict: "gone", gone });
  }

  /** @param {SealedEntry} entry @param {Checked} checked */
  #takeMessage(entry, checked) {
    const known = this.#rows.get(entry.mid);
    if (checked.is !== "ok" && checked.is !== "no_key") return this.#takeUnchecked(entry, checked, known);
    if (known && known.createdSeq !== entry.createdSeq && !known.lost) return;
    const { env } = checked;
    const isSame = known !== undefined && known.sig === checked.json.s;
    // It may have been opened since this check began.
    if (isSame && (known.verdict === "outdated" || (known.opened && !known.lost && checked.is === "no_key"))) return;
    if (known?.verified && !known.lost && !isSame && !this.#isNewer(entry, env, known)) return;
    const row = this.#rowOf(entry, checked, known);
    if ((!isSame || known.lost) && this.#judge(row, known) !== "ok") {
      if (known?.verified) return;
      return this.#set({ ...withoutContent(row), verified: false, opened: false, verdict: "outdated" });
    }
    this.#set(row);
  }

  /**
   * What failed its check takes the place of nothing that passed: the row says so, and stays.
   *
   * @param {SealedEntry} entry
   * @param {Exclude<Checked, { env: Envelope }>} checked
   * @param {Row | undefined} known
   */
  #takeUnchecked(entry, checked, known) {
    if (known && (known.rev > entry.rev || known.kind === "del")) return;
    if (checked.is === "waits") {
      const forgotten = known?.forgotten ? { forgotten: known.forgotten } : {};
      if (!known || known.forgotten)
        this.#set({ ...this.#newRow(entry), ...forgotten, is: "missing", verdict: "no_key", env: checked.json });
      else this.#putOff(entry);
      return;
    }
    if (known?.verified && known.rev === entry.rev && known.is !== "gone") return;
    const row = known?.verified ? withoutContent(known) : this.#newRow(entry);
    if (checked.is === "newer") return this.#set({ ...row, verdict: "newer" });
    if (!known?.bad) this.#parts.count("failed", 1);
    this.#set({ ...row, verdict: "failed", bad: checked.rule });
  }

  /** 8.5 (9). @param {SealedEntry} entry @param {Envelope} env @param {Row} known */
  #isNewer(entry, env, known) {
    if (known.is === "gone" && env.rev === known.rev) return true;
    return supersedes(known, { rev: env.rev, kind: env.kind, by: env.by, author: entry.by });
  }

  /**
   * @param {SealedEntry} entry
   * @param {Extract<Checked, { env: Envelope }>} checked
   * @param {Row | undefined} known
   * @returns {Row}
   */
  #rowOf(entry, checked, known) {
    const { env, json } = checked;
    const content = checked.is === "ok" ? checked.content : null;
    const isDeleted = env.kind === "del";
    return {
      ...this.#newRow(entry),
      rev: env.rev,
      kind: env.kind,
      by: env.by,
      seq: Math.max(entry.seq, known && !known.lost ? known.seq : 0),
      epoch: env.epoch,
      gen: env.gen,
      ts: env.ts,
      sig: json.s,
      verified: true,
      opened: checked.is === "ok",
      is: checked.is === "ok" || isDeleted ? "shown" : "missing",
      verdict: checked.is === "ok" || isDeleted ? "ok" : "no_key",
      ...(known?.edited ? { edited: known.edited } : {}),
      ...(known?.stirred ? { stirred: known.stirred } : {}),
      ...earlierOf(known, json.s),
      ...(content ? contentOf(content) : {}),
      ...(checked.is === "no_key" && !isDeleted ? { env: json } : {}),
    };
  }

  /**
   * 8.5 (10), and 11.4 after a restore: there a revision that was known before is not new.
   *
   * @param {Row} row
   * @param {Row | undefined} known
   * @returns {"ok" | "outdated"}
   */
  #judge(row, known) {
    const { state, batches } = this.#room;
    if (!state) return "ok";
    const target = row.ref ? this.#rows.get(row.ref) : row;
    // A reaction that was taken back in what was lost stands again, and has never been seen by who came later.
    const loaded = row.ref && target?.stirred ? [] : this.intervals.list;
    if (order(inOrder(row), this.#relevant(row), loaded, { state, batches }) !== "ok") return "outdated";
    if (known && (known.sig === row.sig || known.forgotten?.includes(row.sig))) return "ok";
    // What is kept and not read says of nothing that it is new.
    if (!this.#shelf.isRead) return "ok";
    const { view, n } = this.#parts.directory;
    const current = state.members.has(row.by) && row.gen === view.genAt(row.by, n);
    const place = target?.lost ? undefined : target?.createdSeq;
    const late = { revSeq: row.revSeq, epoch: row.epoch, current, place };
    const isOutdated = this.restores.some(
      (restore) => afterRestore(late, restore.common, restore.epoch, restore.loaded) === "outdated",
    );
    return isOutdated ? "outdated" : "ok";
  }

  /** The rows that say anything about the order of one. @param {Row} row */
  #relevant(row) {
    const mids = new Set([row.mid, row.ref ?? row.mid]);
    for (const place of [row.createdSeq, row.revSeq]) for (const mid of this.#places.get(place) ?? []) mids.add(mid);
    const rows = [...mids]
      .flatMap((mid) => this.#rows.get(mid) ?? [])
      .filter(hasPlace)
      .map(inOrder);
    for (const [gen, { min, max }] of this.#gens.get(row.by) ?? [])
      for (const place of [min, max])
        if (place !== row.revSeq && place !== row.createdSeq)
          rows.push({ ...inOrder(row), mid: `${gen}/${place}`, ref: "", revSeq: place, gen, createdSeq: undefined });
    return rows;
  }

  /**
   * A reaction, or its end. It changes the message that it is to.
   *
   * @param {SealedEntry} entry
   * @param {Checked | null} checked
   */
  #takeReaction(entry, checked) {
    if (checked) this.#setReaction(entry, checked);
    const target = this.#rows.get(entry.ref);
    if (!target || target.lost) return null;
    target.seq = Math.max(target.seq, entry.seq);
    this.#shelf.note(target);
    return this.show(target);
  }

  /** @param {SealedEntry} entry @param {Checked} checked */
  #setReaction(entry, checked) {
    if (checked.is === "failed") this.#parts.count("failed", 1);
    if (checked.is === "waits") this.#putOff(entry);
    if (checked.is !== "ok" && checked.is !== "no_key") return;
    const known = this.#rows.get(entry.mid);
    const { env } = checked;
    const isThere = known?.verified && !known.lost;
    const isSame = isThere && known.sig === checked.json.s;
    if (isThere && !isSame && !this.#isNewer(entry, env, known)) return;
    if (isSame && known.opened && checked.is === "no_key") return;
    const row = { ...this.#rowOf(entry, checked, known), ref: entry.ref, createdSeq: 0 };
    if (env.kind === "react" && checked.json.ref !== entry.ref) return;
    if (!isSame && this.#judge(row, known) !== "ok") return;
    this.#set(row);
  }

  /**
   * All reactions to a message, as they were at its newest change. Those that came later stay.
   *
   * @param {SealedEntry} entry
   * @param {{ revSeq: number, mid: string, checked: Checked | null }[]} reacts
   */
  #takeReactions(entry, reacts) {
    const told = new Set(reacts.map(({ mid }) => mid));
    for (const row of this.reactionsTo(entry.mid))
      if (!told.has(row.mid) && row.revSeq <= entry.seq && row.kind === "react") this.#forget(row);
    for (const { revSeq, mid, checked } of reacts) {
      if (!checked || checked.is === "failed" || checked.is === "newer") continue;
      const { kind, rev, by } = "env" in checked ? checked.env : checked.json;
      const told = { ...entry, mid, ref: entry.mid, kind, rev, by, revSeq, gone: null, reacts: null };
      this.#setReaction({ ...told, env: checked.json }, checked);
    }
  }

  /** @param {Row} row */
  #set(row) {
    const known = this.#rows.get(row.mid);
    if (known) this.#unplace(known);
    if (known?.lost && !row.lost) this.#forgetLost(known);
    this.#rows.set(row.mid, row);
    if (row.ref) this.#reactions.set(row.ref, (this.#reactions.get(row.ref) ?? new Set()).add(row.mid));
    for (const place of hasPlace(row) ? [row.createdSeq, row.revSeq] : [])
      if (place > 0) this.#places.set(place, (this.#places.get(place) ?? new Set()).add(row.mid));
    if (row.verified && !row.lost) this.#noteGen(row);
    // What a lost one refers to was in the history that has gone.
    if (row.pv && row.verdict === "ok" && !row.lost) this.#doubtful.add(row.mid);
    else this.#doubtful.delete(row.mid);
  }

  /** It has come again. What belonged to the lost copy has gone with the backup. @param {Row} lost */
  #forgetLost(lost) {
    for (const reaction of this.reactionsTo(lost.mid)) if (reaction.lost) this.#forget(reaction);
    this.#shelf.forget(lost);
  }

  /** Takes up a row that was kept. Of one that has come again the lost copy may be kept, too. @param {Row} row */
  takeUp(row) {
    const known = this.#rows.get(row.mid);
    if (!known || (known.lost && !row.lost)) this.#set(row);
  }

  /** @param {Row} row */
  #forget(row) {
    this.#unplace(row);
    this.#rows.delete(row.mid);
    this.#doubtful.delete(row.mid);
    if (row.ref) this.#reactions.get(row.ref)?.delete(row.mid);
  }

  /** @param {Row} row */
  #unplace({ mid, createdSeq, revSeq }) {
    for (const place of [createdSeq, revSeq]) this.#places.get(place)?.delete(mid);
  }

  /** @param {Row} row */
  #noteGen({ by, gen, revSeq }) {
    const gens = this.#gens.get(by) ?? new Map();
    const { min, max } = gens.get(gen) ?? { min: revSeq, max: revSeq };
    this.#gens.set(by, gens.set(gen, { min: Math.min(min, revSeq), max: Math.max(max, revSeq) }));
  }

  /**
   * From where on everything in the room has come without a gap; null while it is not followed.
   *
   * @type {number | null}
   */
  #since = null;
  #reached = 0;

  /**
   * Everything behind `since` has come, up to `seq`.
   *
   * @param {number} since
   * @param {number} seq
   */
  followed(since, seq) {
    if (this.#since === null || since > this.#reached) this.#since = since;
    this.#reach(Math.max(seq, since));
  }

  /** @param {number} seq */
  reached(seq) {
    if (this.#since !== null && seq > this.#reached) this.#reach(seq);
  }

  /** @param {number} seq */
  #reach(seq) {
    const since = this.#since ?? seq;
    this.#reached = seq;
    this.intervals.raise(since, seq);
    this.loaded({ from: since + 1, to: seq, seq });
  }

  /** The room is not followed any more. */
  left() {
    this.#since = null;
  }

  /** Up to where a page is known that was asked for at a `seq`. @param {number} asked */
  knownUpTo(asked) {
    return this.#since !== null && asked >= this.#since ? Math.max(asked, this.#reached) : asked;
  }

  /**
   * A part of the history is loaded. What it says about messages that refer to others is looked at again.
   *
   * @param {import("./intervals.js").Interval} interval
   */
  loaded(interval) {
    this.intervals.add(interval);
    this.#letGo();
    this.#shelf.noteIntervals();
  }

  /**
   * Looks again at messages that refer to what was not loaded (8.5, 11).
   *
   * @returns {Row[]} those that are shown in another way now
   */
  doubts() {
    /** @type {Row[]} */
    const changed = [];
    for (const mid of this.#doubtful) {
      const row = /** @type {Row} */ (this.#rows.get(mid));
      const [place = 0, cited = ""] = row.pv ?? [];
      const others = [...(this.#places.get(place) ?? []), cited].flatMap((each) => this.#rows.get(each) ?? []);
      const isThere = this.#hasComeAgain(place, this.#rows.get(cited), row.pv?.[2]);
      const found = isThere ? "ok" : readPv(row.pv, row.revSeq, others.map(asCited), this.intervals.list);
      const refers = found === "refers" ? "missing" : found === "lost" ? "lost" : undefined;
      if (found === "ok") this.#doubtful.delete(mid);
      if (refers === row.refers) continue;
      const { refers: _, ...rest } = row;
      const next = /** @type {Row} */ (refers ? { ...rest, refers } : rest);
      this.#rows.set(mid, next);
      this.#shelf.note(next);
      changed.push(next);
    }
    return changed;
  }

  /**
   * Whether a message was lost at a place and has come again at another one: who saw it first cites the first.
   *
   * @param {number} place
   * @param {Row | undefined} row
   * @param {string | undefined} author
   */
  #hasComeAgain(place, row, author) {
    const isHere = row?.verified && !row.lost && row.author === author && row.createdSeq > 0;
    return Boolean(isHere) && this.restores.some(({ common }) => place > common);
  }

  /** @param {SealedEntry} entry */
  #putOff(entry) {
    this.#late = [...this.#late, entry].slice(-LATE_MOST);
  }

  /** Changes of what is known that waited for the log, to be checked once more. */
  takeLate() {
    return this.#late.splice(0);
  }

  /** Messages and reactions whose key was missing, of epochs up to the newest. @returns {Row[]} */
  waiting() {
    return [...this.#rows.values()].filter(({ is, env, lost }) => is === "missing" && env && !lost);
  }

  /** Messages that a backup of the server has lost, between two places. @param {number} from @param {number} to */
  lostBetween(from, to) {
    const common = this.#lostAfter;
    // If nothing is left, they stand before the first.
    const isWithin = common === 0 ? from <= 1 : common >= from && common <= to;
    if (!this.restores.length || !isWithin) return [];
    return [...this.#rows.values()].filter(({ lost, kind }) => lost && kind !== "react").map((row) => this.show(row));
  }

  /**
   * What a restore of the server means for what is known: see `restore.js`.
   *
   * @param {{ common: number, lost: string[], again: string[], remain: import("./intervals.js").Interval[] }} found
   * @param {number} epoch  the newest that was followed when the restore was noticed
   */
  async afterRestore({ common, lost, again, remain }, epoch) {
    for (const mid of again) this.#forgetAbove(mid, common);
    for (const mid of lost) {
      const row = this.#rows.get(mid);
      for (const each of row ? [row, ...this.reactionsTo(mid)] : []) this.#lose(each);
    }
    const earlier = this.restores.filter((each) => each.common < common);
    this.restores = [...earlier, { common, epoch, loaded: this.intervals.list }].slice(-RESTORES_MOST);
    this.intervals = new Intervals(remain);
    this.#gens.clear();
    for (const row of this.#rows.values()) if (row.verified && !row.lost) this.#noteGen(row);
    await this.#shelf.rewrite(this, [...lost, ...again]);
  }

  /** It stays, and takes no place. @param {Row} row */
  #lose(row) {
    this.#unplace(row);
    this.#rows.set(row.mid, { ...row, lost: true });
    this.#doubtful.delete(row.mid);
  }

  /**
   * Of a message that stays, what came of it above a place is forgotten, and fetched again. Its rows stay known: what
   * is fetched would be news inside of a part that is loaded otherwise.
   *
   * @param {string} mid
   * @param {number} place
   */
  #forgetAbove(mid, place) {
    const row = this.#rows.get(mid);
    if (!row) return;
    for (const reaction of this.reactionsTo(mid))
      if (reaction.revSeq > place)
        this.#set(this.#forgotten(reaction, { kind: "react", rev: -1, revSeq: 0, ref: mid }));
    if (row.revSeq <= place) return this.#set({ ...row, seq: Math.min(row.seq, place), stirred: true });
    this.#set({ ...this.#forgotten(row, { kind: "msg", rev: 0, revSeq: row.createdSeq, ref: "" }), stirred: true });
  }

  /**
   * @param {Row} row
   * @param {Pick<SealedEntry, "kind" | "rev" | "revSeq" | "ref">} first
   * @returns {Row}
   */
  #forgotten({ mid, createdSeq, at, author, sig, earlier = [], forgotten = [] }, first) {
    const told = { ...first, mid, by: author, createdSeq, at, seq: first.revSeq };
    const row = this.#newRow({ ...told, edited: null, env: null, gone: null, reacts: null });
    const known = [...earlier, ...(sig ? [sig] : []), ...forgotten];
    return { ...row, is: "missing", verdict: "no_key", forgotten: known };
  }

  /** @param {Row} row */
  #forgetWithReactions(row) {
    for (const reaction of this.reactionsTo(row.mid)) this.#forget(reaction);
    this.#forget(row);
  }

  /** Lets the oldest rows go, with the parts of the history around them. */
  #letGo() {
    if (this.#rows.size <= HELD_MOST) return;
    const places = [...this.#rows.values()].map(({ createdSeq }) => createdSeq).sort((a, b) => b - a);
    const edge = places[Math.floor(HELD_MOST * 0.8)] ?? 0;
    for (const row of [...this.#rows.values()])
      if (row.createdSeq > 0 && row.createdSeq < edge && !row.lost) this.#forgetWithReactions(row);
    this.#shelf.letGo(this.intervals.cutBelow(edge));
  }

  /** Until everything that was to be kept is kept. */
  written() {
    return this.#shelf.written();
  }
}

/** @param {Row} row @returns {Row} */
function withoutContent({ text: _t, re: _re, m: _m, emoji: _e, pv: _pv, env: _env, refers: _refers, ...row }) {
  return row;
}

/** What is kept of revisions before a new one. @param {Row | undefined} known @param {string} sig  of the new one */
function earlierOf(known, sig) {
  const before = known?.verified && known.sig !== sig ? [known.sig] : [];
  const earlier = [...(known?.earlier ?? []), ...before].slice(-EARLIER_MOST);
  return earlier.length ? { earlier } : {};
}

/** Whether a row has its place in the order: what failed its check, or was lost, has none. @param {Row} row */
const hasPlace = ({ verified, is, lost, verdict }) => !lost && (verified || is !== "shown" || verdict === "outdated");

/** A row as its order is judged. @param {Row} row @returns {any} */
function inOrder({ mid, kind, rev, by, author, createdSeq, revSeq, epoch, gen, ref, is, verdict }) {
  const isChecked = gen > 0;
  return {
    mid,
    kind,
    rev,
    by,
    author,
    ...(createdSeq ? { createdSeq } : {}),
    revSeq,
    ...(isChecked ? { epoch, gen } : {}),
    ...(ref ? { ref } : {}),
    is: verdict === "outdated" ? "outdated" : is,
  };
}

/** @param {Row} row */
function asCited({ mid, kind, author, createdSeq, verified, lost, is }) {
  const place = createdSeq ? { createdSeq } : {};
  return { mid, kind, by: author, ...place, verified, lost, gone: is === "gone" };
}

/** @param {Content} content */
function contentOf(content) {
  if ("e" in content) return { emoji: content.e };
  const { t, re, m = [], all, pv } = content;
  const mentions = all ? [...m, EVERYBODY] : m;
  return { text: t, ...(re ? { re } : {}), ...(mentions.length ? { m: mentions } : {}), ...(pv ? { pv } : {}) };
}
