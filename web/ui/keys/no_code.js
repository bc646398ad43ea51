/**
 * A quiet line in encrypted chats for who has no recovery code: a forgotten password may cost them. It can be put off
 * until the page is loaded again.
 */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openNewCode } from "./doors.js";

/** Who has put it off. @type {Set<string>} */
const putOff = new Set();

/**
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 * @param {string} id  the chat
 * @returns {import("../base/view.js").View}
 */
export function createNoCode(store, actions, id) {
  const later = () => {
    putOff.add(store.state.me?.uid ?? "");
    store.notifyLater();
  };
  const button = (/** @type {string} */ label, /** @type {() => void} */ click) =>
    el("button", { type: "button", click }, label);
  const node = el(
    "div",
    { class: "no-code", hidden: true },
    icon("key"),
    el("span", { class: "keys-card-text" }, t("no_code")),
    el(
      "span",
      { class: "keys-card-acts" },
      button(t("security_code_make"), () => openNewCode(store, actions)),
      button(t("not_now"), later),
    ),
  );
  return {
    node,
    update({ rooms, keys, info, me }) {
      const isWanted = keys.phase === "ready" && keys.hasCode === false && !keys.offer && !info?.demo;
      node.hidden = !isWanted || !rooms.get(id)?.e2ee || putOff.has(me?.uid ?? "");
    },
  };
}
