/** Messages of people I have blocked, in rooms with others: covered until I ask for them. */
import { isCovered } from "../../state/blocks.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";

/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {import("./marks.js").MessageMarks} MessageMarks */

/**
 * Whether a message is covered: it is of somebody I have blocked, in a room with others, and I have not asked for it.
 *
 * @param {import("../../state/types.js").State} state
 * @param {string} room
 * @param {Message} message
 * @param {MessageMarks} marks
 */
export function isVeiled(state, room, message, marks) {
  return isCovered(state, room, message.by) && !marks.isRevealed(message.mid);
}

/**
 * What stands in the place of a covered message.
 *
 * @param {Message} message
 * @param {MessageMarks} marks
 */
export function veil(message, marks) {
  return el(
    "div",
    { class: "bubble bubble-deleted" },
    t("blocked_message"),
    " ",
    el(
      "button",
      {
        type: "button",
        class: "link-button",
        click: (/** @type {MouseEvent} */ event) => {
          const row = /** @type {Element} */ (event.currentTarget).closest("article");
          marks.reveal(message.mid);
          // The button is gone, and the focus with it.
          row?.focus();
        },
      },
      t("show_message"),
    ),
  );
}
