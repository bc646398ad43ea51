/** The line above the field: what is edited, or what is answered. */
import { el, fill } from "../base/element.js";
import { excerpt } from "../base/excerpt.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { nameOf } from "../people/people.js";

/** What is shown of the message that is answered. */
const ANSWERED_MAX = 120;

/** @param {() => void} cancel */
export function createAbout(cancel) {
  const node = el("div", { class: "composer-about", hidden: true });
  let drawn = "";

  /** @param {"cancel_edit" | "cancel_reply"} key */
  const cancelButton = (key) =>
    el("button", { type: "button", class: "icon-button", "aria-label": t(key), click: cancel }, icon("close"));

  return {
    node,
    /**
     * @param {import("../../state/types.js").State} state
     * @param {string | null} editing
     * @param {import("../../state/types.js").Message | null} answered
     * @returns {boolean} whether it changed
     */
    update(state, editing, answered) {
      const next = `${editing ?? ""}|${answered?.mid ?? ""}`;
      if (next === drawn) return false;
      drawn = next;
      node.hidden = editing === null && !answered;
      if (editing !== null)
        fill(
          node,
          icon("edit"),
          el("span", { class: "composer-about-text" }, el("strong", {}, t("editing"))),
          cancelButton("cancel_edit"),
        );
      else if (answered)
        fill(
          node,
          icon("reply"),
          el(
            "span",
            { class: "composer-about-text" },
            el("strong", {}, t("replying", { name: nameOf(state, answered.by) })),
            " ",
            el("span", { dir: "auto" }, excerpt(answered, ANSWERED_MAX)),
          ),
          cancelButton("cancel_reply"),
        );
      return true;
    },
  };
}
