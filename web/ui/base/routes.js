/**
 * Addresses of the client: `/`, `/room/ID`, `/room/ID#MID`, `/login`, `/register`, `/setup#CODE`, `/invite#CODE`,
 * `/reset#TICKET`, `/admin/SECTION?FILTER`.
 */

/**
 * @typedef {{ name: "home" | "login" | "register" | "setup" | "invite" | "reset" } | { name: "room", room: string,
 *   mid: string | null } | { name: "admin", section: string }} Route
 */

/**
 * @param {{ pathname: string, hash: string }} location
 * @returns {Route}
 */
export function parseRoute(location) {
  const [first, second] = location.pathname.split("/").filter(Boolean);
  const hash = decode(location.hash.slice(1));
  if (first === "room" && second)
    return { name: "room", room: decode(second), mid: /^[\w-]{22}$/.test(hash) ? hash : null };
  if (first === "admin") return { name: "admin", section: second ?? "" };
  if (first === "login" || first === "register" || first === "setup" || first === "invite" || first === "reset")
    return { name: first };
  return { name: "home" };
}

/**
 * Whether the fragment of an address is a secret that must not stay in it.
 *
 * @param {Route} route
 */
export function carriesSecret(route) {
  return route.name === "setup" || route.name === "invite" || route.name === "reset";
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
