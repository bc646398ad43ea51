/** The calls about invitations: previewing one, accepting it, making and revoking them; everybody's for admins. */
import { call, query } from "../net/http.js";
import { invitationFromWire, namesToWire, previewFromWire } from "../net/wire.js";

/** @typedef {import("../state/types.js").Invitation} Invitation */
/** @typedef {import("../state/types.js").InvitationPreview} InvitationPreview */
/**
 * What a new invitation is for. What is left out the server chooses; null means without a limit.
 *
 * @typedef {{ label?: string, rooms?: string[], lifeS?: number | null, usesMax?: number | null }} InvitationWish
 */

/** @param {string} code @returns {Promise<InvitationPreview>} */
export async function previewInvitation(code) {
  return previewFromWire(await call("POST", "/api/invites/look", { code }));
}

/**
 * @param {string} code
 * @returns {Promise<string[]>} the rooms it opened
 */
export async function acceptInvitation(code) {
  const { rooms } = await call("POST", "/api/invites/accept", { code });
  return rooms.map(String);
}

/**
 * @param {InvitationWish} [wish]
 * @returns {Promise<Invitation & { path: string, link: string }>} with its link, which is shown this once
 */
export async function createInvitation({ label, rooms, lifeS, usesMax } = {}) {
  const wire = await call("POST", "/api/invites", namesToWire({ label, rooms, expiresInS: lifeS, usesMax }));
  return { ...invitationFromWire(wire), path: wire.path, link: location.origin + wire.path };
}

/** Mine, newest first. @returns {Promise<Invitation[]>} */
export async function listInvitations() {
  const { invites } = await call("GET", "/api/invites");
  return invites.map(invitationFromWire);
}

/**
 * Everybody's, newest first, for admins.
 *
 * @param {{ state?: string, q?: string, after?: string | undefined, limit?: number }} wanted
 * @returns {Promise<{ invitations: Invitation[], next: string | undefined, total: number }>}
 */
export async function listAllInvitations(wanted) {
  const { invites, next, total } = await call("GET", `/api/admin/invites${query(wanted)}`);
  return { invitations: invites.map(invitationFromWire), next: next ?? undefined, total };
}

/** @param {string} id @returns {Promise<void>} */
export const revokeInvitation = (id) => call("DELETE", `/api/invites/${encodeURIComponent(id)}`);
