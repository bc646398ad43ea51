/** Addresses of the client: `/`, `/room/ID`, `/room/ID#MID`, `/setup#CODE`, `/login`, `/register`. */

/**
 * @typedef {{ name: "home" | "login" | "register" } | { name: "setup", code: string } | { name: "room", room: string, mid: string | null }} Route
 */

/**
 * @param {{ pathname: string, hash: string }} location
 * @returns {Route}
 */
export function parseRoute(location) {
  const [first, second] = location.pathname.split("/").filter(Boolean);
  const hash = decode(location.hash.slice(1));
  if (first === "setup") return { name: "setup", code: hash };
  if (first === "room" && second) return { name: "room", room: decode(second), mid: /^[\w-]{22}$/.test(hash) ? hash : null };
  if (first === "login" || first === "register") return { name: first };
  return { name: "home" };
}

/**
 * @param {string} room
 * @param {string} [mid]
 */
export function roomPath(room, mid) {
  return `/room/${encodeURIComponent(room)}${mid ? `#${mid}` : ""}`;
}

/** @param {string} text */
function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return "";
  }
}
