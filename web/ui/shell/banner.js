/** Says that the connection is gone, and tries again at once when asked to. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";

/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * @param {Actions} actions
 * @returns {import("../base/view.js").View}
 */
export function createBanner(actions) {
  const text = el("span");
  const node = el(
    "div",
    { class: "banner", role: "status", hidden: true },
    el("span", { class: "spinner", "aria-hidden": "true" }),
    text,
    el("button", { type: "button", click: () => actions.session.reconnectNow() }, t("retry_now")),
  );

  return {
    node,
    update({ connection: { isLost } }) {
      if (node.hidden !== isLost) return;
      // Written as it is shown: only then a screen reader says it.
      text.textContent = isLost ? t("offline_banner") : "";
      node.hidden = !isLost;
    },
  };
}
