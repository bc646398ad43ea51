/**
 * Opens entries of encrypted rooms for `Ingest`: live ones, replays and pages all go this way (8.5 of e2ee.md). What
 * takes time, the checks of signatures and the opening, begins for all entries of a page at once; what depends on the
 * order is judged one after the other by the room's ledger.
 */
import { fromBase64Url, Refused } from "../../crypto/encoding.js";
import { openEnvelope } from "../../crypto/envelope.js";
import { parseEnvelope } from "../../crypto/envelope_form.js";
import { checkEnvelope } from "../../crypto/verdicts.js";
import { sealedFromWire } from "../../net/wire.js";
import { isPassing } from "./passing.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("./ledger.js").Checked} Checked */
/** @typedef {import("./ledger.js").Row} Row */
/** @typedef {import("../types.js").Message} Message */
/** @typedef {import("../../net/wire.js").Entry} Entry */
/** @typedef {import("../../net/wire.js").SealedEntry} SealedEntry */
/** @typedef {import("../../crypto/envelope_form.js").Envelope} Envelope */
/** @typedef {{ mid: string, rev: number, kind: "msg" | "del" | "react", by: string, isReaction?: boolean }} Outer */
/** What a check has shown of a message and of the reactions that came with it. */
/** @typedef {{ main: Checked | null, reacts: React[] | null }} Prepared */
/** @typedef {{ revSeq: number, mid: string, checked: Checked | null }} React */

/** How often the log is asked for before a message waits for it without a check, and how long between. */
const LOG_ATTEMPTS = 4;
const LOG_WAIT_MS = 700;

export class Opener {
  #parts;
  #roomOf;
  /** What is begun, and in which history. @type {WeakMap<Entry, { of: number, done: Promise<Prepared> }>} */
  #prepared = new WeakMap();

  /**
   * @param {Parts} parts
   * @param {(id: string) => EncryptedRoom | null} roomOf  null if the server says that it is encrypted and not which
   */
  constructor(parts, roomOf) {
    this.#parts = parts;
    this.#roomOf = roomOf;
  }

  /**
   * Begins the checks of all entries that `open` is asked for next, with what is known of their part of the history.
   *
   * @param {string} id
   * @param {Entry[]} entries
   * @param {import("../ingest.js").Loaded | undefined} page  where they are from, if not live or from a replay
   */
  async begin(id, entries, page) {
    const room = this.#roomOf(id);
    if (!room) return;
    await room.ready();
    const sealed = entries.flatMap((entry) => (entry.log ? [] : [{ entry, told: sealedFromWire(entry) }]));
    const ranges = page ? [rangeOf(page)] : sealed.map(({ told }) => ({ from: told.createdSeq, to: told.createdSeq }));
    for (const { from, to } of ranges) if (to > 0) await room.ledger.reach(from, to);
    for (const { entry, told } of sealed)
      this.#prepared.set(entry, { of: room.histories, done: this.#prepare(room, told) });
  }

