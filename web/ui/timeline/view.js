/**
 * The messages of one room. The window of rows slides over what the state holds, which always reaches to the present,
 * and asks for older pages at its beginning. What the reader looks at never moves: every change is made between taking
 * an anchor and returning to it, unless the reader is at the end, which sticks.
 */
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { takeAddressedMessage } from "../base/navigation.js";
import { toast } from "../base/toast.js";
import { roomName } from "../people/people.js";
import { MessageActs } from "./acts.js";
import { anchorIn, returnTo } from "./anchor.js";
import { beginning } from "./beginning.js";
import { bindMessageKeys } from "./keyboard.js";
import { newestOf, Reading } from "./reading.js";
import { Rows } from "./rows.js";
import { StickyEnd } from "./sticky_end.js";
import { createMessageTools } from "./tools.js";
import { RowWindow } from "./window.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {import("../../state/types.js").Message} Message */

/** This close to an end asks for more. */
const NEAR_PX = 700;
/** The read position is sent this long after something changed. */
const READ_MS = 250;
/** What stays visible above the divider where reading goes on. */
const ABOVE_DIVIDER_PX = 90;

export class Timeline {
  #id;
  #store;
  #actions;
  #log = el("div", { class: "log column", role: "log", "aria-live": "off" });
  #scroller = el("div", { class: "scroller", tabindex: "-1", role: "region" }, this.#log);
  #pillText = el("span");
  #pill = el(
    "button",
    { type: "button", class: "pill", hidden: true, click: () => this.toPresent() },
    icon("down"),
    this.#pillText,
  );
  #window = new RowWindow();
  #end = new StickyEnd(this.#scroller);
  #reading = new Reading();
  #rows;
  #tools;
  #opened = false;
  /** The message to show as soon as its row is in the page. @type {string | null} */
  #wanted = null;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #readTimer;
  #resized = new ResizeObserver(() => {
    if (this.#end.follows()) this.#end.toEnd();
  });
  #readWhenSeen = () => {
    if (this.node.isConnected) this.#readLater();
  };

  node = el("section", { class: "timeline" }, this.#scroller, this.#pill);

  /**
   * @param {string} id  of the room
   * @param {object} parts
   * @param {import("../../state/types.js").Store} parts.store
   * @param {import("../../state/types.js").Actions} parts.actions
   * @param {import("./marks.js").MessageMarks} parts.marks
   * @param {import("./acts.js").Answering} parts.composer
   */
  constructor(id, { store, actions, marks, composer }) {
    this.#id = id;
    this.#store = store;
    this.#actions = actions;
    this.#rows = new Rows(id, actions, marks, (mid) => void this.#show(mid));
    this.#tools = createMessageTools(new MessageActs(id, store, actions, marks, composer), this.#log);
    bindMessageKeys(this.#log, this.#scroller, () => this.toPresent());
    this.#resized.observe(this.#scroller);
    this.#resized.observe(this.#log);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // Whoever opens a long message reads on in it, also at the end of the list.
    this.#log.addEventListener("unfold", () => this.#end.release());
    addEventListener("focus", this.#readWhenSeen);
    document.addEventListener("visibilitychange", this.#readWhenSeen);
  }

  /** @param {State} state */
  update(state) {
    const room = state.rooms.get(this.#id);
    const timeline = state.timelines.get(this.#id);
    if (!room) return;
    for (const named of [this.#scroller, this.#log])
      named.setAttribute("aria-label", t("messages", { room: roomName(state, room) }));
    this.#log.setAttribute("aria-busy", String(Boolean(timeline?.loadingBefore)));
    if (!timeline?.loaded) {
      fill(this.#log, el("div", { class: "loading-older" }, el("span", { class: "spinner" }), t("loading")));
      return;
    }
    const { messages } = timeline;
    if (!this.#opened) this.#open(state, room, messages);
    const addressed = takeAddressedMessage(this.#id);
    if (addressed !== null) queueMicrotask(() => void this.#show(addressed));
    if (!isAttentive()) this.#reading.noteArrivals(messages, room.read, state.me?.uid);
    this.#draw(state, room, timeline);
    this.#drawPill(messages);
    this.#readLater();
    if (this.#scroller.scrollTop < NEAR_PX) queueMicrotask(() => this.#slide());
  }

  close() {
    this.#resized.disconnect();
    clearTimeout(this.#readTimer);
    if (this.#readTimer !== undefined) this.#sendRead();
    removeEventListener("focus", this.#readWhenSeen);
    document.removeEventListener("visibilitychange", this.#readWhenSeen);
    this.#tools.close();
  }

  /** Back to the newest message; false when already there. */
  toPresent() {
    if (this.#end.isStuck) return false;
    this.#end.stick();
    this.#window.toPresent();
    void this.#actions.rooms.jumpToPresent(this.#id);
    this.update(this.#store.state);
    return true;
  }

  /**
   * The first look at a room: at the first unread message, else at the end.
   *
   * @param {State} state
   * @param {Room} room
   * @param {Message[]} messages
   */
  #open(state, room, messages) {
    this.#opened = true;
    if (!this.#reading.begin(messages, room.read, state.me?.uid) || this.#wanted !== null) return;
    this.#end.release();
    queueMicrotask(() => {
      const divider = this.#log.querySelector(".divider")?.getBoundingClientRect();
      if (divider)
        this.#scroller.scrollTop += divider.top - this.#scroller.getBoundingClientRect().top - ABOVE_DIVIDER_PX;
      this.#scrolled();
    });
  }

  /**
   * @param {State} state
   * @param {Room} room
   * @param {import("../../state/types.js").Timeline} timeline
   */
  #draw(state, room, { messages, moreBefore }) {
    const anchor = this.#end.follows() ? null : this.#anchor();
    const shown = this.#window.visible(messages, this.#end.isStuck ? "end" : "start");
    this.#rows.draw(this.#log, state, shown, {
      divider: this.#reading.divider,
      beginning: !moreBefore && shown[0] === messages[0] ? beginning(this.#store, this.#actions, room) : null,
      loadingOlder: moreBefore,
    });
    if (anchor) returnTo(this.#scroller, anchor);
    else if (this.#wanted === null && this.#end.isStuck) this.#end.toEnd();
    if (this.#wanted !== null && shown.some((message) => message.mid === this.#wanted)) this.#arrive(this.#wanted);
  }

  get #endsAtPresent() {
    return this.#window.endsAtPresent && !this.#store.state.timelines.get(this.#id)?.moreAfter;
  }

  #anchor() {
    return anchorIn([...this.#log.querySelectorAll(".message")], this.#scroller.getBoundingClientRect().top);
  }

  get #messages() {
    return this.#store.state.timelines.get(this.#id)?.messages ?? [];
  }

  /** Moves the window when an end comes near, and asks the state for the page before it. */
  #slide() {
    const timeline = this.#store.state.timelines.get(this.#id);
    if (!timeline?.loaded) return;
    const { messages } = timeline;
    const nearStart = this.#scroller.scrollTop < NEAR_PX;
    if (nearStart && this.#window.hasAbove(messages)) {
      this.#window.slideUp(messages);
      if (!this.#end.isNear || !this.#window.endsAtPresent) this.#end.release();
      this.update(this.#store.state);
    } else if (nearStart && timeline.moreBefore && !timeline.loadingBefore) {
      void this.#actions.rooms.loadOlder(this.#id);
    } else if (this.#end.below < NEAR_PX && !this.#window.endsAtPresent) {
      this.#window.slideDown(messages);
      this.update(this.#store.state);
    } else if (this.#end.below < NEAR_PX && timeline.moreAfter) {
      void this.#actions.rooms.loadNewer(this.#id);
    }
  }

  #scrolled() {
    this.#end.scrolled(this.#endsAtPresent);
    this.#slide();
    this.#drawPill(this.#messages);
    this.#readLater();
  }

  /** @param {Message[]} messages */
  #drawPill(messages) {
    if (this.#end.isStuck) this.#reading.seeAll(messages);
    const fresh = this.#reading.countUnseen(messages, this.#store.state.me?.uid);
    const nearEnd = this.#endsAtPresent && this.#end.below < this.#scroller.clientHeight;
    this.#pill.hidden = this.#end.isStuck || (!fresh && nearEnd);
    this.#pill.toggleAttribute("data-new", fresh > 0);
    const text = fresh ? t("new_messages", { n: fresh }) : t("jump_to_present");
    if (this.#pillText.textContent !== text) this.#pillText.textContent = text;
  }

  #readLater() {
    this.#readTimer ??= setTimeout(() => {
      this.#readTimer = undefined;
      this.#sendRead();
    }, READ_MS);
  }

  /** The read position is the last message that was on a visible, focused screen. */
  #sendRead() {
    const room = this.#store.state.rooms.get(this.#id);
    if (!isAttentive() || !this.node.isConnected || !room) return;
    const bottom = this.#scroller.getBoundingClientRect().bottom + 4;
    const top = newestOf(this.#rows.above(bottom));
    this.#reading.see(top);
    if (top > room.read) this.#actions.rooms.markRead(this.#id, top);
    this.#drawPill(this.#messages);
  }

  /** @param {string} mid */
  async #show(mid) {
    this.#wanted = mid;
    this.#end.release();
    const arrival = await this.#actions.rooms.showAround(this.#id, { mid });
    const at = this.#messages.findIndex((message) => message.mid === mid);
    if (arrival !== "shown" || at < 0) {
      this.#wanted = null;
      if (arrival !== "superseded") toast(t("message_not_found"));
      return;
    }
    this.#window.center(this.#messages, at);
    this.update(this.#store.state);
  }

  /** @param {string} mid */
  #arrive(mid) {
    this.#wanted = null;
    const row = this.#rows.find(mid);
    if (!row) return;
    row.scrollIntoView({ block: "center" });
    row.classList.remove("message-flash");
    void row.offsetWidth;
    row.classList.add("message-flash");
    row.focus({ preventScroll: true });
    this.#scrolled();
  }
}

function isAttentive() {
  return document.visibilityState === "visible" && document.hasFocus();
}
