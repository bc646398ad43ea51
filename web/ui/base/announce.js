/**
 * What a screen reader says of changes that happen by themselves: one polite place, a few words at a time. Whoever
 * announces much within a moment is heard once, as a sum.
 */
import { el } from "./element.js";

/** Notes that come this close together are said together. */
const GATHER_MS = 400;
/** How long a note stays in the page: long enough to be read out, then nobody finds it again. */
const KEPT_MS = 10_000;

/** @type {HTMLElement | null} */
let place = null;

/** Puts the empty place into the page: a screen reader must know it before the first note. */
export function prepareAnnouncements() {
  place ??= el("div", { class: "hidden-visually announcements", "aria-live": "polite", role: "status" });
  if (!place.isConnected) document.body.append(place);
  return place;
}

/** @param {string} text */
export function announce(text) {
  const note = el("p", { dir: "auto" }, text);
  prepareAnnouncements().append(note);
  setTimeout(() => note.remove(), KEPT_MS);
}

/**
 * Gathers what happens within a moment; `say` makes one text of it, or nothing.
 *
 * @template T
 * @param {(happened: T[]) => string} say
 */
export function createGathering(say) {
  /** @type {T[]} */
  let happened = [];
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function flush() {
    timer = undefined;
    const text = say(happened);
    happened = [];
    if (text) announce(text);
  }

  return {
    /** @param {...T} more */
    add(...more) {
      if (!more.length) return;
      happened.push(...more);
      timer ??= setTimeout(flush, GATHER_MS);
    },
    close: () => clearTimeout(timer),
  };
}
