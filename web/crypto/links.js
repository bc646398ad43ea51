/** Invitations to encrypted rooms (e2ee.md, 10). A link is a ticket: it shows the room that one may join. */
import {
  bytesOf,
  box,
  concat,
  demand,
  deriveAesKey,
  fromBase64Url,
  kdf,
  randomBytes,
  sha256,
  textOf,
  toBase64Url,
  unbox,
} from "./encoding.js";
import { pad, unpad } from "./padding.js";
import { joinMessage } from "./room_log_entry.js";
import { edPublicOf, sign, signingKey } from "./signatures.js";

/** @import { Bytes } from "./encoding.js" */

/**
 * @typedef {object} Ticket
 * @property {Bytes} secret
 * @property {Bytes} lid
 * @property {CryptoKey} sign
 * @property {Bytes} ed  its public key, which stands in the log
 * @property {Bytes} lauth  shows the server that one holds the link
 * @property {Bytes} lauthDigest  what the server keeps of it
 */

/** What stands in a URL for one room. @typedef {{lid: Bytes, ridStart: Bytes, secret: Bytes}} Part */

const VERSION = 1;
const SECRET = 16;
const LID = 8;
const RID_START = 16;
const CARD_MAX = 512;
const PARTS_MAX = 20;

/** @returns {Promise<Ticket>} */
export function makeTicket() {
  return ticketOf(randomBytes(SECRET), randomBytes(LID));
}

/** @param {Bytes} secret @param {Bytes} lid @returns {Promise<Ticket>} */
export async function ticketOf(secret, lid) {
  const [seed, lauth] = await Promise.all([kdf(secret, "link-ed25519", [lid]), kdf(secret, "link-auth", [lid])]);
  return {
    secret,
    lid,
    sign: await signingKey(seed),
    ed: await edPublicOf(seed),
    lauth,
    lauthDigest: await sha256(lauth),
  };
}

/**
 * @param {Pick<Ticket, "secret" | "lid">} ticket
 * @param {string} name  of the room
 * @param {Bytes} [nonce]
 * @returns {Promise<Bytes>}
 */
export async function sealCard({ secret, lid }, name, nonce) {
  const card = await box(await cardKey(secret, lid), "link-card", [lid], pad(bytesOf(name)), nonce);
  demand(card.length <= CARD_MAX, "form");
  return card;
}

/** @param {Pick<Ticket, "secret" | "lid">} ticket @param {Bytes} card @returns {Promise<string>} the room's name */
export async function openCard({ secret, lid }, card) {
  demand(card.length <= CARD_MAX, "form");
  return textOf(unpad(await unbox(await cardKey(secret, lid), "link-card", [lid], card)));
}

/** @param {Bytes} secret @param {Bytes} lid */
const cardKey = (secret, lid) => deriveAesKey(secret, "link-card", [lid]);

/**
 * @param {Pick<Ticket, "sign" | "lid">} ticket
 * @param {Bytes} rid
 * @param {string} uid
 * @param {Bytes} root
 * @returns {Promise<Bytes>}
 */
export function signJoin({ sign: key, lid }, rid, uid, root) {
  return sign(key, joinMessage(rid, lid, uid, root));
}

/** @param {Pick<Ticket, "secret" | "lid">} ticket @param {Bytes} rid @returns {string} 55 characters */
export function partOf({ secret, lid }, rid) {
  return toBase64Url(concat(Uint8Array.of(VERSION), lid, rid.slice(0, RID_START), secret));
}

/** @param {string} text @returns {Part} @throws {import("./encoding.js").Refused} `form`, `suite` */
export function parsePart(text) {
  const bytes = fromBase64Url(text);
  demand(bytes.length > 0, "form");
  demand(bytes[0] === VERSION, "suite");
  demand(bytes.length === 1 + LID + RID_START + SECRET, "form");
  return {
    lid: bytes.slice(1, 1 + LID),
    ridStart: bytes.slice(1 + LID, 1 + LID + RID_START),
    secret: bytes.slice(1 + LID + RID_START),
  };
}

/** @param {string} origin @param {string} code @param {string[]} parts @returns {string} */
export function invitationUrl(origin, code, parts) {
  return `${origin}/invite#${[code, ...parts].join(".")}`;
}

/**
 * Only the code is ever sent to the server.
 *
 * @param {string} fragment  without `#`
 * @returns {{code: string, parts: Part[]}}
 */
export function parseInvitation(fragment) {
  const [code = "", ...parts] = fragment.split(".");
  demand(parts.length <= PARTS_MAX, "form");
  return { code, parts: parts.map(parsePart) };
}
