/** What screens read of an encrypted room: made from its checked log, never from what the server says of it. */
import { equal, toBase64Url } from "../../crypto/encoding.js";
import { able, stale } from "../../crypto/room_state.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./room.js").EncryptedRoom} Room */
/** @typedef {import("../types.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("../types.js").EncryptedPerson} EncryptedPerson */
/** @typedef {import("../types.js").EncryptedCondition} EncryptedCondition */
/** @typedef {import("../types.js").LogLine} LogLine */
/** @typedef {import("../../crypto/room_log_entry.js").Entry} Entry */

/** Somebody who has come in since this long ago, and has no key yet, has just joined. */
const JUST_MS = 3_600_000;

/**
 * @param {Parts} parts
 * @param {Room} room
 * @param {{ by: string, at: number } | null} badKey
 * @returns {EncryptedRoom}
 */
export function describe(parts, room, badKey) {
  const condition = conditionOf(parts, room);
  const people = peopleOf(parts, room);
  const others = people.filter(({ uid }) => uid !== parts.uid);
  const { failed, missing, lost } = room.ledger.counts;
  const founded = room.lines.find(({ seq }) => seq === 0);
  return {
    rid: room.name,
    condition,
    people,
    toApprove: condition === "ready" ? others.filter(({ isReset }) => isReset).map(({ uid }) => uid) : [],
    wasGroup: room.state?.kind === "dm" && room.state.past.size > 2,
    madeBy: founderOf(room),
    madeAt: founded?.time ?? 0,
    isVerified: others.length > 0 && others.every(({ verifiedAt, isReset }) => verifiedAt !== null && !isReset),
    lines: room.lines.map((entry) => lineOf(entry, room.state)),
    fork: room.fork,
    badKey,
    failedChecks: failed,
    missingKeys: missing,
    lost,
  };
}

/** @param {Room} room */
function founderOf({ state }) {
  for (const [uid, intervals] of state?.past ?? []) if (intervals[0]?.fromSeq === 0) return uid;
  return "";
}

/** @param {Parts} parts @param {Room} room @returns {EncryptedCondition} */
export function conditionOf(parts, room) {
  const { state } = room;
  if (room.isMisnamed) return "named_plain";
  if (!parts.identity()) return "locked";
  if (room.fork) return "forked";
  if (!parts.mayWrite()) return "directory_stopped";
  if (!state) return "opening";
  if (!state.members.has(parts.uid)) return "left";
  if (room.isBehind) return "older_log";
  if (isDead(parts, room)) return "dead";
  const { view, n } = parts.directory;
  if (stale(state, parts.uid, n, view)) return "waiting";
  if (room.keys.has(state.epoch)) return "ready";
  const last = room.lines.findLast(({ actor, body }) => body.type === "join" && actor === parts.uid);
  return last && parts.now() - last.time < JUST_MS && !room.keys.held.length ? "joined_alone" : "getting_key";
}

/** Whether nobody in it can let anybody back in (14.4). @param {Parts} parts @param {Room} room */
export function isDead({ directory }, { state }) {
  if (!state) return false;
  return [...state.members.keys()].every((uid) => !able(state, uid, directory.n, directory.view));
}

/** @param {Parts} parts @param {Room} room @returns {EncryptedPerson[]} */
function peopleOf({ directory, trust, uid: me }, { state }) {
  const members = [...(state?.members ?? [])].sort(([, a], [, b]) => a.sinceSeq - b.sinceSeq);
  return members.map(([uid, { root, role, sinceSeq }]) => {
    const contact = trust.ready && uid !== me ? trust.contact(uid) : null;
    return {
      uid,
      name: directory.nameOf(uid) ?? "",
      role,
      root: toBase64Url(root),
      since: sinceSeq,
      isReset: state !== null && stale(state, uid, directory.n, directory.view),
      isShut: state !== null && state.skipped.has(uid),
      verifiedAt: contact && equal(contact.root, root) ? (contact.ok ?? null) : null,
      keysAt: directory.madeAt(uid),
      warning: uid === me || !trust.ready ? null : warningOf(trust.judge(uid), contact, root),
    };
  });
}

/**
 * @param {import("./parts.js").Judged} judged
 * @param {{ root: import("./parts.js").Bytes } | null} contact
 * @param {import("./parts.js").Bytes} root  by which the room knows the person
 * @returns {EncryptedPerson["warning"]}
 */
function warningOf(judged, contact, root) {
  if (judged === "two_names") return "impostor";
  if (judged === "old") return "old_key";
  return judged === "reset" || (contact && !equal(contact.root, root)) ? "asks" : null;
}

/** @type {Record<Entry["body"]["type"], LogLine["what"]>} */
const WHAT = {
  create: "create",
  add: "add",
  remove: "remove",
  unban: "unban",
  role: "role",
  epoch: "key",
  link: "link",
  unlink: "unlink",
  join: "join",
  profile: "profile",
};

/** @param {Entry} entry @param {Room["state"]} state @returns {LogLine} */
function lineOf({ seq, actor, time, body }, state) {
  // Somebody who was in already is let back in.
  const isBack = body.type === "add" && state?.past.get(body.uid)?.some(({ toSeq }) => toSeq === seq);
  return {
    seq,
    what: isBack ? "back" : WHAT[body.type],
    by: actor,
    at: time,
    ...("uid" in body ? { uid: body.uid } : {}),
    ...("role" in body ? { role: body.role } : {}),
    ...("reason" in body ? { reason: body.reason } : {}),
    ...("skip" in body && body.skip.length ? { without: body.skip } : {}),
  };
}
