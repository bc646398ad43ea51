/** Everything that can be done with a message, as a menu. */
import { copyText } from "../base/clipboard.js";
import { openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { QUICK } from "../base/emoji.js";
import { openEmojiPicker } from "../base/emoji_picker.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { roomPath } from "../base/routes.js";

/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {import("./acts.js").MessageActs} MessageActs */

const QUICK_SHOWN = 6;

/**
 * @param {MessageActs} acts
 * @param {Message} message
 */
export function openMessageMenu(acts, message) {
  openDialog({ title: t("message_actions"), bare: true, class: "dialog-menu" }, (close) => {
    const then = (/** @type {() => unknown} */ act) => () => {
      close();
      act();
    };
    const react = (/** @type {string} */ emoji) => acts.react(message, emoji);
    const writes = acts.mayWrite();
    return [
      el(
        "div",
        { class: "menu" },
        writes ? quickRow((emoji) => then(() => react(emoji))) : null,
        writes
          ? item(
              "smile",
              t("action_react"),
              then(() => openEmojiPicker(react)),
            )
          : null,
        writes
          ? item(
              "reply",
              t("action_reply"),
              then(() => acts.reply(message)),
            )
          : null,
        acts.mayEdit(message)
          ? item(
              "edit",
              t("action_edit"),
              then(() => acts.edit(message)),
            )
          : null,
        message.unreadable
          ? null
          : item(
              "copy",
              t("action_copy"),
              then(() => copyText(message.t)),
            ),
        item(
          "link",
          t("action_link"),
          then(() => copyText(location.origin + roomPath(acts.room, message.mid))),
        ),
        acts.mayDelete(message)
          ? item(
              "trash",
              t("action_delete"),
              then(() => acts.remove(message)),
              "menu-danger",
            )
          : null,
      ),
    ];
  });
}

/** The usual reactions, one key each. @param {(emoji: string) => () => void} choosing */
function quickRow(choosing) {
  return el(
    "div",
    { class: "menu-quick" },
    QUICK.slice(0, QUICK_SHOWN).map((emoji) =>
      el(
        "button",
        {
          type: "button",
          class: "emoji-key",
          "aria-label": `${t("action_react")} ${emoji}`,
          click: choosing(emoji),
        },
        emoji,
      ),
    ),
  );
}

/**
 * @param {string} picture
 * @param {string} label
 * @param {() => void} click
 * @param {string} [extraClass]
 */
function item(picture, label, click, extraClass = "") {
  return el(
    "button",
    { type: "button", class: `menu-item ${extraClass}`.trim(), click },
    icon(picture),
    el("span", {}, label),
  );
}
