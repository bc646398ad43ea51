/**
 * Texts of mine that the server has refused and that no room shows: changes of messages that were changed or deleted
 * meanwhile, and messages for rooms that I am not in any more. Each stays until it is used or thrown away.
 */
import { copyText } from "../base/clipboard.js";
import { el, fill } from "../base/element.js";
import { focusComposer } from "../base/focus.js";
import { filesText } from "../base/file_words.js";
import { errorText, t } from "../base/i18n.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";

/** @typedef {import("../../state/types.js").Entry} Entry */
/** @typedef {import("../../state/types.js").State} State */

/**
 * @param {import("../../state/types.js").Store} store
 * @param {import("../../state/types.js").Actions} actions
 * @param {import("../composer/targets.js").ComposerTargets} targets
 * @returns {import("../base/view.js").View}
 */
export function createSetAside(store, actions, targets) {
  const node = el("div", { class: "set-aside", role: "status", hidden: true });
  let drawn = "";

  /** @param {Entry} entry */
  function use({ room, msg }) {
    const message = store.state.timelines.get(room)?.messages.find(({ mid }) => mid === msg.mid);
    actions.messages.forgetSetAside(msg.mid);
    if (message?.kind === "msg") targets.edit(room, message, msg["t"]);
    else actions.drafts.append(room, msg["t"]);
    navigate(roomPath(room));
    focusComposer();
  }

  /** @param {Entry} entry */
  function row(entry) {
    const { msg, room, error } = entry;
    const isReachable = store.state.rooms.has(room);
    return el(
      "div",
      { class: "set-aside-row" },
      el("span", {}, t(msg.rev > 0 ? "edit_not_saved" : "text_not_sent", { why: errorText(error) })),
      el("q", { dir: "auto" }, [filesText(filesOf(msg)), msg["t"]].filter(Boolean).join(" · ")),
      el(
        "span",
        { class: "set-aside-acts" },
        isReachable
          ? el("button", { type: "button", click: () => use(entry) }, t("use_my_text"))
          : msg["t"]
            ? el("button", { type: "button", click: () => void copyText(msg["t"]) }, t("action_copy"))
            : null,
        el("button", { type: "button", click: () => actions.messages.forgetSetAside(msg.mid) }, t("discard")),
      ),
    );
  }

  return {
    node,
    update(state) {
      const shown = state.setAside.filter((entry) => isNowhere(state, entry));
      const next = shown.map(({ msg, room }) => `${msg.mid}/${msg.rev}/${state.rooms.has(room)}`).join();
      if (next === drawn) return;
      drawn = next;
      node.hidden = shown.length === 0;
      fill(node, shown.map(row));
    },
  };
}

/** @param {Entry["msg"]} msg @returns {import("../../state/types.js").FileInfo[]} */
function filesOf(msg) {
  return msg["f"] ?? [];
}

/** A refused message is shown in its room, if I am in it. @param {State} state @param {Entry} entry */
function isNowhere({ rooms, loadingRooms, namedRooms }, { room, msg }) {
  return msg.rev > 0 || (!rooms.has(room) && !loadingRooms && namedRooms === null);
}
