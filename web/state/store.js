/**
 * The state of this browser and the ways to change it. `createClient` joins the store, the socket and the outbox;
 * views read `store.state` and call `actions`. Listeners are told once per batch of changes, and not without pause.
 */
import { Socket } from "../net/socket.js";
import { keysOf, recall } from "../platform/storage.js";
import {
  forgetAccount,
  forgetWritten,
  register,
  rememberAccount,
  rememberedAccount,
  signIn,
  spendTicket,
  watchAccount,
  whoAmI,
} from "./account.js";
import { call } from "../net/http.js";
import { createBlockActions } from "./blocks.js";
import { createEvents } from "./events.js";
import { createMessageActions } from "./message_actions.js";
import { createPeopleActions } from "./people_actions.js";
import { watchIdle } from "./people_idle.js";
import { createRoomActions } from "./room_actions.js";

/** @typedef {import("./types.js").State} State */
/** @typedef {import("./types.js").User} User */

/** Between two drawings, so that a flood of events leaves time for whoever reads and writes. */
const REST_MS = 16;
/** A page hidden this long may have slept: its line is asked whether it lives. */
const HIDDEN_MS = 60_000;

/**
 * What the parts of the client share.
 * @typedef {object} Client
 * @property {State} state
 * @property {() => void} changed
 * @property {Socket} socket
 * @property {import("./outbox.js").Outbox | null} outbox
 * @property {(uid: string) => void} needUser
 * @property {(room: string, since: number) => Promise<void>} follow
 * @property {(room: string, keepOld: boolean) => Promise<void>} newestPage
 * @property {(room: import("./types.js").Room) => void} setRoom
 * @property {(room: string) => void} showWaiting
 * @property {() => void} learnedUsers  after `state.users` changed
 * @property {() => void} freshenUsers  asks for the profiles again
 * @property {() => Promise<void>} refreshMe  asks the server who I am
 */

