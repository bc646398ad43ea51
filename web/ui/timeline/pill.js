/** The button above the list that leads to what is new. */
import { COUNTED_MAX } from "../../state/attention.js";
import { el, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** To the present below, or up to what is still unread. @typedef {"down" | "up"} Way */

/** @param {(way: Way) => void} follow */
export function createPill(follow) {
  const text = el("span");
  const node = el(
    "button",
    { type: "button", class: "pill", hidden: true, click: () => follow(way) },
    icon("down"),
    text,
  );
  /** @type {Way} */
  let way = "down";

  return {
    node,
    hide() {
      node.hidden = true;
    },
    /** @param {Way} to @param {number} count  of new messages there */
    show(to, count) {
      way = to;
      node.hidden = false;
      node.toggleAttribute("data-up", way === "up");
      node.toggleAttribute("data-new", count > 0);
      node.title = way === "down" ? t("jump_to_present") : "";
      setText(text, textOf(count));
    },
  };
}

/** @param {number} count */
function textOf(count) {
  if (!count) return t("jump_to_present");
  return count < COUNTED_MAX ? t("new_messages", { n: count }) : t("new_messages_many", { n: COUNTED_MAX });
}
