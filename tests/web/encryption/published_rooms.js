/** The published directory and rooms, built from their bytes. */
import { Directory, headMessage } from "../../../web/crypto/directory.js";
import { concat } from "../../../web/crypto/encoding.js";
import * as log from "../../../web/crypto/room_log.js";
import { edPublicOf, sign, signingKey } from "../../../web/crypto/signatures.js";
import { given, INSTANCE, rep, T, unhex } from "./vectors.js";

/**
 * @param {object} [wanted]
 * @param {string[]} [wanted.people]  whose entries are loaded
 * @returns {Promise<Directory>}
 */
export async function publishedDirectory({ people = ["42", "43", "44", "45"] } = {}) {
  const { positions } = given("directory");
  const newest = positions.at(-1);
  const head = { n: newest.n, h: unhex(newest.H), t: T };
  const sig = await sign(await signingKey(rep("59", 32)), headMessage(INSTANCE, head));
  const directory = await Directory.create(INSTANCE);
  const rows = concat(...positions.map(({ row }) => unhex(row)));
  await directory.follow({ from: 1, head: { ...head, sig }, rows }, await edPublicOf(rep("59", 32)));
  for (const person of people) {
    const own = positions.filter(({ uid }) => uid === person);
    const entries = own.map(({ n, name, entry, sig_new, sig_old }) => ({
      n,
      name,
      e: unhex(entry),
      sn: unhex(sig_new),
      so: unhex(sig_old),
    }));
    await directory.addEntries(person, entries);
  }
  return directory;
}

/**
 * The published closed room after an entry.
 *
 * @param {number} seq
 * @param {Directory} view
 */
export async function publishedRoom(seq, view) {
  const entries = given("room_log").entries.slice(0, seq + 1);
  const signed = entries.map(({ entry, sig }) => ({ e: unhex(entry), s: unhex(sig) }));
  const { state } = await log.applyAll(log.emptyState(), signed, view);
  return state;
}
