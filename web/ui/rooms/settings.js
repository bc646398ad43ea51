/** What a room is called, who writes in it, whether it is there at all. What somebody else changes shows at once. */
import * as api from "../../calls/rooms.js";
import { iMay } from "../../state/rights.js";
import { el } from "../base/element.js";
import { createAlert, segments } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { handOver, remove } from "./settings_acts.js";
import { createWords, toggle } from "./settings_parts.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {import("../../calls/rooms.js").RoomChange} RoomChange */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @param {() => void} close
 * @returns {import("./panel.js").Panel}
 */
export function createRoomSettings(store, actions, id, close) {
  const { state } = store;
  const room = /** @type {Room} */ (state.rooms.get(id));
  const can = (/** @type {import("../../state/rights.js").Action} */ action) => iMay(state, room, action);
  const alert = createAlert();
  const failed = (/** @type {unknown} */ error) => alert.say(errorText(/** @type {{ code?: string }} */ (error)));
  const words = createWords(room);
  const kind = segments(
    t("room_kind"),
    "details-kind",
    [
      ["open", t("room_open")],
      ["closed", t("room_closed")],
    ],
    room.kind,
    (chosen) => change({ kind: chosen === "closed" ? "closed" : "open" }),
  );
  const toggles = togglesFor(can, change);

  /** @param {RoomChange} wanted */
  function change(wanted) {
    alert.say("");
    api.changeRoom(id, wanted).catch((error) => {
      failed(error);
      const now = state.rooms.get(id);
      if (now) show(now);
    });
  }

  /** @param {Room} now */
  function show(now) {
    words.show(now);
    for (const each of toggles) each.show(now);
    for (const input of kind.querySelectorAll("input")) input.checked = input.value === now.kind;
  }

  show(room);
  return {
    node: el(
      "div",
      { class: "dialog-body" },
      words.node,
      can("kind") ? kind : null,
      toggles.map((each) => each.node),
      alert.node,
      can("delete") ? dangerZone(store, actions, room, () => void remove(store, actions, id, close, failed)) : null,
    ),
    update: show,
  };
}

/**
 * The switches that I may use.
 *
 * @param {(action: import("../../state/rights.js").Action) => boolean} can
 * @param {(wanted: RoomChange) => void} change
 */
function togglesFor(can, change) {
  const readOnly = () =>
    toggle(
      "read_only",
      "read_only_hint",
      (now) => now.readOnly,
      (on) => change({ readOnly: on }),
    );
  const byDefault = () =>
    toggle(
      "default_room",
      "default_room_hint",
      (now) => now.isDefault,
      (on) => change({ isDefault: on }),
    );
  const archive = () =>
    toggle(
      "archive_room",
      "archive_room_hint",
      (now) => now.archived,
      (on) => change({ archived: on }),
    );
  return [
    can("readOnly") ? readOnly() : null,
    can("default") ? byDefault() : null,
    can("archive") ? archive() : null,
  ].filter((each) => each !== null);
}

/**
 * Giving the room away, which only its owner can, and removing it.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {Room} room
 * @param {() => void} askToRemove
 */
function dangerZone(store, actions, { id, role }, askToRemove) {
  return el(
    "div",
    { class: "dialog-foot dialog-foot-split danger-zone" },
    role === "owner"
      ? el(
          "button",
          { type: "button", class: "button", click: () => handOver(store, actions, id) },
          icon("key"),
          t("hand_over"),
        )
      : el("span"),
    el(
      "button",
      { type: "button", class: "button button-danger", click: askToRemove },
      icon("trash"),
      t("remove_room"),
    ),
  );
}
