/**
 * The emoji picker: a search in the reader's language, one tab for each group and one for what was used last, skin
 * tones. One stop of the Tab key each for search, tabs, grid and tones; arrows move within.
 */
import { addRecentEmoji, recentEmoji } from "../../platform/preferences.js";
import { isComposing } from "./composing.js";
import { openDialog } from "./dialog.js";
import { el, fill, setText } from "./element.js";
import { allEmoji, chooseTone, chosenTone, findEmoji, GROUP_KEYS, inTone, loadEmoji, QUICK, TONES } from "./emoji.js";
import { t } from "./i18n.js";

/** @typedef {import("./emoji.js").Emoji} Emoji */

/** What a search shows. */
const FOUND_MAX = 90;
/** Stands for what was used last. */
const RECENT = -1;
const FACES = ["😀", "👋", "🐻", "🍔", "🚗", "⚽", "💡", "❤️", "🏁"];
const HAND = "✋";

/**
 * @param {(emoji: string) => void} choose
 * @param {import("./beside.js").Anchor | null} [anchor]  what it stands beside
 */
export function openEmojiPicker(choose, anchor = null) {
  openDialog({ title: t("pick_emoji"), bare: true, class: "dialog-picker", anchor }, (close) => {
    const picker = new EmojiPicker((emoji) => {
      close();
      addRecentEmoji(emoji);
      choose(emoji);
    });
    return picker.nodes;
  });
}

