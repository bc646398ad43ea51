/** Finding people: a field, and whom the server finds for it. One at a time, or several as chips. */
import { el, fill } from "./element.js";
import { errorText, t } from "./i18n.js";
import { icon } from "./icons.js";
import { avatar, nameOf } from "./people.js";

/** @typedef {import("./context.js").Context} Context */
/** @typedef {import("./context.js").User} User */

/** Typing settles this long before the server is asked. */
export const SEARCH_MS = 200;

/**
 * Calls `search` when typing has settled.
 *
 * @param {() => void} search
 */
export function settled(search) {
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  return () => {
    clearTimeout(timer);
    timer = setTimeout(search, SEARCH_MS);
  };
}

/**
 * @param {Context} context
 * @param {(user: User) => boolean} wanted
 * @param {(user: User) => HTMLElement} button  what stands beside a person
 */
function createSearch(context, wanted, button) {
  const list = el("ul", { class: "results", "aria-label": t("people") });
  let asked = 0;

  async function search() {
    const mine = (asked += 1);
    const found = await context.actions.searchUsers(input.value.trim()).catch(() => /** @type {User[]} */ ([]));
    if (mine !== asked) return;
    const users = found.filter((user) => user.uid !== context.store.state.me?.uid && !user.removed && !user.disabled && wanted(user));
    fill(list, users.length ? users.map(row) : el("li", { class: "results-empty" }, t("no_match")));
  }

  /** @param {User} user */
  function row(user) {
    return el("li", { class: "option option-still" }, avatar(context.store.state, user.uid, { size: "small", presence: user.state ?? "offline" }),
      el("span", { class: "option-text" }, el("strong", { dir: "auto" }, user.displayName || user.username), el("small", {}, `@${user.username}`)), button(user));
  }

  const input = el("input", {
    class: "input", type: "search", "aria-label": t("find_people"), placeholder: t("find_people"), autocomplete: "off", spellcheck: "false",
    input: settled(search),
  });
  void search();
  return { input, list, search };
}

/**
 * People, each with one button that does one thing.
 *
 * @param {Context} context
 * @param {(user: User) => boolean} wanted
 * @param {(user: User) => Promise<void>} choose
 * @param {() => string} label
 */
export function peopleSearch(context, wanted, choose, label) {
  const { input, list } = createSearch(context, wanted, (user) => {
    const button = el("button", {
      type: "button", class: "button button-small button-primary", "aria-label": `${label()}: ${user.displayName || user.username}`,
      click: async () => {
        button.disabled = true;
        try {
          await choose(user);
          fill(button, icon("check"));
        } catch (error) {
          button.disabled = false;
          context.toast(errorText(/** @type {{ code?: string }} */ (error)));
        }
      },
    }, label());
    return button;
  });
  input.autofocus = true;
  return el("div", { class: "people-search" }, el("div", { class: "search-field" }, input), list);
}

/**
 * Several people, kept as chips above the field. Backspace in the empty field takes the last one back.
 *
 * @param {Context} context
 * @param {number} most
 * @param {() => void} [changed]
 */
export function createPicker(context, most, changed = () => {}) {
  /** @type {string[]} */
  let chosen = [];
  const chips = el("ul", { class: "chips", "aria-label": t("chosen_people") });
  const { input, list, search } = createSearch(context, (user) => !chosen.includes(user.uid), (user) => el("button", {
    type: "button", class: "icon-button", "aria-label": `${t("add_member")}: ${user.displayName || user.username}`,
    disabled: chosen.length >= most, click: () => add(user.uid),
  }, icon("plus")));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    const last = chosen.at(-1);
    if (event.key === "Backspace" && !input.value && last) remove(last);
    else if (event.key === "Enter") {
      event.preventDefault();
      void takeFirst();
    }
  });

  /** The first one for what stands in the field, not for what stood there a moment ago. */
  async function takeFirst() {
    await search();
    /** @type {HTMLButtonElement | null} */ (list.querySelector("button:not(:disabled)"))?.click();
  }

  /** @param {string} uid */
  function add(uid) {
    if (chosen.length >= most) return;
    chosen = [...chosen, uid];
    input.value = "";
    draw();
    input.focus();
  }

  /** @param {string} uid */
  function remove(uid) {
    chosen = chosen.filter((each) => each !== uid);
    draw();
    input.focus();
  }

  function draw() {
    const { state } = context.store;
    fill(chips, chosen.map((uid) => el("li", { class: "chip" }, el("span", { dir: "auto" }, nameOf(state, uid)),
      el("button", { type: "button", "aria-label": t("take_out", { name: nameOf(state, uid) }), click: () => remove(uid) }, icon("close")))));
    chips.hidden = !chosen.length;
    void search();
    changed();
  }

  chips.hidden = true;
  return {
    node: el("div", { class: "people-search people-picker" }, chips, el("div", { class: "search-field" }, input), list),
    input,
    chosen: () => chosen,
  };
}
