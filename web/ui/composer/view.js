/**
 * The field to write in. Its text is a draft of exactly one room; sending empties it at once and the message shows
 * as pending, so nobody waits for the network. Editing borrows the field and gives the draft back afterwards.
 */
import { isBlockedRoom } from "../../state/blocks.js";
import { unblockPerson } from "../people/blocking.js";
import { createCompletion } from "./completion.js";
import { createComposerGate } from "./closed.js";
import { el, fill, setText } from "../base/element.js";
import { replaceShortcodes } from "../base/emoji.js";
import { openEmojiPicker } from "../base/emoji_picker.js";
import { excerpt } from "../base/excerpt.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { edit } from "../timeline/tools.js";
import { nameOf, roomName } from "../people/people.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../context.js").State} State */

/** Longest message, in characters; the server's limit wins when it says one. */
const TEXT_MAX = 8000;
/** What is shown of the message that is answered. */
const ANSWERED_MAX = 120;
/** A typing notice lasts five seconds at the others: one every three keeps it alive. */
const TYPING_MS = 3000;
/**
 * Each message ends its notice. Of a burst of short ones no more than so many are begun again in so long: they count
 * as commands, too.
 */
const NOTICES_MAX = 10;
const NOTICES_MS = 10_000;
/** Typing settles this long before the draft is kept. */
const DRAFT_MS = 250;

/**
 * @param {Context} context
 * @param {string} id
 */
