/** What can be done with a message of a room, and which of it I may do. */
import { iMay } from "../../state/rights.js";
import { ask } from "../base/dialog.js";
import { lookOfFile } from "../base/file_words.js";
import { t } from "../base/i18n.js";
import { toast } from "../base/toast.js";
import { openDescriptions } from "../files/doors.js";

/** @typedef {import("../../state/types.js").Message} Message */

/**
 * The composer, as far as messages need it.
 *
 * @typedef {object} Answering
 * @property {(message: Message) => void} answer
 * @property {(message: Message) => void} edit
 */

/** How long a deletion can be taken back before it is carried out. */
const UNDO_MS = 6000;

export class MessageActs {
  #store;
  #actions;
  #marks;
  #composer;

  /**
   * @param {string} room
   * @param {import("../../state/types.js").Store} store
   * @param {import("../../state/types.js").Actions} actions
   * @param {import("./marks.js").MessageMarks} marks
   * @param {Answering} composer
   */
  constructor(room, store, actions, marks, composer) {
    this.room = room;
    this.#store = store;
    this.#actions = actions;
    this.#marks = marks;
    this.#composer = composer;
  }

  /** @param {string | undefined} mid */
  find(mid) {
    return this.#store.state.timelines.get(this.room)?.messages.find((message) => message.mid === mid) ?? null;
  }

  /** Whether there is anything to do with it. @param {Message} message */
  isUsable(message) {
    const { kind, status, verdict, lost, mid } = message;
    if (kind !== "msg" || status !== "sent" || lost || this.#marks.isPendingDelete(mid)) return false;
    return verdict === undefined || verdict === "ok";
  }

  mayWrite() {
    return this.#iMay("write");
  }

  /** @param {Message} message */
  mayEdit(message) {
    return this.#isMine(message) && this.mayWrite() && !message.unreadable;
  }

  /** Whether it has pictures of mine, which I may put into words. @param {Message} message */
  mayDescribe(message) {
    return this.mayEdit(message) && Boolean(message.files?.some((file) => lookOfFile(file) === "picture"));
  }

  /** @param {Message} message */
  describe(message) {
    openDescriptions(this.#actions, this.room, message);
  }

  /** @param {Message} message */
  mayDelete(message) {
    return this.#isMine(message) || this.#iMay("moderate");
  }

  /** Adds my reaction, or takes it back. @param {Message} message @param {string} emoji */
  react(message, emoji) {
    const me = this.#store.state.me?.uid ?? "";
    void this.#actions.messages.react(this.room, message, emoji, !message.reactions?.[emoji]?.includes(me));
  }

  /** @param {Message} message */
  reply(message) {
    this.#composer.answer(message);
  }

  /** @param {Message} message */
  edit(message) {
    this.#composer.edit(message);
  }

  /**
   * Asks, hides the message, and deletes it when the time for undo is over or the page is left.
   *
   * @param {Message} message
   */
  async remove(message) {
    const { mid } = message;
    const question = { title: t("delete_question"), text: t("delete_lead"), confirm: t("delete_confirm") };
    if (!(await ask({ ...question, danger: true }))) return;
    const marks = this.#marks;
    const stop = () => {
      clearTimeout(timer);
      removeEventListener("pagehide", finish);
    };
    const finish = () => {
      stop();
      void this.#actions.messages.remove(this.room, message).finally(() => marks.endDelete(mid));
    };
    const undo = () => {
      stop();
      marks.endDelete(mid);
    };
    const timer = setTimeout(finish, UNDO_MS);
    addEventListener("pagehide", finish);
    marks.beginDelete(mid);
    toast(t("deleted_toast"), { label: t("undo"), act: undo }, UNDO_MS);
  }

  /** @param {Message} message */
  #isMine(message) {
    return message.by === this.#store.state.me?.uid;
  }

  /** @param {"write" | "moderate"} action */
  #iMay(action) {
    const { state } = this.#store;
    const room = state.rooms.get(this.room);
    return Boolean(room && iMay(state, room, action));
  }
}
