/** The small shield of a direct chat: closed where it is encrypted, crossed out where it is not. */
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { openPlainNote, openShield } from "./doors.js";

/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").Room} Room */

/**
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 * @param {string} id
 */
export function createShieldButton(store, actions, id) {
  let isEncrypted = false;
  let drawn = "";
  const node = el("button", {
    type: "button",
    class: "icon-button shield-button",
    hidden: true,
    "aria-haspopup": "dialog",
    click: () => (isEncrypted ? openShield(store, id) : openPlainNote(store, actions, id)),
  });
  return {
    node,
    /** @param {State} state @param {Room} room */
    update(state, room) {
      isEncrypted = room.e2ee;
      const key = keyOf(state, room);
      const label = key ? t(key) : "";
      if (label === drawn) return;
      drawn = label;
      node.hidden = !key;
      node.setAttribute("aria-label", label);
      node.title = label;
      node.classList.toggle("shield-filled", key === "encrypted_verified");
      fill(node, icon(key === "not_encrypted" ? "shield_off" : "shield"));
    },
  };
}

/** @param {State} state @param {Room} room */
function keyOf(state, room) {
  if (room.e2ee) return state.encrypted.get(room.id)?.isVerified ? "encrypted_verified" : "encrypted";
  return room.kind === "dm" && room.others.length ? "not_encrypted" : null;
}
