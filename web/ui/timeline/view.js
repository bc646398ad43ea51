/**
 * The messages of one room. The window of rows slides over what the state holds, a stretch of the history, and asks for
 * more of it at both ends. What the reader looks at never moves: a row of it is held while others come, go and change
 * their height, unless the reader is at the present, which is followed.
 */
import { isAttended } from "../../platform/page.js";
import { clock } from "../../state/clock.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { takeAddressedMessage } from "../base/navigation.js";
import { toast } from "../base/toast.js";
import { openPicture } from "../files/message_files.js";
import { roomName } from "../people/people.js";
import { MessageActs } from "./acts.js";
import { anchorIn, returnTo } from "./anchor.js";
import { Arrivals } from "./arrivals.js";
import { beginning } from "./beginning.js";
import { bindMessageKeys } from "./keyboard.js";
import { createPill } from "./pill.js";
import { newestOf, Reading } from "./reading.js";
import { ReadReport } from "./report.js";
import { Rows } from "./rows.js";
import { sightOf } from "./sight.js";
import { StickyEnd } from "./sticky_end.js";
import { createMessageTools } from "./tools.js";
import { RowWindow } from "./window.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {import("../../state/types.js").Timeline} Stretch */
/** Where to go: to a message by its `mid`, or to the divider. @typedef {{ mid: string } | "divider"} Goal */

/** How often the newest messages are asked for until they are the newest. */
const JUMPS_MAX = 5;
/** This close to an end asks for more. */
const NEAR_PX = 700;
/** What stays visible above the divider where reading goes on. */
const ABOVE_DIVIDER_PX = 90;

