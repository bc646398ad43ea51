/**
 * The field to write in. Its text and its files are a draft of exactly one room; sending empties it at once and the
 * message shows as pending, so nobody waits for the network. Editing borrows the field and gives the draft back
 * afterwards.
 */
import { isBlockedRoom } from "../../state/blocks.js";
import { announce } from "../base/announce.js";
import { isComposing } from "../base/composing.js";
import { el, fill } from "../base/element.js";
import { openEmojiPicker } from "../base/doors.js";
import { wayBackToMessage } from "../base/focus.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { isSeen } from "../base/letters.js";
import { toast } from "../base/toast.js";
import { beginAnew } from "../people/direct.js";
import { unblockPerson } from "../people/blocking.js";
import { roomName } from "../people/people.js";
import { roomWords } from "../people/room_words.js";
import { createAbout } from "./about.js";
import { createAttachButton } from "./attach_button.js";
import { Attachments, lostFile, refusalText } from "./attachments.js";
import { createClosedNote } from "./closed.js";
import { Completion } from "./completion.js";
import { Draft } from "./draft.js";
import { receiveDrops } from "./drops.js";
import { Field } from "./field.js";
import { meaningOf } from "./keys.js";
import { receivePastes } from "./pastes.js";
import { Preparation } from "./preparation.js";
import { RoomPeople } from "./room_people.js";
import { lastEditable, splitEntered } from "./text.js";
import { drawTyping, TypingNotices } from "./typing.js";

/** Why files were not taken is shown for so long. */
const REFUSAL_MS = 8000;

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Message} Message */

