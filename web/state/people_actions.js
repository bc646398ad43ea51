/** What a person does about the own account: profile, face, status, password, where one is signed in, invitations. */
import { call, SIGN_IN_MS, upload } from "../net/http.js";
import { authOf, changePassword, lookTicket, pictureFromWire, userFromWire } from "./account.js";
import { nextEnd } from "./people_status.js";

/** @typedef {import("./types.js").Actions} Actions */
/** @typedef {import("./types.js").Invite} Invite */

/** Profiles are asked for again this long after a room is followed, spread, as after a restart all clients do. */
const FRESHEN_MS = 300;
const FRESHEN_SPREAD_MS = 1500;
/** Authors beyond the directory's first page that are asked for one by one. */
const AUTHORS_MAX = 30;
/** Longest a timer is set for; browsers lose longer ones. */
const TIMER_MS = 24 * 3600_000;

/**
 * @param {object} client
 * @param {import("./types.js").State} client.state
 * @param {() => void} client.changed
 * @param {(me: import("./types.js").User) => void} client.learnMe
 * @param {(end: () => Promise<unknown>) => Promise<void>} client.farewell  to sign out here and leave nothing behind
 */
export function createPeopleActions({ state, changed, learnMe, farewell }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let ending;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let freshening;

  /** @param {Record<string, unknown>} change */
  async function patchMe(change) {
    learnMe(userFromWire(await call("PATCH", "/api/me", change)));
  }

  /** Draws again when the next status ends. */
  function watchEnds() {
    clearTimeout(ending);
    const next = nextEnd(state.me ? [...state.users.values(), state.me] : []);
    if (next !== null)
      ending = setTimeout(
        () => {
          changed();
          watchEnds();
        },
        Math.min(TIMER_MS, next - Date.now() + 50),
      );
  }

  /** @param {any[]} wires */
  function learn(wires) {
    state.users = new Map(state.users);
    for (const wire of wires) {
      const user = userFromWire(wire);
      state.users.set(user.uid, user);
    }
    watchEnds();
    changed();
  }

  /** @param {string} uid */
  const askFor = (uid) => call("GET", `/api/users/${encodeURIComponent(uid)}`);

  /**
   * Profiles and presence are told only in rooms that are followed: what changed before is asked for once a room is,
   * the directory first and then the authors on screen it does not hold.
   */
  function freshen() {
    freshening ??= setTimeout(
      async () => {
        freshening = undefined;
        const told = (await call("GET", "/api/users").catch(() => null))?.users ?? [];
        const seen = new Set(told.map((/** @type {any} */ wire) => String(wire.uid)));
        const authors = new Set(
          [...state.timelines.values()].flatMap((timeline) => timeline.messages.map((message) => message.by)),
        );
        const others = [...authors].filter((uid) => !seen.has(uid)).slice(-AUTHORS_MAX);
        const answers = await Promise.all(others.map((uid) => askFor(uid).catch(() => null)));
        if (state.phase === "signed_in") learn([...told, ...answers.filter(Boolean)]);
      },
      FRESHEN_MS + Math.random() * FRESHEN_SPREAD_MS,
    );
  }

  /** @satisfies {Partial<Actions>} */
  const actions = {
    /** @type {Actions["updateProfile"]} */
    async updateProfile({ displayName, bio, locale }) {
      await patchMe({
        ...(displayName === undefined ? {} : { display_name: displayName }),
        ...(bio === undefined ? {} : { bio }),
        ...(locale === undefined ? {} : { locale }),
      });
    },

    /** @type {Actions["setStatus"]} */
    async setStatus({ state: chosen, text, until }) {
      await patchMe({ status: { state: chosen, text, until } });
    },

    /** @type {Actions["uploadAvatar"]} */
    async uploadAvatar(picture, progress) {
      const answer = await upload("PUT", "/api/me/avatar", picture, progress);
      if (state.me) learnMe({ ...state.me, avatar: pictureFromWire(answer?.avatar) });
    },

    /** @type {Actions["removeAvatar"]} */
    async removeAvatar() {
      await call("DELETE", "/api/me/avatar");
      if (state.me) learnMe({ ...state.me, avatar: null });
    },

    /** @type {Actions["changePassword"]} */
    async changePassword({ old, password, signOutOthers }) {
      await changePassword({ username: state.me?.username ?? "", old, password, signOutOthers });
    },

    lookTicket,

    /** @type {Actions["deleteAccount"]} */
    async deleteAccount({ password, messages }) {
      await farewell(async () =>
        call("DELETE", "/api/me", { auth: await authOf(state.me?.username ?? "", password), messages }, SIGN_IN_MS),
      );
    },

    /** @type {Actions["sessions"]} */
    async sessions() {
      const { sessions } = await call("GET", "/api/sessions");
      return sessions.map((/** @type {any} */ wire) => ({
        id: String(wire.id),
        name: String(wire.device ?? ""),
        createdAt: Number(wire.created_at),
        seenAt: Number(wire.seen_at),
        current: Boolean(wire.current),
      }));
    },
    /** @type {Actions["endSession"]} */
    endSession: (id) => call("DELETE", `/api/sessions/${encodeURIComponent(id)}`),
    endOtherSessions: () => call("DELETE", "/api/sessions"),

    /** @type {Actions["tokens"]} */
    async tokens() {
      const { tokens } = await call("GET", "/api/tokens");
      return tokens.map((/** @type {any} */ wire) => ({
        id: String(wire.id),
        name: String(wire.label ?? ""),
        createdAt: Number(wire.created_at),
        seenAt: Number(wire.seen_at),
        scope: wire.scope === "read" || wire.scope === "admin" ? wire.scope : "write",
        expiresAt: wire.expires_at ?? null,
      }));
    },
    /** @type {Actions["createToken"]} */
    createToken: async ({ label, scope, lifeS }) =>
      String((await call("POST", "/api/tokens", { label, scope, expires_in_s: lifeS })).token),
    /** @type {Actions["revokeToken"]} */
    revokeToken: (id) => call("DELETE", `/api/tokens/${encodeURIComponent(id)}`),

    /** @type {Actions["lookInvite"]} */
    async lookInvite(code) {
      return inviteFromWire(await call("POST", "/api/invites/look", { code }));
    },
    /** @type {Actions["acceptInvite"]} */
    async acceptInvite(code) {
      const { rooms } = await call("POST", "/api/invites/accept", { code });
      return rooms.map(String);
    },
    /** @type {Actions["createInvite"]} */
    async createInvite(invite = {}) {
      const { path } = await call("POST", "/api/invites", invite);
      return location.origin + path;
    },

    /** @type {Actions["invites"]} */
    async invites() {
      const { invites } = await call("GET", "/api/invites");
      return invites.map((/** @type {any} */ wire) => ({
        id: String(wire.id),
        label: String(wire.label ?? ""),
        rooms: (wire.rooms ?? []).map((/** @type {any} */ room) => String(room.name)),
        createdAt: Number(wire.created_at),
        expiresAt: wire.expires_at ?? null,
        uses: Number(wire.uses ?? 0),
        usesMax: wire.uses_max ?? null,
        revoked: Boolean(wire.revoked),
      }));
    },
    /** @type {Actions["revokeInvite"]} */
    revokeInvite: (id) => call("DELETE", `/api/invites/${encodeURIComponent(id)}`),

    /** @type {Actions["refreshUser"]} */
    async refreshUser(uid) {
      learn([await askFor(uid)]);
    },

    /** @type {Actions["info"]} */
    info: () => call("GET", "/api/info"),
  };

  return { actions, watchEnds, freshen };
}

/**
 * @param {any} wire
 * @returns {Invite}
 */
function inviteFromWire(wire) {
  return {
    by: {
      name: wire.by?.display_name || wire.by?.username || "",
      username: wire.by?.username ?? "",
      avatar: pictureFromWire(wire.by?.avatar),
    },
    server: String(wire.server ?? ""),
    rooms: (wire.rooms ?? []).map((/** @type {any} */ room) => ({
      id: String(room.id),
      name: String(room.name ?? ""),
      topic: String(room.topic ?? ""),
      kind: room.kind,
      members: Number(room.members ?? 0),
    })),
    expiresAt: wire.expires_at ?? null,
    registration: Boolean(wire.registration),
  };
}
