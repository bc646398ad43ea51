/**
 * A server as the protocol describes it, in memory, whose answers are on their way for as long as its driver wants:
 * rooms with one `seq` over all changes, replays, pages, numbers, and commands that are answered once.
 */

/** More missed changes than these are not replayed. */
const REPLAY_MAX = 12;
const ME = "1";

/** Numbers that look random and are the same for the same seed. @param {number} seed */
export function randomFrom(seed) {
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const below = (n) => Math.floor(next() * n);
  return { next, below, of: (list) => list[below(list.length)], chance: (part) => next() < part };
}

class Room {
  seq = 0;
  read = 0;
  /** In the order of creation. */
  messages = [];

  constructor(id) {
    this.id = id;
  }

  find(mid) {
    return this.messages.find((message) => message.mid === mid);
  }

  /** One more change; every state that a message has had is remembered. */
  change(message, fields) {
    this.seq += 1;
    Object.assign(message, fields, { seq: this.seq });
    message.states.push({ seq: this.seq, t: message.t, kind: message.kind, likes: message.likes });
    return message;
  }

  add(mid, by, mentions) {
    const message = { mid, by, t: `${mid} at first`, kind: "msg", likes: 0, createdSeq: this.seq + 1, states: [] };
    if (mentions) message.m = mentions;
    this.messages.push(message);
    return this.change(message, {});
  }

  unread() {
    const unread = this.messages.filter(
      ({ createdSeq, by, kind }) => createdSeq > this.read && by !== ME && kind === "msg",
    );
    const mentions = unread.filter(({ m }) => m?.includes(ME) || m?.includes("all"));
    return { unread: unread.length, mentions: mentions.length };
  }

  toWire() {
    const { id, seq, read } = this;
    return { id, name: id, kind: "closed", role: "member", seq, read, members: 2, ...this.unread() };
  }

  copy() {
    const copy = Object.assign(new Room(this.id), this);
    copy.messages = this.messages.map((message) => ({ ...message, states: [...message.states] }));
    return copy;
  }
}

function entryOf({ mid, by, t, kind, likes, m, seq, createdSeq, states }) {
  const reactions = likes ? [{ e: "+", by: Array(likes).fill("3"), mids: Array(likes).fill("r") }] : [];
  const msg = { mid, rev: states.length - 1, kind, by, created: createdSeq, created_seq: createdSeq, t, reactions };
  return { seq, at: seq, msg: m ? { ...msg, m } : msg };
}

export class ModelServer {
  rooms = new Map();
  /** The one connection: frames to it and commands from it, in order. */
  connection = null;
  /** Rooms that I am not in for now. */
  away = new Set();
  removals = 0;
  /** Messages that a replay left out because they changed meanwhile, and the `seq` with which they come. */
  late = new Map();
  #mids = 0;
  /** Which history this is: another one after each restore. */
  epoch = "epoch 1";
  #epochs = 1;

  /** @param {ReturnType<typeof randomFrom>} random @param {string[]} ids */
  constructor(random, ids) {
    this.random = random;
    for (const id of ids) this.rooms.set(id, new Room(id));
  }

  connect() {
    this.connection = { frames: [], commands: [], followed: new Set(), active: new Set() };
    this.#send({ op: "hello", uid: ME, epoch: this.epoch, rooms: this.#mine() });
  }

