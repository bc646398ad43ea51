/** What stands above the first message of a room. */
import { clock } from "../../state/clock.js";
import { mayInvite } from "../../state/rights.js";
import { copyText } from "../base/clipboard.js";
import { dayOf } from "../base/dates.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { roomPath } from "../base/routes.js";
import { openInvite } from "../people/doors.js";
import { roomPicture } from "../people/people.js";
import { roomWords } from "../people/room_words.js";

/**
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 * @param {import("../../state/types.js").Room} room
 */
export function beginning(store, actions, room) {
  const { state } = store;
  const buttons = [
    mayInvite(state, room) ? button("invite", t("invite_people"), () => openInvite(store, actions, room.id)) : null,
    room.kind === "open"
      ? button("link", t("copy_invite"), () => void copyText(location.origin + roomPath(room.id)))
      : null,
  ];
  return el(
    "div",
    { class: "beginning" },
    roomPicture(state, room),
    el("h2", { dir: "auto" }, roomWords(state, room).beginning),
    el("p", { dir: "auto" }, room.topic || t("empty_room_hint")),
    room.e2ee ? encryptedNote(state, room) : null,
    buttons.some(Boolean) ? el("div", { class: "beginning-buttons" }, buttons) : null,
  );
}

/**
 * That a chat is encrypted, and who made it if that was today and nobody has written yet: so a chat that looks like
 * another one is found out.
 *
 * @param {import("../../state/types.js").State} state
 * @param {import("../../state/types.js").Room} room
 */
function encryptedNote(state, { id }) {
  const encrypted = state.encrypted.get(id);
  const isNew = encrypted && dayOf(encrypted.madeAt) === dayOf(clock.now());
  const isEmpty = !state.timelines.get(id)?.messages.length;
  const maker = encrypted?.people.find(({ uid }) => uid === encrypted.madeBy);
  return el(
    "p",
    { class: "beginning-encrypted" },
    icon("shield"),
    el(
      "span",
      {},
      t("encrypted_what"),
      isNew && isEmpty && maker ? ` ${t("made_today", { name: `@${maker.name}` })}` : null,
    ),
  );
}

/**
 * @param {string} picture
 * @param {string} label
 * @param {() => void} click
 */
function button(picture, label, click) {
  return el("button", { type: "button", class: "button button-small", click }, icon(picture), label);
}
