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
  openDialog({ title: t("browse_rooms"), class: "dialog-tall" }, (close) =>
    new Directory(store, actions, close).parts(),
  );
}

class Directory {
  #store;
  #actions;
  #close;
  #list = el("ul", { class: "results" });
  #count = el("p", { class: "hint", role: "status" });
  #more = el(
    "button",
    { type: "button", class: "button button-small", hidden: true, click: () => void this.#load("onward") },
    t("show_more"),
  );
  #input = el("input", {
    class: "input",
    type: "search",
    "aria-label": t("find_in_directory"),
    placeholder: t("find_in_directory"),
    autocomplete: "off",
    spellcheck: "false",
    autofocus: true,
    input: debounce(() => void this.#load("anew")),
  });
  #archived = el("input", { type: "checkbox", change: () => void this.#load("anew") });
  #alert = createAlert();
  #asked = 0;
  /** @type {string | undefined} */
  #next;

  /**
   * @param {Store} store
   * @param {Actions} actions
   * @param {() => void} close
   */
  constructor(store, actions, close) {
    this.#store = store;
    this.#actions = actions;
    this.#close = close;
    void this.#load("anew");
  }

  parts() {
    return [
      el("div", { class: "search-field" }, this.#input),
      el(
        "div",
        { class: "directory-bar" },
        this.#count,
        el("label", { class: "check" }, this.#archived, t("show_archived")),
      ),
      el("div", { class: "panel-alert" }, this.#alert.node),
      this.#list,
      el("div", { class: "results-more" }, this.#more),
    ];
  }

  /** @param {"onward" | "anew"} way */
  async #load(way) {
    const list = this.#list;
    const mine = (this.#asked += 1);
    list.setAttribute("aria-busy", "true");
    try {
      const page = await findRooms({
        q: this.#input.value.trim(),
        archived: this.#archived.checked,
        after: way === "onward" ? this.#next : undefined,
        limit: PAGE,
      });
      if (mine === this.#asked) this.#show(page, way);
    } catch (error) {
      if (mine === this.#asked)
        fill(list, el("li", { class: "results-empty" }, errorText(/** @type {{ code?: string }} */ (error))));
    } finally {
      list.removeAttribute("aria-busy");
    }
  }

  /**
   * @param {Awaited<ReturnType<typeof findRooms>>} page
   * @param {"onward" | "anew"} way
   */
  #show(page, way) {
    this.#next = page.next ?? undefined;
    this.#more.hidden = !this.#next;
    this.#count.textContent = t("room_count", { n: page.total });
    const rows = drawEach(page.rooms, (room) => this.#row(room));
    const none = this.#input.value.trim() ? "no_match" : "no_rooms_here";
    if (way === "onward") this.#list.append(...rows);
    else fill(this.#list, rows.length ? rows : el("li", { class: "results-empty" }, t(none)));
  }

  /** @param {import("../../calls/rooms.js").Room} room */
  #row(room) {
    const joined = this.#store.state.rooms.has(room.id);
    return directoryRow(room, joined, async () => {
      try {
        if (!joined) await this.#actions.rooms.join(room.id);
        this.#close();
        navigate(roomPath(room.id));
      } catch (error) {
        this.#alert.say(refusal(error, "join"));
      }
    });
  }
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
            class: joined ? "button button-small" : "button button-small button-soft",
            "aria-label": `${t(joined ? "open_room" : "join_room")}: ${room.name}`,
            click: enter,
          },
          t(joined ? "open_room" : "join_room"),
        ),
  );
}