export class Timeline {
  #id;
  #store;
  #actions;
  #log = el("div", { class: "log column", role: "log", "aria-live": "off" });
  #scroller = el("div", { class: "scroller", tabindex: "-1", role: "region" }, this.#log);
  #pill = createPill((way) => void (way === "up" ? this.#go("divider") : this.toPresent()));
  #window = new RowWindow();
  #end = new StickyEnd(this.#scroller);
  #reading = new Reading();
  #arrivals = new Arrivals(this.#reading);
  #report;
  #rows;
  #tools;
  #opened = false;
  /** Whether a message that is not loaded is on its way. */
  #isLed = false;
  /** Where to go as soon as it is in the page. @type {Goal | null} */
  #goal = null;
  /** The row that is held. @type {import("./anchor.js").Anchor | null} */
  #held = null;
  #resized = new ResizeObserver(() => {
    if (this.#end.follows()) this.#end.toEnd();
    else if (this.#held) returnTo(this.#scroller, this.#held);
  });
  #attended = () => {
    if (this.node.isConnected) this.#look();
  };

  node = el("section", { class: "timeline" }, this.#scroller, this.#pill.node);

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
    this.#report = new ReadReport(id, actions.rooms, this.#reading);
    const show = (/** @type {string} */ mid) => void this.#show(mid);
    this.#rows = new Rows(id, actions, marks, {
      show,
      openPicture: (message, file) => openPicture({ store, actions, room: id, message, file, show }),
    });
    this.#tools = createMessageTools(new MessageActs(id, store, actions, marks, composer), this.#log);
    bindMessageKeys(this.#log, this.#scroller, () => this.toPresent());
    this.#resized.observe(this.#scroller);
    this.#resized.observe(this.#log);
    this.#scroller.addEventListener("scroll", () => this.#scrolled(), { passive: true });
    // Whoever opens a long message reads on in it, also at the end of the list.
    this.#log.addEventListener("unfold", () => this.#end.release());
    for (const name of ["focus", "blur"]) addEventListener(name, this.#attended);
    document.addEventListener("visibilitychange", this.#attended);
  }

  /** @param {State} state */
  update(state) {
    const room = state.rooms.get(this.#id);
    const stretch = this.#stretch;
    if (!room) return;
    this.#name(roomName(state, room));
    this.#log.ariaBusy = String(!stretch || stretch.loadingBefore);
    if (!stretch) {
      if (this.#opened || !this.#log.childElementCount) this.#showLoading();
      return;
    }
    const addressed = takeAddressedMessage(this.#id);
    if (addressed !== null) queueMicrotask(() => void this.#show(addressed));
    if (!this.#opened) this.#open(room, stretch, addressed === null);
    this.#reading.follow(room.read);
    if (addressed !== null) this.#end.release();
    if (this.#end.isStuck && (stretch.moreAfter || stretch.stale)) this.#leavePresent(stretch);
    this.#arrivals.note(stretch, state.connection.online, clock.now());
    this.#draw(state, room, stretch);
    this.#look();
    if (this.#isNearStart || this.#isNearMore) queueMicrotask(() => this.#slide());
  }

  close() {
    this.#resized.disconnect();
    this.#report.close();
    for (const name of ["focus", "blur"]) removeEventListener(name, this.#attended);
    document.removeEventListener("visibilitychange", this.#attended);
    this.#tools.close();
  }

  /** The reader goes to the present, and with that has read the room; false if both is so already. */
  toPresent() {
    const stretch = this.#stretch;
    if (!stretch || (this.#end.isStuck && this.#reading.isDone(stretch))) return false;
    const room = this.#store.state.rooms.get(this.#id);
    this.#reading.readAll(newestOf(stretch.messages, room?.seq));
    this.#actions.rooms.markAllRead(this.#id);
    void this.showPresent();
    return true;
  }

  /** Shows the newest messages, as after one of mine; what is passed over stays unread. */
  async showPresent() {
    // In a flood what comes is no longer the present by the time it is there.
    for (let jump = 0; this.#stretch?.moreAfter && jump < JUMPS_MAX; jump += 1)
      if ((await this.#actions.rooms.jumpToPresent(this.#id)) !== "shown") break;
    if (this.#end.isStuck || this.#stretch?.moreAfter) return;
    this.#reading.jump();
    this.#goal = null;
    this.#end.stick();
    this.#window.toEnd();
    this.update(this.#store.state);
  }

  /**
   * The stretch does not reach the present any more. Who has missed much, or is led elsewhere, stays there; in a flood,
   * of which the state keeps only a part, the present is followed.
   *
   * @param {Stretch} stretch
   */
  #leavePresent({ stale, moreAfter }) {
    this.#end.release();
    if (!stale && moreAfter && !this.#isLed) void this.showPresent();
  }

  /** The part of the history that the state holds, once it has one. */
  get #stretch() {
    const stretch = this.#store.state.timelines.get(this.#id);
    return stretch?.loaded ? stretch : undefined;
  }

  /** @param {string} room */
  #name(room) {
    const label = t("messages", { room });
    if (this.#log.getAttribute("aria-label") === label) return;
    for (const named of [this.#scroller, this.#log]) named.setAttribute("aria-label", label);
  }

  #showLoading() {
    this.#opened = false;
    fill(this.#log, el("div", { class: "loading-older" }, el("span", { class: "spinner" }), t("loading")));
  }

  /**
   * The first look at a room: at the first unread message, else at the end.
   *
   * @param {Room} room
   * @param {Stretch} stretch
   * @param {boolean} isFree  whether the address names no message
   */
  #open(room, stretch, isFree) {
    this.#opened = true;
    const goesOn = this.#reading.begin(stretch, room, this.#store.state.me?.uid);
    if (goesOn && isFree && this.#goal === null) this.#aim("divider");
  }

  /** Whether the end of the list has pushed the divider out of sight. */
  get #isDividerPushed() {
    const top = this.#rows.dividerTop;
    return top === null || top < this.#scroller.getBoundingClientRect().top + ABOVE_DIVIDER_PX;
  }

  /**
   * @param {State} state
   * @param {Room} room
   * @param {Stretch} stretch
   */
  #draw(state, room, stretch) {
    const follows = this.#end.follows();
    if (!follows) this.#hold();
    this.#drawRows(state, room, stretch);
    if (this.#goal !== null) return this.#arrive();
    if (!follows) return this.#held ? returnTo(this.#scroller, this.#held) : undefined;
    this.#end.toEnd();
    if (!this.#arrivals.keepDivider(stretch) || !this.#isDividerPushed) return;
    this.#aim("divider");
    this.#drawRows(state, room, stretch);
    this.#arrive();
  }

  /**
   * @param {State} state
   * @param {Room} room
   * @param {Stretch} stretch
   */
  #drawRows(state, room, { messages, moreBefore, moreAfter }) {
    const shown = this.#window.visible(messages, this.#end.isStuck ? "end" : "start");
    this.#rows.draw(this.#log, state, shown, {
      divider: this.#reading.divider,
      beginning: !moreBefore && shown[0] === messages[0] ? beginning(this.#store, this.#actions, room) : null,
      moreBefore,
      moreAfter: moreAfter && this.#window.followsEnd,
    });
  }

  /** Takes hold of what is on the screen, and tells what that is. */
  #hold() {
    const edges = this.#scroller.getBoundingClientRect();
    const shown = this.#rows.between(edges.top, edges.bottom);
    this.#held = anchorIn(shown, edges.top, this.#rows.first);
    return sightOf(shown, edges);
  }

  /** Takes note of what is on the screen: it is held there, and read if somebody looks at it. */
  #look() {
    const stretch = this.#stretch;
    if (!stretch || !this.#opened) return;
    const { from, to, middle } = this.#hold();
    // On a phone a search may be over it.
    const attended = isAttended() && this.node.checkVisibility({ visibilityProperty: true });
    if (!attended) this.#reading.jump();
    else if (to) this.#reading.look(stretch, { from, to });
    this.#drawPill(stretch, from);
    this.#report.looked(stretch, { seq: middle, isAtPresent: attended && this.#end.isStuck });
  }

  /** @param {Stretch} stretch @param {number} from  the first message on the screen */
  #drawPill(stretch, from) {
    const atPresent = this.#window.followsEnd && !stretch.moreAfter;
    const below = this.#end.isStuck ? 0 : this.#reading.countBelow(stretch);
    const above = below || !isAttended() ? 0 : this.#reading.countAbove(stretch, from);
    if (above) this.#pill.show("up", above);
    else if (this.#end.isStuck || (!below && atPresent && this.#end.below < this.#scroller.clientHeight))
      this.#pill.hide();
    else this.#pill.show("down", below);
  }

  get #isNearStart() {
    return this.#scroller.scrollTop < NEAR_PX;
  }

  /** Whether the last row is near and there is more below it. */
  get #isNearMore() {
    return this.#end.below < NEAR_PX && (!this.#window.followsEnd || Boolean(this.#stretch?.moreAfter));
  }

  /** Moves the window when an end of it comes near, and asks the state for more where that ends, too. */
  #slide() {
    const stretch = this.#stretch;
    if (!stretch) return;
    const { messages } = stretch;
    if (this.#isNearStart && this.#window.hasAbove(messages)) {
      this.#window.slideUp(messages);
      if (!this.#end.isNear || !this.#window.followsEnd) this.#end.release();
      this.update(this.#store.state);
    } else if (this.#isNearMore && !this.#window.followsEnd) {
      this.#window.slideDown(messages);
      this.update(this.#store.state);
    } else if (this.#isNearMore) {
      if (!stretch.loadingAfter) void this.#actions.rooms.loadNewer(this.#id);
    } else if (this.#isNearStart && stretch.moreBefore && !stretch.loadingBefore) {
      void this.#actions.rooms.loadOlder(this.#id);
    }
  }

  #scrolled() {
    const stretch = this.#stretch;
    if (!stretch) return;
    this.#end.scrolled(this.#window.followsEnd && !stretch.moreAfter);
    this.#slide();
    this.#look();
  }

  /** Shows a message, wherever in the history it is. @param {string} mid */
  async #show(mid) {
    if (this.#go({ mid })) return;
    this.#isLed = true;
    const found = await this.#actions.rooms.showAround(this.#id, { mid });
    this.#isLed = false;
    if (found === "superseded" || !this.node.isConnected || (found === "shown" && this.#go({ mid }))) return;
    toast(t(found === "deleted" ? "message_deleted" : "message_not_found"));
  }

  /** Goes to a place in what is loaded; false if it is not there. @param {Goal} goal */
  #go(goal) {
    if (!this.#aim(goal)) return false;
    this.update(this.#store.state);
    return true;
  }

  /** @param {Goal} goal */
  #aim(goal) {
    const messages = this.#stretch?.messages ?? [];
    const { divider } = this.#reading;
    const at = messages.findIndex((each) =>
      goal === "divider" ? divider !== null && each.createdSeq >= divider : each.mid === goal.mid,
    );
    if (at < 0) return false;
    this.#goal = goal;
    this.#end.release();
    this.#window.center(messages, at);
    return true;
  }

  #arrive() {
    const goal = this.#goal;
    this.#goal = null;
    this.#reading.jump();
    if (goal === "divider") {
      const top = this.#rows.dividerTop ?? 0;
      this.#scroller.scrollTop += top - this.#scroller.getBoundingClientRect().top - ABOVE_DIVIDER_PX;
    } else if (goal) {
      this.#rows.flash(goal.mid);
    }
    this.#end.scrolled(this.#window.followsEnd && !this.#stretch?.moreAfter);
  }
}
