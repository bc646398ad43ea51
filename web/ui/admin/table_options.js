/** What a paged table is made from. */

/**
 * @template T
 * @typedef {object} Column
 * @property {string} label
 * @property {(item: T) => import("../base/element.js").Children} cell  listeners in it may keep the id, not the item
 * @property {string} [class]
 * @property {boolean} [bare]  on a card its label is left out
 */

/**
 * @template T
 * @typedef {object} Options
 * @property {string} label
 * @property {Column<T>[]} columns  the first one names the row
 * @property {(item: T) => string} id
 * @property {(after: string | undefined) => Promise<import("./page_window.js").Loaded<T>>} load
 * @property {() => HTMLElement} empty
 * @property {(total: number) => string} [count]
 * @property {(item: T) => string} [rowClass]  a class of the row
 */

export {};
