/**
 * What views see of my keys and of what I know of other people's (`State.keys`). Chats have their own part in
 * `State.encrypted`.
 */

/**
 * How it stands with my keys:
 *
 * - `unknown`: not looked at yet
 * - `ready`: here and usable
 * - `none`: there are none yet; the password makes the first ones
 * - `unlock`: not in this browser, or changed elsewhere; the password brings them
 * - `locked`: the password was set by a ticket, and does not open them: recovery code, another browser, or a fresh
 *   start
 * - `unsupported`: this browser lacks what they need
 * - `failed`: they could not be looked at now; asked again by itself
 *
 * @typedef {"unknown" | "ready" | "none" | "unlock" | "locked" | "unsupported" | "failed"} KeysPhase
 */

/**
 * Something that must not be; `id` is the same for the same thing.
 *
 * - `my_name`: another account stands in the list of keys under my name (`uid`)
 * - `own_keys`: the list has keys for my account that are not mine (`at`)
 * - `own_reset`: my keys were reset elsewhere (`at`)
 * - `fork`: the server shows another list of keys than before (`n`, `mine`, `theirs`)
 * - `rollback`: it shows an older list, and has not taken back what this browser has
 * - `withheld`: it keeps something of a person back (`uid`)
 * - `older_keys`: it shows older keys of mine than this browser knows
 * - `spoilt_trust`: what is kept there of the keys I know is not what a browser of mine has put there
 * - `weaker`: it asks for a weaker sign-in than before
 *
 * @typedef {object} Alarm
 * @property {string} id
 * @property {"my_name" | "own_keys" | "own_reset" | "fork" | "rollback" | "withheld" | "older_keys" | "spoilt_trust"
 *   | "weaker"} kind
 * @property {string} [uid]
 * @property {number} [at]
 * @property {number} [n]
 * @property {string} [mine]
 * @property {string} [theirs]
 */

/**
 * Something that was done with my account elsewhere:
 *
 * - `signed_in`: a sign-in; `id` is that of its session
 * - `changed`: a change of my password or keys; `at` is 0 if this browser was away meanwhile
 *
 * `device` is empty where no browser of mine did it, or it is not known which.
 *
 * @typedef {{ id: string, kind: "signed_in" | "changed", device: string, at: number }} Notice
 */

/**
 * What I know of somebody's keys.
 *
 * @typedef {object} Contact
 * @property {boolean} hasKeys  as the list of keys says
 * @property {boolean} isKnown  I have met these keys before
 * @property {string} name  by which the list of keys knows this account; empty if it is not known
 * @property {number | null} verifiedAt  when I compared safety numbers
 * @property {"reset" | "old" | "two_names" | "withheld" | null} warning
 */

/**
 * @typedef {object} KeysState
 * @property {KeysPhase} phase
 * @property {boolean} isChanged  of `unlock`: they were changed in another browser
 * @property {1 | 2 | 3} level  how this browser keeps them; 3: not at all
 * @property {{ messages: boolean, drafts: boolean }} unkept  what of encrypted chats goes with this page
 * @property {boolean | null} hasCode  whether there is a recovery code; null while it is not known
 * @property {string | null} offer  a new recovery code that has to be kept now
 * @property {boolean} mayWrite  false: nothing encrypted is sent, see `alarms`
 * @property {boolean} isClosed  the list of keys takes no new entries now
 * @property {Alarm[]} alarms
 * @property {Notice[]} notices
 * @property {Map<string, Contact>} contacts
 * @property {number} failed  checks that have failed since the page was loaded
 * @property {number} missing  messages whose key was missing
 */

/** @type {KeysState} */
export const NO_KEYS = Object.freeze({
  phase: "unknown",
  isChanged: false,
  level: 1,
  unkept: { messages: false, drafts: false },
  hasCode: null,
  offer: null,
  mayWrite: true,
  isClosed: false,
  alarms: [],
  notices: [],
  contacts: new Map(),
  failed: 0,
  missing: 0,
});