export class Composer {
  #room;
  #store;
  #actions;
  #targets;
  #marks;
  #sent;
  #draft;
  #completion;
  #preparation;
  /** How often what is written waits for something it needs. */
  #waits = 0;
  /** What stood in the field each time that it was to be sent and had to wait. @type {string[]} */
  #entered = [];
  #closed;
  #stopPastes;
  #drops;
  #attachments;
  #attach = createAttachButton(
    (files) => this.#add(files),
    () => this.#mayAttach(),
  );
  #notices = new TypingNotices();
  /** The message whose text is in the field. @type {string | null} */
  #editing = null;
  /** Leads the focus back to where a key began the edit. */
  #afterEdit = () => {};
  #sized = false;
  #field = new Field(isTouch() ? "enter" : "send", (text) => this.#changed(text));
  #send = el(
    "button",
    { type: "button", class: "send", "aria-label": t("send"), title: t("send"), click: () => this.#submit() },
    icon("send"),
  );
  #about = createAbout(() => {
    this.#escape();
    this.focus();
  });
  #typing = el("span", { class: "typing", role: "status" });

  /**
   * @param {string} room
   * @param {object} parts
   * @param {import("../../state/types.js").Store} parts.store
   * @param {import("../../state/types.js").Actions} parts.actions
   * @param {import("./targets.js").ComposerTargets} parts.targets
   * @param {import("../timeline/marks.js").MessageMarks} parts.marks
   * @param {() => void} parts.sent  after a new message
   * @param {() => void} parts.unlock  asks for the password that opens my keys
   */
  constructor(room, { store, actions, targets, marks, sent, unlock }) {
    this.#room = room;
    this.#store = store;
    this.#actions = actions;
    this.#targets = targets;
    this.#marks = marks;
    this.#sent = sent;
    this.#draft = new Draft(store.state.drafts.get(room) ?? "", (text) => actions.drafts.set(room, text));
    this.#field.node.value = this.#draft.text;
    const people = new RoomPeople(store, actions.users, room);
    this.#completion = new Completion(store, people, this.#field.node);
    this.#preparation = new Preparation(people);
    this.#attachments = new Attachments(room, actions.files, () => this.focus());
    this.#stopPastes = receivePastes(
      (text) => {
        if (!this.#closed.isClosed) this.#field.insert(text);
      },
      (files) => this.#add(files),
    );
    this.#drops = receiveDrops({
      room: () => this.#roomName,
      isOpen: () => this.#mayAttach("quietly"),
      attach: (files) => this.#add(files),
    });
    this.#field.node.addEventListener("input", () => this.#typed());
    this.#field.node.addEventListener("keydown", (event) => this.#keyPressed(event));
    this.#field.node.addEventListener("blur", () => {
      this.#completion.close();
      this.#draft.keep();
    });
    const box = el(
      "div",
      { class: "composer-box" },
      this.#completion.node,
      this.#about.node,
      this.#attachments.node,
      el(
        "div",
        { class: "composer-row" },
        emojiButton((emoji) => this.#field.insert(emoji)),
        this.#field.node,
        this.#attach.input,
        this.#attach.button,
        this.#send,
      ),
    );
    this.#closed = createClosedNote(box, {
      again: () => this.update(store.state),
      unblock: () => void this.#unblock(),
      anew: () => void beginAnew(actions, room),
      unlock,
    });
    this.node = el(
      "footer",
      { class: "composer column" },
      this.#closed.node,
      box,
      el("div", { class: "composer-foot", id: "composer-foot" }, this.#typing, this.#field.left, this.#field.over),
      this.#drops.node,
    );
  }

  get #roomName() {
    const room = this.#store.state.rooms.get(this.#room);
    return room ? roomName(this.#store.state, room) : "";
  }

  /** @param {State} state */
  update(state) {
    const room = state.rooms.get(this.#room);
    if (!room) return;
    this.#closed.update(room, isBlockedRoom(state, room), state.encrypted.get(this.#room)?.condition);
    const { label, placeholder } = roomWords(state, room);
    this.#field.node.setAttribute("aria-label", label);
    this.#field.node.placeholder = placeholder;
    this.#followTargets(state);
    this.#followDraft(state);
    if (this.#attachments.update(state)) this.#updateSend();
    drawTyping(this.#typing, state, this.#room);
    if (this.#sized) return;
    // Its height can be measured once it is in the page.
    this.#sized = true;
    queueMicrotask(() => this.#field.measure());
  }

  close() {
    this.#closed.close();
    this.#stopPastes();
    this.#drops.close();
    this.#attachments.keepWords();
    if (this.#editing !== null) this.#targets.keepText(this.#room, this.#field.text);
    this.#draft.close();
  }

  focus() {
    this.#field.node.focus();
  }

  /** Begins an answer to a message. @param {Message} message */
  answer(message) {
    this.#targets.answer(this.#room, message);
    this.#followTargets(this.#store.state);
    this.focus();
  }

  /** Begins to edit a message of mine. @param {Message} message */
  edit(message) {
    this.#afterEdit = wayBackToMessage();
    this.#targets.edit(this.#room, message);
    this.#followTargets(this.#store.state);
    this.focus();
  }

  /** @param {State} state */
  #followTargets(state) {
    const wanted = this.#targets.editedIn(this.#room);
    const text = this.#targets.takeText(this.#room);
    if (wanted !== null && (wanted.mid !== this.#editing || text !== null)) {
      this.#editing = wanted.mid;
      this.#field.write(text ?? this.#current(wanted).t);
    }
    const answered = this.#targets.answeredIn(this.#room);
    if (!this.#about.update(state, this.#editing, answered && this.#current(answered))) return;
    this.#updateSend();
    this.#attachments.node.classList.toggle("attachments-away", this.#editing !== null);
    this.#send.setAttribute("aria-label", t(this.#editing === null ? "send" : "save_edit"));
    fill(this.#send, icon(this.#editing === null ? "send" : "check"));
  }

  /** What was written in another tab is here, too, unless something is being written here. @param {State} state */
  #followDraft(state) {
    const isWriting = document.hasFocus() && document.activeElement === this.#field.node;
    const text = state.drafts.get(this.#room) ?? "";
    if (this.#draft.join(text)) return this.#editing === null && this.#field.writeAbove(this.#draft.text);
    if (!isWriting && this.#draft.follow(text) && this.#editing === null) this.#field.write(text);
  }

  /** A message as it is now, or as it was when it was last in the list. @param {Message} known */
  #current(known) {
    return this.#messages.find(({ mid }) => mid === known.mid) ?? known;
  }

  get #messages() {
    return this.#store.state.timelines.get(this.#room)?.messages ?? [];
  }

  async #unblock() {
    const peer = this.#store.state.rooms.get(this.#room)?.peer;
    if (!peer) return;
    await unblockPerson(this.#store, this.#actions, peer);
    if (!this.node.isConnected) return;
    // The field takes the focus only once it is shown again.
    this.update(this.#store.state);
    this.focus();
  }

  /** @param {string} text */
  #changed(text) {
    this.#updateSend();
    if (this.#editing === null) this.#draft.write(text);
  }

  #updateSend() {
    this.#send.disabled = !(this.#hasFiles ? !this.#field.isTooLong : this.#field.isSendable);
  }

  /** Whether the message has files, and may be without a text. */
  get #hasFiles() {
    if (this.#editing === null) return this.#attachments.count > 0;
    const edited = this.#targets.editedIn(this.#room);
    return Boolean(edited && this.#current(edited).files?.length);
  }

  /**
   * Whether files can be attached now.
   *
   * @param {"quietly"} [how]
   */
  #mayAttach(how) {
    const isEncrypted = this.#store.state.rooms.get(this.#room)?.e2ee;
    const isEditing = this.#editing !== null;
    const isBusy = this.#closed.isClosed || isEditing;
    if (how !== "quietly" && (isEncrypted || isBusy))
      toast(t(isEncrypted ? "error_files_encrypted_room" : isEditing ? "files_edited" : "files_closed"));
    return how === "quietly" ? !isBusy : !isEncrypted && !isBusy;
  }

  /** @param {File[]} files */
  #add(files) {
    if (!this.#mayAttach()) return;
    const refused = this.#actions.files.add(this.#room, files);
    if (refused.length) toast(refusalText(refused), undefined, REFUSAL_MS);
    this.update(this.#store.state);
    if (this.#attachments.count) announce(t("attached_count", { n: this.#attachments.count }));
    this.#attachments.node.lastElementChild?.scrollIntoView({ block: "nearest", inline: "nearest" });
    if (matchMedia("(hover: hover)").matches) this.focus();
  }

  #typed() {
    this.#field.measure();
    this.#completion.suggest();
    if (this.#editing !== null || !this.#field.text.trim()) return;
    if (this.#notices.isDue(performance.now())) this.#actions.messages.sendTyping(this.#room);
  }

  /** @param {KeyboardEvent} event */
  #keyPressed(event) {
    if (isComposing(event)) return;
    const meaning = () => meaningOf(event, { touch: isTouch(), empty: !this.#field.text });
    if (this.#completion.key(event) || this.#does(meaning())) event.preventDefault();
  }

  /** Does what a key means; false when there was nothing to do. @param {import("./keys.js").Meaning | null} meaning */
  #does(meaning) {
    if (meaning === null) return false;
    if (meaning === "escape") return this.#escape();
    if (meaning === "edit_last") return this.#editLast();
    if (meaning === "submit") this.#submit();
    else this.#field.mark(meaning === "bold" ? "**" : "_");
    return true;
  }

  /** Sends what is in the field, at once or once it can be: after a moment that it needs, or when my keys are open. */
  #submit() {
    const typed = this.#field.text.trim();
    if ((!typed && !this.#hasFiles) || this.#send.disabled || this.#isHeldUp()) return;
    this.focus();
    const opening = this.#actions.messages.opening(this.#room);
    const waits = [this.#preparation.missing(typed), opening];
    if (!this.#waits && !waits.some(Boolean)) return this.#finish(this.#field.text);
    // The text stays in the field meanwhile, so it cannot be lost. What comes below it is another message.
    if (opening && this.#editing === null) this.#field.write(`${this.#field.text.trimEnd()}\n`);
    const editing = this.#editing;
    this.#entered.push(this.#field.text);
    this.#waits += 1;
    void Promise.all(waits).then(() => {
      this.#waits -= 1;
      if (!this.#waits) this.#finishEntered(editing);
    });
  }

  /** Whether a file is lost that would hold up the message for ever: then that is said, and it can be removed. */
  #isHeldUp() {
    const lost = this.#editing === null ? lostFile(this.#store.state, this.#room) : null;
    if (!lost) return false;
    // It is written on the tile; a note would cover it.
    announce(t("attached_failed", { name: lost.name, why: t("error_file_lost") }));
    this.#attachments.leadTo(lost);
    return true;
  }

  /** What was entered while it could not be sent. @param {string | null} editing  what was edited then */
  #finishEntered(editing) {
    const entered = this.#entered.splice(0);
    if (!this.node.isConnected || this.#send.disabled || this.#editing !== editing) return;
    const { messages, rest } = splitEntered(this.#field.text, editing === null ? entered : []);
    for (const each of messages) this.#finish(each);
    if (rest) this.#field.write(rest);
  }

  /** @param {string} typed */
  #finish(typed) {
    this.#completion.close();
    const { text, mentions } = this.#preparation.finish(isSeen(typed) ? typed.trim() : "");
    if (this.#editing === null) return this.#sendNew(text, mentions);
    const edited = this.#targets.editedIn(this.#room);
    if (edited && this.#current(edited).t !== text)
      void this.#actions.messages.edit(this.#room, edited, text, mentions);
    this.#stopEditing();
  }

  /**
   * @param {string} text
   * @param {string[]} mentions
   */
  #sendNew(text, mentions) {
    const re = this.#targets.takeAnswered(this.#room)?.mid;
    this.#attachments.keepWords();
    const files = this.#actions.files.take(this.#room);
    // What has failed until now is tried once more.
    for (const { key } of files) if (key) this.#actions.files.again(key);
    void this.#actions.messages.send(this.#room, { text, mentions, files, ...(re ? { re } : {}) });
    this.#attachments.update(this.#store.state);
    this.#field.write("");
    this.#draft.keep();
    this.#notices.messageSent();
    this.#followTargets(this.#store.state);
    this.#sent();
  }

  #stopEditing() {
    this.#editing = null;
    this.#targets.stopEditing(this.#room);
    this.#field.write(this.#draft.text);
    this.#followTargets(this.#store.state);
    this.#afterEdit();
    this.#afterEdit = () => {};
  }

  /** First the suggestions go, then the edit or the answer. */
  #escape() {
    if (this.#completion.dismiss()) return true;
    if (this.#editing !== null) this.#stopEditing();
    else if (this.#targets.takeAnswered(this.#room) === null) return false;
    this.#followTargets(this.#store.state);
    return true;
  }

  /** Edits my last message, if there is one. */
  #editLast() {
    const isPending = (/** @type {string} */ mid) => this.#marks.isPendingDelete(mid);
    const last = lastEditable(this.#messages, this.#store.state.me?.uid, isPending);
    if (last) this.edit(last);
    return Boolean(last);
  }
}

/** @param {(emoji: string) => void} choose */
function emojiButton(choose) {
  return el(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": t("insert_emoji"),
      "aria-haspopup": "dialog",
      title: t("insert_emoji"),
      click: (/** @type {MouseEvent} */ event) => openEmojiPicker(choose, /** @type {Element} */ (event.currentTarget)),
    },
    icon("smile"),
  );
}

/** Whether a finger is the only pointer: then Enter makes a new line. */
function isTouch() {
  return matchMedia("(pointer: coarse) and (hover: none)").matches;
}
