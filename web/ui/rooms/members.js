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
  const room = () => store.state.rooms.get(id);
  const list = el("ul", { class: "results member-results", "aria-label": t("members") });
  const count = el("p", { class: "hint", role: "status" });
  const alert = createAlert();
  const more = el(
    "button",
    { type: "button", class: "button button-small", hidden: true, click: () => void load("onward") },
    t("show_more"),
  );
  const input = el("input", {
    class: "input",
    type: "search",
    "aria-label": t("find_member"),
    placeholder: t("find_member"),
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    input: debounce(() => void load("anew")),
  });
  const reload = debounce(() => void load("anew"));
  let seen = room()?.members;
  let asked = 0;
  /** @type {string | undefined} */
  let next;

  /** @param {"onward" | "anew"} way  the next page, or all that is shown again */
  async function load(way) {
    const onward = way === "onward";
    const mine = (asked += 1);
    const limit = onward ? PAGE : Math.min(PAGE_MAX, Math.max(PAGE, list.childElementCount));
    try {
      const page = await api.findMembers(id, { q: input.value.trim(), after: onward ? next : undefined, limit });
      if (mine !== asked) return;
      actions.users.upsert(page.members.map((member) => member.user));
      next = page.next ?? undefined;
      more.hidden = !next;
      setText(count, t("member_count", { n: page.total }));
      const rows = drawEach(page.members, row);
      const focused = document.activeElement?.closest("[data-member]")?.getAttribute("data-member");
      if (onward) list.append(...rows);
      else fill(list, rows.length ? rows : el("li", { class: "results-empty" }, t("no_match")));
      if (focused && !list.contains(document.activeElement)) (focusable(focused) ?? input).focus();
      if (onward) focusable(page.members[0]?.uid ?? "")?.focus();
    } catch (error) {
      if (mine === asked && room()) alert.say(errorText(/** @type {{ code?: string }} */ (error)));
    }
  }

  /** @param {string} uid */
  const focusable = (uid) =>
    /** @type {HTMLElement | null} */ (
      list.querySelector(`[data-member="${CSS.escape(uid)}"] :is(.icon-button, .name-button)`)
    );

  /** @param {Member} member */
  function row(member) {
    const here = room();
    const acts = here ? actsOn(store, here, member) : [];
    return memberRow(store.state, member, acts.length ? (name) => openMemberMenu(name, acts, doing(member.uid)) : null);
  }

  /** Carries out what was chosen for a member, and shows what became of it. @param {string} uid */
  const doing = (uid) => async (/** @type {() => Promise<unknown>} */ act) => {
    alert.say("");
    try {
      await act();
      await load("anew");
    } catch (error) {
      alert.say(refusal(error, "role"));
    }
    if (!document.activeElement?.closest("dialog")) (focusable(uid) ?? input).focus();
  };

  function openAdd() {
    openDialog({ title: t("add_people") }, () => [
      peopleSearch(
        store,
        actions,
        (user) => !room()?.members?.includes(user.uid),
        async (user) => {
          await addMember(id, user.uid);
          await load("anew");
        },
        () => t("add_member"),
      ),
    ]);
  }

  void load("anew");
  return {
    node: el(
      "div",
      { class: "member-panel" },
      el("div", { class: "search-field" }, input),
      el("div", { class: "directory-bar" }, count, barButtons(store, actions, id, openAdd)),
      el("div", { class: "panel-alert" }, alert.node),
      list,
      el("div", { class: "results-more" }, more),
    ),
    update(now) {
      if (now.members === seen) return;
      seen = now.members;
      reload();
    },
  };
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
