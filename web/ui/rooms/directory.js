/** The room directory: open rooms and mine, searched and paged by the server. */
import { findRooms } from "../../calls/rooms.js";
import { debounce } from "../base/debounce.js";
import { openDialog } from "../base/dialog.js";
import { drawEach } from "../base/each.js";
import { el, fill } from "../base/element.js";
import { createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { navigate } from "../base/navigation.js";
import { refusal } from "../base/refusals.js";
import { roomPath } from "../base/routes.js";
import { tintOf } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */

const PAGE = 40;

/** @param {Store} store @param {Actions} actions */
export function openBrowse(store, actions) {
  const dialog = openDialog({ title: t("browse_rooms"), class: "dialog-tall" }, () => {
    const list = el("ul", { class: "results" });
    const count = el("p", { class: "hint", role: "status" });
    const more = el(
      "button",
      { type: "button", class: "button button-small", hidden: true, click: () => void load("onward") },
      t("show_more"),
    );
    const input = el("input", {
      class: "input",
      type: "search",
      "aria-label": t("find_in_directory"),
      placeholder: t("find_in_directory"),
      autocomplete: "off",
      spellcheck: "false",
      autofocus: true,
      input: debounce(() => void load("anew")),
    });
    const archived = el("input", { type: "checkbox", change: () => void load("anew") });
    const alert = createAlert();
    let asked = 0;
    /** @type {string | undefined} */
    let next;

    /** @param {"onward" | "anew"} way */
    async function load(way) {
      const onward = way === "onward";
      const mine = (asked += 1);
      list.setAttribute("aria-busy", "true");
      try {
        const page = await findRooms({
          q: input.value.trim(),
          archived: archived.checked,
          after: onward ? next : undefined,
          limit: PAGE,
        });
        if (mine !== asked) return;
        next = page.next ?? undefined;
        more.hidden = !next;
        count.textContent = t("room_count", { n: page.total });
        const rows = drawEach(page.rooms, row);
        if (onward) list.append(...rows);
        else
          fill(
            list,
            rows.length
              ? rows
              : el("li", { class: "results-empty" }, t(input.value.trim() ? "no_match" : "no_rooms_here")),
          );
      } catch (error) {
        if (mine === asked)
          fill(list, el("li", { class: "results-empty" }, errorText(/** @type {{ code?: string }} */ (error))));
      } finally {
        list.removeAttribute("aria-busy");
      }
    }

    /** @param {import("../../calls/rooms.js").Room} room */
    function row(room) {
      const joined = store.state.rooms.has(room.id);
      return directoryRow(room, joined, async () => {
        try {
          if (!joined) await actions.rooms.join(room.id);
          dialog.close();
          navigate(roomPath(room.id));
        } catch (error) {
          alert.say(refusal(error, "join"));
        }
      });
    }

    void load("anew");
    return [
      el("div", { class: "search-field" }, input),
      el("div", { class: "directory-bar" }, count, el("label", { class: "check" }, archived, t("show_archived"))),
      el("div", { class: "panel-alert" }, alert.node),
      list,
      el("div", { class: "results-more" }, more),
    ];
  });
}

/**
 * @param {import("../../calls/rooms.js").Room} room
 * @param {boolean} joined
 * @param {() => Promise<void>} enter
 */
function directoryRow(room, joined, enter) {
  return el(
    "li",
    { class: "option option-still" },
    el(
      "span",
      { class: `room-tile ${tintOf("room" + room.id)}`, "aria-hidden": "true" },
      icon(room.archived ? "archive" : room.kind === "closed" ? "lock" : "hash"),
    ),
    el(
      "span",
      { class: "option-text" },
      el("strong", { dir: "auto" }, room.name),
      el("small", { dir: "auto" }, room.topic ? `${room.topic} · ` : "", t("member_count", { n: room.memberCount })),
    ),
    room.archived && !joined
      ? el("span", { class: "tag" }, t("archived"))
      : el(
          "button",
          {
            type: "button",
            class: joined ? "button button-small" : "button button-small button-primary",
            "aria-label": `${t(joined ? "open_room" : "join_room")}: ${room.name}`,
            click: enter,
          },
          t(joined ? "open_room" : "join_room"),
        ),
  );
}
