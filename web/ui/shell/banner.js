/** Says that the connection is gone, but only once it has been for five seconds: short gaps are not worth a notice. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";

/** @typedef {import("../../state/types.js").Actions} Actions */

const PATIENCE_MS = 5000;

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
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let timer;

  function show() {
    text.textContent = t("offline_banner");
    node.hidden = false;
  }

  return {
    node,
    update(state) {
      if (state.connection.online) {
        clearTimeout(timer);
        timer = undefined;
        node.hidden = true;
      } else if (timer === undefined) {
        timer = setTimeout(show, PATIENCE_MS);
      }
    },
  };
}
