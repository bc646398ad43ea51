/** Rooms and people: open, page through history, join, leave, make, look up. */
import { call } from "../net/http.js";
import { userFromWire } from "./account.js";
import { roomFromWire } from "./events.js";
import { fromWire, merge, unreadAfter } from "./messages.js";
import { preferRoom } from "./rooms_api.js";

/** @typedef {import("./types.js").Actions} Actions */
/** @typedef {import("./store.js").Client} Client */

const PAGE = 60;
/** Rooms followed live at once; the one not looked at longest is left first. */
const FOLLOWED_MAX = 12;
/** Pages fetched to find a linked message before giving up. */
const SEEK_PAGES = 20;
/** Members asked for by name before anybody needs the name; in a larger room those who write are. */
const NAMED_AHEAD = 100;
/** The read position is told at most this often. */
const READ_MS = 400;

/** @param {Client} client */
export function createRoomActions(client) {
  const { state, changed, socket } = client;
  /** @type {string[]} */
  let followed = [];
  /** @type {Map<string, { seq: number, timer: ReturnType<typeof setTimeout> }>} */
  const reading = new Map();

  /** @param {string} room */
  function touch(room) {
    followed = [...followed.filter((each) => each !== room), room];
    while (followed.length > FOLLOWED_MAX) {
      const left = followed.shift();
      if (!left) return;
      state.timelines = new Map(state.timelines);
      state.timelines.delete(left);
      socket.tell("room.unsubscribe", { room: left });
    }
  }

  /** @param {any[]} wires */
  function learn(wires) {
    state.users = new Map(state.users);
    const users = wires.map(userFromWire);
    for (const user of users) state.users.set(user.uid, user);
    client.learnedUsers();
    changed();
    return users;
  }

  /** @satisfies {Partial<Actions>} */
  const actions = {
    /** @type {Actions["openRoom"]} */
    async openRoom(room) {
      touch(room);
      // Whoever opens a hidden room wants to see it.
      if (state.rooms.get(room)?.hidden) void actions.hideRoom(room, false).catch(() => {});
      void actions.members(room).catch(() => {});
      if (state.timelines.has(room)) return;
      const since = state.rooms.get(room)?.seq ?? 0;
      state.timelines = new Map(state.timelines).set(room, {
        messages: [],
        loaded: false,
        loading: true,
        moreBefore: false,
        seq: since,
      });
      changed();
      try {
        await client.newestPage(room, true);
        client.showWaiting(room);
        // What changed since is replayed; without a line, the next connect follows every loaded room.
        if (socket.online) await client.follow(room, since);
      } catch (error) {
        state.timelines = new Map(state.timelines);
        state.timelines.delete(room);
        setTimeout(() => {
          if (followed.includes(room) && state.rooms.has(room)) void actions.openRoom(room);
        }, 3000);
        if (/** @type {{ code?: string }} */ (error).code !== "network") throw error;
      }
    },

    /** @type {Actions["loadOlder"]} */
    async loadOlder(room) {
      const timeline = state.timelines.get(room);
      const first = timeline?.messages.find((message) => message.createdSeq > 0)?.createdSeq;
      if (!timeline || timeline.loading || !timeline.moreBefore || !first) return;
      state.timelines = new Map(state.timelines).set(room, { ...timeline, loading: true });
      const me = state.me?.uid ?? "";
      const page = await call("GET", `/api/rooms/${room}/messages?before=${first}&limit=${PAGE}`).catch(() => null);
      const now = state.timelines.get(room);
      if (!now) return;
      const arrived = (page?.messages ?? []).map((/** @type {any} */ entry) => fromWire(entry, me));
      for (const message of arrived) client.needUser(message.by);
      state.timelines = new Map(state.timelines).set(room, {
        ...now,
        loading: false,
        moreBefore: page ? Boolean(page.more) && arrived.length > 0 : now.moreBefore,
        messages: merge(arrived, now.messages),
      });
      changed();
    },

    /** @type {Actions["loadAround"]} */
    async loadAround(room, mid) {
      const has = () => Boolean(state.timelines.get(room)?.messages.some((message) => message.mid === mid));
      if (!state.timelines.has(room)) await actions.openRoom(room);
      for (let page = 0; page < SEEK_PAGES && !has() && state.timelines.get(room)?.moreBefore; page += 1)
        await actions.loadOlder(room);
      return has();
    },

    /** @type {Actions["markRead"]} */
    markRead(room, seq) {
      const known = state.rooms.get(room);
      if (!known || (seq <= known.read && !known.unread)) return;
      const messages = state.timelines.get(room)?.messages ?? [];
      const rest =
        seq >= known.seq ? { unread: 0, mentions: 0 } : unreadAfter(messages, seq, state.me?.uid ?? "", state.blocked);
      client.setRoom({ ...known, read: Math.max(seq, known.read), ...rest });
      changed();
      const waiting = reading.get(room);
      if (waiting) waiting.seq = Math.max(waiting.seq, seq);
      else reading.set(room, { seq, timer: setTimeout(() => tellRead(room), READ_MS) });
    },

    /** @type {Actions["createRoom"]} */
    async createRoom({ name, topic, kind, members = [] }) {
      const room = await call("POST", "/api/rooms", {
        name,
        kind,
        ...(topic ? { topic } : {}),
        ...(members.length ? { members } : {}),
      });
      return enter(room);
    },

    /** @type {Actions["directRoom"]} */
    async directRoom(...uids) {
      return enter(await call("POST", "/api/rooms", { kind: "dm", members: uids }));
    },

    /** @type {Actions["joinRoom"]} */
    async joinRoom(room) {
      await call("POST", `/api/rooms/${room}/members`, { uid: state.me?.uid });
      enter(await call("GET", `/api/rooms/${room}`));
    },

    /** @type {Actions["leaveRoom"]} */
    async leaveRoom(room) {
      await call("DELETE", `/api/rooms/${room}/members/${state.me?.uid}`);
      forget(room);
    },

    /** @type {Actions["hideRoom"]} */
    async hideRoom(room, hidden) {
      enter(await preferRoom(room, { hidden }));
    },

    /** @type {Actions["removeRoom"]} */
    async removeRoom(room) {
      await call("DELETE", `/api/rooms/${room}`);
      forget(room);
    },

    /** @type {Actions["restoreRoom"]} */
    async restoreRoom(room) {
      enter(await call("POST", `/api/rooms/${room}/restore`, {}));
    },

    /** @type {Actions["members"]} */
    async members(room) {
      const { members, total } = await call("GET", `/api/rooms/${room}/members`);
      const list = members.map((/** @type {any} */ member) => ({
        uid: String(member.uid ?? member.id),
        role: member.role,
      }));
      for (const { uid } of list.slice(0, NAMED_AHEAD)) client.needUser(uid);
      const known = state.rooms.get(room);
      if (known)
        client.setRoom({
          ...known,
          members: list.map((/** @type {any} */ member) => member.uid),
          memberCount: total ?? list.length,
        });
      changed();
      return list;
    },

    /** @type {Actions["addMember"]} */
    async addMember(room, uid) {
      await call("POST", `/api/rooms/${room}/members`, { uid });
    },

    learnUsers: learn,

    /** @type {Actions["searchUsers"]} */
    async searchUsers(query) {
      const { users } = await call("GET", `/api/users?q=${encodeURIComponent(query)}&limit=50`);
      return learn(users);
    },
  };

  /** @param {any} wire */
  function enter(wire) {
    const room = roomFromWire(wire, state.rooms.get(String(wire.id)));
    client.setRoom(room);
    changed();
    return room.id;
  }

  /** What the socket says a moment later: nobody shall be led back into the room meanwhile. @param {string} room */
  function forget(room) {
    followed = followed.filter((each) => each !== room);
    state.rooms = new Map(state.rooms);
    state.rooms.delete(room);
    state.timelines = new Map(state.timelines);
    state.timelines.delete(room);
    changed();
  }

  /** @param {string} room */
  function tellRead(room) {
    const waiting = reading.get(room);
    reading.delete(room);
    if (waiting) socket.tell("read", { room, seq: waiting.seq });
  }

  async function loadUsers() {
    const answer = await call("GET", "/api/users").catch(() => null);
    if (answer) learn(answer.users);
  }

  /** The rooms, for as long as the socket has not said them. */
  async function loadRooms() {
    const mine = new Map();
    for (let after = "", more = true; more;) {
      const answer = await call("GET", `/api/rooms${after && `?after=${after}`}`).catch(() => null);
      if (!answer || !state.loadingRooms) return;
      for (const room of answer.rooms) if (room.role) mine.set(String(room.id), roomFromWire(room, undefined));
      after = answer.rooms.at(-1)?.id ?? "";
      more = Boolean(answer.more && after);
    }
    state.rooms = mine;
    state.loadingRooms = false;
    changed();
  }

  return { actions, loadUsers, loadRooms };
}
