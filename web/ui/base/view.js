/**
 * A view: its node, how it follows the state, what to tidy up when it is left, a title of its own for the tab, and
 * the way to the newest of what it shows, which answers false where it is there already.
 *
 * @typedef {object} View
 * @property {HTMLElement} node
 * @property {(state: import("../../state/types.js").State) => void} update
 * @property {() => void} [close]
 * @property {() => string} [title]
 * @property {() => boolean} [toPresent]
 */

export {};
