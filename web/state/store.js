/**
 * Holds the state and notifies the views of changes: once for all changes of a moment, and not without pause, so that
 * a flood of events leaves time for the person who reads and writes.
 */

/** @typedef {import("./types.js").State} State */

/** The shortest pause between two notifications. */
const PAUSE_MS = 16;

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
    const wait = this.#pausedUntil - performance.now();
    if (wait > 0) setTimeout(() => this.#notify(), wait);
    else queueMicrotask(() => this.#notify());
  }

  #notify() {
    this.#scheduled = false;
    const began = performance.now();
    for (const listener of this.#listeners) listener();
    const now = performance.now();
    // The views pause for as long as they have worked.
    this.#pausedUntil = now + Math.max(PAUSE_MS, now - began);
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
    drafts: new Map(),
    info: null,
  };
}
