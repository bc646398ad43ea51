/** What a person does about the own account: profile, face, status, password, where one is signed in, invitations. */
import { call, upload } from "../net/http.js";
import { authOf, changePassword, lookTicket, pictureFromWire, userFromWire } from "./account.js";
import { nextEnd } from "./people_status.js";

/** @typedef {import("./types.js").Actions} Actions */
/** @typedef {import("./types.js").Invite} Invite */

/** Longest a timer is set for; browsers lose longer ones. */
const TIMER_MS = 24 * 3600_000;

/**
 * @param {object} client
 * @param {import("./types.js").State} client.state
 * @param {() => void} client.changed
 * @param {(me: import("./types.js").User) => void} client.learnMe
 * @param {() => void} client.exit
 */
export function createPeopleActions({ state, changed, learnMe, exit }) {
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let ending;

  /** @param {Record<string, unknown>} change */
  async function patchMe(change) {
    learnMe(userFromWire(await call("PATCH", "/api/me", change)));
  }

  /** Draws again when the next status ends. */
  function watchEnds() {
    clearTimeout(ending);
    const next = nextEnd(state.me ? [...state.users.values(), state.me] : []);
    if (next !== null) ending = setTimeout(() => { changed(); watchEnds(); }, Math.min(TIMER_MS, next - Date.now() + 50));
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
      await call("DELETE", "/api/me", { auth: await authOf(state.me?.username ?? "", password), messages });
      exit();
    },

    /** @type {Actions["sessions"]} */
    async sessions() {
      const { sessions } = await call("GET", "/api/sessions");
      return sessions.map((/** @type {any} */ wire) => ({
        id: String(wire.id), name: String(wire.device ?? ""), createdAt: Number(wire.created_at), seenAt: Number(wire.seen_at), current: Boolean(wire.current),
      }));
    },
    /** @type {Actions["endSession"]} */
    endSession: (id) => call("DELETE", `/api/sessions/${encodeURIComponent(id)}`),
    endOtherSessions: () => call("DELETE", "/api/sessions"),

    /** @type {Actions["tokens"]} */
    async tokens() {
      const { tokens } = await call("GET", "/api/tokens");
      return tokens.map((/** @type {any} */ wire) => ({
        id: String(wire.id), name: String(wire.label ?? ""), createdAt: Number(wire.created_at), seenAt: Number(wire.seen_at),
      }));
    },
    /** @type {Actions["createToken"]} */
    createToken: async (label) => String((await call("POST", "/api/tokens", { label })).token),
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

    /** @type {Actions["refreshUser"]} */
    async refreshUser(uid) {
      const user = userFromWire(await call("GET", `/api/users/${encodeURIComponent(uid)}`));
      state.users = new Map(state.users).set(user.uid, user);
      watchEnds();
      changed();
    },

    /** @type {Actions["info"]} */
    info: () => call("GET", "/api/info"),
  };

  return { actions, watchEnds };
}

/**
 * @param {any} wire
 * @returns {Invite}
 */
function inviteFromWire(wire) {
  return {
    by: { name: wire.by?.display_name || wire.by?.username || "", username: wire.by?.username ?? "", avatar: pictureFromWire(wire.by?.avatar) },
    server: String(wire.server ?? ""),
    rooms: (wire.rooms ?? []).map((/** @type {any} */ room) => ({
      id: String(room.id), name: String(room.name ?? ""), topic: String(room.topic ?? ""), kind: room.kind, members: Number(room.members ?? 0),
    })),
    expiresAt: wire.expires_at ?? null,
    registration: Boolean(wire.registration),
  };
}
