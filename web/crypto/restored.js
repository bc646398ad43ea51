/**
 * A server that has restored a backup (e2ee.md, 11.4): what was lost is found by comparing the places of
 * messages, and what is new afterwards is judged by what was known before.
 */

/** @typedef {{mid: string, createdSeq?: number, revSeq: number}} PlacedRow */
/** @typedef {import("./order.js").Interval} Interval */
/** @typedef {import("./order.js").LogBatch} LogBatch */
/** @typedef {import("./room_state.js").RoomState} RoomState */

/**
 * @param {PlacedRow[]} known  messages and reactions of a room, without those that were lost before
 * @param {Interval[]} intervals  that were loaded
 * @param {PlacedRow[]} server  messages as its pages show them now
 * @returns {{common: number, lost: string[], again: string[], remain: Interval[]}} `common`: the greatest place where
 *   both have the same message; `lost`: messages above it; `again`: rows that stay where they are, known as ones whose
 *   key is missing, because their newest change was above it and is fetched again; `remain`: intervals that are left
 */
export function compareAfterRestore(known, intervals, server) {
  const theirs = new Map(server.map(({ mid, createdSeq }) => [createdSeq, mid]));
  let common = 0;
  for (const { mid, createdSeq } of known)
    if (createdSeq && createdSeq > common && theirs.get(createdSeq) === mid) common = createdSeq;
  const isLost = (/** @type {PlacedRow} */ { createdSeq = 0 }) => createdSeq > common;
  const cut = intervals.filter(({ from }) => from <= common);
  return {
    common,
    lost: known.filter(isLost).map(({ mid }) => mid),
    again: known.filter((row) => !isLost(row) && row.revSeq > common).map(({ mid }) => mid),
    remain: cut.map(({ from, to, seq }) => ({ from, to: Math.min(to, common), seq: Math.min(seq, common) })),
  };
}

/**
 * The newest epoch in the part of the history that a client had followed before a restore. It may know more of the log:
 * whoever went in that part can be shown in what was not followed without a restore, too.
 *
 * @param {RoomState} state
 * @param {LogBatch[]} batches  with the places from before
 * @param {Interval[]} loaded
 * @returns {number} 0 if there is none
 */
export function followedEpoch({ epoch, entryOf }, batches, loaded) {
  const upTo = Math.max(0, ...loaded.map(({ seq }) => seq));
  const last = Math.max(-1, ...batches.filter(({ seq }) => seq <= upTo).map((batch) => batch.last));
  for (let n = epoch; n > 0; n -= 1) if ((entryOf[n] ?? Infinity) <= last) return n;
  return 0;
}

/**
 * What is new to a client after a restore: somebody who was removed has the keys of older epochs still. What stands
 * in a part that the client had never loaded is no news to it, whoever wrote it.
 *
 * @param {{revSeq: number, epoch: number, current: boolean, place?: number | undefined}} row  `current`: its author is
 *   a member by the log that the client knows, and signs with the newest generation it knows of him; `place`: the
 *   `createdSeq` of the message that it is or belongs to
 * @param {number} common  of `compareAfterRestore`
 * @param {number} epoch  of `followedEpoch`
 * @param {Interval[]} [loaded]  the intervals that were loaded before the restore
 * @returns {"ok" | "outdated"}
 */
export function afterRestore(row, common, epoch, loaded) {
  if (row.revSeq <= common || row.epoch >= epoch || row.current) return "ok";
  return loaded && !wasFollowed(row.place, loaded) ? "ok" : "outdated";
}

/** @param {number | undefined} place @param {Interval[]} loaded */
function wasFollowed(place, loaded) {
  if (loaded.length === 0) return false;
  if (place === undefined || place > Math.max(...loaded.map(({ to }) => to))) return true;
  return loaded.some(({ from, to }) => from <= place && place <= to);
}
