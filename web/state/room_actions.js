/** What I do with rooms: open them and page through them, mark them read, come in, leave, make and remove them. */
import * as api from "../calls/rooms.js";
import { unreadAfter } from "./messages.js";
import { withoutRoom, withRoom } from "./rooms.js";
import { withoutTimeline, withTimeline } from "./timelines.js";

/** @typedef {import("./types.js").Room} Room */

/** Rooms that are followed live at once; the one that was opened longest ago is left first. */
const FOLLOWED_MAX = 12;
/** Pages that are read to find a linked message before giving up. */
const SEEK_PAGES = 20;
/** Members who are read before anybody needs their names; in a larger room those who write are. */
const NAMED_AHEAD = 100;
/** The read position is sent at most this often. */
const READ_MS = 400;
/** Until a room that could not be opened is tried again. */
const OPEN_AGAIN_MS = 3000;

export class RoomActions {
  #store;
  #socket;
  #sync;
  #users;
  #messages;
  /** The rooms that are followed, the one opened last at the end. @type {string[]} */
  #followed = [];
  /** Read positions that wait to be sent. @type {Map<string, number>} */
  #reading = new Map();

  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {import("../net/socket.js").Socket} parts.socket
   * @param {import("./sync.js").Sync} parts.sync
   * @param {import("./users.js").Users} parts.users
   * @param {import("./message_actions.js").MessageActions} parts.messages
   */
  constructor({ store, socket, sync, users, messages }) {
    this.#store = store;
    this.#socket = socket;
    this.#sync = sync;
    this.#users = users;
    this.#messages = messages;
  }

  get #state() {
    return this.#store.state;
  }

  /** The list of rooms, for as long as the socket has not sent it. */
  async load() {
    const mine = new Map();
    for (let after = "", more = true; more;) {
      const page = await api.listRooms(after).catch(() => null);
      if (!page || !this.#state.loadingRooms) return;
      for (const room of page.rooms) if (room.role) mine.set(room.id, room);
      after = page.rooms.at(-1)?.id ?? "";
      more = page.more && after !== "";
    }
    this.#store.update({ rooms: mine, loadingRooms: false });
  }

  /**
   * Shows the newest page of a room, and follows the room from then on.
   *
   * @param {string} room
   */
  async open(room) {
    this.#touch(room);
    // A person who opens a hidden room wants to see it.
    if (this.#state.rooms.get(room)?.hidden) void this.setHidden(room, false).catch(() => {});
    void this.#loadMembers(room).catch(() => {});
    if (this.#state.timelines.has(room)) return;
    const since = this.#state.rooms.get(room)?.seq ?? 0;
    const empty = { messages: [], loaded: false, loading: true, moreBefore: false, seq: since };
    this.#store.update(withTimeline(this.#state, room, empty));
    try {
      await this.#sync.readNewest(room);
      this.#messages.showWaiting(room);
      // What changed since is replayed; without a connection, the next connect follows every loaded room.
      if (this.#socket.online) await this.#sync.follow(room, since);
    } catch (error) {
      this.#store.update(withoutTimeline(this.#state, room));
      setTimeout(() => {
        if (this.#followed.includes(room) && this.#state.rooms.has(room)) void this.open(room);
      }, OPEN_AGAIN_MS);
      if (/** @type {{ code?: string }} */ (error).code !== "network") throw error;
    }
  }

  /** @param {string} room */
  #touch(room) {
    this.#followed = [...this.#followed.filter((each) => each !== room), room];
    for (const left of this.#followed.splice(0, this.#followed.length - FOLLOWED_MAX)) {
      this.#store.update(withoutTimeline(this.#state, left));
      this.#socket.send("room.unsubscribe", { room: left });
    }
  }

  /** @param {string} room */
  async #loadMembers(room) {
    const { members, total } = await api.listMembers(room);
    for (const { uid } of members.slice(0, NAMED_AHEAD)) this.#users.need(uid);
    const known = this.#state.rooms.get(room);
    if (!known) return;
    this.#store.update(withRoom(this.#state, { ...known, members: members.map(({ uid }) => uid), memberCount: total }));
  }

  /** @param {string} room */
  async loadOlder(room) {
    await this.#sync.readOlder(room);
  }

  /**
   * Reads older pages until a message is among them.
   *
   * @param {string} room
   * @param {string} mid
   * @returns {Promise<boolean>} whether it was found
   */
  async loadAround(room, mid) {
    const timeline = () => this.#state.timelines.get(room);
    const has = () => Boolean(timeline()?.messages.some((message) => message.mid === mid));
    if (!timeline()) await this.open(room);
    for (let page = 0; page < SEEK_PAGES && !has() && timeline()?.moreBefore; page += 1) await this.loadOlder(room);
    return has();
  }

  /**
   * Shows at once that the room is read up to a message, and sends the position a moment later.
   *
   * @param {string} room
   * @param {number} seq
   */
  markRead(room, seq) {
    const known = this.#state.rooms.get(room);
    if (!known || (seq <= known.read && !known.unread)) return;
    const messages = this.#state.timelines.get(room)?.messages ?? [];
    const { me, blocked } = this.#state;
    const rest = seq >= known.seq ? { unread: 0, mentions: 0 } : unreadAfter(messages, seq, me?.uid ?? "", blocked);
    this.#store.update(withRoom(this.#state, { ...known, read: Math.max(seq, known.read), ...rest }));
    if (!this.#reading.has(room)) setTimeout(() => this.#sendRead(room), READ_MS);
    this.#reading.set(room, Math.max(seq, this.#reading.get(room) ?? 0));
  }

  /** @param {string} room */
  #sendRead(room) {
    const seq = this.#reading.get(room);
    this.#reading.delete(room);
    if (seq !== undefined) this.#socket.send("read", { room, seq });
  }

  /**
   * @param {{ name: string, topic?: string, kind: "open" | "closed", members?: string[] }} room
   * @returns {Promise<string>} its id
   */
  async create(room) {
    return this.#add(await api.createRoom(room));
  }

  /**
   * The direct room with these people; it is made if there is none.
   *
   * @param {...string} uids
   */
  async openDirect(...uids) {
    return this.#add(await api.openDirectRoom(uids));
  }

  /** @param {string} room */
  async join(room) {
    await api.addMember(room, this.#state.me?.uid ?? "");
    this.#add(await api.readRoom(room));
  }

  /** @param {string} room */
  async leave(room) {
    await api.removeMember(room, this.#state.me?.uid ?? "");
    this.#drop(room);
  }

  /**
   * Puts a direct room out of sight until somebody writes in it, or shows it again.
   *
   * @param {string} room
   * @param {boolean} hidden
   */
  async setHidden(room, hidden) {
    this.#add(await api.preferRoom(room, { hidden }));
  }

  /** @param {string} room */
  async remove(room) {
    await api.removeRoom(room);
    this.#drop(room);
  }

  /** @param {string} room */
  async restore(room) {
    this.#add(await api.restoreRoom(room));
  }

  /** @param {Room} room */
  #add(room) {
    this.#store.update(withRoom(this.#state, room));
    for (const uid of room.others) this.#users.need(uid);
    return room.id;
  }

  /**
   * The event that says the same comes a moment later; until then nothing leads back into the room.
   *
   * @param {string} room
   */
  #drop(room) {
    this.#followed = this.#followed.filter((each) => each !== room);
    this.#store.update(withoutRoom(this.#state, room));
  }
}
