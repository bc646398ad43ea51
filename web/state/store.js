/**
 * Holds the state and notifies the views of changes: once a frame, and in a flood of events with pauses twice as long
 * as a frame takes, so that most of the time is left to the person who reads and writes.
 */
import { NO_KEYS } from "./keys_state.js";
import { afterFrame, beforeFrame } from "../platform/frames.js";

/** @typedef {import("./types.js").State} State */

/** The views pause for so many times as long as a frame took, and never longer than this. */
const PAUSE_SHARE = 2;
const PAUSE_MAX_MS = 250;

export class Store {
  state;
  /** @type {Set<() => void>} */
  #listeners = new Set();
  #scheduled = false;
  #pausedUntil = 0;

  constructor(state = emptyState()) {
    this.state = state;
  }

  /**
   * @param {() => void} listener
   * @returns {() => void} ends the subscription
   */
  subscribe(listener) {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Replaces parts of the state; a change of nothing draws nothing. @param {Partial<State>} change */
  update(change) {
    Object.assign(this.state, change);
    if (Object.keys(change).length) this.notifyLater();
  }

  /** For what changes with the time alone. */
  notifyLater() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    const draw = () => this.#notify();
    const wait = this.#pausedUntil - performance.now();
    if (wait > 0) setTimeout(() => beforeFrame(draw), wait);
    else beforeFrame(draw);
  }

  #notify() {
    this.#scheduled = false;
    const began = performance.now();
    afterFrame(() => {
      const now = performance.now();
      this.#pausedUntil = now + Math.min(PAUSE_MAX_MS, PAUSE_SHARE * (now - began));
    });
    for (const listener of this.#listeners) listener();
  }
}

/** @returns {State} */
export function emptyState() {
  return {
    phase: "starting",
    me: null,
    loadingRooms: false,
    namedRooms: null,
    wasEnded: false,
    tookOver: false,
    setAside: [],
    connection: { online: false, isLost: false },
    rooms: new Map(),
    users: new Map(),
    blocked: new Set(),
    typing: new Map(),
    timelines: new Map(),
    attended: null,
    drafts: new Map(),
    attached: new Map(),
    uploads: new Map(),
    encrypted: new Map(),
    epoch: "",
    serverBuild: "",
    info: null,
    keys: NO_KEYS,
  };
}
