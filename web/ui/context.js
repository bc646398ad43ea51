/**
 * What every view is handed: the state to read, the actions to ask for, and the few things views tell each other.
 * Views never call one another directly, so each can be read alone.
 */

/** @typedef {import("../state/types.js").State} State */
/** @typedef {import("../state/types.js").Room} Room */
/** @typedef {import("../state/types.js").Message} Message */
/** @typedef {import("../state/types.js").User} User */
/** @typedef {import("../state/store.js").Store} Store */
/** @typedef {import("../state/client.js").Actions} Actions */

/**
 * @typedef {object} Signals
 * @property {string | null} room  the room on screen
 * @property {{ room: string, mid: string } | null} editing
 * @property {Map<string, string>} replying  room to the `mid` answered there
 * @property {{ room: string, mid: string } | null} linked  the message the address asks for
 * @property {string | null} leaving  a room I am just leaving, removing or hiding: its end is no news
 * @property {Set<string>} unveiled  `mid`s of messages of blocked people that I asked to see
 * @property {Set<string>} vanishing  `mid`s deleted here whose undo still runs
 */

/**
 * @typedef {object} Context
 * @property {Store} store
 * @property {Actions} actions
 * @property {Signals} signals
 * @property {() => void} refresh  draws again after a signal changed
 * @property {() => void} relabel  builds the screen again, in another language
 * @property {(path: string, replace?: boolean) => void} go
 * @property {(message: string, button?: { label: string, act: () => void }, ms?: number) => void} toast
 * @property {{ focus: () => void, insert: (text: string) => void }} composer
 * @property {{ toPresent: () => boolean, show: (mid: string) => void, focusLast: () => void }} timeline
 */

/**
 * A view: its node, how it follows the state, what to tidy up when it is left, and a title of its own for the tab.
 * @typedef {object} View
 * @property {HTMLElement} node
 * @property {(state: State) => void} update
 * @property {() => void} [close]
 * @property {() => string} [title]
 */

export {};
