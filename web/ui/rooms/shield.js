/**
 * The card behind the shield of an encrypted chat: what is protected and by what, who is here and who is verified, what
 * happened, and what the server can see all the same. It follows the chat while it is open.
 */
import { whenOf } from "../base/dates.js";
import { openDialog } from "../base/dialog.js";
import { el, fill } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";
import { avatar, nameOf, namesOf } from "../people/people.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").State} State */
/** @typedef {import("../../state/types.js").EncryptedRoom} EncryptedRoom */
/** @typedef {import("../../state/types.js").EncryptedPerson} EncryptedPerson */
/** @typedef {import("../../state/types.js").LogLine} LogLine */

/** So many of the newest lines are shown. */
const LINES_SHOWN = 12;

/** @param {Store} store @param {string} id */
export function openShield(store, id) {
  const body = el("div", { class: "dialog-body shield-card" });
  let drawn = /** @type {unknown} */ (null);
  const draw = () => {
    const { state } = store;
    const encrypted = state.encrypted.get(id);
    if (!state.rooms.has(id)) return dialog.close();
    if (encrypted === drawn) return;
    drawn = encrypted;
    fill(body, encrypted ? content(state, encrypted) : [said()]);
  };
  const stop = store.subscribe(draw);
  const dialog = openDialog({ title: t("encrypted"), class: "dialog-tall", closed: stop }, () => [body]);
  draw();
}

/** What is protected, and by what. */
function said() {
  return el("div", { class: "shield-said" }, el("p", {}, t("encrypted_what")), el("p", {}, t("encrypted_how")));
}

/** @param {State} state @param {EncryptedRoom} encrypted */
function content(state, encrypted) {
  const { people, lines, isVerified } = encrypted;
  const newest = lines.slice(-LINES_SHOWN).reverse();
  return [
    said(),
    isVerified ? el("p", { class: "shield-verified" }, icon("check"), t("everybody_verified")) : null,
    el("h3", {}, t("members")),
    el(
      "ul",
      { class: "shield-people" },
      people.map((person) => el("li", {}, personRow(state, person))),
    ),
    newest.length ? el("h3", {}, t("what_happened")) : null,
    el(
      "ol",
      { class: "shield-lines" },
      newest.map((line) => el("li", {}, el("span", { dir: "auto" }, lineText(state, line)), moment(line.at))),
    ),
    el("h3", {}, t("server_sees")),
    el("p", { class: "hint" }, t("server_sees_list")),
  ];
}

/**
 * A press opens the card of the person, with the safety number.
 *
 * @param {State} state
 * @param {EncryptedPerson} person
 */
function personRow(state, person) {
  const isMe = person.uid === state.me?.uid;
  return el(
    "button",
    { type: "button", class: "option shield-person", "data-person": person.uid },
    avatar(state, person.uid),
    el(
      "span",
      { class: "option-text" },
      el(
        "span",
        { dir: "auto" },
        el("strong", {}, nameOf(state, person.uid)),
        person.name ? el("span", { class: "hint" }, ` @${person.name}`) : null,
      ),
      el(
        "span",
        { class: person.isReset ? "hint shield-warned" : "hint" },
        isMe ? t("you_are_here") : standing(person),
      ),
    ),
    person.verifiedAt && !isMe ? icon("check") : null,
  );
}

/** @param {EncryptedPerson} person */
function standing(person) {
  if (person.isReset) return t("keys_were_reset");
  if (person.isShut) return t("account_is_shut");
  const verified = person.verifiedAt ? t("verified_when", { time: whenOf(person.verifiedAt) }) : t("not_verified");
  return `${verified} · ${t("keys_made", { time: whenOf(person.keysAt) })}`;
}

/** @param {number} at */
function moment(at) {
  return el("span", { class: "hint" }, whenOf(at));
}

/** @typedef {Parameters<typeof t>[0]} Key */

/** Why a member is out. @type {Record<string, Key>} */
const REMOVED = { left: "line_left", removed: "line_removed", banned: "line_banned" };
/** Why there is a new key. @type {Record<string, Key>} */
const NEW_KEY = {
  member: "line_key_member",
  keys: "line_key_keys",
  shut: "line_key_shut",
  repair: "line_key_repair",
  manual: "line_key_manual",
};

/**
 * A line of the log in words.
 *
 * @param {State} state
 * @param {LogLine} line
 */
export function lineText(state, line) {
  const by = nameOf(state, line.by);
  const name = nameOf(state, line.uid ?? line.by);
  const reason = line.reason ?? "";
  if (line.what === "key")
    return t(NEW_KEY[reason] ?? "line_key_manual", { names: namesOf(state, line.without ?? []) });
  if (line.what === "remove") return t(REMOVED[reason] ?? "line_left", { by, name });
  return t(`line_${line.what}`, { by, name });
}
