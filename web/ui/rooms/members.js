/** The people of a room: found and paged by the server, and what may be done about each. */
import { addMember } from "../../calls/rooms.js";
import * as api from "../../calls/rooms.js";
import { iMay } from "../../state/rights.js";
import { debounce } from "../base/debounce.js";
import { openDialog } from "../base/dialog.js";
import { drawEach } from "../base/each.js";
import { el, fill, setText } from "../base/element.js";
import { createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { refusal } from "../base/refusals.js";
import { openBans } from "./bans.js";
import { actsOn } from "./member_acts.js";
import { memberRow, openMemberMenu } from "./member_row.js";
import { peopleSearch } from "./people_search.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../calls/rooms.js").Member} Member */

const PAGE = 50;
/** The most that the server sends at once. */
const PAGE_MAX = 200;

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @returns {import("./panel.js").Panel}
 */
export function createMembers(store, actions, id) {
  const members = new Members(store, actions, id);
  return { node: members.node, update: (room) => members.update(room) };
}

class Members {
  #store;
  #actions;
  #id;
  #list = el("ul", { class: "results member-results", "aria-label": t("members") });
  #count = el("p", { class: "hint", role: "status" });
  #alert = createAlert();
  #more = el(
    "button",
    { type: "button", class: "button button-small", hidden: true, click: () => void this.#load("onward") },
    t("show_more"),
  );
  #reload = debounce(() => void this.#load("anew"));
  #input = el("input", {
    class: "input",
    type: "search",
    "aria-label": t("find_member"),
    placeholder: t("find_member"),
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    input: debounce(() => void this.#load("anew")),
  });
  /** @type {string[] | undefined} */
  #seen;
  #asked = 0;
  /** @type {string | undefined} */
  #next;

  /**
   * @param {Store} store
   * @param {Actions} actions
   * @param {string} id
   */
  constructor(store, actions, id) {
    this.#store = store;
    this.#actions = actions;
    this.#id = id;
    this.#seen = this.#room?.members;
    this.node = el(
      "div",
      { class: "member-panel" },
      el("div", { class: "search-field" }, this.#input),
      el(
        "div",
        { class: "directory-bar" },
        this.#count,
        barButtons(store, actions, id, () => this.#openAdd()),
      ),
      el("div", { class: "panel-alert" }, this.#alert.node),
      this.#list,
      el("div", { class: "results-more" }, this.#more),
    );
    void this.#load("anew");
  }

  /** @param {import("../../state/types.js").Room} room */
  update(room) {
    if (room.members === this.#seen) return;
    this.#seen = room.members;
    this.#reload();
  }

  get #room() {
    return this.#store.state.rooms.get(this.#id);
  }

  /** @param {"onward" | "anew"} way  the next page, or all that is shown again */
  async #load(way) {
    const mine = (this.#asked += 1);
    try {
      const wanted = {
        q: this.#input.value.trim(),
        after: way === "onward" ? this.#next : undefined,
        limit: way === "onward" ? PAGE : pageAgain(this.#list.childElementCount),
      };
      const page = await this.#actions.users.read(
        () => api.findMembers(this.#id, wanted),
        ({ members }) => members.map(({ user }) => user),
      );
      if (mine === this.#asked) this.#show(page, way);
    } catch (error) {
      if (mine === this.#asked && this.#room) this.#alert.say(errorText(/** @type {{ code?: string }} */ (error)));
    }
  }

  /**
   * @param {Awaited<ReturnType<typeof api.findMembers>>} page
   * @param {"onward" | "anew"} way
   */
  #show(page, way) {
    const list = this.#list;
    this.#next = page.next ?? undefined;
    this.#more.hidden = !this.#next;
    setText(this.#count, t("member_count", { n: page.total }));
    const rows = drawEach(page.members, (member) => this.#row(member));
    const focused = document.activeElement?.closest("[data-member]")?.getAttribute("data-member");
    if (way === "onward") list.append(...rows);
    else fill(list, rows.length ? rows : el("li", { class: "results-empty" }, t("no_match")));
    if (focused && !list.contains(document.activeElement)) (this.#focusable(focused) ?? this.#input).focus();
    if (way === "onward") this.#focusable(page.members[0]?.uid ?? "")?.focus();
  }

  /** @param {string} uid */
  #focusable(uid) {
    return /** @type {HTMLElement | null} */ (
      this.#list.querySelector(`[data-member="${CSS.escape(uid)}"] :is(.icon-button, .name-button)`)
    );
  }

  /** @param {Member} member */
  #row(member) {
    const room = this.#room;
    const acts = room ? actsOn(this.#store, room, member) : [];
    const carryOut = (/** @type {() => Promise<unknown>} */ act) => this.#carryOut(member.uid, act);
    const openActs = (/** @type {string} */ name, /** @type {Element} */ button) =>
      openMemberMenu(name, button, acts, carryOut);
    return memberRow(this.#store.state, member, acts.length ? openActs : null);
  }

  /**
   * Carries out what was chosen for a member, and shows what became of it.
   *
   * @param {string} uid
   * @param {() => Promise<unknown>} act
   */
  async #carryOut(uid, act) {
    this.#alert.say("");
    try {
      await act();
      await this.#load("anew");
    } catch (error) {
      this.#alert.say(refusal(error, "role"));
    }
    if (!document.activeElement?.closest("dialog")) (this.#focusable(uid) ?? this.#input).focus();
  }

  #openAdd() {
    openDialog({ title: t("add_people") }, () => [
      peopleSearch(
        this.#store,
        this.#actions,
        (user) => !this.#room?.members?.includes(user.uid),
        async (user) => {
          await addMember(this.#id, user.uid);
          await this.#load("anew");
        },
        () => t("add_member"),
      ),
    ]);
  }
}

/**
 * How many are asked for when all that is shown is read again.
 *
 * @param {number} shown
 */
export function pageAgain(shown) {
  return Math.min(PAGE_MAX, Math.max(PAGE, shown));
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @param {() => void} openAdd
 */
function barButtons(store, actions, id, openAdd) {
  const room = store.state.rooms.get(id);
  return el(
    "span",
    { class: "bar-buttons" },
    room && iMay(store.state, room, "ban")
      ? el(
          "button",
          { type: "button", class: "button button-small", click: () => openBans(store, actions, id) },
          icon("ban"),
          t("banned"),
        )
      : null,
    room && iMay(store.state, room, "add")
      ? el(
          "button",
          { type: "button", class: "button button-primary button-small", click: openAdd },
          icon("plus"),
          t("add_people"),
        )
      : null,
  );
}