  /**
   * Opens one entry and judges it by all before it.
   *
   * @param {string} id
   * @param {Entry} entry
   * @returns {Promise<Message | null>} what is shown; null if nothing is, as of a batch of the log
   */
  async open(id, entry) {
    const room = this.#roomOf(id);
    if (entry.log) {
      await room
        ?.take({ seq: entry.seq, at: entry.at, ...entry.log })
        .catch((error) => this.#reportUnlessPassing(error));
      return null;
    }
    const told = sealedFromWire(entry);
    if (!room) return unknown(told);
    const { of, done } = this.#prepared.get(entry) ?? { of: room.histories, done: this.#prepare(room, told) };
    const { main, reacts } = await done;
    this.#prepared.delete(entry);
    // A backup was restored meanwhile: what is so now is told anew.
    if (of !== room.histories) return null;
    const message = room.ledger.take(told, main, reacts);
    if (message?.verdict === "failed" || message?.verdict === "no_key") room.tell();
    return message;
  }

  /**
   * The server has taken a new message of mine. It is known from now on, so that it does not vanish if a backup is
   * restored before its event comes.
   *
   * @param {EncryptedRoom} room
   * @param {any} env
   * @param {{ seq: number, at: number | null }} answer
   */
  async sent(room, env, { seq, at }) {
    const { mid, rev, kind, by } = env;
    const place = { at: at ?? Math.floor(this.#parts.now()), seq, createdSeq: seq, revSeq: seq, edited: null };
    const told = { mid, rev, kind, by, ref: "", ...place, env, gone: null, reacts: null };
    const { histories } = room;
    const checked = await this.check(room, env, { ...told, isReaction: false });
    // Its event has come meanwhile, or the room has gone over to another history.
    if (checked.is !== "ok" || histories !== room.histories || room.comparing || room.ledger.row(mid)) return;
    room.ledger.take(told, checked, null);
  }

  /** @param {unknown} error */
  #reportUnlessPassing(error) {
    if (!isPassing(error)) this.#parts.report(error);
  }

  /**
   * A page is taken in: it is a part of the history that is known from now on.
   *
   * @param {string} id
   * @param {import("../ingest.js").Loaded | undefined} page
   * @returns {Message[]} messages that belong to it besides, and those that it shows in another light
   */
  end(id, page) {
    const room = this.#roomOf(id);
    if (!room || !page) return [];
    const { ledger } = room;
    const { from, to } = rangeOf(page);
    ledger.loaded({ from, to, seq: ledger.knownUpTo(page.asked) });
    return [...ledger.lostBetween(from, to), ...ledger.doubts().map((row) => ledger.show(row))];
  }

  /** @param {EncryptedRoom} room @param {SealedEntry} told @returns {Promise<Prepared>} */
  async #prepare(room, told) {
    const [main, reacts] = await Promise.all([
      this.#checkMain(room, told),
      told.reacts && Promise.all(told.reacts.map((react) => this.#checkReaction(room, react))),
    ]);
    return { main, reacts };
  }

  /** @param {EncryptedRoom} room @param {SealedEntry} told @returns {Promise<Checked | null>} */
  async #checkMain(room, told) {
    if (told.gone || room.ledger.isKnown(told.mid, told.env)) return null;
    return this.check(room, told.env, { ...told, isReaction: told.ref !== "" });
  }

  /** @param {EncryptedRoom} room @param {{ revSeq: number, env: any }} react */
  async #checkReaction(room, { revSeq, env }) {
    const mid = String(env?.mid);
    const by = String(env?.by);
    const outer = /** @type {const} */ ({ mid, rev: Number(env?.rev), kind: "react", by, isReaction: true });
    const checked = room.ledger.isKnown(mid, env) ? null : await this.check(room, env, outer);
    return { revSeq, mid, checked };
  }

  /**
   * Everything that needs no other message (8.5, 1 to 8): form, log, directory, signature, key, contents.
   *
   * @param {EncryptedRoom} room
   * @param {any} json  the envelope as it came
   * @param {Outer} outer
   * @returns {Promise<Checked>}
   */
  async check(room, json, outer) {
    if (json?.v !== undefined && json.v !== 1) return { is: "newer" };
    try {
      const env = parseEnvelope(json);
      if (!(await this.#bringLog(room, env))) return { is: "waits", json };
      return await this.#checkParsed(room, json, env, outer);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      return error.rule === "suite" ? { is: "newer" } : { is: "failed", rule: error.rule };
    }
  }

  /**
   * The log and the list of keys as far as the message's author has seen them.
   *
   * @param {EncryptedRoom} room
   * @param {Envelope} env
   * @returns {Promise<boolean>} whether they are here
   */
  async #bringLog(room, env) {
    const { directory } = this.#parts;
    for (let attempt = 1; attempt <= LOG_ATTEMPTS; attempt += 1) {
      try {
        if (!room.state || env.ls > room.state.seq || !room.isPlaced(env.ls)) await room.sync();
        if (env.dn > directory.n) await directory.noticed(env.dn);
        await directory.entriesOf([env.by]);
        const isHere = room.state !== null && env.ls <= room.state.seq && room.isPlaced(env.ls);
        return isHere && env.dn <= directory.n;
      } catch {
        if (attempt < LOG_ATTEMPTS) await this.#parts.wait(LOG_WAIT_MS * attempt);
      }
    }
    return false;
  }

  /**
   * @param {EncryptedRoom} room
   * @param {any} json
   * @param {Envelope} env
   * @param {Outer} outer
   * @returns {Promise<Checked>}
   */
  async #checkParsed(room, json, env, outer) {
    const { state } = room;
    if (!state) return { is: "waits", json };
    const found = await checkEnvelope(env, outer, state, this.#parts.directory.view);
    if (!found.ok) {
      if (found.rule === "behind") return { is: "waits", json };
      if (found.rule === "log_fork") room.noteFork({ of: "log", seq: env.ls, theirs: env.lh, by: env.by });
      if (found.rule === "directory_fork") room.noteFork({ of: "directory", seq: env.dn, theirs: env.dh, by: env.by });
      return { is: "failed", rule: found.rule };
    }
    if (env.kind === "del") return { is: "ok", env, json, content: null };
    const key = await room.keys.get(env.epoch).catch(() => null);
    if (!key) return { is: "no_key", env, json };
    return { is: "ok", env, json, content: await openEnvelope(env, state.rid, found.kc, key) };
  }

  /**
   * Checks again what could not be opened before, after keys have come.
   *
   * @param {EncryptedRoom} room
   * @returns {Promise<Message[]>} what is shown in another way now
   */
  async again(room) {
    const rows = room.ledger.waiting();
    const late = room.ledger.takeLate();
    const { histories } = room;
    const checked = await Promise.all(rows.map((row) => this.check(room, row.env, outerOf(row))));
    const changes = await Promise.all(
      late.map((told) => this.check(room, told.env, { ...told, isReaction: told.ref !== "" })),
    );
    // In another history they are read anew.
    if (room.comparing || histories !== room.histories) return [];
    /** @type {Map<string, Message>} */
    const messages = new Map();
    for (const [at, row] of rows.entries()) {
      const result = /** @type {Checked} */ (checked[at]);
      if (result.is === "waits" || (result.is === "no_key" && row.verified)) continue;
      const message = room.ledger.take(toldOf(row), result, null);
      if (message) messages.set(message.mid, message);
    }
    for (const [at, told] of late.entries()) {
      const message = room.ledger.take(told, /** @type {Checked} */ (changes[at]), null);
      if (message) messages.set(message.mid, message);
    }
    return [...messages.values()];
  }
}

/** @param {Row} row @returns {Outer} */
const outerOf = ({ mid, rev, kind, author, ref }) => ({ mid, rev, kind, by: author, isReaction: ref !== undefined });

/** @param {Row} row @returns {SealedEntry} */
function toldOf({ mid, rev, kind, author, ref = "", at, seq, createdSeq, revSeq, edited = null, env }) {
  return { mid, rev, kind, by: author, ref, at, seq, createdSeq, revSeq, edited, env, gone: null, reacts: null };
}

/**
 * A message of a room of which nothing can be checked.
 *
 * @param {SealedEntry} told
 * @returns {Message}
 */
function unknown({ mid, rev, kind, by, at, createdSeq, seq }) {
  const is = kind === "del" ? "del" : "msg";
  return { mid, rev, kind: is, by, t: "", at, createdSeq, seq, status: "sent", verdict: "failed", failure: "room" };
}

/**
 * The places between which a page leaves nothing out.
 *
 * @param {import("../ingest.js").Loaded} page
 */
function rangeOf({ entries, where, asked, moreBefore, moreAfter }) {
  const places = entries.flatMap((entry) => (entry.log ? [] : [sealedFromWire(entry).createdSeq]));
  const [first, last] = [places[0], places.at(-1)];
  const { before, after } = where;
  const from = after !== undefined ? after + 1 : moreBefore ? (first ?? Infinity) : 1;
  const to = before !== undefined ? before - 1 : moreAfter ? (last ?? 0) : Math.max(asked, last ?? 0);
  return { from, to };
}

/** Whether a text is the identity of a room. @param {string} text */
export function isRid(text) {
  try {
    return fromBase64Url(text).length === 32;
  } catch {
    return false;
  }
}
