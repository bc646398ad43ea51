/**
 * After the server was restored from a backup (11.4, steps 2 and 3, of e2ee.md): what it has lost of a room's log is
 * posted again, and the places of messages are compared, the newest first, so that what is lost stays and says so.
 */
import { toBase64Url } from "../../crypto/encoding.js";
import { compareAfterRestore } from "../../crypto/restored.js";
import { sealedFromWire } from "../../net/wire.js";
import { rotate } from "./rotation.js";

/** @typedef {import("./parts.js").Parts} Parts */
/** @typedef {import("./room.js").EncryptedRoom} EncryptedRoom */

/** Messages of a page that is compared. */
const PAGE = 500;
/** How often others may post a batch first while this browser posts again what is lost. */
const CONFLICTS_MOST = 200;
const WAIT_MS = 500;
/** How long others get to bring back what only they know, at least. */
const OTHERS_MS = 10_000;

/**
 * Compares what is known with what the server has now. Nothing of the room is judged before.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {number} epoch  the newest of the room that was followed when the restore was noticed
 * @param {string} history  of the server, which is compared
 */
export async function comparePlaces(parts, room, epoch, history) {
  const { ledger } = room;
  await ledger.reach(1, Infinity);
  const known = [...ledger.rows()].filter(({ lost, ref }) => !lost && !ref);
  if (!known.length) return room.forgetPlaces(0);
  const least = Math.min(...known.map(({ createdSeq }) => createdSeq));
  /** @type {{ mid: string, createdSeq: number, revSeq: number }[]} */
  const theirs = [];
  for (let before = undefined; ;) {
    const page = await parts.calls.readMessages(room.id, { limit: PAGE, ...(before ? { before } : {}) });
    // It has gone over to yet another one.
    if (page.epoch && page.epoch !== history) throw { code: "unavailable" };
    const rows = page.entries.map((entry) => sealedFromWire(entry));
    theirs.unshift(...rows.map(({ mid, createdSeq, revSeq }) => ({ mid, createdSeq, revSeq })));
    const first = rows[0]?.createdSeq ?? 0;
    const isCommon = rows.some(({ mid, createdSeq }) => ledger.row(mid)?.createdSeq === createdSeq);
    // A server that shows the same page again is not asked for ever.
    if (isCommon || !page.moreBefore || first <= least || first >= (before ?? Infinity)) break;
    before = first;
  }
  // What came of a message later than the common place is fetched again: revisions, and reactions with their ends.
  const changed = known.map((row) => ({ ...row, revSeq: Math.max(row.revSeq, row.seq) }));
  const found = compareAfterRestore(changed, ledger.intervals.list, theirs);
  await ledger.afterRestore(found, epoch);
  await room.forgetPlaces(found.common);
}

/**
 * Posts the entries of the log that the server lacks, in their old batches.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 * @param {number} theirs  the number of the last entry that the server has; -1 if it has none
 * @returns {Promise<void>}
 */
export async function postAgain(parts, room, theirs) {
  await parts.alone(`e2ee-${room.name}`, async () => {
    for (let conflicts = 0; room.state && theirs < room.state.seq;) {
      const lines = await room.entriesFrom(theirs + 1);
      const first = lines[0];
      if (!first) return;
      // Batches of different histories of the server may have had the same place.
      const entries = lines.filter(({ last }) => last === first.last);
      const hash = room.state.hashes[theirs];
      if (!hash) return;
      try {
        const signed = entries.map(({ e, s }) => ({ e: toBase64Url(e), s: toBase64Url(s) }));
        const head = { seq: theirs, hash: toBase64Url(hash) };
        const { seq } = await parts.calls.appendLog(room.id, { head, entries: signed, wraps: [] });
        await room.take({ seq, at: Math.floor(parts.now()), from: theirs + 1, entries: signed });
        theirs += entries.length;
      } catch (error) {
        const { code, detail } = /** @type {any} */ (error);
        // Somebody else was first.
        conflicts += 1;
        if (code !== "log_conflict" || conflicts === CONFLICTS_MOST) throw error;
        theirs = Number(detail?.head?.seq ?? theirs);
        await parts.wait(WAIT_MS * parts.random());
      }
    }
  });
  room.isLost = false;
  room.tell();
}

/**
 * Gives a room a new key after its log was brought back. Others may know more of it than this browser: whatever is
 * appended before they have brought that back would be another log than theirs, for good. So they get some time.
 *
 * @param {Parts} parts
 * @param {EncryptedRoom} room
 */
export async function renewAfterLoss(parts, room) {
  await parts.wait(OTHERS_MS * (1 + parts.random()));
  const epoch = room.state?.epoch ?? 0;
  await rotate(parts, room, { reason: "repair", isWanted: ({ state }) => state?.epoch === epoch });
}