export function createComposer(context, id) {
  const field = el("textarea", {
    rows: "1",
    dir: "auto",
    enterkeyhint: isTouch() ? "enter" : "send",
    autocomplete: "off",
    "aria-describedby": "composer-foot",
  });
  const send = el(
    "button",
    { type: "button", class: "send", "aria-label": t("send"), title: t("send"), click: submit },
    icon("send"),
  );
  const emoji = el(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": t("insert_emoji"),
      title: t("insert_emoji"),
      click: () => openEmojiPicker(insert),
    },
    icon("smile"),
  );
  const about = el("div", { class: "composer-about", hidden: true });
  const typing = el("span", { class: "typing", role: "status" });
  const over = el("span", { class: "composer-over", role: "alert" });
  const completion = createCompletion(context, id, field, changed);
  const box = el(
    "div",
    { class: "composer-box" },
    completion.node,
    about,
    el("div", { class: "composer-row" }, emoji, field, send),
  );
  const gate = createComposerGate(box, {
    again: () => context.refresh(),
    unblock: () => {
      const peer = context.store.state.rooms.get(id)?.peer;
      if (peer) void unblockPerson(context, peer).then(() => field.focus());
    },
  });
  const node = el(
    "footer",
    { class: "composer column" },
    gate.node,
    box,
    el("div", { class: "composer-foot", id: "composer-foot" }, typing, over),
  );

  let draft = context.store.state.drafts.get(id) ?? "";
  let editing = /** @type {string | null} */ (null);
  let typedAt = 0;
  /** When the last notices were sent. */
  let notices = /** @type {number[]} */ ([]);
  let draftTimer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  let drawnAbout = "";
  field.value = draft;

  /** @param {string} text */
  function setField(text) {
    field.value = text;
    field.setSelectionRange(text.length, text.length);
    changed();
  }

  function changed() {
    grow();
    const excess = [...field.value].length - TEXT_MAX;
    setText(over, excess > 0 ? t("too_long", { n: excess }) : "");
    send.disabled = !field.value.trim() || excess > 0;
    if (editing !== null) return;
    draft = field.value;
    clearTimeout(draftTimer);
    draftTimer = setTimeout(keepDraft, DRAFT_MS);
  }

  function keepDraft() {
    clearTimeout(draftTimer);
    draftTimer = undefined;
    if ((context.store.state.drafts.get(id) ?? "") !== draft) context.actions.drafts.set(id, draft);
  }

  function grow() {
    field.style.blockSize = "auto";
    field.style.blockSize = `${field.scrollHeight}px`;
  }

  function tellTyping() {
    const now = Date.now();
    if (editing !== null || !field.value.trim() || now - typedAt < TYPING_MS) return;
    notices = notices.filter((at) => now - at < NOTICES_MS);
    if (notices.length >= NOTICES_MAX) return;
    notices.push(now);
    typedAt = now;
    context.actions.messages.sendTyping(id);
  }

  function submit() {
    const text = replaceShortcodes(field.value.trim());
    if (!text || send.disabled) return;
    if (editing !== null) {
      const before = messageOf(editing);
      if (before && before.t !== text) void context.actions.messages.edit(id, editing, text);
      stopEditing();
    } else {
      const re = context.signals.replying.get(id);
      context.signals.replying.delete(id);
      void context.actions.messages.send(id, {
        text,
        mentions: mentionsIn(context.store.state, text),
        ...(re ? { re } : {}),
      });
      setField("");
      keepDraft();
      typedAt = 0;
      context.refresh();
      context.timeline.toPresent();
    }
    field.focus();
  }

  /** @param {string} mid */
  function messageOf(mid) {
    return context.store.state.timelines.get(id)?.messages.find((message) => message.mid === mid) ?? null;
  }

  function stopEditing() {
    editing = null;
    context.signals.editing = null;
    setField(draft);
    context.refresh();
  }

  /** Esc: first the suggestions, then the edit or the reply. */
  function escape() {
    if (completion.close()) return true;
    if (editing !== null) {
      stopEditing();
      return true;
    }
    if (!context.signals.replying.delete(id)) return false;
    context.refresh();
    return true;
  }

  function editLast() {
    const { state } = context.store;
    const last = state.timelines
      .get(id)
      ?.messages.findLast(
        (message) =>
          message.by === state.me?.uid &&
          message.kind === "msg" &&
          !message.unreadable &&
          message.status === "sent" &&
          !context.signals.vanishing.has(message.mid),
      );
    if (last) edit(context, id, last);
    return Boolean(last);
  }

  /** @param {string} text */
  function insert(text) {
    field.focus();
    field.setRangeText(text, field.selectionStart, field.selectionEnd, "end");
    changed();
  }

  field.addEventListener("input", () => {
    changed();
    completion.look();
    tellTyping();
  });
  field.addEventListener("blur", () => {
    completion.close();
    if (draftTimer !== undefined) keepDraft();
  });
  field.addEventListener("keydown", (event) => {
    // While an input method composes, every key belongs to it (229 is how older engines say so).
    if (event.isComposing || event.keyCode === 229) return;
    const control = event.ctrlKey || event.metaKey;
    let done = true;
    if (completion.key(event)) done = true;
    else if (event.key === "Enter" && !event.shiftKey && !event.altKey && (control || !isTouch())) submit();
    else if (event.key === "Escape") done = escape();
    else if (event.key === "ArrowUp" && !field.value && !control && !event.shiftKey && !event.altKey) done = editLast();
    else if (control && !event.altKey && !event.shiftKey && (event.code === "KeyB" || event.code === "KeyI"))
      wrap(field, event.code === "KeyB" ? "**" : "_", changed);
    else done = false;
    if (done) event.preventDefault();
  });

  context.composer = { focus: () => field.focus(), insert };

  return {
    node,
    /** @param {State} state */
    update(state) {
      const room = state.rooms.get(id);
      if (!room) return;
      gate.update(room, isBlockedRoom(state, room));
      const name = roomName(state, room);
      field.setAttribute("aria-label", t("composer_label", { room: name }));
      field.placeholder = t("composer_placeholder", { room: name });
      const wanted = context.signals.editing?.room === id ? context.signals.editing.mid : null;
      if (wanted !== null && wanted !== editing) {
        editing = wanted;
        setField(messageOf(wanted)?.t ?? "");
      }
      drawAbout(state);
      drawTyping(state, typing, id);
      if (!field.dataset["sized"]) {
        field.dataset["sized"] = "true";
        queueMicrotask(changed);
      }
    },
    close: () => {
      clearTimeout(draftTimer);
      gate.close();
      keepDraft();
    },
  };

  /** @param {State} state */
  function drawAbout(state) {
    const re = context.signals.replying.get(id);
    const answered = re ? messageOf(re) : null;
    const next = `${editing ?? ""}|${answered?.mid ?? ""}`;
    if (next === drawnAbout) return;
    drawnAbout = next;
    about.hidden = editing === null && !answered;
    send.setAttribute("aria-label", t(editing === null ? "send" : "save_edit"));
    fill(send, icon(editing === null ? "send" : "check"));
    if (editing !== null) {
      fill(
        about,
        icon("edit"),
        el("span", { class: "composer-about-text" }, el("strong", {}, t("editing"))),
        cancel("cancel_edit"),
      );
    } else if (answered) {
      fill(
        about,
        icon("reply"),
        el(
          "span",
          { class: "composer-about-text" },
          el("strong", {}, t("replying", { name: nameOf(state, answered.by) })),
          " ",
          el("span", { dir: "auto" }, excerpt(answered, ANSWERED_MAX)),
        ),
        cancel("cancel_reply"),
      );
    }
  }

  /** @param {"cancel_edit" | "cancel_reply"} key */
  function cancel(key) {
    return el(
      "button",
      {
        type: "button",
        class: "icon-button",
        "aria-label": t(key),
        click: () => {
          escape();
          field.focus();
        },
      },
      icon("close"),
    );
  }
}