class EmojiPicker {
  #choose;
  #group = RECENT;
  #input = el("input", {
    class: "input",
    type: "search",
    "aria-label": t("find_emoji"),
    placeholder: t("find_emoji"),
    autocomplete: "off",
    spellcheck: "false",
    input: () => this.#draw(),
    keydown: (/** @type {KeyboardEvent} */ event) => this.#searchKey(event),
  });
  #grid = el("div", { class: "emoji-grid", id: "emoji-grid", role: "group" });
  #note = el("p", { class: "results-empty", role: "status", hidden: true });
  #tabs = el("div", { class: "emoji-tabs", role: "tablist", "aria-label": t("emoji_groups") });
  #tones = el("div", { class: "emoji-tones", role: "radiogroup", "aria-label": t("emoji_tone") });

  /** @param {(emoji: string) => void} choose */
  constructor(choose) {
    this.#choose = choose;
    fill(
      this.#tabs,
      [RECENT, ...GROUP_KEYS.keys()].map((group) => this.#tab(group)),
    );
    fill(
      this.#tones,
      [...TONES.keys()].map((tone) => this.#tone(tone)),
    );
    walk(
      this.#tabs,
      () => 1,
      (tab) => tab.click(),
    );
    walk(
      this.#tones,
      () => 1,
      (tone) => tone.click(),
    );
    walk(
      this.#grid,
      () => across(this.#grid),
      undefined,
      () => this.#input.focus(),
    );
    this.nodes = [
      el("div", { class: "search-field" }, this.#input),
      this.#tabs,
      el("div", { class: "results emoji-results" }, this.#grid, this.#note),
      this.#tones,
    ];
    this.#draw();
    loadEmoji().then(
      () => this.#draw(),
      () => this.#say(t("emoji_failed")),
    );
  }

  /** @param {number} group */
  #tab(group) {
    const label = t(group === RECENT ? "emoji_recent" : (GROUP_KEYS[group] ?? "emoji_smileys"));
    const show = () => {
      this.#group = group;
      this.#input.value = "";
      this.#draw();
    };
    return el(
      "button",
      { type: "button", class: "emoji-tab", role: "tab", title: label, "aria-label": label, click: show },
      group === RECENT ? "🕘" : FACES[group],
    );
  }

  /** @param {number} tone */
  #tone(tone) {
    const choose = () => {
      chooseTone(tone);
      this.#draw();
    };
    const hand = `${HAND}${TONES[tone]}`;
    return el("button", { type: "button", class: "emoji-tone", role: "radio", click: choose }, hand);
  }

  #draw() {
    const typed = this.#input.value.trim();
    const shown = typed ? findEmoji(typed, FOUND_MAX).map(face) : this.#facesOf(this.#group);
    mark(this.#tabs, "aria-selected", typed ? null : this.#group - RECENT);
    mark(this.#tones, "aria-checked", chosenTone());
    fill(
      this.#grid,
      shown.map(({ emoji, label, title }, index) =>
        el(
          "button",
          {
            type: "button",
            class: "emoji-key",
            title,
            "aria-label": label,
            tabindex: index ? "-1" : "0",
            click: () => this.#choose(emoji),
          },
          emoji,
        ),
      ),
    );
    this.#say(shown.length || !allEmoji().length ? "" : t("no_match"));
  }

  /** @param {number} group */
  #facesOf(group) {
    if (group !== RECENT)
      return allEmoji()
        .filter((one) => one.group === group)
        .map(face);
    return [...new Set([...recentEmoji(), ...QUICK])].map((emoji) => {
      const one = allEmoji().find((each) => TONES.some((_, tone) => inTone(each, tone) === emoji));
      return one ? { ...face(one), emoji } : { emoji, label: emoji, title: "" };
    });
  }

  /** @param {string} text */
  #say(text) {
    setText(this.#note, text);
    this.#note.hidden = !text;
  }

  /** @param {KeyboardEvent} event */
  #searchKey(event) {
    if (isComposing(event)) return;
    const first = /** @type {HTMLElement | null} */ (this.#grid.firstElementChild);
    if (event.key === "Enter") first?.click();
    else if (event.key === "ArrowDown") first?.focus();
    else return;
    event.preventDefault();
  }
}

/** How an emoji stands in the grid. @param {Emoji} one */
function face(one) {
  const label = one.words[0] || (one.names[0] ?? "");
  return { emoji: inTone(one), label, title: `${label} :${one.names[0]}:` };
}

/** How many keys stand in one row. @param {HTMLElement} grid */
function across(grid) {
  const keys = /** @type {HTMLElement[]} */ ([...grid.children]);
  const second = keys.findIndex((key) => key.offsetTop > (keys[0]?.offsetTop ?? 0));
  return second < 0 ? keys.length : second;
}

/**
 * Says which of the children is the chosen one; the Tab key stops there.
 *
 * @param {HTMLElement} parent
 * @param {string} attribute
 * @param {number | null} chosen
 */
function mark(parent, attribute, chosen) {
  [...parent.children].forEach((child, index) => {
    child.setAttribute(attribute, String(index === chosen));
    child.setAttribute("tabindex", index === (chosen ?? 0) ? "0" : "-1");
  });
}

/**
 * Arrow keys, Home and End move the focus between the children.
 *
 * @param {HTMLElement} parent
 * @param {() => number} row  how far up and down lead
 * @param {(child: HTMLElement) => void} [arrived]
 * @param {() => void} [above]  up from the first row
 */
function walk(parent, row, arrived, above) {
  parent.addEventListener("keydown", (event) => {
    const children = /** @type {HTMLElement[]} */ ([...parent.children]);
    const at = children.indexOf(/** @type {HTMLElement} */ (document.activeElement));
    const forward = getComputedStyle(parent).direction === "rtl" ? -1 : 1;
    const to = {
      ArrowLeft: at - forward,
      ArrowRight: at + forward,
      ArrowUp: at - row(),
      ArrowDown: at + row(),
      Home: 0,
      End: children.length - 1,
    }[event.key];
    if (to === undefined || at < 0 || isComposing(event)) return;
    event.preventDefault();
    const next = children[to];
    if (!next) return void (to < 0 && above?.());
    children[at]?.setAttribute("tabindex", "-1");
    next.setAttribute("tabindex", "0");
    next.focus();
    arrived?.(next);
  });
}
