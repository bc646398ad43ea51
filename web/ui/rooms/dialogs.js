/**
 * A room's details: its people and files, how I like it, its settings, its links. What I may not do is not there. The
 * dialog follows the room while it is open: a new name, a new role, and the end of it.
 */
import { iMay, mayInvite } from "../../state/rights.js";
import { openDialog } from "../base/dialog.js";
import { el, fill, setText } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { createFilesPanel } from "../files/panel.js";
import { roomName } from "../people/people.js";
import { createForMe } from "./for_me.js";
import { createHooks } from "./hooks.js";
import { createInviteLinks } from "./invites.js";
import { createMembers } from "./members.js";
import { createRoomSettings } from "./settings.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {import("./panel.js").Panel} Panel */
/** @typedef {{ id: string, picture: string, label: string, open: () => Panel }} Tab */

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
export function openRoomDetails(store, actions, id) {
  if (!store.state.rooms.has(id)) return;
  const topic = el("p", { class: "dialog-lead", dir: "auto" });
  const tabbed = createTabs();
  let drawn = "";
  const close = () => dialog.close();

  function follow() {
    const room = store.state.rooms.get(id);
    // A question asked above it goes with it.
    if (!room)
      return [...document.querySelectorAll("dialog[open]")]
        .reverse()
        .forEach((each) => /** @type {HTMLDialogElement} */ (each).close());
    const name = roomName(store.state, room);
    dialog.node.setAttribute("aria-label", name);
    setText(/** @type {Element} */ (dialog.node.querySelector(".dialog-head h2")), name);
    setText(topic, room.topic ?? "");
    topic.hidden = !room.topic;
    const tabs = tabsOf(store, actions, room, close);
    const key = `${room.role}/${room.kind}/${tabs.map((tab) => tab.id).join()}`;
    if (key !== drawn) tabbed.show(tabs);
    drawn = key;
    tabbed.update(room);
  }

  const stop = store.subscribe(follow);
  const dialog = openDialog({ title: t("room_details"), class: "dialog-tall", closed: stop }, () => [
    topic,
    tabbed.node,
  ]);
  follow();
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {Room} room
 * @param {() => void} close
 * @returns {Tab[]}
 */
function tabsOf(store, actions, room, close) {
  const { id } = room;
  const tabs = [
    { id: "members", picture: "people", label: t("members"), open: () => createMembers(store, actions, id) },
    { id: "files", picture: "file", label: t("files_tab"), open: () => createFilesPanel(store, actions, id, close) },
    { id: "me", picture: "bell", label: t("for_me"), open: () => createForMe(store, actions, id) },
  ];
  if (iMay(store.state, room, "describe"))
    tabs.push({
      id: "settings",
      picture: "gear",
      label: t("room_settings"),
      open: () => createRoomSettings(store, actions, id, close),
    });
  if (mayInvite(store.state, room))
    tabs.push({
      id: "links",
      picture: "link",
      label: t("invite_links"),
      open: () => ({ node: createInviteLinks(id) }),
    });
  if (iMay(store.state, room, "hooks"))
    tabs.push({ id: "hooks", picture: "code", label: t("hooks"), open: () => ({ node: createHooks(id) }) });
  return tabs;
}

/** Tabs as the keyboard expects them: arrows walk, the panel follows. */
function createTabs() {
  const list = el("div", { class: "tabs", role: "tablist" });
  const panel = el("div", { class: "tab-panel", role: "tabpanel", id: "room-panel", tabindex: "-1" });
  /** @type {Tab[]} */
  let tabs = [];
  let chosen = "";
  /** @type {Panel | null} */
  let shown = null;

  /** @param {string} id */
  function choose(id) {
    const tab = tabs.find((each) => each.id === id) ?? tabs[0];
    if (!tab) return;
    chosen = tab.id;
    for (const button of buttons()) {
      const selected = button.dataset["tab"] === chosen;
      button.setAttribute("aria-selected", String(selected));
      button.tabIndex = selected ? 0 : -1;
    }
    panel.setAttribute("aria-label", tab.label);
    shown = tab.open();
    fill(panel, shown.node);
  }

  const buttons = () => /** @type {HTMLElement[]} */ ([...list.children]);

  list.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const edge = { Home: 0, End: tabs.length - 1 }[event.key];
    if (step === undefined && edge === undefined) return;
    event.preventDefault();
    const at = tabs.findIndex((tab) => tab.id === chosen);
    const next = tabs[edge ?? (at + (step ?? 0) + tabs.length) % tabs.length];
    if (!next) return;
    choose(next.id);
    buttons()
      .find((button) => button.dataset["tab"] === next.id)
      ?.focus();
  });

  return {
    node: el("div", { class: "tabbed" }, list, panel),
    /** @param {Tab[]} next */
    show(next) {
      tabs = next;
      fill(
        list,
        tabs.map(({ id, picture, label }) =>
          el(
            "button",
            {
              type: "button",
              role: "tab",
              class: "tab",
              "data-tab": id,
              "aria-controls": "room-panel",
              click: () => choose(id),
            },
            icon(picture),
            el("span", { class: "tab-label" }, label),
          ),
        ),
      );
      choose(chosen);
    },
    /** @param {Room} room */
    update: (room) => shown?.update?.(room),
  };
}
