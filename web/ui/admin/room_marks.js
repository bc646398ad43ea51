/** A room as a tile, and what is to be known about it at a glance. */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { tintOf } from "../people/people.js";
import { stamp } from "./parts.js";

/** @typedef {import("../../calls/admin.js").RoomEntry} RoomEntry */

/** @param {RoomEntry} room */
export function tile(room) {
  return el(
    "span",
    { class: `room-tile ${tintOf("room" + room.id)}`, "aria-hidden": "true" },
    icon(room.kind === "closed" ? "lock" : "hash"),
  );
}

/** @param {RoomEntry} room */
export function roomMarks(room) {
  return el(
    "span",
    { class: "stamps" },
    room.state === "removed"
      ? stamp(t("admin_room_is_removed"), "bad")
      : room.state === "archived"
        ? stamp(t("admin_room_is_archived"), "waiting", "archive")
        : null,
    stamp(t(room.kind === "closed" ? "room_closed" : "room_open"), "plain"),
    room.default ? stamp(t("admin_room_default"), "spark", "star") : null,
    room.readOnly ? stamp(t("admin_room_read_only"), "plain", "eye") : null,
  );
}
