/**
 * Sends entries of the outbox in encrypted rooms (13.6 of e2ee.md). An envelope is built once and kept; what is sent
 * again are the same bytes, so a message arrives exactly once. Only a server that says that the key is old, or that a
 * new one is due, has not taken them: then they are built anew, under the same name.
 */
import { buildEnvelope } from "../../crypto/envelope.js";
import { envelopeJson } from "../../crypto/envelope_form.js";
import { fromBase64Url } from "../../crypto/encoding.js";
import { isPassing } from "./passing.js";
import { rotate } from "./rotation.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("../outbox.js").Entry} Entry */
/** @typedef {import("../../net/socket.js").Answer} Answer */
/** @typedef {import("../../crypto/content.js").Content} Content */
/** What the sender needs of the encrypted outbox. */
/** @typedef {Pick<import("./encrypted_shelf.js").EncryptedShelf, "written" | "envelopeOf" | "keepEnvelope">} Shelf */

const ATTEMPTS = 8;
const WAIT_MS = 50;
const WAIT_MORE_MS = 450;
const EVERYBODY = "all";
/** Bytes of a text. */
const TEXT_MAX = 32 * 1024;

/** Why the server wants a new key, in the words of the log. */
const REASONS = /** @type {const} */ ({ left: "member", keys: "keys", shut: "shut", full: "manual" });

export class Sender {
  #parts;
  #roomOf;
  #shelf;
  #post;
  #missing;
  #keysChanged;
  #sent;

  /**
   * @param {Parts} parts
   * @param {object} ways
   * @param {(id: string) => EncryptedRoom | null} ways.roomOf
   * @param {Shelf} ways.shelf
   * @param {(room: string, env: any) => Promise<Answer>} ways.post
   * @param {(room: EncryptedRoom) => void} ways.missing  the room's key is not here, and somebody wants to write
   * @param {() => void} ways.keysChanged  my own keys were changed in another browser
   * @param {(room: EncryptedRoom, env: any, answer: Answer) => Promise<void>} ways.sent  a new message was taken
   */
  constructor(parts, { roomOf, shelf, post, missing, keysChanged, sent }) {
    this.#parts = parts;
    this.#roomOf = roomOf;
    this.#shelf = shelf;
    this.#post = post;
    this.#missing = missing;
    this.#keysChanged = keysChanged;
    this.#sent = sent;
  }

  /**
   * Fails with `waiting` if it cannot be sent now and will be later, otherwise as the server refuses it.
   *
   * @param {Entry} entry
   * @returns {Promise<Answer>}
   */
  async send(entry) {
    const room = this.#roomOf(entry.room);
    if (!room) throw waiting("room");
    await room.ready();
    await this.#shelf.written();
    /** What the server says that a new key is due for. @type {string | null} */
    let due = null;
    /** Bytes that the server did not take. @type {any} */
    let refused = null;
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      this.#assertOpen(room);
      const kept = await this.#shelf.envelopeOf(entry);
      const env = kept && kept.s !== refused?.s ? kept : await this.#build(room, entry, due, refused);
      try {
        const answer = await this.#post(entry.room, env);
        if (env.rev === 0 && env.kind === "msg") await this.#sent(room, env, answer).catch(this.#parts.report);
        return answer;
      } catch (error) {
        const { code, detail } = /** @type {any} */ (error);
        if (code === "gen_stale") this.#keysChanged();
        if (code === "gen_stale" && this.#isOfOldKeys(env)) refused = env;
        else if (code !== "epoch_stale" && code !== "rotation_required")
          throw code === "gen_stale" ? waiting(code) : error;
        refused = env;
        due = code === "rotation_required" ? String(detail?.why ?? "left") : null;
        if (code === "rotation_required") room.shut = detail?.shut?.map(String) ?? room.shut;
        await room.sync(detail?.head ? { seq: Number(detail.head.seq), hash: String(detail.head.hash) } : null);
        await this.#parts.wait(WAIT_MS + WAIT_MORE_MS * this.#parts.random());
      }
    }
    throw waiting("busy");
  }