/**
 * @param {State} state
 * @param {HTMLElement} node
 * @param {string} id
 */
function drawTyping(state, node, id) {
  const names = (state.typing.get(id) ?? []).filter((uid) => uid !== state.me?.uid).map((uid) => nameOf(state, uid));
  const [a = "", b = ""] = names;
  const text = !names.length
    ? ""
    : names.length === 1
      ? t("typing_one", { a })
      : names.length === 2
        ? t("typing_two", { a, b })
        : t("typing_many");
  if (node.textContent === text) return;
  fill(
    node,
    text
      ? [el("span", { class: "typing-dots", "aria-hidden": "true" }, el("i"), el("i"), el("i")), el("span", {}, text)]
      : null,
  );
}

/**
 * The people a text calls by `@name`.
 *
 * @param {State} state
 * @param {string} text
 * @returns {string[]}
 */
function mentionsIn(state, text) {
  const called = new Set(
    [...text.matchAll(/(?<![\p{L}\p{N}])@([\p{L}\p{N}_.-]{1,64})/gu)].flatMap(([, name = ""]) => {
      const whole = name.toLocaleLowerCase();
      return [whole, whole.replace(/[.\-_]+$/, "")];
    }),
  );
  return [...state.users.values()]
    .filter((user) => !user.removed && called.has(user.username.toLocaleLowerCase()))
    .map((user) => user.uid);
}

/**
 * Puts a mark around the selection, or takes it away.
 *
 * @param {HTMLTextAreaElement} field
 * @param {string} mark
 * @param {() => void} changed
 */
function wrap(field, mark, changed) {
  const { selectionStart: start, selectionEnd: end, value } = field;
  const inside = value.slice(start, end);
  const marked = value.slice(start - mark.length, start) === mark && value.slice(end, end + mark.length) === mark;
  if (marked) {
    field.setRangeText(inside, start - mark.length, end + mark.length, "preserve");
    field.setSelectionRange(start - mark.length, end - mark.length);
  } else {
    field.setRangeText(mark + inside + mark, start, end, "preserve");
    field.setSelectionRange(start + mark.length, end + mark.length);
  }
  changed();
}

/** A finger, and nothing finer: there Enter is a new line. */
function isTouch() {
  return matchMedia("(pointer: coarse) and (hover: none)").matches;
}
