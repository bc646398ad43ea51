/** The parts of the client that take events in, without a network: what is sent and asked for is recorded. */
import { frameFromWire } from "../../web/net/wire_frames.js";
import { messageFromWire } from "../../web/net/wire.js";
import { Ingest } from "../../web/state/ingest.js";
import { Pages } from "../../web/state/pages.js";
import { ReadPositions } from "../../web/state/read_positions.js";
import { RoomActions } from "../../web/state/room_actions.js";
import { emptyState, Store } from "../../web/state/store.js";
import { emptyTimeline } from "../../web/state/timelines.js";
import { Sync } from "../../web/state/sync.js";

/** Until everything that waits for no timer is done. */
export const settled = () => new Promise((resolve) => setTimeout(resolve));

/**
 * @param {Record<string, any>} [state]  what differs from the empty one
 * @param {(room: string, entry: any) => any} [open]
 * @param {new (store: Store) => any} [People]  in place of nobody
 */
export function createParts(state = {}, open, People) {
  const store = new Store({ ...emptyState(), phase: "signed_in", me: { uid: "1" }, ...state });
  const ingest = new Ingest(open ?? ((_room, entry) => messageFromWire(entry, store.state.me?.uid ?? "")));
  const commands = [];
  const socket = {
    online: true,
    /** What commands are answered with, in turn. */
    answers: [],
    command(op, fields) {
      commands.push({ op, ...fields });
      const nothingNew = { op: "ok", seq: fields.since ?? 0, read: 0, unread: 0, mentions: 0 };
      return Promise.resolve(socket.answers.shift() ?? nothingNew);
    },
    send: (op, fields) => void commands.push({ op, ...fields }),
  };
  const users = People ? new People(store) : { need() {}, heard() {}, refetchSoon() {} };
  const pages = new Pages({ store, ingest, users });
  const sync = new Sync({ store, socket, users, ingest, pages });
  const reads = new ReadPositions({ store, socket });
  const rooms = new RoomActions({ store, socket, sync, pages, reads, users });
  return {
    store,
    state: store.state,
    ingest,
    socket,
    users,
    sync,
    pages,
    reads,
    rooms,
    commands,
    /** Frames of the server, as they are on the wire. */
    receive(...frames) {
      for (const frame of frames) sync.receive(frameFromWire(frame));
    },
  };
}

/** A message as it is on the wire, in a live event. */
export const said = (room, seq, more = {}) => {
  const msg = {
    mid: `m${seq}`,
    rev: 0,
    kind: "msg",
    by: "2",
    created: seq,
    created_seq: seq,
    t: `text ${seq}`,
    ...more,
  };
  return { op: "msg", room, seq, at: seq, msg };
};

/** A room as it is on the wire. */
export const roomOf = (id, more = {}) => ({
  id,
  name: `Room ${id}`,
  kind: "open",
  role: "member",
  seq: 0,
  read: 0,
  unread: 0,
  mentions: 0,
  members: 1,
  ...more,
});

/** A timeline that is loaded and knows these messages of the wire. */
export const timelineOf = (entries = [], more = {}) => ({
  ...emptyTimeline(0),
  messages: entries.map((entry) => messageFromWire(entry, "1")),
  loaded: true,
  seq: entries.reduce((most, { seq }) => Math.max(most, seq), 0),
  ...more,
});