  /** Whether an envelope is signed with keys that are not my newest ones. @param {any} env */
  #isOfOldKeys(env) {
    return env.gen < (this.#parts.identity()?.gen ?? 0);
  }

  /** @param {EncryptedRoom} room */
  #assertOpen(room) {
    if (!this.#parts.identity()) throw waiting("locked");
    if (room.fork || room.isMisnamed || room.isBehind || !this.#parts.mayWrite()) throw waiting("stopped");
  }

  /**
   * Builds the envelope, after a new key if one is due, and keeps it. If another tab was faster, its bytes count.
   *
   * @param {EncryptedRoom} room
   * @param {Entry} entry
   * @param {string | null} due
   * @param {any} refused
   */
  async #build(room, entry, due, refused) {
    if (entry.msg.kind !== "del") await this.#rotateIfDue(room, due);
    const env = await this.#seal(room, entry);
    return this.#shelf.keepEnvelope(entry, env, refused);
  }

  /** @param {EncryptedRoom} room @param {string | null} due */
  async #rotateIfDue(room, due) {
    const state = room.state;
    if (!state || (!room.isDue && !due)) return;
    const epoch = state.epoch;
    const why = /** @type {keyof typeof REASONS} */ (due ?? (state.gone ? "left" : "keys"));
    const isWanted = (/** @type {EncryptedRoom} */ { isDue, state: now }) =>
      isDue || (due !== null && now?.epoch === epoch);
    try {
      await rotate(this.#parts, room, { reason: REASONS[why] ?? "manual", isWanted });
    } catch (error) {
      const { code, message } = /** @type {any} */ (error);
      if (code === "waiting" && message === "key") this.#missing(room);
      if (code === "rate_limited") throw error;
      // The message is not what was refused: it waits until the room has its key.
      if (!isPassing(error) && code !== "members_changed") this.#parts.report(error);
      throw waiting(code ?? "rotation");
    }
  }

  /** @param {EncryptedRoom} room @param {Entry} entry */
  async #seal(room, { msg }) {
    const { state } = room;
    const me = this.#parts.identity();
    if (!state || !me) throw waiting("locked");
    const { epoch, rid } = state;
    const kc = state.kc[epoch];
    const ek = await room.keys.get(epoch).catch(() => null);
    if (!kc || (!ek && msg.kind !== "del")) {
      this.#missing(room);
      throw waiting("key");
    }
    const { view, n } = this.#parts.directory;
    const header = {
      mid: fromBase64Url(msg.mid),
      rev: msg.rev,
      kind: /** @type {"msg" | "del" | "react"} */ (msg.kind),
      ref: msg.kind === "react" ? fromBase64Url(String(msg["ref"])) : null,
      epoch,
      by: me.uid,
      gen: me.gen,
      ts: Math.floor(this.#parts.now()),
      ls: state.seq,
      lh: state.head,
      dn: n,
      dh: /** @type {import("./parts.js").Bytes} */ (view.hashAt(n)),
    };
    const content = contentOf(msg, room);
    return envelopeJson(await buildEnvelope({ rid, kc, ek, sign: me.signKey, header, content }));
  }
}

/** @param {Entry["msg"]} msg @param {EncryptedRoom} room @returns {Content | null} */
function contentOf(msg, room) {
  if (msg.kind === "del") return null;
  if (msg.kind === "react") return { e: String(msg["e"]) };
  const { t, re, m = [] } = msg;
  if (new TextEncoder().encode(t).length > TEXT_MAX) throw { code: "too_long" };
  const people = m.filter((/** @type {string} */ uid) => uid !== EVERYBODY);
  const pv = room.ledger.cite();
  return {
    t,
    ...(re ? { re } : {}),
    ...(people.length ? { m: people } : {}),
    ...(people.length < m.length ? { all: true } : {}),
    ...(pv ? { pv } : {}),
  };
}

/** @param {string} message  for what */
const waiting = (message) => ({ code: "waiting", message });
