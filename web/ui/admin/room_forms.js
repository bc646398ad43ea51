/** The questions about a room that need an answer of their own: add, rename, hand over. */
import * as api from "../../calls/admin.js";
import { el } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { refusal } from "../base/refusals.js";
import { toast } from "../base/toast.js";
import { choices, field, openForm, textInput, tick } from "./forms.js";
import { PersonPicker } from "./person_picker.js";

/** @typedef {import("../../calls/admin.js").RoomEntry} RoomEntry */

const NAME_MAX = "80";
const TOPIC_MAX = "500";

/**
 * @param {import("./parts.js").Admin} admin
 * @param {() => void} added
 */
export function openAddRoom(admin, added) {
  const name = textInput({ maxlength: NAME_MAX, required: true, autofocus: true });
  const topic = textInput({ maxlength: TOPIC_MAX });
  const kind = choices(
    t("room_kind"),
    "kind",
    [
      ["open", t("room_open"), t("room_open_hint")],
      ["closed", t("room_closed"), t("room_closed_hint")],
    ],
    "open",
  );
  const standard = tick(t("admin_default_on"), t("admin_default_on_hint"));
  const owner = new PersonPicker({ label: t("admin_owner_new"), state: "active" });
  openForm({
    title: t("admin_add_room"),
    submit: t("create_room"),
    explain: (error) => refusal(error, "make"),
    fields: [
      field(t("room_name"), name),
      field(t("room_topic"), topic, t("room_topic_hint")),
      kind.node,
      standard.node,
      pickerField(owner, t("admin_owner_new_hint")),
    ],
    act: async () => {
      const about = topic.value.trim();
      const made = await api.addRoom({
        name: name.value.trim(),
        kind: kind.value === "closed" ? "closed" : "open",
        ...(about ? { topic: about } : {}),
        ...(standard.input.checked ? { default: true } : {}),
        ...(owner.value ? { owner: owner.value.uid } : {}),
      });
      added();
      toast(t("admin_room_added", { name: made.name }));
    },
  });
}

/**
 * @param {RoomEntry} room
 * @param {(room: RoomEntry) => void} changed
 */
export function openRenameRoom(room, changed) {
  const name = textInput({ maxlength: NAME_MAX, required: true, value: room.name, autofocus: true });
  const topic = textInput({ maxlength: TOPIC_MAX, value: room.topic ?? "" });
  openForm({
    title: t("admin_rename_question", { name: room.name }),
    submit: t("save"),
    fields: [field(t("room_name"), name), field(t("room_topic"), topic)],
    explain: (error) => errorText(/** @type {{ code?: string }} */ (error)),
    act: async () => changed(await api.changeRoom(room.id, { name: name.value.trim(), topic: topic.value.trim() })),
  });
}

/**
 * @param {RoomEntry} room
 * @param {(room: RoomEntry) => void} changed
 */
export function openOwner(room, changed) {
  const owner = new PersonPicker({ label: t("admin_owner_new"), state: "active", required: true });
  openForm({
    title: t("admin_owner_question", { name: room.name }),
    text: t("admin_owner_text"),
    submit: t("admin_owner"),
    fields: pickerField(owner),
    act: async () => {
      const chosen = owner.value;
      if (!chosen) throw { code: "admin_nobody_chosen" };
      changed(await api.changeRoom(room.id, { owner: chosen.uid }));
    },
  });
}

/**
 * @param {PersonPicker} picker
 * @param {string} [hint]
 */
function pickerField(picker, hint) {
  return el(
    "div",
    { class: "field" },
    el("span", { class: "label", "aria-hidden": "true" }, picker.input.getAttribute("aria-label")),
    picker.node,
    hint ? el("p", { class: "hint" }, hint) : null,
  );
}