  #mine() {
    return [...this.rooms.values()].filter(({ id }) => !this.away.has(id)).map((room) => room.toWire());
  }

  /** Somebody removes me from a room. */
  remove(id) {
    if (this.away.has(id)) return;
    this.away.add(id);
    this.removals += 1;
    this.connection?.followed.delete(id);
    this.connection?.active.delete(id);
    this.#send({ op: "room", room: { id, gone: true } });
  }

  /** I am in a room again. */
  admit(id) {
    if (this.away.delete(id)) this.#send({ op: "room", room: this.rooms.get(id).toWire() });
  }

  #send(frame) {
    this.connection?.frames.push(frame);
  }

  /** Numbers take another way than messages, and may overtake them, but nothing else. */
  #sendNumbers(frame) {
    const { frames } = this.connection;
    const last = frames.findLastIndex(({ op }) => ["hello", "room", "activity", "read"].includes(op));
    frames.splice(last + 1 + this.random.below(frames.length - last), 0, frame);
  }

  /** Somebody changes something. */
  change(id) {
    const room = this.rooms.get(id);
    const { random } = this;
    const old = random.of(room.messages);
    const way = random.below(10);
    if (!old || way < 6) return this.publish(room, this.#created(room, random.chance(0.15) ? ME : "2"));
    if (way === 6) return this.publish(room, room.change(old, { kind: "del", t: "", m: undefined, likes: 0 }), "other");
    if (old.kind === "del") return;
    if (way === 7) return this.publish(room, room.change(old, { likes: old.likes + 1 }));
    const m = random.chance(0.5) ? undefined : random.of([[ME], ["all"]]);
    this.publish(room, room.change(old, { t: `${old.mid} changed ${room.seq}`, m }), "other");
  }

  #created(room, by) {
    const mentions = this.random.chance(0.2) ? this.random.of([[ME], ["all"], ["3"]]) : undefined;
    return room.add(`${room.id}-${(this.#mids += 1)}`, by, mentions);
  }

  /** @param {string} [numbers]  whether they changed in another way than by a new message */
  publish(room, message, numbers) {
    const { connection } = this;
    if (!connection || this.away.has(room.id)) return;
    if (!connection.followed.has(room.id)) return void connection.active.add(room.id);
    // A replay that is on its way brings no state that is old by now.
    const isOld = (frame) => frame.replayed && frame.msg.mid === message.mid;
    if (connection.frames.some(isOld)) this.late.set(message.mid, message.seq);
    connection.frames = connection.frames.filter((frame) => !isOld(frame));
    this.#send({ op: "msg", room: room.id, ...entryOf(message) });
    if (numbers) connection.active.add(room.id);
  }

  /** What is told once a second. */
  tick() {
    for (const id of this.connection?.active ?? []) this.#tellNumbers(this.rooms.get(id));
    this.connection?.active.clear();
  }

  #tellNumbers(room) {
    const { seq, read } = room;
    if (this.connection.followed.has(room.id))
      this.#sendNumbers({ op: "read", room: room.id, seq: read, upto: seq, ...room.unread() });
    else this.#sendNumbers({ op: "activity", room: room.id, seq, new: 1, ...room.unread() });
  }

  /** Another browser of mine reads on. */
  readElsewhere(id) {
    const room = this.rooms.get(id);
    this.#read(room, room.read + this.random.below(room.seq - room.read + 1));
  }

  #read(room, seq) {
    if (seq <= room.read) return;
    room.read = Math.min(seq, room.seq);
    if (this.connection && !this.away.has(room.id))
      this.#sendNumbers({ op: "read", room: room.id, seq: room.read, upto: room.seq, ...room.unread() });
  }

  /** Works on the next command of the client. */
  work(busy = "sometimes busy") {
    const command = this.connection?.commands.shift();
    if (!command) return;
    const { op, id, room: name } = command;
    const room = this.rooms.get(name);
    if (busy === "sometimes busy" && this.random.chance(0.05) && op !== "room.unsubscribe")
      return this.#send({ op: "err", id, code: "unavailable", message: "", retry_ms: 100 });
    if (this.away.has(name)) return this.#send({ op: "err", id, code: "not_found", message: "" });
    if (op === "room.subscribe") return this.#subscribe(room, command);
    if (op === "room.unsubscribe") this.connection.followed.delete(name);
    if (op === "read") this.#read(room, command.seq);
    const fields = op === "msg.send" ? this.#accept(room, command.msg) : {};
    this.#send({ op: "ok", id, ...fields });
  }

  #accept(room, { mid, t }) {
    const known = room.find(mid);
    if (known) return { seq: known.createdSeq, at: 1 };
    // Others of the same batch come first, and the answer before all of them.
    const others = this.random.chance(0.4) ? [this.#created(room, "2")] : [];
    const mine = room.add(mid, ME, undefined);
    Object.assign(mine, { t });
    mine.states[0].t = t;
    const answer = { seq: mine.createdSeq, at: 1 };
    queueMicrotask(() => [...others, mine].forEach((message) => this.publish(room, message)));
    return answer;
  }

  #subscribe(room, { id, since, epoch }) {
    this.connection.followed.add(room.id);
    if (epoch !== this.epoch) throw new Error(`a client of ${this.epoch} subscribes in ${epoch}`);
    const missed = room.messages.filter(({ seq }) => seq > since).sort((a, b) => a.seq - b.seq);
    const replayed = missed.slice(0, REPLAY_MAX);
    for (const message of replayed) this.#send({ op: "msg", room: room.id, replayed: true, ...entryOf(message) });
    const truncated = since > room.seq || missed.length > REPLAY_MAX;
    const { seq, read } = room;
    this.#send({ op: "ok", id, seq, ...(truncated ? { truncated } : {}), read, ...room.unread() });
  }

  /** A page of history, as it is now. @param {string} address */
  page(address) {
    const { pathname, searchParams } = new URL(address, "http://model");
    const { epoch } = this;
    const room = this.rooms.get(pathname.split("/")[3]);
    if (this.away.has(room.id)) return null;
    const most = 2 + this.random.below(7);
    const all = room.messages;
    const [around, before, after] = ["around", "before", "after"].map((name) => searchParams.get(name));
    const cut = (start, end) => all.slice(Math.max(0, start), Math.max(0, end)).map(entryOf);
    const firstAfter = (seq) => all.filter(({ createdSeq }) => createdSeq <= seq).length;
    if (around !== null) {
      const isPlace = /^\d+$/.test(around);
      const at = isPlace ? firstAfter(Number(around)) : all.findIndex(({ mid }) => mid === around);
      if (at < 0) return null;
      const [start, end] = [at - most, at + most];
      return { epoch, messages: cut(start, end), more_before: start > 0, more_after: end < all.length };
    }
    if (before !== null) {
      const end = firstAfter(Number(before) - 1);
      return { epoch, messages: cut(end - most, end), more: end > most };
    }
    const start = after === null ? all.length - most : firstAfter(Number(after));
    return { epoch, messages: cut(start, start + most), more: after === null ? start > 0 : start + most < all.length };
  }

  backup() {
    return new Map([...this.rooms].map(([id, room]) => [id, room.copy()]));
  }

  /** Everything since the backup is gone, and so is the connection. */
  restore(backup) {
    this.rooms = new Map([...backup].map(([id, room]) => [id, room.copy()]));
    this.connection = null;
    this.epoch = `epoch ${(this.#epochs += 1)}`;
  }
}
