/** Lists whose entries come from elsewhere. */
import { el } from "./element.js";
import { t } from "./i18n.js";

/**
 * Draws each entry on its own: one that cannot be drawn says so in its place, and the others are there.
 *
 * @template T
 * @param {readonly T[]} items
 * @param {(item: T) => HTMLElement} draw
 * @param {(item: T) => HTMLElement} [instead]
 * @returns {HTMLElement[]}
 */
export function drawEach(items, draw, instead = () => el("li", { class: "results-empty" }, t("entry_unreadable"))) {
  return items.map((item) => {
    try {
      return draw(item);
    } catch (error) {
      console.info("an entry cannot be drawn", error);
      return instead(item);
    }
  });
}
