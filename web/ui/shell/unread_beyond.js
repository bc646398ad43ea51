/**
 * Says that something unread waits above or below what is visible of the list of rooms, and leads there. It measures
 * when the list was scrolled or other rooms became unread, and then once, before the next frame.
 */
import { el } from "../base/element.js";
import { t } from "../base/i18n.js";
import { icon } from "../base/icons.js";

/** An item counts as visible with this much of it. */
const VISIBLE_PX = 12;

/** @param {HTMLElement} scroller  with `.room-item[data-unread]` in it */
export function createUnreadBeyond(scroller) {
  const above = pill("up", t("unread_above"), () => lead("above"));
  const below = pill("down", t("unread_below"), () => lead("below"));
  let planned = false;
  let known = "";

  function find() {
    const { top, bottom } = scroller.getBoundingClientRect();
    const unread = [...scroller.querySelectorAll(".room-item[data-unread]")];
    return {
      above: unread.filter((item) => item.getBoundingClientRect().bottom < top + VISIBLE_PX),
      below: unread.filter((item) => item.getBoundingClientRect().top > bottom - VISIBLE_PX),
    };
  }

  /** @param {"above" | "below"} way */
  function lead(way) {
    const found = find()[way];
    const next = way === "above" ? found.at(-1) : found[0];
    next?.scrollIntoView({ block: "center" });
    /** @type {HTMLElement | undefined} */ (next)?.focus({ preventScroll: true });
  }

  function measureLater() {
    if (planned) return;
    planned = true;
    requestAnimationFrame(() => {
      planned = false;
      const found = find();
      above.hidden = !found.above.length;
      below.hidden = !found.below.length;
    });
  }

  scroller.addEventListener("scroll", measureLater, { passive: true });
  const resized = new ResizeObserver(measureLater);
  resized.observe(scroller);

  return {
    nodes: [above, below],
    /** @param {string[]} unread  the rooms that call for the reader, in the order of the list */
    update(unread) {
      const key = unread.join();
      if (key !== known) measureLater();
      known = key;
    },
    close: () => resized.disconnect(),
  };
}

/**
 * @param {"up" | "down"} way
 * @param {string} text
 * @param {() => void} click
 */
function pill(way, text, click) {
  return el(
    "button",
    { type: "button", class: "unread-beyond", "data-way": way, hidden: true, click },
    icon(way),
    el("span", {}, text),
  );
}
