/** What has to be said of a search: how much it has found, what it could not look at, and why it could not go on. */
import { recentRooms } from "../../platform/preferences.js";
import { partsOf } from "../../state/search_query.js";
import { el, fill, setText } from "../base/element.js";
import { errorText, listOf, t } from "../base/i18n.js";
import { roomName } from "../people/people.js";
import { openChatSearch } from "./chat_search.js";

/** @typedef {import("../../state/types.js").Store} Store */
/** @typedef {import("../../state/types.js").Actions} Actions */
/** @typedef {import("../../state/types.js").Room} Room */
/** @typedef {ReturnType<Actions["search"]["begin"]>} MessageSearch */

/** Encrypted chats that are offered to be searched. */
const CHATS_MAX = 4;
/** Unknown operators that are named, and of each so many characters. */
const UNKNOWN_MAX = 4;
const UNKNOWN_LENGTH_MAX = 40;

/**
 * @param {Store} store
 * @param {Actions} actions
 * @param {object} parts
 * @param {MessageSearch} parts.search
 * @param {() => string} parts.text  what is typed
 * @param {() => void} parts.goOn
 */
export function createNotes(store, actions, { search, text, goOn }) {
  const said = el("div", { class: "search-said", role: "status" });
  const chats = el("div", { class: "search-chats" });
  const above = el("div", { class: "search-notes", hidden: true }, said, chats);
  const status = el("p", { class: "hint", role: "status" });
  const further = el("button", { type: "button", class: "button button-small", hidden: true, click: goOn });
  let drawn = "";

  function update() {
    const notes = notesOf(search);
    const rooms = search.encrypted ? encryptedChats(store) : [];
    const names = rooms.map((room) => roomName(store.state, room));
    const next = JSON.stringify([notes, names]);
    if (next !== drawn) {
      drawn = next;
      fill(
        said,
        notes.map((note) => el("p", { class: "hint" }, note)),
      );
      fill(
        chats,
        rooms.map(({ id }, index) =>
          el(
            "button",
            {
              type: "button",
              class: "button button-small button-soft",
              dir: "auto",
              click: () => openChatSearch(store, actions, id, wordsOf(text())),
            },
            t("search_inside", { room: names[index] ?? "" }),
          ),
        ),
      );
      above.hidden = !notes.length;
    }
    setText(status, statusOf(search));
    further.hidden = search.isRunning || !(search.error || (search.hasMore && !search.isFull));
    setText(further, t(search.error ? "retry" : search.isSlow ? "search_go_on" : "show_more"));
  }

  return { above, foot: el("footer", { class: "search-foot" }, status, further), update };
}

/** @param {MessageSearch} search */
function notesOf({ isAnswered, unknown, isCut, encrypted, error }) {
  if (!isAnswered || error) return [];
  const terms = unknown.slice(0, UNKNOWN_MAX).map((each) => isolated(cut(each)));
  return [
    unknown.length ? t("search_unknown", { terms: listOf(terms) }) : "",
    isCut ? t("search_cut") : "",
    encrypted ? t("search_encrypted", { n: encrypted }) : "",
  ].filter(Boolean);
}

/** @param {MessageSearch} search */
function statusOf({ isAsked, isAnswered, isRunning, found, hasMore, isSlow, isFull, error }) {
  if (!isAsked) return "";
  if (error) return reason(error);
  if (isRunning && !found.length) return t("search_running");
  if (!isAnswered) return "";
  if (!found.length) return t(hasMore && isSlow ? "search_none_yet" : "search_none");
  if (isFull) return t("search_full", { n: found.length });
  return t(hasMore ? "search_newest" : "found_count", { n: found.length });
}

/** Why a search could not be made. @param {{ code?: string }} error */
function reason(error) {
  if (error.code === "network") return t("search_offline");
  if (error.code === "rate_limited") return t("search_limited");
  return error.code === "unavailable" ? t("search_unavailable") : errorText(error);
}

/** Encrypted chats of mine, those that were open last first. @param {Store} store */
function encryptedChats({ state }) {
  const recent = recentRooms();
  const rank = (/** @type {Room} */ { id }) => (recent.includes(id) ? recent.indexOf(id) : recent.length);
  return [...state.rooms.values()]
    .filter((room) => room.e2ee && !room.hidden)
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, CHATS_MAX);
}

/** Of a query the words: the search inside a chat knows no operators. @param {string} text */
function wordsOf(text) {
  const words = partsOf(text).filter(({ operator, negated }) => !operator && !negated);
  return words.map(({ value }) => value).join(" ");
}

/** @param {string} text */
function cut(text) {
  const letters = [...text.slice(0, UNKNOWN_LENGTH_MAX * 2)];
  return letters.length > UNKNOWN_LENGTH_MAX ? `${letters.slice(0, UNKNOWN_LENGTH_MAX).join("")}…` : letters.join("");
}

/** A text that turns nothing around it, whatever it is. @param {string} text */
function isolated(text) {
  return `\u2068${text.replace(/[\u202a-\u202e\u2066-\u2069]/g, "")}\u2069`;
}
