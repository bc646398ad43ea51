/** Which rooms were looked at last in this browser: where one comes back to, and what Ctrl+K offers first. */
import { keep, recall } from "../../platform/storage.js";

const KEPT = 30;

/** @returns {string[]} the latest first */
export function recentRooms() {
  const kept = recall("recent");
  return Array.isArray(kept) ? kept.filter((id) => typeof id === "string") : [];
}

/** @param {string} id */
export function visited(id) {
  keep("recent", [id, ...recentRooms().filter((each) => each !== id)].slice(0, KEPT));
}
