/** Getting in and out. The password is turned into keys here; the server gets only what is derived from it. */
import { fromBase64Url, randomBytes, toBase64Url } from "../crypto/encoding.js";
import { ALGORITHM, derive, isWeak, ITERATIONS } from "../crypto/password.js";
import { call } from "../net/http.js";
import { keep, recall } from "../platform/storage.js";

/** @typedef {import("./types.js").User} User */

const ACCOUNT = "account";

/** Who was signed in when this browser was last used; the cookie itself cannot be read. */
export function rememberedAccount() {
  return /** @type {User | null} */ (recall(ACCOUNT));
}

/** @param {User | null} user */
export function rememberAccount(user) {
  keep(ACCOUNT, user);
}

/** @param {{ username: string, password: string }} account */
export async function signIn({ username, password }) {
  const { alg, salt, iter } = await call("POST", "/api/auth/prelogin", { username });
  if (alg !== ALGORITHM) throw { code: "unsafe_kdf" };
  const { auth } = await derive(password, fromBase64Url(salt), iter);
  return call("POST", "/api/auth/login", { username, auth: toBase64Url(auth), device: deviceName() });
}

/** @param {{ username: string, password: string, setup?: string }} account */
export async function register({ username, password, setup }) {
  if (isWeak(password, username)) throw { code: "weak_password" };
  const salt = randomBytes(16);
  const { auth } = await derive(password, salt, ITERATIONS);
  return call("POST", "/api/auth/register", {
    username, alg: ALGORITHM, salt: toBase64Url(salt), iter: ITERATIONS, auth: toBase64Url(auth), device: deviceName(), ...(setup ? { setup } : {}),
  });
}

/** @returns {Promise<User>} */
export async function whoAmI() {
  return userFromWire(await call("GET", "/api/me"));
}

/**
 * @param {any} wire
 * @returns {User}
 */
export function userFromWire(wire) {
  return {
    uid: String(wire.uid ?? wire.id),
    username: String(wire.username ?? ""),
    displayName: wire.display_name ?? "",
    state: wire.status?.state ?? "offline",
    text: wire.status?.text ?? "",
    ...(wire.admin === undefined ? {} : { admin: Boolean(wire.admin) }),
  };
}

/** A few words by which a person knows this browser in the list of sessions. */
function deviceName() {
  const agent = navigator.userAgent;
  const browser = ["Firefox", "Edg", "Chrome", "Safari"].find((name) => agent.includes(name)) ?? "Browser";
  const system = ["Android", "iPhone", "iPad", "Windows", "Mac", "Linux"].find((name) => agent.includes(name)) ?? "";
  return `${browser === "Edg" ? "Edge" : browser} ${system}`.trim();
}
