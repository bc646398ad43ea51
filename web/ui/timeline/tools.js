/**
 * What one can do with a message. One small toolbar follows the pointer or the keyboard from row to row; on touch a
 * tap on a message opens the menu. In the list, up and down walk the messages and Enter opens the menu.
 */
import { writeClipboard } from "../../platform/clipboard.js";
import { iMay } from "../../state/rights.js";
import { ask, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { QUICK } from "../base/emoji.js";
import { openEmojiPicker } from "../base/emoji_picker.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { roomPath } from "../base/routes.js";

/** @typedef {import("../context.js").Context} Context */
/** @typedef {import("../context.js").Message} Message */

/** How long a deletion can be taken back before it is carried out. */
const UNDO_MS = 6000;

/**
 * @param {Context} context
 * @param {string} room
 * @param {HTMLElement} log
 */
export function createMessageTools(context, room, log) {
  let current = /** @type {HTMLElement | null} */ (null);
  const mine = () => current && find(current);
  const tools = el(
    "div",
    { class: "tools", role: "toolbar", "aria-label": t("message_actions") },
    QUICK.slice(0, 2).map((emoji) =>
      tool(emoji, emoji, () => withMessage((message) => react(context, room, message, emoji))),
    ),
    tool(icon("smile"), t("action_react"), () =>
      withMessage((message) => openEmojiPicker((emoji) => react(context, room, message, emoji))),
    ),
    tool(icon("reply"), t("action_reply"), () => withMessage((message) => reply(context, room, message))),
    tool(icon("more"), t("more_actions"), () => withMessage((message) => openMenu(context, room, message))),
  );

  /** @param {(message: Message) => void} act */
  function withMessage(act) {
    const message = mine();
    if (message) act(message);
  }

  /** @param {Element} row */
  function find(row) {
    const mid = /** @type {HTMLElement} */ (row).dataset["mid"];
    return context.store.state.timelines.get(room)?.messages.find((message) => message.mid === mid) ?? null;
  }

  /** @param {HTMLElement | null} row */
  function moveTo(row) {
    if (row === current && tools.parentElement === row) return;
    const message = row && find(row);
    current = message && usable(context, message) ? row : null;
    const here = context.store.state.rooms.get(room);
    const writes = Boolean(here && iMay(context.store.state, here, "write"));
    for (const button of tools.children)
      /** @type {HTMLElement} */ (button).hidden = !writes && button !== tools.lastElementChild;
    if (current) current.append(tools);
    else tools.remove();
  }

  /** @param {Event} event */
  const rowOf = (event) =>
    event.target instanceof Element ? /** @type {HTMLElement | null} */ (event.target.closest(".message")) : null;

  log.addEventListener("pointerover", (event) => {
    if (event.pointerType !== "touch") moveTo(rowOf(event));
  });
  log.addEventListener("pointerleave", () => {
    if (!tools.contains(document.activeElement)) moveTo(null);
  });
  log.addEventListener("focusin", (event) => {
    if (rowOf(event)?.matches(":focus-visible, :has(:focus-visible)")) moveTo(rowOf(event));
  });
  log.addEventListener("contextmenu", (event) => {
    if (!matchMedia("(pointer: coarse)").matches) return;
    event.preventDefault();
  });
  log.addEventListener("click", (event) => {
    if (!matchMedia("(pointer: coarse)").matches || !(event.target instanceof Element)) return;
    if (!event.target.closest(".bubble") || event.target.closest("a, button") || String(getSelection() ?? "")) return;
    const row = rowOf(event);
    const message = row && find(row);
    if (message && usable(context, message)) openMenu(context, room, message);
  });
  log.addEventListener("keydown", (event) => {
    const row = rowOf(event);
    if (!row || event.target !== row) return;
    const message = find(row);
    if (event.key === "ArrowUp" || event.key === "ArrowDown") neighbour(row, event.key === "ArrowUp")?.focus();
    else if (event.key === "Enter" && message && usable(context, message)) openMenu(context, room, message);
    else return;
    event.preventDefault();
  });

  return { close: () => tools.remove() };
}

/**
 * @param {Context} context
 * @param {Message} message
 */
function usable(context, message) {
  return message.kind === "msg" && message.status === "sent" && !context.signals.vanishing.has(message.mid);
}

/**
 * @param {Element} row
 * @param {boolean} up
 */
function neighbour(row, up) {
  let next = up ? row.previousElementSibling : row.nextElementSibling;
  while (next && !next.matches(".message")) next = up ? next.previousElementSibling : next.nextElementSibling;
  return /** @type {HTMLElement | null} */ (next);
}

/**
 * @param {Context} context
 * @param {string} room
 * @param {Message} message
 */
function openMenu(context, room, message) {
  const own = message.by === context.store.state.me?.uid;
  const { state } = context.store;
  const here = state.rooms.get(room);
  const writes = Boolean(here && iMay(state, here, "write"));
  const mayDelete = own || Boolean(here && iMay(state, here, "moderate"));
  openDialog({ title: t("message_actions"), bare: true, class: "dialog-menu" }, (close) => {
    const item = (
      /** @type {string} */ name,
      /** @type {string} */ label,
      /** @type {() => void} */ act,
      danger = false,
    ) =>
      el(
        "button",
        {
          type: "button",
          class: danger ? "menu-item menu-danger" : "menu-item",
          click: () => {
            close();
            act();
          },
        },
        icon(name),
        el("span", {}, label),
      );
    return [
      el(
        "div",
        { class: "menu" },
        writes
          ? el(
              "div",
              { class: "menu-quick" },
              QUICK.slice(0, 6).map((emoji) =>
                el(
                  "button",
                  {
                    type: "button",
                    class: "emoji-key",
                    "aria-label": `${t("action_react")} ${emoji}`,
                    click: () => {
                      close();
                      react(context, room, message, emoji);
                    },
                  },
                  emoji,
                ),
              ),
            )
          : null,
        writes
          ? item("smile", t("action_react"), () => openEmojiPicker((emoji) => react(context, room, message, emoji)))
          : null,
        writes ? item("reply", t("action_reply"), () => reply(context, room, message)) : null,
        own && writes && !message.unreadable
          ? item("edit", t("action_edit"), () => edit(context, room, message))
          : null,
        message.unreadable ? null : item("copy", t("action_copy"), () => copyText(context, message.t)),
        item("link", t("action_link"), () => copyText(context, location.origin + roomPath(room, message.mid))),
        mayDelete ? item("trash", t("action_delete"), () => remove(context, room, message), true) : null,
      ),
    ];
  });
}

/**
 * @param {Context} context
 * @param {string} room
 * @param {Message} message
 * @param {string} emoji
 */
function react(context, room, message, emoji) {
  const me = context.store.state.me?.uid ?? "";
  void context.actions.messages.react(room, message.mid, emoji, !message.reactions?.[emoji]?.includes(me));
}

/**
 * @param {Context} context
 * @param {string} room
 * @param {Message} message
 */
function reply(context, room, message) {
  context.signals.replying.set(room, message.mid);
  context.refresh();
  context.composer.focus();
}

/**
 * @param {Context} context
 * @param {string} room
 * @param {Message} message
 */
export function edit(context, room, message) {
  context.signals.editing = { room, mid: message.mid };
  context.refresh();
  context.composer.focus();
}

/**
 * Asks once, hides the message at once, and deletes it when the time for undo is over or the page is left.
 *
 * @param {Context} context
 * @param {string} room
 * @param {Message} message
 */
async function remove(context, room, message) {
  if (!(await ask({ title: t("delete_question"), text: t("delete_lead"), confirm: t("delete_confirm"), danger: true })))
    return;
  const { vanishing } = context.signals;
  const finish = () => {
    clearTimeout(timer);
    removeEventListener("pagehide", finish);
    if (!vanishing.has(message.mid)) return;
    void context.actions.messages.remove(room, message.mid).finally(() => {
      vanishing.delete(message.mid);
      context.refresh();
    });
  };
  const timer = setTimeout(finish, UNDO_MS);
  addEventListener("pagehide", finish);
  vanishing.add(message.mid);
  context.refresh();
  context.toast(
    t("deleted_toast"),
    {
      label: t("undo"),
      act: () => {
        vanishing.delete(message.mid);
        finish();
        context.refresh();
      },
    },
    UNDO_MS,
  );
}

/**
 * @param {Context} context
 * @param {string} text
 */
export async function copyText(context, text) {
  context.toast(t((await writeClipboard(text)) ? "copied" : "copy_failed"));
}

/**
 * @param {string | Node} content
 * @param {string} label
 * @param {() => void} click
 */
function tool(content, label, click) {
  return el(
    "button",
    {
      type: "button",
      class: "icon-button",
      "aria-label": typeof content === "string" ? `${t("action_react")} ${label}` : label,
      title: label,
      click,
    },
    typeof content === "string" ? el("span", { class: "tool-emoji" }, content) : content,
  );
}