/** @returns {{ store: import("./types.js").Store, actions: import("./types.js").Actions }} */
export function createClient() {
  const state = emptyState();
  const listeners = new Set(/** @type {(() => void)[]} */ ([]));
  let told = true;
  let rested = 0;
  /** I am on my way out myself. */
  let leaving = false;

  /** Tells the views once for all changes of a moment, and leaves them as long to rest as they have worked. */
  function changed() {
    if (!told) return;
    told = false;
    const wait = rested - performance.now();
    if (wait > 0) setTimeout(tell, wait);
    else queueMicrotask(tell);
  }

  function tell() {
    told = true;
    const began = performance.now();
    for (const listener of listeners) listener();
    const now = performance.now();
    rested = now + Math.max(REST_MS, now - began);
  }

  const socket = new Socket({
    event: (event) => events.apply(event),
    changed: (online) => {
      state.connection = { online };
      changed();
      if (!online) return;
      events.resume();
      idle.connected();
    },
    allowed: stillSignedIn,
  });
  /** @type {Client} */
  const client = {
    state,
    changed,
    socket,
    outbox: null,
    needUser: (uid) => events.needUser(uid),
    follow: (room, since) => events.follow(room, since),
    newestPage: (room, keepOld) => events.newestPage(room, keepOld),
    setRoom: (room) => events.setRoom(room),
    showWaiting: (room) => messages.showWaiting(room),
    learnedUsers: () => people.watchEnds(),
    freshenUsers: () => people.freshen(),
    refreshMe,
  };
  const events = createEvents(client);
  const messages = createMessageActions(client);
  const rooms = createRoomActions(client);
  const people = createPeopleActions({ state, changed, learnMe, farewell });
  const idle = watchIdle((presence) => socket.tell("presence", { state: presence }));

  /** @param {User} me */
  function enter(me) {
    Object.assign(state, emptyState(), { phase: "signed_in", me, loadingRooms: true });
    forgetWritten(me.uid);
    state.users = new Map([[me.uid, me]]);
    for (const key of keysOf(`draft.${me.uid}.`))
      state.drafts.set(key.slice(`draft.${me.uid}.`.length), String(recall(key) ?? ""));
    rememberAccount(me);
    messages.begin(me.uid);
    socket.start();
    changed();
    void rooms.loadUsers();
    void rooms.loadRooms();
    call("GET", "/api/info").then(
      (info) => {
        state.info = info;
        changed();
      },
      () => {},
    );
  }

  /** The session has ended, by me or by others: nothing of it stays. */
  function exit() {
    socket.stop();
    client.outbox?.close();
    client.outbox = null;
    forgetAccount();
    Object.assign(state, emptyState(), {
      phase: "signed_out",
      wasEnded: state.wasEnded || (!leaving && state.phase === "signed_in"),
    });
    changed();
  }

  /**
   * Leaves once the call has ended the session. Its end may be heard, and the next one begun, before the call has its
   * answer.
   *
   * @param {() => Promise<unknown>} end
   */
  async function farewell(end) {
    const uid = state.me?.uid;
    leaving = true;
    try {
      await end();
      if (state.me?.uid === uid) exit();
    } finally {
      leaving = false;
    }
  }

  /** The cookie is the same in all tabs: who signs out or in elsewhere does so here. */
  function followBrowser() {
    const now = rememberedAccount();
    if (state.phase !== "signed_in" || now?.uid === state.me?.uid) return;
    if (now) startAnew(now);
    else exit();
  }

  /** Somebody else is signed in now: what is shown and half written here is not theirs. @param {User} me */
  function startAnew(me) {
    socket.stop();
    client.outbox?.close();
    client.outbox = null;
    forgetWritten(me.uid);
    rememberAccount(me);
    Object.assign(state, emptyState());
    changed();
    location.reload();
  }

  async function stillSignedIn() {
    try {
      // What I may do may have changed: that is one reason for which sockets are closed.
      await refreshMe();
      return true;
    } catch (error) {
      if (/** @type {{ status?: number }} */ (error).status !== 401) return true;
      exit();
      return false;
    }
  }

  async function refreshMe() {
    learnMe(await whoAmI());
  }

  /** @param {User} me */
  function learnMe(me) {
    // An answer from before the sign-out.
    if (state.phase !== "signed_in") return;
    if (me.uid !== state.me?.uid) return startAnew(me);
    state.me = me;
    state.users = new Map(state.users).set(me.uid, {
      ...me,
      state: state.users.get(me.uid)?.state ?? me.state ?? "online",
    });
    rememberAccount(me);
    people.watchEnds();
    changed();
  }

  const known = rememberedAccount();
  if (known) {
    enter(known);
    refreshMe().catch((error) => {
      if (error.status === 401) exit();
    });
  } else {
    state.phase = "signed_out";
    forgetAccount();
  }
  watchAccount(followBrowser);
  let hiddenAt = 0;
  addEventListener("online", () => socket.hurry());
  document.addEventListener("visibilitychange", () => {
    if (document.hidden) hiddenAt = Date.now();
    else if (hiddenAt && Date.now() - hiddenAt > HIDDEN_MS) socket.probe();
  });

  return {
    store: {
      state,
      subscribe(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    actions: {
      ...messages.actions,
      ...rooms.actions,
      ...people.actions,
      ...createBlockActions(client),
      async signIn(account) {
        await signIn(account);
        enter(await whoAmI());
      },
      async register(account) {
        await register(account);
        enter(await whoAmI());
      },
      async signOut() {
        await farewell(() => call("POST", "/api/auth/logout").catch(() => {}));
      },
      async spendTicket(choice) {
        await spendTicket(choice);
        if (state.phase === "signed_in") exit();
        enter(await whoAmI());
      },
      reconnectNow: () => socket.hurry(),
    },
  };
}

/** @returns {State} */
function emptyState() {
  return {
    phase: "starting",
    me: null,
    loadingRooms: false,
    wasEnded: false,
    connection: { online: false },
    rooms: new Map(),
    users: new Map(),
    blocked: new Set(),
    typing: new Map(),
    timelines: new Map(),
    drafts: new Map(),
    info: null,
  };
}
