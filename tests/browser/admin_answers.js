/**
 * Answers of the administration's API as docs/protocol.md has them, for screens that a small test server cannot fill.
 */

const DAY_MS = 86_400_000;
const NOW = Date.now();
export const PEOPLE = 10_000;

/** @param {number} n */
function user(n) {
  return {
    id: String(n),
    uid: String(n),
    username: `person${String(n).padStart(5, "0")}`,
    display_name: n % 3 ? `Person ${n}` : "",
    avatar: null,
    admin: n === 1,
    state: n % 50 === 7 ? "disabled" : n % 50 === 9 ? "removed" : "active",
    new: n % 50 === 11,
    created_at: NOW - n * 60_000,
    seen_at: n % 4 ? NOW - n * 1000 : null,
    sessions: n % 3,
    presence: n % 5 ? "offline" : "online",
    rooms: 3,
    ...(n % 50 === 9 ? { removed_at: NOW - DAY_MS, purge_at: NOW + 29 * DAY_MS, erases: true } : {}),
  };
}

const USERS = Array.from({ length: PEOPLE }, (_, index) => user(index + 1));

const ROOMS = ["General", "Leadership", "Old project", "Announcements", "Removed one"].map((name, index) => ({
  id: String(index + 1),
  name,
  topic: index ? "" : "Everybody is here",
  kind: index === 1 ? "closed" : "open",
  default: index === 0,
  read_only: index === 3,
  archived: index === 2,
  state: index === 2 ? "archived" : index === 4 ? "removed" : "active",
  members: 7,
  owners: ["1"],
  seq: 1234,
  created_at: NOW - DAY_MS,
  ...(index === 4 ? { removed_at: NOW - DAY_MS, purge_at: NOW + 29 * DAY_MS } : {}),
}));

const INVITES = [
  [null, 3, false],
  [NOW + DAY_MS, null, false],
  [NOW - DAY_MS, null, false],
  [null, 2, false],
  [null, null, true],
].map(([expires_at, uses_max, revoked], index) => ({
  id: String(index + 1),
  label: index ? `Link ${index}` : "",
  by: { uid: "1", username: "root", display_name: "" },
  rooms: index ? [{ id: "1", name: "General" }] : [],
  created_at: NOW - DAY_MS,
  expires_at,
  uses: 2,
  uses_max,
  revoked,
}));

const AUDIT = [
  ["settings.update", { kind: "settings", id: "", name: "" }, { registration: { from: "open", to: "invite" } }],
  ["user.create", { kind: "user", id: "4", name: "person00004" }, {}],
  ["member.silence", { kind: "user", id: "5", name: "person00005" }, { room: "General", until: NOW }],
  ["room.archive", { kind: "room", id: "3", name: "Old project" }, {}],
].map(([action, target, detail], index) => ({
  n: 4 - index,
  at: NOW - index * 60_000,
  actor: index % 2 ? { uid: null, name: "command line" } : { uid: "1", name: "root" },
  action,
  target,
  detail,
  hash: String(index).repeat(64),
}));

const WAVE = Array.from({ length: 360 }, (_, index) => 10 + 5 * Math.sin(index / 20));

export const STATS = {
  now: {
    users: { total: 1234, active: 1162, disabled: 42, removed: 30, online: 318, new_week: 23 },
    rooms: { open: 41, closed: 17, direct: 892, archived: 6, removed: 1 },
    connections: 402,
    messages_total: 1_204_311,
    messages_per_s: 14.2,
    deliveries_per_s: 3120,
    uptime_s: 302_433,
    memory_bytes: 148_000_000,
    database: { chat: true, accounts: true },
    version: "0.2.0",
  },
  every_s: 10,
  series: { connections: WAVE, online: WAVE, messages: WAVE, deliveries: WAVE },
  days: Array.from({ length: 30 }, (_, index) => ({
    day: new Date(NOW - (29 - index) * DAY_MS).toISOString().slice(0, 10),
    messages: index * 100,
    users: index % 4,
  })),
};

/** @param {object[]} list @param {URL} url @param {string} key */
function page(list, url, key) {
  const [q, state, after, limit] = ["q", "state", "after", "limit"].map((name) => url.searchParams.get(name) ?? "");
  const from = Number(after || 0);
  const found = list.filter(
    (each) =>
      (!q || `${each.username ?? each.name} ${each.display_name ?? ""}`.includes(q)) &&
      (!state || each.state === state || (state === "admin" && each.admin)),
  );
  return {
    [key]: found.slice(from, from + Number(limit)),
    total: found.length,
    ...(from + Number(limit) < found.length ? { next: String(from + Number(limit)) } : {}),
  };
}

/** @param {URL} url @param {string} method */
function answer(url, method) {
  const [what, id, then] = url.pathname.slice("/api/admin/".length).split("/");
  if (what === "stats") return STATS;
  if (what === "settings")
    return {
      name: "Impulse",
      registration: "open",
      member_invites: true,
      room_creation: "members",
      users_max: null,
      encryption: "on",
      default_locale: "en",
    };
  if (what === "audit") return id ? { ok: true, entries: 4, head: "0".repeat(64) } : { entries: AUDIT, more: false };
  if (what === "invites")
    return method === "POST"
      ? { ...INVITES[1], code: "c", path: "/invite#c" }
      : { invites: INVITES, total: INVITES.length };
  const list = what === "users" ? USERS : ROOMS;
  if (!id)
    return method === "POST"
      ? { ...list[3], ticket: "t", path: "/reset#t", expires_at: NOW + DAY_MS }
      : page(list, url, what);
  return then === "reset"
    ? { ticket: "t", path: "/reset#t", expires_at: NOW + DAY_MS }
    : list.find((each) => each.id === id);
}

/**
 * Plays the server of the administration on a page. `other` may answer a call differently: an object, a code as
 * `{ refuse: "conflict", status: 409 }`, or nothing for the usual answer.
 *
 * @param {import("playwright-core").Page} target
 * @param {(method: string, path: string, body: any) => any} [other]
 */
export async function playAdministration(target, other = () => undefined) {
  await target.route("**/api/admin/**", async (route) => {
    const request = route.request();
    const url = new URL(request.url());
    const special = await other(request.method(), url.pathname, request.postDataJSON?.());
    if (special?.refuse)
      return route.fulfill({
        status: special.status,
        json: { error: { code: special.refuse, message: special.refuse } },
      });
    if (special) return route.fulfill({ json: special });
    if (request.method() === "DELETE") return route.fulfill({ status: 204 });
    return route.fulfill({ json: answer(url, request.method()) });
  });
}
