/** Finding people: a field, and whom the server finds for it. One at a time, or several as chips. */
import { el, fill, setText } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { createListbox } from "../base/listbox.js";
import { avatar, nameOf } from "../people/people.js";
import { amongAll, createSearch, faceAndName } from "./people_search.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").User} User */

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
