/** Finding people: a field, and whom the server finds for it. One at a time, or several as chips. */
import { findMembers } from "../../calls/rooms.js";
import { debounce } from "../base/debounce.js";
import { el, fill, setText } from "../base/element.js";
import { createAlert } from "../base/form_parts.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { createListbox } from "../base/listbox.js";
import { refusal } from "../base/refusals.js";
import { avatar, nameOf } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").User} User */

/** More than these need a letter more. */
const FOUND_MAX = 50;

/**
 * A field, and whoever is found for it; `show` is told after each search, and for what it was.
 *
 * @param {(typed: string) => Promise<User[]>} find
 * @param {(users: User[], typed: string, failed?: { code?: string }) => void} show
 */
function createSearch(find, show) {
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
function amongAll(store, actions, wanted) {
  return async (/** @type {string} */ typed) =>
    (await actions.users.search(typed)).filter(
      (user) => user.uid !== store.state.me?.uid && !user.removed && !user.disabled && wanted(user),
    );
}

/**
 * @param {Store} store
 * @param {User} user
 */
function faceAndName(store, user) {
  return [
    avatar(store.state, user.uid, { size: "small", presence: user.state ?? "offline" }),
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
        class: "button button-small button-primary",
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
      const { members } = await findMembers(id, { q: typed, limit: FOUND_MAX });
      const users = members.flatMap(({ user }) => user ?? []);
      actions.users.upsert(users);
      return users.filter((user) => user.uid !== store.state.me?.uid);
    },
    choose,
    label,
    (error) => refusal(error, "role"),
  );
}

/**
 * Several people, kept as chips above the field. Up and down walk the found ones, Enter takes one, Enter in the empty
 * field is done, Backspace there takes the last one back.
 *
 * @param {Store} store
 * @param {Actions} actions
 * @param {number} most
 * @param {() => void} [changed]
 * @param {() => void} [done]
 */
export function createPicker(store, actions, most, changed = () => {}, done = () => {}) {
  /** @type {string[]} */
  let chosen = [];
  /** What the list was found for; null until there is one for these chosen. */
  let shownFor = /** @type {string | null} */ (null);
  /** Enter was pressed before the list for what was typed had come. */
  let awaited = false;
  const chips = el("ul", { class: "chips", "aria-label": t("chosen_people"), hidden: true });
  const note = el("p", { class: "results-empty", hidden: true });
  const said = el("p", { class: "hidden-visually", role: "status" });
  /** @type {ReturnType<typeof createListbox<User>>} */
  const list = createListbox({
    label: t("people"),
    class: "results",
    row: (user) => faceAndName(store, user),
    choose: (user) => add(user.uid),
  });
  const { input, search } = createSearch(
    amongAll(store, actions, (user) => !chosen.includes(user.uid)),
    (users, typed, failed) => {
      const full = chosen.length >= most;
      shownFor = typed;
      // Nothing is chosen for an empty field: there Enter means "done".
      list.show(full ? [] : users, typed ? 0 : -1);
      input.setAttribute("aria-expanded", String(list.size > 0));
      note.hidden = list.size > 0 || (!full && !failed && !typed);
      setText(note, failed ? errorText(failed) : t(full ? "picker_full" : "no_match", { n: most }));
      if (document.activeElement === input && input.value) setText(said, t("found_count", { n: list.size }));
      if (awaited && typed === input.value.trim()) take();
    },
  );
  input.addEventListener("input", () => {
    awaited = false;
  });
  input.setAttribute("role", "combobox");
  list.attach(input);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const last = chosen.at(-1);
    if (event.key === "ArrowDown" || event.key === "ArrowUp") list.move(event.key === "ArrowDown" ? 1 : -1);
    else if (event.key === "Enter" && !input.value.trim() && !input.getAttribute("aria-activedescendant")) done();
    else if (event.key === "Enter") take();
    else if (event.key === "Backspace" && !input.value && last) return remove(last);
    else return;
    event.preventDefault();
  });

  /** The one for what stands in the field, not for what stood there a moment ago: that one may still be on its way. */
  function take() {
    awaited = input.value.trim() !== shownFor;
    if (awaited) void search();
    else list.choose();
  }

  /** @param {string} uid */
  function add(uid) {
    if (chosen.length >= most || chosen.includes(uid)) return;
    chosen = [...chosen, uid];
    input.value = "";
    draw(t("taken_in", { name: nameOf(store.state, uid), n: chosen.length }));
  }

  /** @param {string} uid */
  function remove(uid) {
    chosen = chosen.filter((each) => each !== uid);
    draw(t("taken_out", { name: nameOf(store.state, uid) }));
  }

  /** @param {string} news */
  function draw(news) {
    const { state } = store;
    fill(
      chips,
      chosen.map((uid) =>
        el(
          "li",
          { class: "chip" },
          avatar(state, uid, { size: "small" }),
          el("span", { dir: "auto" }, nameOf(state, uid)),
          el(
            "button",
            { type: "button", "aria-label": t("take_out", { name: nameOf(state, uid) }), click: () => remove(uid) },
            icon("close"),
          ),
        ),
      ),
    );
    chips.hidden = !chosen.length;
    setText(said, news);
    input.focus();
    // What the list shows is over: its mark would make the next Enter mean one of these, not "done".
    shownFor = null;
    list.unmark();
    void search();
    changed();
  }

  void search();
  return {
    node: el(
      "div",
      { class: "people-search people-picker" },
      chips,
      el("div", { class: "search-field" }, input),
      list.node,
      note,
      said,
    ),
    input,
    chosen: () => chosen,
  };
}
