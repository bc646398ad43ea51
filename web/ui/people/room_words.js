/** What is said of a room by its name: a place is spoken of otherwise than the people of a conversation. */
import { t } from "../base/i18n.js";
import { roomName } from "./people.js";

/**
 * @param {import("../../state/types.js").State} state
 * @param {import("../../state/types.js").Room} room
 * @returns {{ beginning: string, label: string, placeholder: string, leave: string }}  what stands above the first
 *   message, the name and the hint of the field to write in, and what leaving is called
 */
export function roomWords(state, room) {
  const name = { room: roomName(state, room) };
  const isWithPeople = room.kind === "dm" && room.others.length > 0;
  return isWithPeople
    ? {
        beginning: t("empty_direct", name),
        label: t("composer_direct_label", name),
        placeholder: t("composer_direct", name),
        leave: t("leave_group"),
      }
    : {
        beginning: t("empty_room", name),
        label: t("composer_label", name),
        placeholder: t("composer_placeholder", name),
        leave: t("leave_room"),
      };
}
