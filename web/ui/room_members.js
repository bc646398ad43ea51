/** The people of a room: found and paged by the server, and what may be done about each. */
import { iMay } from "../state/rights.js";
import * as api from "../state/rooms_api.js";
import { ask, openDialog } from "./dialog.js";
import { el, fill } from "./element.js";
import { errorText, t, whenOf } from "./i18n.js";
import { icon } from "./icons.js";
import { avatar, nameOf, presenceText, userOf } from "./people.js";
import { peopleSearch, settled } from "./room_people.js";
import { refusalText } from "./room_refusals.js";
import { createAlert } from "./settings_parts.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").Room} Room */
/** @typedef {import("../state/rooms_api.js").Member} Member */

const PAGE = 50;
/** Words are taken for these many milliseconds, or until they are given back. */
const SILENCES = /** @type {const} */ ([["silence_10m", 600_000], ["silence_1h", 3_600_000], ["silence_1d", 86_400_000], ["silence_ever", 10 * 365 * 86_400_000]]);

/**
 * @param {Context} context
 * @param {string} id
 */
export function createMembers(context, id) {
  const { state } = context.store;
  const room = () => /** @type {Room | undefined} */ (context.store.state.rooms.get(id));
  const list = el("ul", { class: "results member-results" });
  const count = el("p", { class: "hint", role: "status" });
  const more = el("button", { type: "button", class: "button button-small", hidden: true, click: () => void load(true) }, t("show_more"));
  const input = el("input", { class: "input", type: "search", "aria-label": t("find_member"), placeholder: t("find_member"), autocomplete: "off", spellcheck: "false", input: settled(() => void load(false)) });
  let asked = 0;
  /** @type {string | undefined} */
  let next;

  /** @param {boolean} onward */
  async function load(onward) {
    const mine = (asked += 1);
    try {
      const page = await api.membersPage(id, { q: input.value.trim(), after: onward ? next : undefined, limit: PAGE });
      if (mine !== asked) return;
      context.actions.learnUsers(page.members.map((member) => member.user));
      next = page.next ?? undefined;
      more.hidden = !next;
      count.textContent = t("member_count", { n: page.total });
      const rows = page.members.map(row);
      if (onward) list.append(...rows);
      else fill(list, rows.length ? rows : el("li", { class: "results-empty" }, t("no_match")));
    } catch (error) {
      if (mine === asked) fill(list, el("li", { class: "results-empty" }, errorText(/** @type {{ code?: string }} */ (error))));
    }
  }

  /** @param {Member} member */
  function row(member) {
    const now = context.store.state;
    const user = userOf(now, member.uid);
    const name = nameOf(now, member.uid);
    const acts = actionsFor(member);
    return el("li", { class: "option option-still" }, avatar(now, member.uid, { size: "small", presence: member.state, opens: true }),
      el("span", { class: "option-text" },
        el("span", { class: "member-name" },
          el("button", { type: "button", class: "name-button", dir: "auto", "data-person": member.uid }, name, member.uid === now.me?.uid ? ` (${t("you")})` : ""),
          member.role !== "member" ? el("span", { class: "tag tag-spark" }, t(member.role === "owner" ? "role_owner" : "role_admin")) : null,
          member.silenced_until ? el("span", { class: "tag tag-bad" }, t("silenced")) : null),
        el("small", { dir: "auto" }, user?.username ? `@${user.username} · ` : "", presenceText(member.state))),
      acts.length ? el("button", {
        type: "button", class: "icon-button", "aria-haspopup": "dialog", "aria-label": t("member_actions", { name }),
        click: () => openActions(name, acts),
      }, icon("more")) : null);
  }

  /**
   * @param {Member} member
   * @returns {{ label: string, picture: string, danger?: boolean, act: () => Promise<unknown> }[]}
   */
  function actionsFor(member) {
    const here = room();
    if (!here || member.uid === context.store.state.me?.uid) return [];
    const can = (/** @type {import("../state/rights.js").Action} */ action) => iMay(context.store.state, here, action, member.role);
    const name = nameOf(context.store.state, member.uid);
    const role = (/** @type {string} */ next) => () => api.changeMember(id, member.uid, { role: next });
    const acts = [];
    if (can("role")) {
      if (member.role !== "owner") acts.push({ label: t("make_owner"), picture: "key", act: role("owner") });
      if (member.role !== "admin") acts.push({ label: t("make_room_admin"), picture: "shield", act: role("admin") });
      if (member.role !== "member") acts.push({ label: t("make_member"), picture: "person", act: role("member") });
    }
    if (can("silence")) {
      if (member.silenced_until) acts.push({ label: t("unsilence"), picture: "chat", act: () => api.changeMember(id, member.uid, { silenced_until: null }) });
      else acts.push({ label: t("silence"), picture: "clock", act: () => chooseSilence(name, member.uid) });
    }
    if (can("remove")) acts.push({ label: t("remove_member"), picture: "leave", danger: true, act: () => sure(t("remove_member"), t("remove_member_text", { name }), () => api.removeMember(id, member.uid)) });
    if (can("ban")) acts.push({ label: t("ban_member"), picture: "ban", danger: true, act: () => sure(t("ban_member"), t("ban_member_text", { name }), () => api.ban(id, member.uid)) });
    return acts;
  }

  /**
   * @param {string} title
   * @param {{ label: string, picture: string, danger?: boolean, act: () => Promise<unknown> }[]} acts
   */
  function openActions(title, acts) {
    openDialog({ title, bare: true, class: "dialog-menu" }, (shut) => [el("div", { class: "menu" }, acts.map(({ label, picture, danger, act }) => el("button", {
      type: "button", class: danger ? "menu-item menu-danger" : "menu-item",
      click: async () => {
        shut();
        alert.say("");
        try {
          await act();
          await load(false);
        } catch (error) {
          alert.say(refusalText(error));
        }
      },
    }, icon(picture), el("span", {}, label))))]);
  }

  /**
   * @param {string} title
   * @param {string} text
   * @param {() => Promise<unknown>} act
   */
  async function sure(title, text, act) {
    if (await ask({ title, text, confirm: title, danger: true })) await act();
  }

  /**
   * @param {string} name
   * @param {string} uid
   * @returns {Promise<void>}
   */
  function chooseSilence(name, uid) {
    return new Promise((resolve, reject) => {
      openDialog({ title: t("silence_title", { name }), class: "dialog-narrow", closed: resolve }, (shut) => [el("div", { class: "menu" }, SILENCES.map(([key, span]) => el("button", {
        type: "button", class: "menu-item",
        click: () => void api.changeMember(id, uid, { silenced_until: Date.now() + span }).then(shut, (error) => { reject(error); shut(); }),
      }, icon("clock"), el("span", {}, t(key)))))]);
    });
  }

  const alert = createAlert();
  const here = room();
  const add = el("button", { type: "button", class: "button button-primary button-small", click: openAdd }, icon("plus"), t("add_people"));
  const banned = el("button", { type: "button", class: "button button-small", click: () => openBans(context, id) }, icon("ban"), t("banned"));

  function openAdd() {
    openDialog({ title: t("add_people") }, () => [
      peopleSearch(context, (user) => !room()?.members?.includes(user.uid), async (user) => {
        await context.actions.addMember(id, user.uid);
        await load(false);
      }, () => t("add_member")),
    ]);
  }

  void load(false);
  return el("div", { class: "member-panel" },
    el("div", { class: "search-field" }, input),
    el("div", { class: "directory-bar" }, count,
      el("span", { class: "bar-buttons" }, here && iMay(state, here, "ban") ? banned : null, here && iMay(state, here, "add") ? add : null)),
    el("div", { class: "panel-alert" }, alert.node), list, el("div", { class: "results-more" }, more));
}

/**
 * Who may not come back, and letting them.
 *
 * @param {Context} context
 * @param {string} id
 */
function openBans(context, id) {
  openDialog({ title: t("banned") }, () => {
    const list = el("ul", { class: "results" }, el("li", { class: "results-empty" }, t("loading")));
    const draw = async () => {
      try {
        const { bans } = await api.bansOf(id);
        context.actions.learnUsers(bans.flatMap(({ user }) => user ?? []));
        const { state } = context.store;
        fill(list, bans.length ? bans.map(({ uid, at }) => el("li", { class: "option option-still" }, avatar(state, uid, { size: "small" }),
          el("span", { class: "option-text" }, el("strong", { dir: "auto" }, nameOf(state, uid)), el("small", {}, whenOf(at))),
          el("button", { type: "button", class: "button button-small", "aria-label": `${t("unban")}: ${nameOf(state, uid)}`, click: () => void api.unban(id, uid).then(draw, draw) }, t("unban")))) : el("li", { class: "results-empty" }, t("nobody_banned")));
      } catch (error) {
        fill(list, el("li", { class: "results-empty" }, errorText(/** @type {{ code?: string }} */ (error))));
      }
    };
    void draw();
    return [list];
  });
}
