/**
 * What the modules of encrypted rooms are given. They touch neither page nor network by themselves, so the simulation
 * and the tests run the same modules as the browser.
 */

/** @typedef {import("../../crypto/encoding.js").Bytes} Bytes */
/**
 * Who I am, with my keys. `root` is my identity by the list of keys.
 *
 * @typedef {object} Identity
 * @property {string} uid
 * @property {number} gen  the newest generation
 * @property {Bytes} root
 * @property {CryptoKey} signKey
 * @property {Map<number, import("../../crypto/hpke.js").ExchangePair>} exchange  by generation
 * @property {CryptoKey} localKey  of this browser, for what it keeps
 */
/**
 * The list of everybody's keys, as `directory.js` keeps it.
 *
 * @typedef {object} KnownDirectory
 * @property {() => Promise<void>} sync
 * @property {(n: number) => Promise<void>} noticed
 * @property {(uids: string[]) => Promise<void>} entriesOf
 * @property {import("../../crypto/directory.js").Directory} view
 * @property {(uid: string) => boolean} hasKeys
 * @property {(uid: string) => string | null} nameOf
 * @property {(uid: string) => number} madeAt
 * @property {number} n
 */
/**
 * A room by the server's number, and how far its log went.
 *
 * @typedef {{ id: string, seq: number, hash: Bytes }} KnownRoom
 */
/** How somebody's keys stand to those that I know. */
/** @typedef {"first" | "same" | "rotated" | "renamed" | "reset" | "old" | "two_names" | "no_keys"} Judged */
/**
 * Whom I know, and which rooms, as `trust_store.js` keeps it.
 *
 * @typedef {object} KnownTrust
 * @property {boolean} ready
 * @property {(uid: string) => { root: Bytes, ok: number | null } | null} contact
 * @property {(uid: string) => Judged} judge
 * @property {(uid: string, name: string) => Promise<void>} pin
 * @property {(uid: string) => Promise<void>} pinFromLog
 * @property {(uid: string) => Promise<void>} approve
 * @property {(uid: string) => Promise<void>} acceptName
 * @property {(rid: string) => KnownRoom | null} room
 * @property {(id: string) => string | null} roomOfId
 * @property {(rid: string, room: KnownRoom, when: "now" | "sometime") => unknown} noteRoom
 */
/**
 * The calls of the server.
 *
 * @typedef {object} Calls
 * @property {typeof import("../../calls/encrypted_rooms.js").createEncryptedRoom} createEncryptedRoom
 * @property {typeof import("../../calls/encrypted_rooms.js").readLog} readLog
 * @property {typeof import("../../calls/encrypted_rooms.js").appendLog} appendLog
 * @property {typeof import("../../calls/encrypted_rooms.js").readWraps} readWraps
 * @property {typeof import("../../calls/encrypted_rooms.js").giveWraps} giveWraps
 * @property {typeof import("../../calls/encrypted_rooms.js").reportWrap} reportWrap
 * @property {typeof import("../../calls/rooms.js").readMessages} readMessages
 */
/**
 * @typedef {object} Parts
 * @property {string} uid
 * @property {import("../../platform/database.js").Database} database
 * @property {KnownDirectory} directory
 * @property {KnownTrust} trust
 * @property {() => Identity | null} identity
 * @property {() => boolean} mayWrite  false while the list of keys is forked, or somebody else has my name or keys
 * @property {Calls} calls
 * @property {() => number} now  the server's clock
 * @property {(now: number) => void} setNow  the server has told its time
 * @property {(ms: number) => Promise<void>} wait
 * @property {() => number} random  0 to 1
 * @property {<T>(name: string, act: () => Promise<T>) => Promise<T>} alone  one tab of this browser at a time
 * @property {(what: "failed" | "missing", n: number) => void} count
 * @property {(error: unknown) => void} report  what should not happen
 */

export {};
