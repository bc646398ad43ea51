/**
 * Who is signed in here: getting in and out, in this tab and in step with the others of this browser, and what is
 * loaded or forgotten with it.
 */
import * as api from "../calls/account.js";
import { clock } from "./clock.js";
import * as credentials from "./credentials.js";
import * as remembered from "./remembered.js";
import { emptyState } from "./store.js";

/** @typedef {import("./types.js").User} User */

/** Until the server is asked again who is signed in here. */
const AGAIN_MS = 2000;

/**
 * @typedef {object} Parts
 * @property {import("./store.js").Store} store
 * @property {import("./connection.js").Connection} connection
 * @property {import("./sync.js").Sync} sync
 * @property {import("./users.js").Users} users
 * @property {import("./room_actions.js").RoomActions} rooms
 * @property {import("./read_positions.js").ReadPositions} reads
 * @property {import("./message_actions.js").MessageActions} messages
 * @property {import("./drafts.js").Drafts} drafts
 * @property {import("./files.js").Files} files
 * @property {{ connected: () => void }} idle
 * @property {import("./keys.js").Keys} keys
 * @property {import("./encrypted_door.js").EncryptedDoor} door
 */

export class Session {
  #store;
  #parts;
  /** I am signing out myself. */
  #leaving = false;
  /** The page before the reload was another person's. */
  #tookOver = remembered.takeTakeover();

  /** @param {Parts} parts */
  constructor(parts) {
    this.#store = parts.store;
    this.#parts = parts;
  }

  /** Takes up the session of this browser, if there is one. */
  start() {
    const known = remembered.rememberedAccount();
    if (known) {
      this.#enter(known);
      void this.#stillSignedIn();
    } else {
      void this.#ask();
    }
    remembered.watchAccount(() => this.#followBrowser());
    this.#parts.connection.watch();
  }

  /** The browser remembers nobody, but its storage may have been emptied: the server knows the cookie. */
  async #ask() {
    if (remembered.rememberedLeaving() === "untold") await this.#logOut();
    const info = await api.readInfo().catch(() => null);
    const me = info?.uid && !remembered.rememberedLeaving() ? await api.readMe().catch(() => null) : null;
    if (this.#store.state.phase !== "starting") return;
    if (me) return this.#enter(me);
    this.#store.update({ phase: "signed_out" });
    remembered.forgetAccount();
  }

  /** @param {{ username: string, password: string }} account */
  async signIn(account) {
    await this.#enterAfter(() => credentials.signIn(account));
  }

  /** @param {{ username: string, password: string, setup?: string, invite?: string }} account */
  async register(account) {
    await this.#enterAfter(() => credentials.register(account));
  }

  /**
   * Sets the password that a ticket allows to choose, and signs in.
   *
   * @param {{ ticket: string, username: string, password: string }} choice
   */
  async redeemTicket(choice) {
    await this.#enterAfter(() => credentials.redeemTicket(choice));
  }

  /**
   * Sets another password with the recovery code, and signs in.
   *
   * @param {{ username: string, code: string, password: string }} choice
   */
  async recover(choice) {
    await this.#enterAfter(() => this.#parts.keys.recover(choice));
  }

  /**
   * Enters once the call has opened a session, with the keys that it opens, too. A browser that keeps no cookies has no
   * session afterwards.
   *
   * @param {() => Promise<import("./credentials.js").Entrance>} open
   */
  async #enterAfter(open) {
    if (!navigator.cookieEnabled) throw { code: "cookies_blocked" };
    this.#parts.keys.prepare();
    const entrance = await open();
    const me = await api.readMe().catch((error) => {
      throw error.status === 401 ? { code: "cookies_blocked" } : error;
    });
    if (this.#store.state.phase === "signed_in") this.#exit();
    await this.#parts.keys.begin(me, entrance);
    this.#enter(me);
  }

  /** @param {{ old: string, password: string, signOutOthers: boolean }} change */
  async changePassword(change) {
    await this.#parts.keys.changePassword(change);
  }

  async signOut() {
    // What it still asks the server for would be refused.
    this.#parts.keys.rest();
    await this.#signOutAfter(() => this.#logOut());
  }

  /** Without a line the session lives on: the server hears of the end when this browser is used next. */
  async #logOut() {
    const server = await api.logOut().then(
      () => /** @type {const} */ ("told"),
      ({ code }) => (code === "network" ? "untold" : "told"),
    );
    remembered.rememberLeaving(server);
  }

  /** @param {{ password: string, messages: "keep" | "erase" }} choice */
  async deleteAccount({ password, messages }) {
    await this.#signOutAfter(async () => api.removeMe(await credentials.authOf(this.#username, password), messages));
  }

  /** Tries to connect at once. */
  reconnectNow() {
    this.#parts.connection.retryNow();
  }

  /** Reads who I am: what I may do may have changed. */
  async refetchMe() {
    this.upsertMe(await api.readMe());
  }

  /** @param {User} me */
  upsertMe(me) {
    const { phase, users, me: known } = this.#store.state;
    // The answer may be from before the sign-out.
    if (phase !== "signed_in") return;
    if (me.uid !== known?.uid) return this.#startAnew(me);
    const presence = users.get(me.uid)?.state ?? me.state ?? "online";
    this.#store.update({ me, users: new Map(users).set(me.uid, { ...me, state: presence }) });
    remembered.rememberAccount(me);
    this.#parts.users.watchStatusEnds();
  }

