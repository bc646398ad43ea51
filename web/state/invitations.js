import { clock } from "./clock.js";

/**
 * Whether an invitation still lets people in. Only the server knows whether its maker may still invite.
 *
 * @param {Pick<import("./types.js").Invitation, "revoked" | "expiresAt" | "uses" | "usesMax">} invitation
 * @param {number} [now]
 * @returns {"live" | "used" | "expired" | "revoked"}
 */
export function stateOf({ revoked, expiresAt, uses, usesMax }, now = clock.now()) {
  if (revoked) return "revoked";
  if (expiresAt !== null && expiresAt <= now) return "expired";
  return usesMax !== null && uses >= usesMax ? "used" : "live";
}
