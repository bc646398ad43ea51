/** A room's details: its people, how I like it, its settings, its links. What I may not do is not there. */
import { iMay } from "../state/rights.js";
import { preferRoom } from "../state/rooms_api.js";
import { ask, openDialog } from "./dialog.js";
import { el, fill } from "./element.js";
import { t } from "./i18n.js";
import { icon } from "./icons.js";
import { allowNotifications, levelOf } from "./notify.js";
import { roomName } from "./people.js";
import { createInviteLinks, mayInvite } from "./room_invites.js";
import { createMembers } from "./room_members.js";
import { createRoomSettings } from "./room_settings.js";
import { refusalText } from "./room_refusals.js";
import { createAlert, segments } from "./settings_parts.js";

export { openCreate, openNewDirect } from "./room_create.js";
export { openBrowse } from "./directory.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").Room} Room */

/**
 * @param {Context} context
 * @param {string} id
 */
export function openRoomDetails(context, id) {
  const { state } = context.store;
  const room = state.rooms.get(id);
  if (!room) return;
  const dialog = openDialog({ title: roomName(state, room), class: "dialog-tall" }, (close) => {
    /** @type {[string, () => HTMLElement][]} */
    const tabs = [
      [t("members"), () => createMembers(context, id)],
      [t("for_me"), () => forMe(context, id, close)],
      ...(iMay(state, room, "describe") ? [/** @type {[string, () => HTMLElement]} */ ([t("room_settings"), () => createRoomSettings(context, id, close)])] : []),
      ...(mayInvite(context, room) ? [/** @type {[string, () => HTMLElement]} */ ([t("invite_links"), () => createInviteLinks(context, id)])] : []),
    ];
    return [room.topic ? el("p", { class: "dialog-lead", dir: "auto" }, room.topic) : null, createTabs(tabs)];
  });
  return dialog;
}

/**
 * Tabs as the keyboard expects them: arrows walk, the panel follows.
 *
 * @param {[string, () => HTMLElement][]} tabs
 */
function createTabs(tabs) {
  const panel = el("div", { class: "tab-panel", role: "tabpanel", tabindex: "-1" });
  const buttons = tabs.map(([label], index) => el("button", {
    type: "button", role: "tab", class: "tab", click: () => choose(index),
    keydown: (/** @type {KeyboardEvent} */ event) => {
      const by = event.key === "ArrowRight" ? 1 : event.key === "ArrowLeft" ? -1 : 0;
      if (!by) return;
      event.preventDefault();
      const next = (index + by + tabs.length) % tabs.length;
      choose(next);
      buttons[next]?.focus();
    },
  }, label));

  /** @param {number} chosen */
  function choose(chosen) {
    buttons.forEach((button, index) => {
      button.setAttribute("aria-selected", String(index === chosen));
      button.tabIndex = index === chosen ? 0 : -1;
    });
    panel.setAttribute("aria-label", tabs[chosen]?.[0] ?? "");
    fill(panel, tabs[chosen]?.[1]() ?? null);
  }

  choose(0);
  return el("div", { class: "tabbed" }, el("div", { class: "tabs", role: "tablist" }, buttons), panel);
}

/**
 * How I like the room, and leaving it.
 *
 * @param {Context} context
 * @param {string} id
 * @param {() => void} close
 */
function forMe(context, id, close) {
  const { state } = context.store;
  const room = /** @type {Room} */ (state.rooms.get(id));
  const alert = createAlert();
  const failed = (/** @type {unknown} */ error) => alert.say(refusalText(error));
  const favourite = el("input", { type: "checkbox", role: "switch", checked: room.favourite, change: () => void preferRoom(id, { favourite: favourite.checked }).catch(failed) });
  const leave = async () => {
    const question = t(room.kind === "open" ? "leave_question" : "leave_question_closed", { room: roomName(state, room) });
    if (!(await ask({ title: t("leave_room"), text: question, confirm: t("leave_room"), danger: true }))) return;
    try {
      await context.actions.leaveRoom(id);
      close();
      context.go("/", true);
    } catch (error) {
      failed(error);
    }
  };
  return el("div", { class: "dialog-body" },
    el("label", { class: "check" }, favourite, el("span", {}, el("strong", {}, t("favourite")), el("span", { class: "hint" }, t("favourite_hint")))),
    segments(t("notify"), "notify", [["all", t("notify_all")], ["mentions", t("notify_mentions")], ["none", t("notify_none")]], levelOf(room), (notify) => {
      void preferRoom(id, { notify }).catch(failed);
      if (notify !== "none") void allowNotifications();
    }),
    el("p", { class: "hint" }, t("notify_hint")),
    alert.node,
    iMay(state, room, "leave") ? el("div", { class: "dialog-foot" }, el("button", { type: "button", class: "button", click: leave }, icon("leave"), t("leave_room"))) : null);
}
