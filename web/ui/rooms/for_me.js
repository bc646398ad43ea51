/** How I like a room, the same in all my browsers, and leaving it. */
import { preferRoom } from "../../calls/rooms.js";
import { allowNotifications } from "../../platform/notifications.js";
import { isBlocked } from "../../state/blocks.js";
import { iMay } from "../../state/rights.js";
import { ask } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { createAlert, segments } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { addressedRoom, redirect } from "../base/navigation.js";
import { refusal } from "../base/refusals.js";
import { toast } from "../base/toast.js";
import { levelOf } from "../notify/news.js";
import { toggleBlock } from "../people/blocking.js";
import { namesOf, roomName } from "../people/people.js";
import { roomWords } from "../people/room_words.js";
import { whileLeaving } from "./leaving.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Room} Room */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @returns {import("./panel.js").Panel}
 */
export function createForMe(store, actions, id) {
  const { state } = store;
  const room = /** @type {Room} */ (state.rooms.get(id));
  const alert = createAlert();
  const failed = (/** @type {unknown} */ error) => alert.say(errorText(/** @type {{ code?: string }} */ (error)));
  const favourite = el("input", {
    type: "checkbox",
    role: "switch",
    checked: room.favourite,
    change: () => void preferRoom(id, { favourite: favourite.checked }).catch(failed),
  });
  const level = segments(
    t("notify"),
    "notify",
    [
      ["all", t("notify_all")],
      ["mentions", t("notify_mentions")],
      ["none", t("notify_none")],
    ],
    levelOf(room),
    (notify) => {
      void preferRoom(id, { notify }).catch(failed);
      if (notify !== "none") void allowNotifications();
    },
  );
  const block = room.peer ? createBlockButton(store, actions, room.peer) : null;
  return {
    node: el(
      "div",
      { class: "dialog-body" },
      el(
        "label",
        { class: "check" },
        favourite,
        el("span", {}, el("strong", {}, t("favourite")), el("span", { class: "hint" }, t("favourite_hint"))),
      ),
      level,
      el("p", { class: "hint" }, t("notify_hint")),
      alert.node,
      room.kind === "dm"
        ? el(
            "div",
            { class: "dialog-foot" },
            el(
              "button",
              { type: "button", class: "button", click: () => void hideRoom(store, actions, id) },
              icon("eye_off"),
              t("hide_chat"),
            ),
            block?.node,
          )
        : null,
      iMay(state, room, "leave")
        ? el(
            "div",
            { class: "dialog-foot" },
            el(
              "button",
              { type: "button", class: "button", click: () => void leaveRoom(store, actions, id, alert.say) },
              icon("leave"),
              roomWords(store.state, room).leave,
            ),
          )
        : null,
    ),
    update(now) {
      favourite.checked = now.favourite;
      block?.update();
      for (const input of level.querySelectorAll("input")) input.checked = input.value === levelOf(now);
    },
  };
}

/**
 * Blocks the other one of a direct room, or ends that.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} peer
 */
function createBlockButton(store, actions, peer) {
  const node = el("button", {
    type: "button",
    class: "button",
    click: () => void toggleBlock(store, actions, peer),
  });
  const update = () => {
    const blocked = isBlocked(store.state, peer);
    if (node.dataset["blocked"] === String(blocked)) return;
    fill(node, icon(blocked ? "undo" : "ban"), t(blocked ? "unblock" : "block"));
    node.dataset["blocked"] = String(blocked);
  };
  update();
  return { node, update };
}

/**
 * Puts a direct room out of sight until somebody writes; the note after it brings it back at once.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
export async function hideRoom(store, actions, id) {
  const room = store.state.rooms.get(id);
  if (!room) return;
  if (room.unread) actions.rooms.markAllRead(id);
  // It is left before it is hidden: a page that is loaded anew on it would show it again.
  await whileLeaving(id, async () => {
    document.querySelectorAll("dialog").forEach((dialog) => dialog.close());
    if (addressedRoom() === id) redirect("/");
    try {
      await actions.rooms.setHidden(id, true);
      const show = () => void actions.rooms.setHidden(id, false).catch((error) => toast(errorText(error)));
      toast(t("hidden_note"), { label: t("undo"), act: show });
    } catch (error) {
      toast(errorText(/** @type {{ code?: string }} */ (error)));
    }
  });
}

/**
 * Asks, and leaves the room.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @param {(text: string) => void} [say]  where a refusal is said
 */
export async function leaveRoom(store, actions, id, say = toast) {
  const room = store.state.rooms.get(id);
  if (!room) return;
  const text = t(
    room.kind === "open" ? "leave_question" : room.kind === "dm" ? "leave_question_group" : "leave_question_closed",
    { room: roomName(store.state, room) },
  );
  if (!(await isLeavingAgreed(store, actions, id))) return;
  const leave = roomWords(store.state, room).leave;
  if (!(await ask({ title: leave, text, confirm: leave, danger: true }))) return;
  await whileLeaving(id, async () => {
    try {
      await actions.rooms.leave(id);
      if (addressedRoom() === id) redirect("/");
    } catch (error) {
      say(refusal(error, "leave"));
    }
  });
}

/**
 * In an encrypted chat I may be the last who can let somebody back in. That is said before, because leaving cannot be
 * undone.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
async function isLeavingAgreed(store, actions, id) {
  if (!store.state.rooms.get(id)?.e2ee) return true;
  const waiting = await actions.encrypted.lastFor(id);
  if (!waiting.length) return true;
  const text = t("last_for", { names: namesOf(store.state, waiting) });
  return ask({ title: t("leave_room"), text, confirm: t("leave_room"), danger: true });
}
