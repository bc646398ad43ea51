/** What is known of somebody's keys, on their card. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openCompare } from "../keys/doors.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/**
 * Nothing for whoever has no keys: it says nothing about them.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} uid
 * @param {() => void} close
 */
export function keysOnCard(store, actions, uid, close) {
  const contact = store.state.keys.contacts.get(uid);
  if (!contact?.hasKeys || uid === store.state.me?.uid || store.state.keys.phase !== "ready") return null;
  const { warning, verifiedAt } = contact;
  const compare = () => {
    close();
    openCompare(store, actions, uid);
  };
  const isVerified = verifiedAt !== null && warning === null;
  return el(
    "div",
    { class: "card-keys" },
    warning
      ? el("p", { class: "card-keys-warning" }, icon("alert"), t(`safety_${warning}`))
      : el(
          "p",
          { "data-verified": isVerified ? "" : null },
          icon(isVerified ? "check" : "shield"),
          t(isVerified ? "safety_verified" : "safety_not_verified"),
        ),
    warning === null || warning === "reset"
      ? el("button", { type: "button", class: "link-button", click: compare }, t("safety_compare"))
      : null,
  );
}
