/**
 * Looking for words inside one encrypted chat. Only this browser can read it, so it looks through what is loaded, and
 * further back page by page while the reader wants that.
 */
import { dateOf, isoOf, whenOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { el, fill, setText } from "../base/element.js";
import { errorText, t } from "../base/i18n.js";
import { navigate } from "../base/navigation.js";
import { roomPath } from "../base/routes.js";
import { avatar, nameOf, roomName } from "../people/people.js";
import { marked } from "./marked.js";
import { marksOf } from "./passage.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Message} Message */
/** @typedef {Awaited<ReturnType<Actions["encrypted"]["search"]>>} Search */

/** Typing on within this time is one search. */
const PAUSE_MS = 200;

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} id
 * @param {string} [text]  what to look for at once
 */
export function openChatSearch(store, actions, id, text = "") {
  const room = store.state.rooms.get(id);
  if (!room) return;
  const title = t("search_chat");
  const view = createSearchView(store, actions, id);
  const dialog = openDialog({ title, class: "dialog-tall", closed: view.close }, (close) => {
    view.opened = (message) => {
      close();
      navigate(roomPath(id, message.mid));
    };
    return [
      el("p", { class: "dialog-lead", dir: "auto" }, roomName(store.state, room)),
      el("div", { class: "search-field" }, view.input),
      view.list,
      view.foot,
    ];
  });
  dialog.node.classList.add("chat-search");
  if (text) view.look(text);
}

/** @param {Store} store @param {Actions} actions @param {string} id */
function createSearchView(store, actions, id) {
  let search = /** @type {Search | null} */ (null);
  let timer = /** @type {ReturnType<typeof setTimeout> | undefined} */ (undefined);
  const list = el("ol", { class: "results found-messages", "aria-label": t("search_chat") });
  const status = el("p", { class: "hint", role: "status" });
  const further = el("button", { type: "button", class: "button button-small", hidden: true, click: goOn }, "");
  const input = el("input", {
    class: "input",
    // Not a search field: Escape would empty it before it closes the dialog.
    type: "text",
    enterkeyhint: "search",
    autofocus: true,
    autocomplete: "off",
    dir: "auto",
    "aria-label": t("search_chat"),
    placeholder: t("search_chat_hint"),
    input: () => {
      clearTimeout(timer);
      timer = setTimeout(() => void begin().catch((error) => setText(status, errorText(error))), PAUSE_MS);
    },
  });

  async function begin() {
    search?.stop();
    search = null;
    const text = input.value.trim();
    if (!text) return draw();
    const next = await actions.encrypted.search(id, text);
    // The reader has typed on meanwhile.
    if (text !== input.value.trim()) return;
    search = next;
    search.changed = draw;
    draw();
    goOn();
  }

  function goOn() {
    if (search?.isRunning) return search.stop();
    void search?.more();
  }

  function draw() {
    fill(
      list,
      (search?.found ?? []).map((message) => el("li", {}, foundRow(message))),
    );
    further.hidden = !search || search.isComplete;
    setText(further, t(search?.isRunning ? "search_stop" : "search_go_on"));
    setText(status, search ? howFar(search) : t("search_here"));
  }

  /** @param {Message} message */
  function foundRow(message) {
    const { state } = store;
    return el(
      "button",
      { type: "button", class: "option found-message", click: () => view.opened(message) },
      avatar(state, message.by),
      el(
        "span",
        { class: "option-text" },
        el(
          "span",
          {},
          el("strong", { dir: "auto" }, nameOf(state, message.by)),
          " ",
          el("time", { class: "hint", datetime: isoOf(message.at) }, whenOf(message.at)),
        ),
        el("span", { dir: "auto", class: "found-text" }, marked(message.t, marksOf(message.t, input.value))),
      ),
    );
  }

  const view = {
    input,
    list,
    foot: el("div", { class: "dialog-body dialog-end found-foot" }, status, further),
    /** @type {(message: Message) => void} */
    opened: () => {},
    /** @param {string} text */
    look(text) {
      input.value = text;
      void begin().catch((error) => setText(status, errorText(error)));
    },
    close() {
      clearTimeout(timer);
      search?.stop();
    },
  };
  draw();
  return view;
}

/** How far back it has looked, said as it is, or why it could not go on. @param {Search} search */
function howFar({ isRunning, isComplete, since, found, error }) {
  if (error) return errorText(error);
  const reach = isComplete
    ? t("search_to_beginning")
    : since === null
      ? ""
      : t("search_back_to", { time: dateOf(since) });
  const state = isRunning ? t("search_running") : found.length ? t("found_count", { n: found.length }) : t("no_match");
  return [state, reach].filter(Boolean).join(" · ");
}
