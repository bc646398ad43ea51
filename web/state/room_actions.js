/** What I do with rooms: open them and page through them, mark them read, come in, leave, make and remove them. */
import * as api from "../calls/rooms.js";
import { firstSeqOf, lastSeqOf } from "./messages.js";
import { keepingNumbers, withoutRoom, withRoom } from "./rooms.js";
import { withoutTimeline } from "./timelines.js";

/** @typedef {import("./types.js").Room} Room */
/** @typedef {import("./types.js").Timeline} Timeline */

/** Rooms that are followed live at once; the one that was opened longest ago is left first. */
const FOLLOWED_MAX = 12;
/** Members who are read before anybody needs their names; in a larger room those who write are. */
const NAMED_AHEAD = 100;

export class RoomActions {
  #store;
  #socket;
  #sync;
  #pages;
  #reads;
  #users;
  #encrypted;
  #door;
  /** The rooms that are followed, the one opened last at the end. @type {string[]} */
  #followed = [];
  /**
   * @param {object} parts
   * @param {import("./store.js").Store} parts.store
   * @param {import("../net/socket.js").Socket} parts.socket
   * @param {import("./sync.js").Sync} parts.sync
   * @param {import("./pages.js").Pages} parts.pages
   * @param {import("./read_positions.js").ReadPositions} parts.reads
   * @param {import("./users.js").Users} parts.users
   * @param {import("./encrypted_actions.js").EncryptedActions} [parts.encrypted]
   * @param {import("./encrypted_door.js").EncryptedDoor} [parts.door]
   */
  constructor({ store, socket, sync, pages, reads, users, encrypted, door }) {
    this.#encrypted = encrypted;
    this.#door = door;
    if (encrypted) encrypted.shown = (room) => void this.#add(room);
    this.#store = store;
    this.#socket = socket;
    this.#sync = sync;
    this.#pages = pages;
    this.#reads = reads;
    this.#users = users;
  }

