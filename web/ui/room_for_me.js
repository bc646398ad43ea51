/** How I like a room, the same in all my browsers, and leaving it. */
import { iMay } from "../state/rights.js";
import { preferRoom } from "../state/rooms_api.js";
import { ask } from "./dialog.js";
import { el } from "./element.js";
import { errorText, t } from "./i18n.js";
import { icon } from "./icons.js";
import { allowNotifications, levelOf } from "./notify.js";
import { roomName } from "./people.js";
import { refusal } from "./room_refusals.js";
import { createAlert, segments } from "./settings_parts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").Room} Room */

/**
 * @param {Context} context
 * @param {string} id
 * @returns {import("./room_dialogs.js").Panel}
 */
export function createForMe(context, id) {
  const { state } = context.store;
  const room = /** @type {Room} */ (state.rooms.get(id));
  const alert = createAlert();
  const failed = (/** @type {unknown} */ error) => alert.say(errorText(/** @type {{ code?: string }} */ (error)));
  const favourite = el("input", { type: "checkbox", role: "switch", checked: room.favourite, change: () => void preferRoom(id, { favourite: favourite.checked }).catch(failed) });
  const level = segments(t("notify"), "notify", [["all", t("notify_all")], ["mentions", t("notify_mentions")], ["none", t("notify_none")]], levelOf(room), (notify) => {
    void preferRoom(id, { notify }).catch(failed);
    if (notify !== "none") void allowNotifications();
  });
  return {
    node: el("div", { class: "dialog-body" },
      el("label", { class: "check" }, favourite, el("span", {}, el("strong", {}, t("favourite")), el("span", { class: "hint" }, t("favourite_hint")))),
      level,
      el("p", { class: "hint" }, t("notify_hint")), alert.node,
      iMay(state, room, "leave") ? el("div", { class: "dialog-foot" }, el("button", { type: "button", class: "button", click: () => void leaveRoom(context, id, alert.say) }, icon("leave"), t("leave_room"))) : null),
    update(now) {
      favourite.checked = now.favourite;
      for (const input of level.querySelectorAll("input")) input.checked = input.value === levelOf(now);
    },
  };
}

/**
 * Asks, and goes.
 *
 * @param {Context} context
 * @param {string} id
 * @param {(text: string) => void} [say]  where a refusal is said
 */
export async function leaveRoom(context, id, say = context.toast) {
  const room = context.store.state.rooms.get(id);
  if (!room) return;
  const text = t(room.kind === "open" ? "leave_question" : room.kind === "dm" ? "leave_question_group" : "leave_question_closed", { room: roomName(context.store.state, room) });
  if (!(await ask({ title: t("leave_room"), text, confirm: t("leave_room"), danger: true }))) return;
  context.signals.leaving = id;
  try {
    await context.actions.leaveRoom(id);
    if (context.signals.room === id) context.go("/", true);
  } catch (error) {
    say(refusal(error, "leave"));
  }
  context.signals.leaving = null;
}
