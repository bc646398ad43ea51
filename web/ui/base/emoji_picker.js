/** A small emoji picker: search by name, arrow keys over the grid. */
import { openDialog } from "./dialog.js";
import { el } from "./element.js";
import { EMOJI, findEmoji } from "./emoji.js";
import { t } from "./i18n.js";

/**
 * @param {(emoji: string) => void} choose
 * @param {import("./beside.js").Anchor | null} [anchor]  what it stands beside
 */
export function openEmojiPicker(choose, anchor = null) {
  openDialog({ title: t("pick_emoji"), bare: true, class: "dialog-picker", anchor }, (close) => {
    const grid = el("div", { class: "emoji-grid" });
    const empty = el("p", { class: "results-empty", hidden: true }, t("no_match"));
    const pick = (/** @type {string} */ emoji) => {
      close();
      choose(emoji);
    };
    const input = el("input", {
      class: "input",
      type: "search",
      "aria-label": t("find_emoji"),
      placeholder: t("find_emoji"),
      autocomplete: "off",
      spellcheck: "false",
      input: draw,
      keydown: (/** @type {KeyboardEvent} */ event) => {
        if (event.isComposing) return;
        const first = /** @type {HTMLElement | null} */ (grid.firstElementChild);
        if (event.key === "Enter") first?.click();
        else if (event.key === "ArrowDown") first?.focus();
        else return;
        event.preventDefault();
      },
    });

    function draw() {
      const found = input.value ? findEmoji(input.value.replace(/:/g, ""), EMOJI.length) : EMOJI;
      grid.replaceChildren(
        ...found.map(([name, emoji]) =>
          el(
            "button",
            {
              type: "button",
              class: "emoji-key",
              title: `:${name}:`,
              "aria-label": name.replace(/_/g, " "),
              click: () => pick(emoji),
            },
            emoji,
          ),
        ),
      );
      empty.hidden = found.length > 0;
    }

    grid.addEventListener("keydown", (event) => {
      const keys = /** @type {HTMLElement[]} */ ([...grid.children]);
      const at = keys.indexOf(/** @type {HTMLElement} */ (document.activeElement));
      const across = keys.findIndex((key) => key.offsetTop > (keys[0]?.offsetTop ?? 0));
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -across, ArrowDown: across }[event.key];
      if (by === undefined || at < 0) return;
      event.preventDefault();
      if (at + by < 0) input.focus();
      else keys[at + by]?.focus();
    });
    draw();
    return [el("div", { class: "search-field" }, input), el("div", { class: "results" }, grid, empty)];
  });
}
