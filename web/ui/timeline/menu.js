/** Everything that can be done with a message, as a menu. */
import { copyText } from "../base/clipboard.js";
import { el } from "../base/element.js";
import { QUICK } from "../base/emoji.js";
import { openEmojiPicker } from "../base/doors.js";
import { t } from "../base/i18n.js";
import { openMenu } from "../base/menu.js";
import { roomPath } from "../base/routes.js";

/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {import("./acts.js").MessageActs} MessageActs */

const QUICK_SHOWN = 6;

/**
 * @param {MessageActs} acts
 * @param {Message} message
 * @param {import("../base/beside.js").Anchor} anchor
 */
export function openMessageMenu(acts, message, anchor) {
  const react = (/** @type {string} */ emoji) => acts.react(message, emoji);
  const writes = acts.mayWrite();
  const item = (/** @type {string} */ picture, /** @type {string} */ label, /** @type {() => unknown} */ act) => ({
    picture,
    label,
    act,
  });
  const quick = (/** @type {() => void} */ close) => quickRow(close, react);
  openMenu({ title: t("message_actions"), anchor, ...(writes ? { above: quick } : {}) }, [
    writes ? item("smile", t("action_react"), () => openEmojiPicker(react, anchor)) : null,
    writes ? item("reply", t("action_reply"), () => acts.reply(message)) : null,
    acts.mayEdit(message) ? item("edit", t("action_edit"), () => acts.edit(message)) : null,
    acts.mayDescribe(message) ? item("picture", t("action_describe"), () => acts.describe(message)) : null,
    message.unreadable || !message.t ? null : item("copy", t("action_copy"), () => copyText(message.t)),
    item("link", t("action_link"), () => copyText(location.origin + roomPath(acts.room, message.mid))),
    acts.mayDelete(message) ? { ...item("trash", t("action_delete"), () => acts.remove(message)), danger: true } : null,
  ]);
}

/**
 * The usual reactions, one key each.
 *
 * @param {() => void} close
 * @param {(emoji: string) => void} react
 */
function quickRow(close, react) {
  return el(
    "div",
    { class: "menu-quick", role: "group", "aria-label": t("action_react") },
    QUICK.slice(0, QUICK_SHOWN).map((emoji) =>
      el(
        "button",
        {
          type: "button",
          role: "menuitem",
          class: "emoji-key",
          "aria-label": `${t("action_react")} ${emoji}`,
          click: () => {
            close();
            react(emoji);
          },
        },
        emoji,
      ),
    ),
  );
}
