/** Saying things: send, edit, delete, react. Each is shown at once, kept in the outbox, and confirmed or undone. */
import { randomBytes, toBase64Url } from "../crypto/encoding.js";
import { keep } from "../platform/storage.js";
import { change, fromWire, merge } from "./messages.js";
import { Outbox } from "./outbox.js";

/** @typedef {import("./types.js").Message} Message */
/** @typedef {import("./outbox.js").Entry} Entry */
/** @typedef {import("./store.js").Client} Client */

/** @param {Client} client */
export function createMessageActions(client) {
  const { state, changed, socket } = client;
  /** What an edit or deletion replaced, until it is confirmed. @type {Map<string, Message>} */
  const before = new Map();

  /** @param {string} uid */
  function begin(uid) {
    client.outbox = new Outbox(
      uid,
      (entry) => socket.command("msg.send", { room: entry.room, msg: entry.msg }),
      settled,
    );
  }

  /**
   * @param {Entry} entry
   * @param {any} answer
   * @param {Entry["error"] | null} error
   */
  function settled(entry, answer, error) {
    const { msg, room } = entry;
    if (msg.kind === "react") {
      if (error) {
        client.outbox?.discard(msg.mid);
        update(room, msg["ref"], (message) => without(message, msg.mid, state.me?.uid ?? ""));
      }
    } else if (msg.rev === 0) {
      update(room, msg.mid, (message) =>
        error
          ? { ...message, status: "failed", error }
          : {
              ...message,
              status: "sent",
              seq: Math.max(message.seq, answer.seq),
              createdSeq: message.createdSeq || answer.seq,
              at: message.createdSeq ? message.at : (answer.at ?? message.at),
            },
      );
      const known = state.rooms.get(room);
      if (known && answer) client.setRoom({ ...known, seq: Math.max(known.seq, answer.seq) });
    } else if (error) {
      client.outbox?.discard(msg.mid);
      const old = before.get(msg.mid);
      if (old) update(room, msg.mid, () => old);
    }
    before.delete(msg.mid);
    changed();
  }

  /**
   * @param {string} room
   * @param {string} mid
   * @param {(message: Message) => Message} how
   */
  function update(room, mid, how) {
    const timeline = state.timelines.get(room);
    if (!timeline) return;
    const messages = merge(change(timeline.messages, mid, how), []);
    state.timelines = new Map(state.timelines).set(room, { ...timeline, messages });
    changed();
  }

  /**
   * @param {string} room
   * @param {string} mid
   */
  function find(room, mid) {
    return state.timelines.get(room)?.messages.find((message) => message.mid === mid);
  }

  /**
   * Shows a message that waits in the outbox.
   *
   * @param {Entry} entry
   */
  function show(entry) {
    const timeline = state.timelines.get(entry.room);
    const me = state.me?.uid ?? "";
    if (!timeline || entry.msg.kind !== "msg" || entry.msg.rev !== 0 || find(entry.room, entry.msg.mid)) return;
    /** @type {Message} */
    const message = {
      ...fromWire({ seq: 0, at: entry.at, msg: { ...entry.msg, by: me } }, me),
      status: entry.error ? "failed" : "pending",
      ...(entry.error ? { error: entry.error } : {}),
    };
    state.timelines = new Map(state.timelines).set(entry.room, {
      ...timeline,
      messages: merge(timeline.messages, [message]),
    });
    changed();
  }

  /** @param {string} room */
  function showWaiting(room) {
    client.outbox
      ?.entries()
      .filter((entry) => entry.room === room)
      .forEach(show);
  }

  /** @satisfies {Partial<import("./types.js").Actions>} */
  const actions = {
    /** @type {import("./types.js").Actions["send"]} */
    async send(room, { text, re, mentions }) {
      const msg = {
        mid: newMid(),
        rev: 0,
        kind: "msg",
        t: text,
        ...(re ? { re } : {}),
        ...(mentions.length ? { m: mentions.slice(0, 50) } : {}),
      };
      const entry = client.outbox?.add(room, msg);
      if (entry) show(entry);
    },

    /** @type {import("./types.js").Actions["edit"]} */
    async edit(room, mid, text) {
      const old = find(room, mid);
      if (!old) return;
      before.set(mid, old);
      update(room, mid, (message) => ({ ...message, t: text, rev: old.rev + 1, edited: Date.now() }));
      client.outbox?.add(room, {
        mid,
        rev: old.rev + 1,
        kind: "msg",
        t: text,
        ...(old.re ? { re: old.re } : {}),
        ...(old.m ? { m: old.m } : {}),
      });
    },

    /** @type {import("./types.js").Actions["remove"]} */
    async remove(room, mid) {
      const old = find(room, mid);
      if (!old) return;
      before.set(mid, old);
      update(room, mid, (message) => ({ ...message, kind: "del", t: "", rev: old.rev + 1, reactions: {} }));
      client.outbox?.add(room, { mid, rev: old.rev + 1, kind: "del" });
    },

    /** @type {import("./types.js").Actions["react"]} */
    async react(room, mid, emoji, on) {
      const me = state.me?.uid ?? "";
      const old = find(room, mid);
      const mine = old?.mine?.[emoji];
      if (!old || on === Boolean(mine)) return;
      const reaction = mine ?? newMid();
      update(room, mid, (message) => {
        const who = (message.reactions?.[emoji] ?? []).filter((uid) => uid !== me);
        const { [emoji]: _, ...others } = message.mine ?? {};
        return {
          ...message,
          reactions: { ...message.reactions, [emoji]: on ? [...who, me] : who },
          mine: on ? { ...others, [emoji]: reaction } : others,
        };
      });
      if (on) client.outbox?.add(room, { mid: reaction, rev: 0, kind: "react", ref: mid, e: emoji });
      else client.outbox?.add(room, { mid: reaction, rev: 1, kind: "del" });
    },

    /** @type {import("./types.js").Actions["retry"]} */
    async retry(room, mid) {
      update(room, mid, ({ error: _, ...message }) => ({ ...message, status: "pending" }));
      client.outbox?.retry(mid);
    },

    /** @type {import("./types.js").Actions["discard"]} */
    async discard(room, mid) {
      client.outbox?.discard(mid);
      const timeline = state.timelines.get(room);
      if (timeline)
        state.timelines = new Map(state.timelines).set(room, {
          ...timeline,
          messages: timeline.messages.filter((message) => message.mid !== mid),
        });
      changed();
    },

    /** @param {string} room */
    typing: (room) => socket.tell("typing", { room }),

    /** @param {string} room @param {string} text */
    setDraft(room, text) {
      // The composer closes after a sign-out, too: nobody's draft is kept.
      if (!state.me) return;
      state.drafts = new Map(state.drafts);
      if (text) state.drafts.set(room, text);
      else state.drafts.delete(room);
      keep(`draft.${state.me.uid}.${room}`, text || null);
      changed();
    },
  };

  return { begin, showWaiting, actions };
}

/** A message's name: 16 random bytes of its author. */
function newMid() {
  return toBase64Url(randomBytes(16));
}

/**
 * The message without a reaction of mine that the server has not taken.
 *
 * @param {Message} message
 * @param {string} reaction
 * @param {string} me
 * @returns {Message}
 */
function without(message, reaction, me) {
  const emoji = Object.entries(message.mine ?? {}).find(([, mid]) => mid === reaction)?.[0];
  if (!emoji) return message;
  const { [emoji]: _, ...mine } = message.mine ?? {};
  const who = (message.reactions?.[emoji] ?? []).filter((uid) => uid !== me);
  return { ...message, reactions: { ...message.reactions, [emoji]: who }, mine };
}
