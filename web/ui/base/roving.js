/**
 * One Tab stop for a list of many things. The arrows move inside of it, Home and End lead to its ends, and right and
 * left into a thing that has buttons and links of its own and out of it. What is drawn anew, and the focus that was in
 * it, is taken care of, so that a list need not know.
 */
import { foldText } from "./letters.js";

/**
 * @typedef {object} Options
 * @property {string} items  what the arrows move between
 * @property {string} [inner]  what can be pressed inside of an item, as a selector
 * @property {(last: HTMLElement | null) => Element | null | undefined} arrival  where Tab arrives, if this was the last
 *   item that had the focus
 * @property {() => void} [beforeEnd]  makes the last item the last there is
 * @property {boolean} [letters]  a letter leads to the next item that begins with it
 */

export class Roving {
  #list;
  #options;
  /** The item that Tab arrives at. @type {HTMLElement | null} */
  #stop = null;
  /** The item that had the focus last. @type {HTMLElement | null} */
  #last = null;
  /** What has the focus, until it goes elsewhere by itself. @type {HTMLElement | null} */
  #focused = null;
  /** @param {KeyboardEvent} event */
  #tabbed = (event) => {
    if (!this.#list.isConnected) document.removeEventListener("keydown", this.#tabbed, true);
    else if (event.key === "Tab" && !this.#list.contains(document.activeElement)) this.#chooseStop();
  };

  /**
   * @param {HTMLElement} list
   * @param {Options} options
   */
  constructor(list, options) {
    this.#list = list;
    this.#options = options;
    list.addEventListener("focusin", (event) => this.#focusCame(/** @type {HTMLElement} */ (event.target)));
    list.addEventListener("focusout", (event) => this.#focusWent(/** @type {HTMLElement} */ (event.target)));
    list.addEventListener("keydown", (event) => {
      // What plays has keys of its own.
      if (event.defaultPrevented || event.target instanceof HTMLMediaElement) return;
      if (this.#pressed(event)) event.preventDefault();
    });
    // Where Tab arrives is found out when it is pressed: until then much may be drawn.
    document.addEventListener("keydown", this.#tabbed, true);
    new MutationObserver((changes) => this.#changed(changes)).observe(list, { childList: true, subtree: true });
    this.#settle(list);
    this.#keepStop();
  }

  /** @returns {HTMLElement[]} */
  get #items() {
    const all = /** @type {NodeListOf<HTMLElement>} */ (this.#list.querySelectorAll(this.#options.items));
    return [...all].filter((item) => item.checkVisibility());
  }

  /** What is new is no Tab stop of its own. @param {Element} root */
  #settle(root) {
    const { items, inner } = this.#options;
    const all = inner ? `${items}, ${inner}` : items;
    for (const node of root.querySelectorAll(all)) leaveOut(node, this.#stop);
    if (root.matches(all)) leaveOut(root, this.#stop);
  }

  /** @param {MutationRecord[]} changes */
  #changed(changes) {
    for (const { addedNodes } of changes)
      for (const node of addedNodes) if (node instanceof Element) this.#settle(node);
    const lost = this.#focused?.isConnected ? null : this.#focused;
    this.#keepStop();
    // Drawn anew, or gone: the focus stays in the list, and on the same thing if that is there again.
    if (lost && document.activeElement === document.body)
      (this.#again(lost) ?? this.#stop)?.focus({ preventScroll: true });
  }

  /** What was drawn anew in the place of something inside of the last item. @param {HTMLElement} lost */
  #again(lost) {
    if (!this.#stop || this.#stop !== this.#last) return undefined;
    const key = keyOf(lost);
    return this.#innerOf(this.#stop).find((node) => keyOf(node) === key);
  }

  /** What can be pressed inside of an item. @param {HTMLElement} item @returns {HTMLElement[]} */
  #innerOf(item) {
    if (!this.#options.inner) return [];
    const inner = /** @type {NodeListOf<HTMLElement>} */ (item.querySelectorAll(this.#options.inner));
    return [...inner].filter((node) => node.checkVisibility({ visibilityProperty: true }));
  }

  /** There is always a stop, unless nothing is in the list. */
  #keepStop() {
    if (!this.#stop || !this.#list.contains(this.#stop)) this.#chooseStop();
  }

  #chooseStop() {
    const last = this.#last?.isConnected && this.#last.checkVisibility() ? this.#last : null;
    const arrival = this.#options.arrival(last) ?? last ?? this.#items.at(0) ?? null;
    this.#moveStop(/** @type {HTMLElement | null} */ (arrival));
  }

  /** @param {HTMLElement | null} item */
  #moveStop(item) {
    if (item === this.#stop) return;
    if (this.#stop) this.#stop.tabIndex = -1;
    if (item) item.tabIndex = 0;
    this.#stop = item;
  }

  /** @param {HTMLElement} target */
  #focusCame(target) {
    this.#focused = target;
    const item = target.closest(this.#options.items);
    if (!(item instanceof HTMLElement)) return;
    this.#last = item;
    this.#moveStop(item);
  }

  /** What is removed loses the focus, too, but did not let it go. @param {HTMLElement} target */
  #focusWent(target) {
    queueMicrotask(() => {
      if (this.#focused === target && target.isConnected) this.#focused = null;
    });
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    const target = /** @type {HTMLElement} */ (event.target);
    const item = /** @type {HTMLElement | null} */ (target.closest(this.#options.items));
    if (!item || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return false;
    const rightward = getComputedStyle(this.#list).direction === "rtl" ? "ArrowLeft" : "ArrowRight";
    switch (event.key) {
      case "ArrowDown":
        return this.#step(item, 1);
      case "ArrowUp":
        return this.#step(item, -1);
      case "Home":
        return focus(this.#items.at(0));
      case "End":
        this.#options.beforeEnd?.();
        return focus(this.#items.at(-1));
      case "ArrowRight":
      case "ArrowLeft":
        return this.#stepInside(item, target, event.key === rightward ? 1 : -1);
      case "Escape":
        return target !== item && focus(item);
      default:
        return Boolean(this.#options.letters) && this.#stepToLetter(item, event.key);
    }
  }

  /** @param {HTMLElement} item @param {1 | -1} by */
  #step(item, by) {
    const items = this.#items;
    return focus(items[items.indexOf(item) + by]);
  }

  /** @param {HTMLElement} item @param {HTMLElement} target @param {1 | -1} by */
  #stepInside(item, target, by) {
    if (!this.#options.inner) return false;
    const row = [item, ...this.#innerOf(item)];
    return focus(row[row.indexOf(target) + by]);
  }

  /** @param {HTMLElement} item @param {string} key */
  #stepToLetter(item, key) {
    if (key.length !== 1 || key === " ") return false;
    const items = this.#items;
    const after = items.indexOf(item) + 1;
    const letter = foldText(key);
    const begins = (/** @type {HTMLElement} */ each) => foldText(nameOf(each)).startsWith(letter);
    return focus([...items.slice(after), ...items.slice(0, after)].find(begins));
  }
}

/** @param {Element} node @param {HTMLElement | null} stop */
function leaveOut(node, stop) {
  if (node instanceof HTMLElement && node !== stop && node.tabIndex !== -1) node.tabIndex = -1;
}

/** By what something inside of an item is known when it is drawn anew. @param {HTMLElement} node */
function keyOf(node) {
  return [
    node.tagName,
    node.dataset["key"] ?? node.getAttribute("href") ?? node.getAttribute("aria-label") ?? node.textContent,
  ].join(" ");
}

/** @param {HTMLElement | undefined} node */
function focus(node) {
  node?.focus();
  return Boolean(node);
}

/** @param {HTMLElement} item */
function nameOf(item) {
  return (item.getAttribute("aria-label") ?? item.textContent ?? "").trim();
}
