/**
 * Who is signed in here: getting in and out, in this tab and in step with the others of this browser, and what is
 * loaded or forgotten with it.
 */
import * as api from "../calls/account.js";
import * as credentials from "./credentials.js";
import { forgetAccount, forgetWritten, rememberAccount, rememberedAccount, watchAccount } from "./remembered.js";
import { emptyState } from "./store.js";

/** @typedef {import("./types.js").User} User */

/** A page that was hidden for this long may have slept: its connection is checked. */
const HIDDEN_MS = 60_000;

/**
 * @typedef {object} Parts
 * @property {import("./store.js").Store} store
 * @property {import("../net/socket.js").Socket} socket
 * @property {import("./sync.js").Sync} sync
 * @property {import("./users.js").Users} users
 * @property {import("./room_actions.js").RoomActions} rooms
 * @property {import("./message_actions.js").MessageActions} messages
 * @property {import("./drafts.js").Drafts} drafts
 * @property {{ connected: () => void }} idle
 */

export class Session {
  #store;
  #parts;
  /** I am signing out myself. */
  #leaving = false;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#store = parts.store;
    this.#parts = parts;
  }

  /** Takes up the session of this browser, if there is one. */
  start() {
    const known = rememberedAccount();
    if (known) {
      this.#enter(known);
      this.refetchMe().catch((error) => {
        if (error.status === 401) this.#exit();
      });
    } else {
      this.#store.update({ phase: "signed_out" });
      forgetAccount();
    }
    watchAccount(() => this.#followBrowser());
    this.#watchPage();
  }

  /** @param {{ username: string, password: string }} account */
  async signIn(account) {
    await credentials.signIn(account);
    this.#enter(await api.readMe());
  }

  /** @param {{ username: string, password: string, setup?: string, invite?: string }} account */
  async register(account) {
    await credentials.register(account);
    this.#enter(await api.readMe());
  }

  /**
   * Sets the password that a ticket allows to choose, and signs in.
   *
   * @param {{ ticket: string, username: string, password: string }} choice
   */
  async redeemTicket(choice) {
    await credentials.redeemTicket(choice);
    if (this.#store.state.phase === "signed_in") this.#exit();
    this.#enter(await api.readMe());
  }

  /** @param {{ old: string, password: string, signOutOthers: boolean }} change */
  async changePassword(change) {
    await credentials.changePassword({ ...change, username: this.#username });
  }

  async signOut() {
    await this.#signOutAfter(() => api.logOut().catch(() => {}));
  }

  /** @param {{ password: string, messages: "keep" | "erase" }} choice */
  async deleteAccount({ password, messages }) {
    await this.#signOutAfter(async () => api.removeMe(await credentials.authOf(this.#username, password), messages));
  }

  /** Tries to connect at once. */
  reconnectNow() {
    this.#parts.socket.reconnectNow();
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
    rememberAccount(me);
    this.#parts.users.watchStatusEnds();
  }

  get #username() {
    return this.#store.state.me?.username ?? "";
  }

  /** @param {User} me */
  #enter(me) {
    const { socket, users, rooms, messages, drafts } = this.#parts;
    forgetWritten(me.uid);
    this.#store.update({
      ...emptyState(),
      phase: "signed_in",
      me,
      loadingRooms: true,
      users: new Map([[me.uid, me]]),
    });
    drafts.load(me.uid);
    rememberAccount(me);
    messages.start(me.uid);
    socket.start({
      received: (event) => this.#received(event),
      changed: (online) => this.#connectionChanged(online),
      stillSignedIn: () => this.#stillSignedIn(),
    });
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
    forgetAccount();
    this.#store.update({
      ...emptyState(),
      phase: "signed_out",
      wasEnded: wasEnded || (!this.#leaving && phase === "signed_in"),
    });
  }

  #stop() {
    this.#parts.socket.stop();
    this.#parts.sync.stop();
    this.#parts.messages.stop();
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
    this.#parts.sync.receive(event);
    if (event.op === "user" && event.user.uid === this.#store.state.me?.uid) this.refetchMe().catch(() => {});
  }

  /** @param {boolean} online */
  #connectionChanged(online) {
    this.#store.update({ connection: { online } });
    if (!online) return;
    this.#parts.sync.resume();
    this.#parts.messages.flush();
    this.#parts.idle.connected();
  }

  /** A change of what I may do is one reason for which the server closes a socket; the end of the session another. */
  async #stillSignedIn() {
    try {
      await this.refetchMe();
      return true;
    } catch (error) {
      if (/** @type {{ status?: number }} */ (error).status !== 401) return true;
      this.#exit();
      return false;
    }
  }

  /** The cookie is the same in all tabs: whoever signs out or in elsewhere does so here, too. */
  #followBrowser() {
    const now = rememberedAccount();
    const { phase, me } = this.#store.state;
    if (phase !== "signed_in" || now?.uid === me?.uid) return;
    if (now) this.#startAnew(now);
    else this.#exit();
  }

  /** Somebody else is signed in now: what is shown and half written here is not theirs. @param {User} me */
  #startAnew(me) {
    this.#stop();
    forgetWritten(me.uid);
    rememberAccount(me);
    this.#store.update(emptyState());
    location.reload();
  }

  #watchPage() {
    const { socket } = this.#parts;
    let hiddenAt = 0;
    addEventListener("online", () => socket.reconnectNow());
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) hiddenAt = Date.now();
      else if (hiddenAt && Date.now() - hiddenAt > HIDDEN_MS) socket.probe();
    });
  }
}
