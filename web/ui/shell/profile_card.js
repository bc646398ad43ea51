/**
 * Who somebody is: face, names, what they say of themselves, whether they are here. Opens on whatever carries
 * `data-person`, so a view only marks its names and faces and needs to know nothing of cards. Where there is room
 * the card stands beside what was pressed, on a phone it rises from the lower edge.
 */
import { isBlocked } from "../../state/blocks.js";
import { statusOf } from "../../state/people_status.js";
import { whenOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { focusComposer, focusMessages } from "../base/focus.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { avatar, chosenNameOf, nameOf, presenceOf, presenceText, userOf } from "../people/people.js";
import { buttons } from "./profile_buttons.js";
import { keysOnCard } from "./profile_keys.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").User} User */

/** @param {Store} store @param {Actions} actions */
export function bindCards(store, actions) {
  const personOf = (/** @type {Event} */ event) => {
    const node = event.target instanceof Element ? event.target.closest("[data-person]") : null;
    return node instanceof HTMLElement ? node : null;
  };
  document.addEventListener("click", (event) => {
    const node = personOf(event);
    if (node) openCard(store, actions, node.dataset["person"] ?? "", node);
  });
  // A mention is a word in a sentence and no button by nature.
  document.addEventListener("keydown", (event) => {
    const node = personOf(event);
    if (!node || node instanceof HTMLButtonElement || (event.key !== "Enter" && event.key !== " ")) return;
    event.preventDefault();
    openCard(store, actions, node.dataset["person"] ?? "", node);
  });
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} uid
 * @param {Element} [beside]
 */
function openCard(store, actions, uid, beside) {
  const content = el("div", { class: "card" });
  const draw = () => {
    fill(content, card(store, actions, uid, dialog.close));
    dialog.place();
  };
  const options = { title: nameOf(store.state, uid), bare: true, class: "dialog-card", closed };
  const dialog = openDialog({ ...options, anchor: beside ?? null, side: "beside" }, (close) => {
    fill(content, card(store, actions, uid, close));
    return [content];
  });
  let drawn = keyOf(store, uid);
  const stop = store.subscribe(() => {
    const next = keyOf(store, uid);
    if (next === drawn || (content.contains(document.activeElement) && document.activeElement?.matches("input")))
      return;
    drawn = next;
    const at = [...content.querySelectorAll("button")].indexOf(
      /** @type {HTMLButtonElement} */ (document.activeElement),
    );
    draw();
    if (at >= 0)
      (
        content.querySelectorAll("button")[at] ??
        /** @type {HTMLElement | null} */ (content.querySelector(".button-primary"))
      )?.focus();
  });

  function closed() {
    stop();
    // The message it was opened from may have been drawn anew, covered, and the field be closed.
    const astray = () => document.activeElement === document.body;
    if (astray() && matchMedia("(hover: hover)").matches) focusComposer();
    if (astray()) focusMessages();
  }

  actions.users.refetch(uid).catch(() => {});
  if (store.state.keys.phase === "ready") actions.keys.look(uid).catch(() => {});
}

/**
 * @param {Store} store
 * @param {string} uid
 */
function keyOf(store, uid) {
  const { state } = store;
  return JSON.stringify([
    userOf(state, uid),
    presenceOf(state, uid),
    isBlocked(state, uid),
    state.keys.contacts.get(uid),
  ]);
}

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {string} uid
 * @param {() => void} close
 */
function card(store, actions, uid, close) {
  const { state } = store;
  const user = userOf(state, uid);
  const presence = presenceOf(state, uid);
  const gone = Boolean(user?.removed);
  const dismiss = el(
    "button",
    { type: "button", class: "icon-button card-close", "aria-label": t("close"), click: close },
    icon("close"),
  );
  return [
    dismiss,
    el(
      "div",
      { class: "card-body" },
      el(
        "div",
        { class: "card-head" },
        avatar(state, uid, { size: "large", ...(gone ? {} : { presence }) }),
        el(
          "div",
          {},
          el("h2", { class: "card-name", dir: "auto" }, chosenNameOf(state, uid)),
          user && !gone
            ? el("p", { class: "card-user" }, `@${user.username}`, badges(user, uid === state.me?.uid))
            : null,
        ),
      ),
      gone
        ? el("p", { class: "hint" }, t("former_member_hint"))
        : user
          ? about(user, presence, isBlocked(state, uid))
          : el("p", { class: "hint" }, t("loading")),
      user && !gone ? keysOnCard(store, actions, uid, close) : null,
      user && !gone ? buttons(store, actions, user, close) : null,
    ),
  ];
}

/**
 * @param {User} user
 * @param {boolean} mine
 */
function badges(user, mine) {
  return [
    mine ? el("span", { class: "tag" }, t("you")) : null,
    user.admin ? el("span", { class: "tag tag-spark" }, t("server_admin")) : null,
    user.disabled ? el("span", { class: "tag tag-bad" }, t("account_disabled")) : null,
  ];
}

/**
 * @param {User} user
 * @param {string} presence
 * @param {boolean} blocked
 */
function about(user, presence, blocked) {
  const status = statusOf(user);
  return [
    el(
      "p",
      { class: "card-presence" },
      el("span", { class: "presence", "data-state": presence }),
      presenceText(presence),
      status.until && !status.text ? ` · ${t("status_until", { time: whenOf(status.until) })}` : null,
    ),
    blocked ? el("p", { class: "card-blocked" }, icon("ban"), t("you_blocked")) : null,
    status.text
      ? el(
          "p",
          { class: "card-status", dir: "auto" },
          status.emoji ? el("span", { class: "mood" }, status.emoji) : null,
          el(
            "span",
            {},
            status.words,
            status.until ? el("small", {}, t("status_until", { time: whenOf(status.until) })) : null,
          ),
        )
      : null,
    user.bio
      ? el("div", { class: "card-bio" }, el("h3", { class: "label" }, t("bio")), el("p", { dir: "auto" }, user.bio))
      : null,
  ];
}
