/** Finding people: a field, and whom the server finds for it, each with one button. */
import { findMembers } from "../../calls/rooms.js";
import { debounce } from "../base/debounce.js";
import { el, fill } from "../base/element.js";
import { createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { refusal } from "../base/refusals.js";
import { avatar, presenceNow } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").User} User */

/** More than these need a letter more. */
const FOUND_MAX = 50;

/**
 * A field, and whoever is found for it; `show` is called after each search, with what was searched.
 *
 * @param {(typed: string) => Promise<User[]>} find
 * @param {(users: User[], typed: string, failed?: { code?: string }) => void} show
 */
export function createSearch(find, show) {
  let asked = 0;

  async function search() {
    const mine = (asked += 1);
    const typed = input.value.trim();
    try {
      const found = await find(typed);
      if (mine === asked) show(found, typed);
    } catch (error) {
      if (mine === asked) show([], typed, /** @type {{ code?: string }} */ (error));
    }
  }

  const input = el("input", {
    class: "input",
    type: "text",
    inputmode: "search",
    "aria-label": t("find_people"),
    placeholder: t("find_people"),
    autocomplete: "off",
    spellcheck: "false",
    dir: "auto",
    input: debounce(() => void search()),
  });
  return { input, search };
}

/**
 * Everybody whom a room could take: not I, nobody whose account is closed.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {(user: User) => boolean} wanted
 */
export function amongAll(store, actions, wanted) {
  return async (/** @type {string} */ typed) =>
    (await actions.users.search(typed)).filter(
      (user) => user.uid !== store.state.me?.uid && !user.removed && !user.disabled && wanted(user),
    );
}

/**
 * @param {Store} store
 * @param {User} user
 */
export function faceAndName(store, user) {
  return [
    avatar(store.state, user.uid, { size: "small", presence: presenceNow(store.state, user.state) }),
    el(
      "span",
      { class: "option-text" },
      el("strong", { dir: "auto" }, user.displayName || user.username),
      el("small", {}, `@${user.username}`),
    ),
  ];
}

/**
 * People, each with one button that does one thing.
 *
 * @param {Store} store
 * @param {(typed: string) => Promise<User[]>} find
 * @param {(user: User) => Promise<void>} choose
 * @param {() => string} label
 * @param {(error: { code?: string }) => string} explain
 */
function listWithButtons(store, find, choose, label, explain) {
  const list = el("ul", { class: "results", "aria-label": t("people") });
  const alert = createAlert();
  const { input, search } = createSearch(find, (users, _typed, failed) => {
    fill(
      list,
      users.length
        ? users.map((user) => el("li", { class: "option option-still" }, faceAndName(store, user), button(user)))
        : el("li", { class: "results-empty" }, failed ? errorText(failed) : t("no_match")),
    );
  });

  /** @param {User} user */
  function button(user) {
    const node = el(
      "button",
      {
        type: "button",
        class: "button button-small button-soft",
        "aria-label": `${label()}: ${user.displayName || user.username}`,
        click: async () => {
          node.disabled = true;
          alert.say("");
          try {
            await choose(user);
            fill(node, icon("check"));
            input.focus();
          } catch (error) {
            node.disabled = false;
            alert.say(explain(/** @type {{ code?: string }} */ (error)));
          }
        },
      },
      label(),
    );
    return node;
  }

  input.autofocus = true;
  void search();
  return el("div", { class: "people-search" }, el("div", { class: "search-field" }, input), alert.node, list);
}

/**
 * Everybody on the server.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {(user: User) => boolean} wanted
 * @param {(user: User) => Promise<void>} choose
 * @param {() => string} label
 */
export function peopleSearch(store, actions, wanted, choose, label) {
  return listWithButtons(store, amongAll(store, actions, wanted), choose, label, (error) => refusal(error, "add"));
}

/**
 * The members of a room besides me.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @param {(user: User) => Promise<void>} choose
 * @param {() => string} label
 */
export function memberSearch(store, actions, id, choose, label) {
  return listWithButtons(
    store,
    async (typed) => {
      const { members } = await actions.users.read(
        () => findMembers(id, { q: typed, limit: FOUND_MAX }),
        (found) => found.members.map(({ user }) => user),
      );
      const users = members.flatMap(({ user }) => user ?? []);
      return users.filter((user) => user.uid !== store.state.me?.uid);
    },
    choose,
    label,
    (error) => refusal(error, "role"),
  );
}