  get #state() {
    return this.#store.state;
  }

  /** The list of rooms, for as long as the socket has not sent it. */
  async load() {
    const mine = new Map();
    let epoch = "";
    for (let after = "", more = true; more;) {
      const page = await api.listRooms(after).catch(() => null);
      if (!page || !this.#state.loadingRooms) return;
      epoch ||= page.epoch;
      if (page.epoch !== epoch) return;
      for (const room of page.rooms) if (room.role) mine.set(room.id, room);
      after = page.rooms.at(-1)?.id ?? "";
      more = page.more && after !== "";
    }
    this.#store.update({ rooms: mine, epoch, loadingRooms: false });
  }

  /**
   * Shows one of my rooms, at the first unread message or else at its end, and follows it from then on. What is shown
   * already stays if that is in it.
   *
   * @param {string} room
   */
  async open(room) {
    if (!this.#state.rooms.has(room)) return;
    this.#touch(room);
    // A person who opens a hidden room wants to see it.
    if (this.#state.rooms.get(room)?.hidden) void this.setHidden(room, false).catch(() => {});
    void this.#loadMembers(room).catch(() => {});
    this.#door?.opened(room);
    if (!this.#begin(room)) await this.#pages.showUnread(room);
  }

  /**
   * @param {string} room
   * @returns {boolean} whether what is to be shown of it is loaded, or will be
   */
  #begin(room) {
    const { timelines, rooms } = this.#state;
    const timeline = timelines.get(room);
    if (!timeline) this.#sync.begin(room);
    const known = rooms.get(room);
    return Boolean(timeline && (!timeline.loaded || timeline.stale || (known && holdsUnread(timeline, known))));
  }

  /** @param {string} room */
  #touch(room) {
    this.#followed = [...this.#followed.filter((each) => each !== room), room];
    for (const left of this.#followed.splice(0, this.#followed.length - FOLLOWED_MAX)) {
      this.#sync.leave(left);
      this.#store.update(withoutTimeline(this.#state, left));
      this.#socket.send("room.unsubscribe", { room: left });
    }
  }

  /** After a connect: who came and went meanwhile is not replayed. */
  resume() {
    const open = this.#followed.at(-1);
    if (open && this.#state.rooms.has(open)) void this.#loadMembers(open).catch(() => {});
  }

  /** @param {string} room */
  async #loadMembers(room) {
    const { members, total } = await api.listMembers(room);
    for (const { uid } of members.slice(0, NAMED_AHEAD)) this.#users.need(uid);
    const known = this.#state.rooms.get(room);
    if (!known) return;
    this.#store.update(withRoom(this.#state, { ...known, members: members.map(({ uid }) => uid), memberCount: total }));
  }

  /** Reads the page before what is shown. @param {string} room */
  async loadOlder(room) {
    await this.#pages.older(room);
  }

  /** Reads the page after what is shown. @param {string} room */
  async loadNewer(room) {
    await this.#pages.newer(room);
  }

  /**
   * Shows the newest messages.
   *
   * @param {string} room
   * @returns {Promise<import("./pages.js").Arrival>}
   */
  async jumpToPresent(room) {
    return this.#pages.showNewest(room);
  }

  /**
   * Shows a message, or the place where one is or was, wherever it is in the history.
   *
   * @param {string} room
   * @param {import("./pages.js").Target} target
   * @returns {Promise<import("./pages.js").Arrival>}
   */
  async showAround(room, target) {
    if (!this.#state.rooms.has(room)) return "missing";
    this.#touch(room);
    if (!this.#state.timelines.has(room)) this.#sync.begin(room);
    return this.#pages.showAround(room, target);
  }

  /**
   * What the reader sees of a room that is open.
   *
   * @param {string} room
   * @param {{ seq: number, attends: boolean }} what  the message in the middle of the screen, by its `createdSeq`, and
   *   whether somebody has the end of the room before their eyes
   */
  lookAt(room, { seq, attends }) {
    if (seq) this.#pages.lookAt(room, seq);
    const { attended } = this.#state;
    if (attends && attended !== room) this.#store.update({ attended: room });
    if (!attends && attended === room) this.#store.update({ attended: null });
  }

  /**
   * What was on screen is read.
   *
   * @param {string} room
   * @param {number} seq  the `createdSeq` of the last message that was
   */
  markRead(room, seq) {
    this.#reads.mark(room, seq);
  }

  /** Everything is read, seen or not. @param {string} room */
  markAllRead(room) {
    this.#reads.markAll(room);
  }

  /**
   * @param {{ name: string, topic?: string, kind: "open" | "closed", members?: string[] }} room
   * @returns {Promise<string>} its id
   */
  async create(room) {
    return this.#add(await api.createRoom(room));
  }

  /**
   * The direct room with these people; it is made if there is none, encrypted where that can be. Fails if that is to be
   * asked about: see `EncryptedActions.openDirect`.
   *
   * @param {...string} uids
   */
  async openDirect(...uids) {
    return this.#add(await (this.#encrypted?.openDirect(uids) ?? api.openDirectRoom(uids)));
  }

  /** @param {string} room */
  async join(room) {
    await api.addMember(room, this.#state.me?.uid ?? "");
    this.#add(await api.readRoom(room));
  }

  /** @param {string} room */
  async leave(room) {
    if (this.#encrypted && this.#door?.isEncrypted(room)) await this.#encrypted.leave(room);
    else await api.removeMember(room, this.#state.me?.uid ?? "");
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
    this.#store.update(withRoom(this.#state, keepingNumbers(this.#state.rooms.get(room.id), room)));
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
    this.#sync.leave(room);
    this.#store.update(withoutRoom(this.#state, room));
  }
}

/**
 * Whether the first unread message is in what is loaded; if all is read, the end.
 *
 * @param {Timeline} timeline
 * @param {Room} room
 */
function holdsUnread({ messages, moreBefore, moreAfter }, { read, unread }) {
  if (!moreAfter && !unread) return true;
  const begins = !moreBefore || firstSeqOf(messages) <= read;
  return unread > 0 && begins && (!moreAfter || read < lastSeqOf(messages));
}
