/** What the server says, applied to the state. Every event is current state, so applying one twice changes nothing. */
import { call } from "../net/http.js";
import { userFromWire } from "./account.js";
import { fromWire, merge, unreadAfter } from "./messages.js";

/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./store.js").Client} Client */

/** Typing is forgotten after this long. */
const TYPING_MS = 5000;
const PAGE = 100;
/** Until a subscription is asked for again that cannot be had now, unless the server says when. */
const SUBSCRIBE_AGAIN_MS = 1500;

/** @param {Client} client */
export function createEvents(client) {
  const { state, changed } = client;
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  const typingTimers = new Map();
  /** @type {Set<string>} */
  const asked = new Set();
  /** @type {Set<string> | null} my rooms that were named since the connect, until all are */
  let named = null;

  /** @param {any} event */
  function apply(event) {
    const handler = handlers[/** @type {keyof typeof handlers} */ (event.op)];
    if (!handler) return;
    handler(event);
    changed();
  }

  const handlers = {
    /** @param {any} event */
    hello(event) {
      named = new Set();
      state.blocked = new Set((event.blocked ?? []).map(String));
      nameRooms(event.rooms, Boolean(event.more));
    },

    /** @param {any} event */
    rooms(event) {
      nameRooms(event.rooms, Boolean(event.more));
    },

    /** @param {any} event */
    blocks(event) {
      state.blocked = new Set(event.blocked.map(String));
      for (const [room, writers] of state.typing)
        for (const uid of writers) if (state.blocked.has(uid)) quiet(room, uid);
    },

    /** @param {any} event */
    msg(event) {
      const room = state.rooms.get(event.room);
      const me = state.me?.uid ?? "";
      const message = fromWire(event, me);
      const timeline = state.timelines.get(event.room);
      const isNew = !timeline?.messages.some((each) => each.mid === message.mid);
      if (timeline) {
        state.timelines = new Map(state.timelines).set(event.room, {
          ...timeline,
          messages: merge(timeline.messages, [message]),
          seq: Math.max(timeline.seq, event.seq),
        });
      }
      needUser(message.by);
      quiet(event.room, message.by);
      if (!room) return;
      const counts =
        isNew &&
        message.by !== me &&
        message.createdSeq > room.read &&
        message.kind === "msg" &&
        message.createdSeq > room.seq;
      setRoom({
        ...room,
        seq: Math.max(room.seq, event.seq),
        unread: room.unread + Number(counts),
        mentions: room.mentions + Number(counts && Boolean(message.m?.includes(me)) && !state.blocked.has(message.by)),
        // Whatever is new in it brings a hidden room back.
        hidden: room.hidden && !(message.kind === "msg" && message.createdSeq > room.seq),
      });
    },

    /** @param {any} event */
    activity(event) {
      const room = state.rooms.get(event.room);
      if (!room || event.seq <= room.seq) return;
      setRoom({
        ...room,
        seq: event.seq,
        unread: room.unread + Number(event.new ?? 1),
        mentions: room.mentions + Number(Boolean(event.mention)),
        hidden: room.hidden && !(event.new > 0),
      });
    },

    /** @param {any} event */
    room(event) {
      const id = String(event.room.id);
      if (!event.room.gone) {
        named?.add(id);
        return setRoom(roomFromWire(event.room, state.rooms.get(id)));
      }
      state.rooms = new Map(state.rooms);
      state.rooms.delete(id);
      state.timelines = new Map(state.timelines);
      state.timelines.delete(id);
    },

    /** @param {any} event */
    member(event) {
      const room = state.rooms.get(event.room);
      if (!room) return;
      needUser(event.uid);
      const others = (room.members ?? []).filter((uid) => uid !== event.uid);
      if (room.members) setRoom({ ...room, members: event.role ? [...others, event.uid] : others });
    },

    /** @param {any} event */
    presence(event) {
      const user = state.users.get(event.uid);
      if (!user) return needUser(event.uid);
      // Words stay with who is gone: the account keeps them.
      const words = event.state === "offline" ? {} : { text: event.text ?? "", until: event.until ?? null };
      state.users = new Map(state.users).set(event.uid, { ...user, state: event.state, ...words });
      client.learnedUsers();
    },

    /** @param {any} event */
    typing(event) {
      if (event.uid === state.me?.uid || state.blocked.has(event.uid)) return;
      needUser(event.uid);
      const writers = state.typing.get(event.room) ?? [];
      if (!writers.includes(event.uid)) state.typing = new Map(state.typing).set(event.room, [...writers, event.uid]);
      const key = `${event.room}/${event.uid}`;
      clearTimeout(typingTimers.get(key));
      typingTimers.set(
        key,
        setTimeout(() => {
          quiet(event.room, event.uid);
          changed();
        }, TYPING_MS),
      );
    },

    /** @param {any} event */
    read(event) {
      const room = state.rooms.get(event.room);
      if (room && event.seq >= room.read)
        setRoom({ ...room, read: event.seq, unread: event.unread ?? 0, mentions: event.mentions ?? 0 });
    },

    /** @param {any} event */
    user(event) {
      const user = userFromWire(event.user);
      state.users = new Map(state.users).set(user.uid, {
        ...user,
        state: state.users.get(user.uid)?.state ?? user.state ?? "offline",
      });
      client.learnedUsers();
      if (user.uid === state.me?.uid) void client.refreshMe().catch(() => {});
    },
  };

  /**
   * The next of my rooms. What was known before stays until all are named: it may be among those to come.
   *
   * @param {any[]} wires
   * @param {boolean} more
   */
  function nameRooms(wires, more) {
    const rooms = new Map(state.rooms);
    for (const wire of wires) {
      const id = String(wire.id);
      named?.add(id);
      rooms.set(id, roomFromWire(wire, rooms.get(id)));
    }
    if (!more) {
      for (const id of rooms.keys()) if (!named?.has(id)) rooms.delete(id);
      named = null;
      state.loadingRooms = false;
    }
    state.rooms = rooms;
  }

  /** @param {Room} room */
  function setRoom(room) {
    state.rooms = new Map(state.rooms).set(room.id, room);
    for (const uid of room.others) needUser(uid);
  }

  /**
   * @param {string} room
   * @param {string} uid
   */
  function quiet(room, uid) {
    clearTimeout(typingTimers.get(`${room}/${uid}`));
    typingTimers.delete(`${room}/${uid}`);
    const writers = state.typing.get(room);
    if (writers?.includes(uid))
      state.typing = new Map(state.typing).set(
        room,
        writers.filter((each) => each !== uid),
      );
  }

  /** @param {string} uid */
  function needUser(uid) {
    if (!uid || state.users.has(uid) || asked.has(uid)) return;
    asked.add(uid);
    call("GET", `/api/users/${encodeURIComponent(uid)}`)
      .then(
        (wire) => {
          const user = userFromWire(wire);
          state.users = new Map(state.users).set(user.uid, user);
          changed();
        },
        () => setTimeout(() => asked.delete(uid), TYPING_MS),
      )
      .finally(() => asked.delete(uid));
  }

  /**
   * After every connect: follow the open rooms from where each stands, then send what waits.
   */
  function resume() {
    for (const [room, timeline] of state.timelines)
      if (timeline.loaded && state.rooms.has(room)) void follow(room, timeline.seq);
    client.outbox?.flush();
  }

  /**
   * Subscribes; when too much was missed to be replayed, the newest page takes the place of what was known.
   *
   * @param {string} room
   * @param {number} since
   */
  async function follow(room, since) {
    const answer = await subscribe(room, since);
    const timeline = state.timelines.get(room);
    if (!answer || !timeline) return;
    client.freshenUsers();
    if (answer.truncated) await newestPage(room, false);
    const now = state.timelines.get(room);
    if (now)
      state.timelines = new Map(state.timelines).set(room, { ...now, seq: Math.max(now.seq, Number(answer.seq ?? 0)) });
    changed();
  }

  /**
   * A server that has too much to do says when to ask again; part of what was missed may have come by then, and it
   * goes on behind that. Without a line the next connect asks.
   *
   * @param {string} room
   * @param {number} since
   */
  async function subscribe(room, since) {
    for (;;) {
      try {
        return await client.socket.command("room.subscribe", { room, since });
      } catch (error) {
        const { code, retry_ms } = /** @type {import("../net/socket.js").SocketFailure} */ (error);
        if (code !== "rate_limited" && code !== "unavailable") return null;
        await new Promise((resolve) => setTimeout(resolve, retry_ms || SUBSCRIBE_AGAIN_MS));
        const timeline = state.timelines.get(room);
        if (!timeline || !state.rooms.has(room)) return null;
        since = Math.max(since, timeline.seq);
      }
    }
  }

  /**
   * @param {string} room
   * @param {boolean} keepOld
   */
  async function newestPage(room, keepOld) {
    const page = await call("GET", `/api/rooms/${room}/messages?limit=${PAGE}`);
    const me = state.me?.uid ?? "";
    const arrived = page.messages.map((/** @type {any} */ entry) => fromWire(entry, me));
    const old = state.timelines.get(room);
    const known = keepOld
      ? (old?.messages ?? [])
      : (old?.messages ?? []).filter((message) => message.status !== "sent");
    for (const message of arrived) needUser(message.by);
    state.timelines = new Map(state.timelines).set(room, {
      messages: merge(known, arrived),
      loaded: true,
      loading: false,
      moreBefore: Boolean(page.more),
      seq: old?.seq ?? 0,
    });
    const now = state.rooms.get(room);
    if (now && !page.more) setRoom({ ...now, ...unreadAfter(arrived, now.read, me, state.blocked) });
    changed();
  }

  return { apply, resume, needUser, follow, newestPage, setRoom };
}

/**
 * @param {any} wire
 * @param {Room | undefined} known
 * @returns {Room}
 */
export function roomFromWire(wire, known) {
  return {
    id: String(wire.id),
    name: String(wire.name ?? ""),
    topic: String(wire.topic ?? ""),
    kind: wire.kind,
    e2ee: Boolean(wire.e2ee),
    ...(wire.role ? { role: wire.role } : {}),
    seq: Number(wire.seq ?? 0),
    read: Number(wire.read ?? 0),
    unread: Number(wire.unread ?? 0),
    mentions: Number(wire.mentions ?? 0),
    memberCount: Number(wire.members ?? 0),
    ...(known?.members ? { members: known.members } : {}),
    others: (wire.with ?? []).map(String),
    ...(wire.with?.length === 1 ? { peer: String(wire.with[0]) } : {}),
    isDefault: Boolean(wire.default),
    readOnly: Boolean(wire.read_only),
    archived: Boolean(wire.archived),
    favourite: Boolean(wire.favourite),
    notify: wire.notify ?? "usual",
    silencedUntil: wire.silenced_until ?? null,
    hidden: Boolean(wire.hidden),
  };
}
