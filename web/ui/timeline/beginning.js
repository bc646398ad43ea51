/** What stands above the first message of a room. */
import { copyText } from "../base/clipboard.js";
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { roomPath } from "../base/routes.js";
import { roomName, roomPicture } from "../people/people.js";

/**
 * @param {import("../../state/types.js").State} state
 * @param {import("../../state/types.js").Room} room
 */
export function beginning(state, room) {
  return el(
    "div",
    { class: "beginning" },
    roomPicture(state, room),
    el("h2", { dir: "auto" }, t("empty_room", { room: roomName(state, room) })),
    el("p", {}, room.topic || t("empty_room_hint")),
    room.kind === "open"
      ? el(
          "button",
          {
            type: "button",
            class: "button button-small",
            click: () => void copyText(location.origin + roomPath(room.id)),
          },
          icon("link"),
          t("copy_invite"),
        )
      : null,
  );
}
