/** What a room is called, who writes in it, whether it is there at all. What somebody else changes shows at once. */
import * as api from "../../calls/rooms.js";
import { iMay } from "../../state/rights.js";
import { ask, openDialog } from "../base/dialog.js";
import { el } from "../base/element.js";
import { busy, createAlert, field, segments } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate, redirect } from "../base/navigation.js";
import { refusal } from "../base/refusals.js";
import { roomPath } from "../base/routes.js";
import { toast } from "../base/toast.js";
import { whileLeaving } from "./leaving.js";
import { memberSearch } from "./people_picker.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {import("../../calls/rooms.js").RoomChange} RoomChange */

/** How long the way back stays on the screen after a room was removed. */
const UNDO_MS = 12_000;

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
  const toggles = [
    can("readOnly")
      ? toggle(
          "read_only",
          "read_only_hint",
          (now) => now.readOnly,
          (on) => change({ readOnly: on }),
        )
      : null,
    can("default")
      ? toggle(
          "default_room",
          "default_room_hint",
          (now) => now.isDefault,
          (on) => change({ isDefault: on }),
        )
      : null,
    can("archive")
      ? toggle(
          "archive_room",
          "archive_room_hint",
          (now) => now.archived,
          (on) => change({ archived: on }),
        )
      : null,
  ].filter((each) => each !== null);

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
      can("delete")
        ? el(
            "div",
            { class: "dialog-foot dialog-foot-split danger-zone" },
            room.role === "owner"
              ? el(
                  "button",
                  { type: "button", class: "button", click: () => handOver(store, actions, id) },
                  icon("key"),
                  t("hand_over"),
                )
              : el("span"),
            el(
              "button",
              {
                type: "button",
                class: "button button-danger",
                click: () => void remove(store, actions, id, close, failed),
              },
              icon("trash"),
              t("remove_room"),
            ),
          )
        : null,
    ),
    update: show,
  };
}

/**
 * Name and topic. What is being typed is not taken away by what another admin saves meanwhile.
 *
 * @param {Room} room
 */
function createWords(room) {
  const alert = createAlert();
  const name = el("input", {
    class: "input",
    id: "details-name",
    maxlength: "80",
    required: true,
    dir: "auto",
    autocomplete: "off",
  });
  const topic = el("textarea", { class: "input", id: "details-topic", rows: "2", maxlength: "500", dir: "auto" });
  const save = el("button", { type: "submit", class: "button button-primary" }, t("save"));
  const known = { name: "", topic: "" };

  /** @param {SubmitEvent} event */
  function submit(event) {
    event.preventDefault();
    if (!name.value.trim()) return name.focus();
    void busy(
      save,
      alert.say,
      (error) => refusal(error, "name"),
      async () => {
        // The field wraps, but a topic is one line.
        await api.changeRoom(room.id, { name: name.value.trim(), topic: topic.value.trim().replace(/\s*\n\s*/g, " ") });
        toast(t("saved"));
      },
    );
  }

  return {
    node: el(
      "form",
      { class: "room-form", submit, novalidate: true },
      field(t("room_name"), name),
      field(t("room_topic"), topic),
      alert.node,
      el("div", { class: "dialog-foot" }, save),
    ),
    /** @param {Room} now */
    show(now) {
      for (const [input, key, value] of /** @type {const} */ ([
        [name, "name", now.name],
        [topic, "topic", now.topic ?? ""],
      ])) {
        if (value !== known[key] && input.value === known[key]) input.value = value;
        known[key] = value;
      }
    },
  };
}

/**
 * @param {import("../base/i18n.js").Key} label
 * @param {import("../base/i18n.js").Key} hint
 * @param {(room: Room) => boolean} isOn
 * @param {(on: boolean) => void} choose
 */
function toggle(label, hint, isOn, choose) {
  const input = el("input", { type: "checkbox", role: "switch", change: () => choose(input.checked) });
  return {
    node: el(
      "label",
      { class: "check" },
      input,
      el("span", {}, el("strong", {}, t(label)), el("span", { class: "hint" }, t(hint))),
    ),
    /** @param {Room} room */
    show: (room) => {
      input.checked = isOn(room);
    },
  };
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @param {() => void} close
 * @param {(error: unknown) => void} failed
 */
async function remove(store, actions, id, close, failed) {
  const name = store.state.rooms.get(id)?.name ?? "";
  if (
    !(await ask({
      title: t("remove_room"),
      text: t("remove_room_text", { room: name }),
      confirm: t("remove_room"),
      danger: true,
    }))
  )
    return;
  await whileLeaving(id, async () => {
    try {
      await actions.rooms.remove(id);
      close();
      redirect("/");
      toast(t("room_removed", { room: name }), { label: t("undo"), act: () => void undo(actions, id) }, UNDO_MS);
    } catch (error) {
      failed(error);
    }
  });
}

/**
 * @param {Actions} actions
 * @param {string} id
 */
async function undo(actions, id) {
  try {
    await actions.rooms.restore(id);
    navigate(roomPath(id));
  } catch (error) {
    toast(errorText(/** @type {{ code?: string }} */ (error)));
  }
}

/**
 * Another owner first, then I step back: between the two the room has both.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
function handOver(store, actions, id) {
  const dialog = openDialog({ title: t("hand_over") }, () => [
    el("p", { class: "dialog-lead" }, t("hand_over_hint")),
    memberSearch(
      store,
      actions,
      id,
      async (user) => {
        await api.changeMember(id, user.uid, { role: "owner" });
        await api.changeMember(id, store.state.me?.uid ?? "", { role: "admin" });
        dialog.close();
        toast(t("handed_over", { name: user.displayName || user.username }));
      },
      () => t("hand_over_to"),
    ),
  ]);
}
