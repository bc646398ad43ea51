/**
 * The messages of one room. At most `ROWS_MAX` rows are in the page; the window slides over what the state holds and
 * asks for older pages at its upper end. What the state holds always reaches to the present. What the reader looks at
 * never moves: every change is made between remembering a visible row's place and putting it back there, unless the
 * reader is at the bottom, which sticks.
 */
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { copyText, createMessageTools } from "./tools.js";
import { roomName, roomPicture } from "../people/people.js";
import { roomPath } from "../base/routes.js";
import { createRows } from "./rows.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../context.js").State} State */
/** @typedef {import("../context.js").Message} Message */

/** Rows in the page at once. */
const ROWS_MAX = 240;
/** Rows by which the window slides. */
const ROWS_STEP = 60;
/** This close to the end counts as being there. */
const STICK_PX = 100;
/** This close to an end asks for more. */
const NEAR_PX = 700;
/** How long a burst of scrolling settles before the read position is told. */
const READ_MS = 250;

/**
 * @param {Context} context
 * @param {string} id
 */
export function createTimeline(context, id) {
  const rows = createRows(context, id);
  const log = el("div", { class: "log column", role: "log", "aria-live": "polite", "aria-relevant": "additions" });
  const scroller = el("div", { class: "scroller", tabindex: "0", role: "region" }, log);
  const pillText = el("span");
  const pill = el(
    "button",
    { type: "button", class: "pill", hidden: true, click: () => toPresent() },
    icon("down"),
    pillText,
  );
  const node = el("section", { class: "timeline" }, scroller, pill);
  const tools = createMessageTools(context, id, log);

  /** First and last message of the window; without `last` it follows the present. */
  let first = /** @type {string | null} */ (null);
  let last = /** @type {string | null} */ (null);
  let stuck = true;
  /** How far down it was when it was last seen to. */
  let rest = 0;
  let opened = false;
  let divider = /** @type {number | null} */ (null);
  let seen = 0;
  let wanted = /** @type {string | null} */ (null);
  let readTimer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);

  /** @param {State} state */
  function update(state) {
    const room = state.rooms.get(id);
    const timeline = state.timelines.get(id);
    if (!room) return;
    for (const named of [scroller, log])
      named.setAttribute("aria-label", t("messages", { room: roomName(state, room) }));
    log.setAttribute("aria-busy", String(Boolean(timeline?.loading)));
    if (!timeline?.loaded) {
      fill(log, el("div", { class: "loading-older" }, el("span", { class: "spinner" }), t("loading")));
      return;
    }
    if (!opened) open(state, room.read, timeline.messages);
    if (context.signals.linked?.room === id) {
      const { mid } = context.signals.linked;
      context.signals.linked = null;
      queueMicrotask(() => void show(mid));
    }
    noteArrivals(state, room.read, timeline.messages);
    const anchor = follows() ? null : rememberPlace();
    const shown = visible(timeline.messages);
    rows.draw(log, state, shown, {
      divider,
      beginning: !timeline.moreBefore && shown[0] === timeline.messages[0] ? beginning(context, state, room) : null,
      loadingOlder: timeline.moreBefore,
    });
    if (anchor) restorePlace(anchor);
    else if (wanted === null && stuck) toEnd();
    if (wanted !== null && shown.some((message) => message.mid === wanted)) arrive(wanted);
    drawPill(timeline.messages);
    laterRead();
    if (scroller.scrollTop < NEAR_PX) queueMicrotask(slide);
  }

  /**
   * The first look at a room: at the first unread message, else at the end.
   *
   * @param {State} state
   * @param {number} read
   * @param {Message[]} messages
   */
  function open(state, read, messages) {
    opened = true;
    const unread = messages.find(
      (message) =>
        message.createdSeq > read &&
        message.by !== state.me?.uid &&
        message.kind === "msg" &&
        message.status === "sent",
    );
    seen = messages.reduce((top, message) => Math.max(top, message.createdSeq), read);
    if (!unread || read === 0) return;
    divider = unread.createdSeq;
    seen = read;
    if (wanted === null) {
      stuck = false;
      queueMicrotask(() => {
        const mark = log.querySelector(".divider");
        if (mark) scroller.scrollTop += mark.getBoundingClientRect().top - scroller.getBoundingClientRect().top - 90;
        scrolled();
      });
    }
  }

  /**
   * Something new while nobody looks gets the divider.
   *
   * @param {State} state
   * @param {number} read
   * @param {Message[]} messages
   */
  function noteArrivals(state, read, messages) {
    if (divider !== null || attentive()) return;
    const fresh = messages.find(
      (message) =>
        message.createdSeq > Math.max(read, seen) && message.by !== state.me?.uid && message.status === "sent",
    );
    if (fresh) divider = fresh.createdSeq;
  }

  /**
   * The part of the messages that is in the page.
   *
   * @param {Message[]} messages
   */
  function visible(messages) {
    const at = first === null ? -1 : messages.findIndex((message) => message.mid === first);
    const lastAt = last === null ? -1 : messages.findIndex((message) => message.mid === last);
    let end = lastAt < 0 ? messages.length : lastAt + 1;
    let start = at < 0 ? Math.max(0, end - ROWS_MAX) : Math.min(at, end);
    if (end - start > ROWS_MAX) {
      if (stuck) start = end - ROWS_MAX;
      else end = start + ROWS_MAX;
    }
    first = messages[start]?.mid ?? null;
    last = end < messages.length ? (messages[end - 1]?.mid ?? null) : null;
    return messages.slice(start, end);
  }

  /** Moves the window when an end comes near, and asks the state for pages beyond. */
  function slide() {
    const timeline = context.store.state.timelines.get(id);
    if (!timeline?.loaded) return;
    const { messages } = timeline;
    const above = scroller.scrollTop;
    const under = below();
    const start = messages.findIndex((message) => message.mid === first);
    if (above < NEAR_PX && start > 0) {
      const from = Math.max(0, start - ROWS_STEP);
      first = messages[from]?.mid ?? null;
      stuck = stuck && under < STICK_PX && from + ROWS_MAX >= messages.length;
      last = from + ROWS_MAX < messages.length ? (messages[from + ROWS_MAX - 1]?.mid ?? null) : null;
      update(context.store.state);
    } else if (above < NEAR_PX && timeline.moreBefore && !timeline.loading) {
      void context.actions.rooms.loadOlder(id);
    } else if (under < NEAR_PX && last !== null) {
      const end = Math.min(messages.length, messages.findIndex((message) => message.mid === last) + 1 + ROWS_STEP);
      first = messages[Math.max(0, end - ROWS_MAX)]?.mid ?? null;
      last = end < messages.length ? (messages[end - 1]?.mid ?? null) : null;
      update(context.store.state);
    }
  }

  function rememberPlace() {
    // Not the first row of the window: what comes above it may join its group and take its head away.
    const rowsHere = [...log.querySelectorAll(".message")].slice(1);
    const top = scroller.getBoundingClientRect().top;
    const row = rowsHere.find((each) => each.getBoundingClientRect().top >= top) ?? rowsHere.at(-1);
    return row ? { row, top: row.getBoundingClientRect().top } : null;
  }

  /** @param {{ row: Element, top: number }} place */
  function restorePlace(place) {
    if (place.row.isConnected) scroller.scrollTop += place.row.getBoundingClientRect().top - place.top;
  }

  /** What is hidden below, in pixels. */
  function below() {
    return scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight;
  }

  function toEnd() {
    scroller.scrollTop = scroller.scrollHeight;
    rest = scroller.scrollTop;
  }

  /**
   * Whether the list follows the present. The browser tells of a scroll at its next frame only: who has just left
   * the end must not be pulled back by what comes in between.
   */
  function follows() {
    if (scroller.scrollTop < rest - 1 && below() >= STICK_PX) stuck = false;
    return stuck;
  }

  function scrolled() {
    const timeline = context.store.state.timelines.get(id);
    stuck = below() < STICK_PX && last === null;
    rest = scroller.scrollTop;
    slide();
    drawPill(timeline?.messages ?? []);
    laterRead();
  }

  /** @param {Message[]} messages */
  function drawPill(messages) {
    const me = context.store.state.me?.uid;
    if (stuck) seen = messages.reduce((top, message) => Math.max(top, message.createdSeq), seen);
    const fresh = messages.filter(
      (message) => message.createdSeq > seen && message.by !== me && message.kind === "msg",
    ).length;
    pill.hidden = stuck || (!fresh && last === null && below() < scroller.clientHeight);
    pill.toggleAttribute("data-new", fresh > 0);
    const text = fresh ? t("new_messages", { n: fresh }) : t("jump_to_present");
    if (pillText.textContent !== text) pillText.textContent = text;
  }

  function laterRead() {
    if (readTimer === undefined)
      readTimer = setTimeout(() => {
        readTimer = undefined;
        tellRead();
      }, READ_MS);
  }

  /** The read position is the last message that was on a visible, focused screen. */
  function tellRead() {
    const room = context.store.state.rooms.get(id);
    if (!attentive() || !node.isConnected || !room) return;
    const bottom = scroller.getBoundingClientRect().bottom + 4;
    const on = rows.shown().filter(({ row }) => row.getBoundingClientRect().bottom <= bottom);
    const top = on.reduce((most, { message }) => Math.max(most, message.createdSeq), 0);
    seen = Math.max(seen, top);
    if (top > room.read || (stuck && room.unread > 0))
      context.actions.rooms.markRead(id, stuck ? Math.max(top, room.seq) : top);
    drawPill(context.store.state.timelines.get(id)?.messages ?? []);
  }

  /** Back to the newest message; false when already there. */
  function toPresent() {
    if (stuck) return false;
    stuck = true;
    rest = 0;
    first = last = null;
    update(context.store.state);
    return true;
  }

  /** @param {string} mid */
  async function show(mid) {
    wanted = mid;
    stuck = false;
    const messages = context.store.state.timelines.get(id)?.messages ?? [];
    let at = messages.findIndex((message) => message.mid === mid);
    if (at < 0) {
      const found = await context.actions.rooms.loadAround(id, mid).catch(() => false);
      at = (context.store.state.timelines.get(id)?.messages ?? []).findIndex((message) => message.mid === mid);
      if (!found || at < 0) {
        wanted = null;
        return context.toast(t("message_not_found"));
      }
    }
    const all = context.store.state.timelines.get(id)?.messages ?? [];
    const start = Math.max(0, at - Math.floor(ROWS_MAX / 2));
    first = all[start]?.mid ?? null;
    last = start + ROWS_MAX < all.length ? (all[start + ROWS_MAX - 1]?.mid ?? null) : null;
    update(context.store.state);
  }

  /** @param {string} mid */
  function arrive(mid) {
    wanted = null;
    const row = rows.find(mid);
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    row.classList.remove("message-flash");
    void row.offsetWidth;
    row.classList.add("message-flash");
    row.focus({ preventScroll: true });
    scrolled();
  }

  const resized = new ResizeObserver(() => {
    if (follows()) toEnd();
  });
  resized.observe(scroller);
  resized.observe(log);
  scroller.addEventListener("scroll", scrolled, { passive: true });
  const looked = () => {
    if (node.isConnected) laterRead();
  };
  addEventListener("focus", looked);
  document.addEventListener("visibilitychange", looked);

  context.timeline = {
    toPresent,
    show: (mid) => void show(mid),
    focusLast: () => /** @type {HTMLElement | null} */ (log.querySelector(".message:last-of-type"))?.focus(),
  };

  return {
    node,
    update,
    close() {
      resized.disconnect();
      clearTimeout(readTimer);
      if (readTimer !== undefined) tellRead();
      removeEventListener("focus", looked);
      document.removeEventListener("visibilitychange", looked);
      tools.close();
    },
  };
}

function attentive() {
  return document.visibilityState === "visible" && document.hasFocus();
}

/**
 * @param {Context} context
 * @param {State} state
 * @param {import("../context.js").Room} room
 */
function beginning(context, state, room) {
  return el(
    "div",
    { class: "beginning" },
    roomPicture(state, room),
    el("h2", { dir: "auto" }, t("empty_room", { room: roomName(state, room) })),
    el("p", {}, room.topic || t("empty_room_hint")),
    room.kind === "open"
      ? el(
          "button",
          {
            type: "button",
            class: "button button-small",
            click: () => void copyText(context, location.origin + roomPath(room.id)),
          },
          icon("link"),
          t("copy_invite"),
        )
      : null,
  );
}
