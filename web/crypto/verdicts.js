/** Whether an envelope may be believed before it is opened (e2ee.md, 8.5, steps 1 to 6 and 9). */
import { equal, toBase64Url } from "./encoding.js";
import { signedBytes } from "./envelope_form.js";
import { roleAt } from "./room_state.js";
import { verify } from "./signatures.js";

/** @import { Bytes } from "./encoding.js" */
/** @import { DirectoryView } from "./directory.js" */
/** @import { Envelope } from "./envelope_form.js" */
/** @import { RoomState } from "./room_state.js" */

/**
 * What the server says beside an envelope.
 *
 * @typedef {object} Outer
 * @property {string} mid  base64url
 * @property {number} rev
 * @property {string} kind
 * @property {string} by  the author; in a `del` by somebody else the author of what is deleted
 * @property {boolean} [isReaction]  it is a reaction, or the `del` of one
 */

/**
 * `behind`: nothing is wrong yet: it names an entry of the log or a position of the directory that this client has to
 * fetch first.
 *
 * @typedef {{ok: true, kc: Bytes, root: Bytes} |
 *   {ok: false, rule: "form" | "log_fork" | "epoch" | "member" | "directory_fork" | "dn" | "generation" | "root" |
 *     "bad_signature" | "behind"}} Verdict
 */

/**
 * Steps 1 to 6, in this order.
 *
 * @param {Envelope} envelope
 * @param {Outer} outer
 * @param {RoomState} state
 * @param {DirectoryView} view
 * @returns {Promise<Verdict>}
 * @throws {import("./directory.js").Unknown}
 */
export async function checkEnvelope(envelope, outer, state, view) {
  const rule = checkOuter(envelope, outer) ?? checkLog(envelope, outer, state) ?? checkDirectory(envelope, state, view);
  if (rule) return { ok: false, rule };
  const kc = /** @type {Bytes} */ (state.kc[envelope.epoch]);
  const keys = view.keysOf(envelope.by, envelope.gen);
  const holds = keys && (await verify(keys.ed, signedBytes(state.rid, kc, envelope), envelope.s));
  if (!holds) return { ok: false, rule: "bad_signature" };
  return { ok: true, kc, root: /** @type {Bytes} */ (roleAt(state, envelope.by, envelope.ls)?.root) };
}

/** Step 1. @param {Envelope} envelope @param {Outer} outer */
function checkOuter(envelope, outer) {
  const same = toBase64Url(envelope.mid) === outer.mid && envelope.rev === outer.rev && envelope.kind === outer.kind;
  const own = envelope.by === outer.by || envelope.kind === "del";
  return same && own ? null : "form";
}

/** Steps 2 to 4. @param {Envelope} envelope @param {Outer} outer @param {RoomState} state */
function checkLog({ ls, lh, epoch, by }, outer, state) {
  const hash = state.hashes[ls];
  if (!hash) return "behind";
  if (!equal(hash, lh)) return "log_fork";
  const made = state.entryOf[epoch];
  if (made === undefined || made > ls) return "epoch";
  const was = roleAt(state, by, ls);
  if (!was) return "member";
  return by === outer.by || mayDelete(was.role, outer) ? null : "member";
}

/** Another's message, never a reaction. @param {string} role @param {Outer} outer */
const mayDelete = (role, outer) => role !== "member" && !outer.isReaction;

/** Step 5. @param {Envelope} envelope @param {RoomState} state @param {DirectoryView} view */
function checkDirectory({ dn, dh, ls, by, gen }, state, view) {
  const hash = view.hashAt(dn);
  if (!hash) return "behind";
  if (!equal(hash, dh)) return "directory_fork";
  if (dn < (state.dns[ls] ?? 0)) return "dn";
  if (gen !== view.genAt(by, dn)) return "generation";
  const root = view.rootAt(by, dn);
  const recorded = roleAt(state, by, ls)?.root;
  return root && recorded && equal(root, recorded) ? null : "root";
}

/**
 * Step 9: whether a revision takes the place of the one that is known. What does not is ignored.
 *
 * @param {{rev: number, kind: string, author: string} | null} known
 * @param {{rev: number, kind: string, author: string, by: string}} next  `author` of the message, `by` of the revision
 * @returns {boolean}
 */
export function supersedes(known, next) {
  if (next.by !== next.author && next.kind !== "del") return false;
  if (!known) return true;
  if (known.kind === "del" || next.rev <= known.rev || next.author !== known.author) return false;
  return next.kind === known.kind || next.kind === "del";
}