  get #username() {
    return this.#store.state.me?.username ?? "";
  }

  /** @param {User} me */
  #enter(me) {
    const { connection, users, rooms, messages, drafts, files, keys, door } = this.#parts;
    remembered.forgetWritten(me.uid);
    keys.forgetOthers(me.uid);
    this.#store.update({
      ...emptyState(),
      phase: "signed_in",
      me,
      tookOver: this.#tookOver,
      loadingRooms: true,
      users: new Map([[me.uid, me]]),
    });
    this.#tookOver = false;
    keys.start(me);
    door.start(me.uid);
    drafts.load(me.uid);
    remembered.rememberAccount(me);
    files.start(me.uid);
    messages.start(me.uid);
    api.callAs(me.uid, () => void this.#stillSignedIn());
    connection.start(
      {
        isMine: (uid) => this.#isMine(uid),
        received: (event) => this.#received(event),
        unrelated: () => messages.unrelated(),
        stillSignedIn: () => this.#stillSignedIn(),
      },
      (online) => this.#connectionChanged(online),
    );
    void users.load();
    void rooms.load();
    api.readInfo().then(
      (info) => this.#store.update({ info }),
      () => {},
    );
  }

  /** The session has ended, by me or by others: nothing of it stays. */
  #exit() {
    const { phase, wasEnded } = this.#store.state;
    this.#stop();
    this.#parts.keys.stop();
    this.#parts.files.forget();
    remembered.forgetAccount();
    this.#store.update({
      ...emptyState(),
      phase: "signed_out",
      wasEnded: wasEnded || (!this.#leaving && phase === "signed_in"),
    });
  }

  #stop() {
    api.callAs("");
    this.#parts.connection.stop();
    this.#parts.door.stop();
    this.#parts.sync.stop();
    this.#parts.reads.stop();
    this.#parts.messages.stop();
    this.#parts.files.stop();
  }

  /**
   * Signs out here once the call has ended the session. The socket may say so, and the next session may begin, before
   * the call has its answer.
   *
   * @param {() => Promise<unknown>} end
   */
  async #signOutAfter(end) {
    const uid = this.#store.state.me?.uid;
    this.#leaving = true;
    try {
      await end();
      if (this.#store.state.me?.uid === uid) this.#exit();
    } finally {
      this.#leaving = false;
    }
  }

  /** @param {import("../net/wire_frames.js").ServerEvent} event */
  #received(event) {
    if (event.op === "hello" && event.at !== null) clock.set(event.at);
    this.#parts.sync.receive(event);
    this.#parts.keys.receive(event);
    if (event.op === "user" && event.user.uid === this.#store.state.me?.uid) this.refetchMe().catch(() => {});
  }

  /** @param {boolean} online */
  #connectionChanged(online) {
    if (!online) {
      this.#parts.files.lineLost();
      return this.#parts.messages.lineLost();
    }
    this.#parts.sync.resume();
    this.#parts.reads.resume();
    this.#parts.rooms.resume();
    this.#parts.files.flush();
    this.#parts.messages.flush();
    this.#parts.door.connected();
    this.#parts.idle.connected();
  }

  /**
   * Whether I am. A change of what I may do is one reason for which the server closes a socket or refuses a call; the
   * end of the session another, and that somebody else is signed in now a third.
   */
  async #stillSignedIn() {
    try {
      await this.refetchMe();
      return true;
    } catch (error) {
      if (/** @type {{ status?: number }} */ (error).status !== 401) return true;
      if (this.#store.state.phase === "signed_in") this.#exit();
      return false;
    }
  }

  /** Whether a connection is mine: the cookie that opened it may be another person's by now. @param {string} uid */
  #isMine(uid) {
    const isMine = uid === this.#store.state.me?.uid;
    if (!isMine) void this.#yield();
    return isMine;
  }

  /** Somebody else is signed in: nothing of mine is shown or sent until the server has said who. */
  async #yield() {
    this.#stop();
    this.#store.update(emptyState());
    for (;;) {
      try {
        return this.#startAnew(await api.readMe());
      } catch (error) {
        if (/** @type {{ status?: number }} */ (error).status === 401) return this.#exit();
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
      }
    }
  }

  /** The cookie is the same in all tabs: whoever signs out or in elsewhere does so here, too. */
  #followBrowser() {
    const now = remembered.rememberedAccount();
    const { phase, me } = this.#store.state;
    if (phase !== "signed_in" || now?.uid === me?.uid) return;
    if (now) this.#startAnew(now);
    else if (remembered.rememberedLeaving()) this.#exit();
    // The storage was emptied, or the session has ended: the server knows.
    else void this.#stillSignedIn();
  }

  /** Somebody else is signed in now: what is shown and half written here is not theirs. @param {User} me */
  #startAnew(me) {
    this.#stop();
    remembered.forgetWritten(me.uid);
    remembered.rememberAccount(me);
    remembered.noteTakeover();
    this.#store.update(emptyState());
    location.reload();
  }
}
