/** The page of a room I am not a member of. */
import { readRoom } from "../../calls/rooms.js";
import { el, fill } from "../base/element.js";
import { busy, createAlert } from "../base/form_parts.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { redirect } from "../base/navigation.js";
import { refusal } from "../base/refusals.js";
import { tintOf } from "../people/people.js";
import { openBrowse } from "./doors.js";

/**
 * A room I am not in, reached by a link or lost while it was open: may be joined when it is open, and there is always
 * a way on.
 *
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 * @param {string} id
 * @param {string} wasIn  the kind of room it was, if it was on the screen until now
 */
export function notAMember(store, actions, id, wasIn) {
  const node = el("div", { class: "room-empty" }, el("span", { class: "spinner" }));
  const browse = () =>
    el(
      "button",
      { type: "button", class: "button", click: () => openBrowse(store, actions) },
      icon("compass"),
      t("browse_rooms"),
    );
  const back = (extraClass = "only-narrow") =>
    el("button", { type: "button", class: `button ${extraClass}`, click: () => redirect("/") }, t("back"));
  const gone = () =>
    fill(
      node,
      el("span", { class: "mark mark-calm" }, icon("leave")),
      el("div", { role: "status" }, el("h1", {}, t(wasIn ? "room_gone" : "error_not_found"))),
      el("p", { class: "hint" }, t("room_gone_hint")),
      el("div", { class: "room-empty-buttons" }, back("button-primary"), browse()),
    );
  // One that only its members see needs no asking.
  if (wasIn === "closed" || wasIn === "dm") gone();
  else
    readRoom(id).then((room) => {
      if (room.kind !== "open" || room.archived) return gone();
      const alert = createAlert();
      const join = el(
        "button",
        {
          type: "button",
          class: "button button-primary",
          click: () =>
            void busy(
              join,
              alert.say,
              (error) => refusal(error, "join"),
              () => actions.rooms.join(id),
            ),
        },
        t("join_room"),
      );
      fill(
        node,
        el("span", { class: `room-tile room-tile-large ${tintOf("room" + id)}` }, icon("hash")),
        el("h1", { dir: "auto" }, room.name),
        wasIn ? el("p", { role: "status" }, t("room_left")) : null,
        room.topic ? el("p", { class: "hint", dir: "auto" }, room.topic) : null,
        el("p", { class: "hint" }, t("member_count", { n: room.memberCount })),
        alert.node,
        el("div", { class: "room-empty-buttons" }, join),
        el("div", { class: "room-empty-buttons" }, browse(), back()),
      );
    }, gone);
  return node;
}
