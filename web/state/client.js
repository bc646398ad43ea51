/** Joins the parts of the client below the views: the state, and everything that changes it. */
import { messageFromWire } from "../net/wire.js";
import { Socket } from "../net/socket.js";
import { BlockActions } from "./blocks.js";
import { Connection } from "./connection.js";
import { Drafts } from "./drafts.js";
import { EncryptedActions } from "./encrypted_actions.js";
import { EncryptedDoor } from "./encrypted_door.js";
import { Files } from "./files.js";
import { Ingest } from "./ingest.js";
import { Keys } from "./keys.js";
import { MessageActions } from "./message_actions.js";
import { Pages } from "./pages.js";
import { watchMidnight } from "./midnight.js";
import { watchIdle } from "./people_idle.js";
import { Profile } from "./profile.js";
import { ReadPositions } from "./read_positions.js";
import { RoomActions } from "./room_actions.js";
import { SearchActions } from "./search.js";
import { Session } from "./session.js";
import { Store } from "./store.js";
import { Sync } from "./sync.js";
import { Users } from "./users.js";

/**
 * What views call to change the state; calls that change none of it are in `calls/`.
 *
 * @typedef {ReturnType<typeof createClient>["actions"]} Actions
 */

export function createClient() {
  const store = new Store();
  const socket = new Socket();
  /** @type {EncryptedDoor | null} */
  let door = null;
  const isEncrypted = (/** @type {string} */ room) => door?.isEncrypted(room) ?? false;
  const ingest = new Ingest((room, entry) =>
    door?.isEncrypted(room) ? door.open(room, entry) : messageFromWire(entry, store.state.me?.uid ?? ""),
  );
  const users = new Users(store);
  const pages = new Pages({ store, ingest, users });
  const sync = new Sync({ store, socket, users, ingest, pages });
  const files = new Files({ store, isEncrypted });
  const messages = new MessageActions({ store, socket, ingest, files, isEncrypted });
  pages.reachedPresent = (room) => messages.showWaiting(room);
  const reads = new ReadPositions({ store, socket });
  sync.restarted = () => {
    reads.restart();
    messages.restart();
  };
  const drafts = new Drafts(store, isEncrypted);
  const idle = watchIdle((state) => socket.command("presence", { state }));
  const connection = new Connection(store, socket);
  const keys = new Keys(store);
  door = new EncryptedDoor({ store, socket, ingest, sync, messages, drafts, keys });
  const encrypted = new EncryptedActions({ store, door, messages });
  const rooms = new RoomActions({ store, socket, sync, pages, reads, users, encrypted, door });
  const search = new SearchActions({ store, users });
  const session = new Session({
    store,
    connection,
    sync,
    users,
    rooms,
    reads,
    messages,
    drafts,
    files,
    idle,
    keys,
    door,
  });
  const profile = new Profile(store, session);
  const blocks = new BlockActions(store, users);
  session.start();
  watchMidnight(() => store.notifyLater());
  return {
    store,
    actions: { session, profile, keys, rooms, encrypted, messages, drafts, files, users, blocks, search },
  };
}
