/** What a room is called, who writes in it, whether it is there at all. */
import { iMay } from "../state/rights.js";
import * as api from "../state/rooms_api.js";
import { ask, openDialog } from "./dialog.js";
import { el } from "./element.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { peopleSearch } from "./room_people.js";
import { nameRefusalText, refusalText } from "./room_refusals.js";
import { roomPath } from "./routes.js";
import { busy, createAlert, field, segments } from "./settings_parts.js";

/** How long the way back stays on the screen after a room was removed. */
const UNDO_MS = 12_000;

/**
 * @param {import("./context.js").Context} context
 * @param {string} id
 * @param {() => void} close
 */
export function createRoomSettings(context, id, close) {
  const { state } = context.store;
  const room = /** @type {import("./context.js").Room} */ (state.rooms.get(id));
  const can = (/** @type {import("../state/rights.js").Action} */ action) => iMay(state, room, action);
  const alert = createAlert();
  const failed = (/** @type {unknown} */ error) => alert.say(refusalText(error));
  const name = el("input", { class: "input", id: "details-name", maxlength: "80", value: room.name, dir: "auto", autocomplete: "off" });
  const topic = el("textarea", { class: "input", id: "details-topic", rows: "2", maxlength: "500", dir: "auto" });
  topic.value = room.topic ?? "";
  const save = el("button", { type: "submit", class: "button button-primary" }, t("save"));
  const saved = (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (!name.value.trim()) return name.focus();
    void busy(save, alert.say, nameRefusalText, async () => {
      await api.changeRoom(id, { name: name.value.trim(), topic: topic.value.trim() });
      context.toast(t("saved"));
    });
  };

  /**
   * @param {string} label
   * @param {string} hint
   * @param {boolean} on
   * @param {(on: boolean) => import("../state/rooms_api.js").RoomChange} change
   */
  function toggle(label, hint, on, change) {
    const input = el("input", { type: "checkbox", role: "switch", checked: on });
    input.addEventListener("change", () => {
      alert.say("");
      api.changeRoom(id, change(input.checked)).catch((error) => { input.checked = !input.checked; failed(error); });
    });
    return el("label", { class: "check" }, input, el("span", {}, el("strong", {}, label), el("span", { class: "hint" }, hint)));
  }

  async function remove() {
    if (!(await ask({ title: t("remove_room"), text: t("remove_room_text", { room: room.name }), confirm: t("remove_room"), danger: true }))) return;
    try {
      await api.removeRoom(id);
      close();
      context.go("/", true);
      context.toast(t("room_removed", { room: room.name }), { label: t("undo"), act: () => void undo() }, UNDO_MS);
    } catch (error) {
      failed(error);
    }
  }

  async function undo() {
    try {
      await api.restoreRoom(id);
      context.go(roomPath(id));
    } catch (error) {
      context.toast(nameRefusalText(error));
    }
  }

  function handOver() {
    openDialog({ title: t("hand_over") }, (shut) => [peopleSearch(context, (user) => Boolean(room.members?.includes(user.uid)), async (user) => {
      await api.changeMember(id, user.uid, { role: "owner" });
      await api.changeMember(id, state.me?.uid ?? "", { role: "admin" });
      shut();
      context.toast(t("handed_over", { name: user.displayName || user.username }));
    }, () => t("hand_over_to"))]);
  }

  return el("div", { class: "dialog-body" },
    el("form", { class: "room-form", submit: saved, novalidate: true }, field(t("room_name"), name), field(t("room_topic"), topic), el("div", { class: "dialog-foot" }, save)),
    can("kind") ? segments(t("room_kind"), "details-kind", [["open", t("room_open")], ["closed", t("room_closed")]], room.kind, (kind) => {
      alert.say("");
      void api.changeRoom(id, { kind: kind === "closed" ? "closed" : "open" }).catch(failed);
    }) : null,
    can("read_only") ? toggle(t("read_only"), t("read_only_hint"), room.readOnly, (on) => ({ read_only: on })) : null,
    can("default") ? toggle(t("default_room"), t("default_room_hint"), room.isDefault, (on) => ({ default: on })) : null,
    can("archive") ? toggle(t("archive_room"), t("archive_room_hint"), room.archived, (on) => ({ archived: on })) : null,
    alert.node,
    can("delete") ? el("div", { class: "dialog-foot dialog-foot-split" },
      room.role === "owner" ? el("button", { type: "button", class: "button", click: handOver }, icon("key"), t("hand_over")) : el("span", {}),
      el("button", { type: "button", class: "button button-danger", click: () => void remove() }, icon("trash"), t("remove_room"))) : null);
}
