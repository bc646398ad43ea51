/** Going from screen to screen: by the address, so that going back, reloading and sharing a link show the same. */
import { parseRoute } from "./routes.js";

/** @type {Set<() => void>} */
const listeners = new Set();
/** The message the address asks for, until a timeline takes it. @type {{ room: string, mid: string } | null} */
let target = null;

/** Shows the screen of an address. @param {string} path */
export function navigate(path) {
  if (addressNow() !== path) history.pushState(null, "", path);
  arrive();
}

/** The same in the place of the address that is shown: going back leads past it. @param {string} path */
export function redirect(path) {
  if (addressNow() !== path) history.replaceState(null, "", path);
  arrive();
}

/**
 * Follows every change of the address, by the page and by the browser.
 *
 * @param {() => void} listener
 */
export function onNavigation(listener) {
  if (!listeners.size) addEventListener("popstate", arrive);
  listeners.add(listener);
  noteTarget();
}

/** The room that the address names. */
export function addressedRoom() {
  const route = parseRoute(location);
  return route.name === "room" ? route.room : null;
}

/**
 * The message of this room that the address asks for; returned once for each time one goes there.
 *
 * @param {string} room
 */
export function takeAddressedMessage(room) {
  if (target?.room !== room) return null;
  const { mid } = target;
  target = null;
  return mid;
}

function arrive() {
  noteTarget();
  for (const listener of listeners) listener();
}

function noteTarget() {
  const route = parseRoute(location);
  if (route.name === "room" && route.mid) target = { room: route.room, mid: route.mid };
}

function addressNow() {
  return location.pathname + location.search + location.hash;
}
