/** Parts of the settings of a room. */
import * as api from "../../calls/rooms.js";
import { el } from "../base/element.js";
import { busy, createAlert, field } from "../base/form_parts.js";
import { t } from "../base/i18n.js";
import { refusal } from "../base/refusals.js";
import { toast } from "../base/toast.js";

/** @typedef {import("../../state/types.js").Room} Room */

/**
 * Name and topic. What is being typed is not taken away by what another admin saves meanwhile.
 *
 * @param {Room} room
 */
export function createWords(room) {
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
export function toggle(label, hint, isOn, choose) {
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
