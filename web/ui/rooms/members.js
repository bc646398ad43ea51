/** The people of a room: found and paged by the server, and what may be done about each. */
import { addMember } from "../../calls/rooms.js";
import * as api from "../../calls/rooms.js";
import { iMay } from "../../state/rights.js";
import { whenOf } from "../base/dates.js";
import { debounce } from "../base/debounce.js";
import { openDialog } from "../base/dialog.js";
import { drawEach } from "../base/each.js";
import { el, fill, setText } from "../base/element.js";
import { createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { refusal } from "../base/refusals.js";
import { avatar, chosenNameOf, nameOf, presenceText, userOf } from "../people/people.js";
import { actsOn, mutedText } from "./member_acts.js";
import { peopleSearch } from "./people_picker.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {import("../../calls/rooms.js").Member} Member */

const PAGE = 50;
/** The most that the server tells at once. */
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
    { type: "button", class: "button button-small", hidden: true, click: () => void load(true) },
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
    input: debounce(() => void load(false)),
  });
  const buttons = el("span", { class: "bar-buttons" });
  const reload = debounce(() => void load(false));
  let seen = room()?.members;
  let asked = 0;
  /** @type {string | undefined} */
  let next;

  /** @param {boolean} onward  the next page; else all that is shown, anew */
  async function load(onward) {
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
    const now = store.state;
    const user = userOf(now, member.uid);
    const name = nameOf(now, member.uid);
    const here = room();
    const acts = here ? actsOn(store, here, member) : [];
    return el(
      "li",
      { class: "option option-still", "data-member": member.uid },
      avatar(now, member.uid, { size: "small", presence: member.state, opens: true }),
      el(
        "span",
        { class: "option-text" },
        el(
          "span",
          { class: "member-name" },
          el(
            "button",
            { type: "button", class: "name-button", dir: "auto", "data-person": member.uid },
            chosenNameOf(now, member.uid),
            member.uid === now.me?.uid ? ` (${t("you")})` : "",
          ),
          member.role !== "member"
            ? el("span", { class: "tag tag-spark" }, t(member.role === "owner" ? "role_owner" : "role_admin"))
            : null,
          member.mutedUntil
            ? el("span", { class: "tag tag-bad", title: mutedText(member.mutedUntil) }, t("member_muted"))
            : null,
        ),
        el("small", { dir: "auto" }, user?.username ? `@${user.username} · ` : "", presenceText(member.state)),
      ),
      acts.length
        ? el(
            "button",
            {
              type: "button",
              class: "icon-button",
              "aria-haspopup": "dialog",
              "aria-label": t("member_actions", { name }),
              click: () => openActs(name, member.uid, acts),
            },
            icon("more"),
          )
        : null,
    );
  }

  /**
   * @param {string} name
   * @param {string} uid
   * @param {import("./member_acts.js").Act[]} acts
   */
  function openActs(name, uid, acts) {
    openDialog({ title: name, bare: true, class: "dialog-menu" }, (shut) => [
      el(
        "div",
        { class: "menu" },
        el("p", { class: "menu-title", dir: "auto" }, name),
        acts.map(({ label, picture, danger, act }) =>
          el(
            "button",
            {
              type: "button",
              class: danger ? "menu-item menu-danger" : "menu-item",
              click: async () => {
                shut();
                alert.say("");
                try {
                  await act();
                  await load(false);
                } catch (error) {
                  alert.say(refusal(error, "role"));
                }
                if (!document.activeElement?.closest("dialog")) (focusable(uid) ?? input).focus();
              },
            },
            icon(picture),
            el("span", {}, label),
          ),
        ),
      ),
    ]);
  }

  function openAdd() {
    openDialog({ title: t("add_people") }, () => [
      peopleSearch(
        store,
        actions,
        (user) => !room()?.members?.includes(user.uid),
        async (user) => {
          await addMember(id, user.uid);
          await load(false);
        },
        () => t("add_member"),
      ),
    ]);
  }

  const here = room();
  const can = (/** @type {import("../../state/rights.js").Action} */ action) =>
    Boolean(here && iMay(store.state, here, action));
  fill(
    buttons,
    can("ban")
      ? el(
          "button",
          { type: "button", class: "button button-small", click: () => openBans(store, actions, id) },
          icon("ban"),
          t("banned"),
        )
      : null,
    can("add")
      ? el(
          "button",
          { type: "button", class: "button button-primary button-small", click: openAdd },
          icon("plus"),
          t("add_people"),
        )
      : null,
  );

  void load(false);
  return {
    node: el(
      "div",
      { class: "member-panel" },
      el("div", { class: "search-field" }, input),
      el("div", { class: "directory-bar" }, count, buttons),
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
 * Who may not come back, and letting them.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 */
function openBans(store, actions, id) {
  openDialog({ title: t("banned") }, () => {
    const list = el("ul", { class: "results" }, el("li", { class: "results-empty" }, t("loading")));
    const draw = async () => {
      try {
        const bans = await api.listBans(id);
        actions.users.upsert(bans.map(({ user }) => user));
        const { state } = store;
        fill(
          list,
          bans.length
            ? drawEach(bans, ({ uid, at }) =>
                el(
                  "li",
                  { class: "option option-still" },
                  avatar(state, uid, { size: "small" }),
                  el(
                    "span",
                    { class: "option-text" },
                    el("strong", { dir: "auto" }, nameOf(state, uid)),
                    el("small", {}, whenOf(at)),
                  ),
                  el(
                    "button",
                    {
                      type: "button",
                      class: "button button-small",
                      "aria-label": `${t("unban")}: ${nameOf(state, uid)}`,
                      click: () => void api.unban(id, uid).then(draw, draw),
                    },
                    t("unban"),
                  ),
                ),
              )
            : el("li", { class: "results-empty" }, t("nobody_banned")),
        );
      } catch (error) {
        fill(list, el("li", { class: "results-empty" }, errorText(/** @type {{ code?: string }} */ (error))));
      }
    };
    void draw();
    return [list];
  });
}
