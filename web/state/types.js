/**
 * The shapes of the state, which views read. Objects inside the state are replaced, never changed, so a view may
 * compare by identity.
 */

/** @typedef {"online" | "away" | "dnd" | "offline"} Presence */
/** @typedef {Exclude<Presence, "offline">} Chosen */
/** @typedef {{ code?: string, message?: string }} Failure */
/** @typedef {import("./outbox.js").Entry} Entry */
/**
 * A way into an account: a session or a token.
 *
 * @typedef {{ id: string, name: string, createdAt: number, seenAt: number }} Access
 */
/** What a token may do. @typedef {"read" | "write" | "admin"} Scope */
/** A token as it is listed. @typedef {Access & { scope: Scope, expiresAt: number | null }} Token */
/**
 * A token as it is wished for; without a life it does not end.
 *
 * @typedef {{ label: string, scope: Scope, lifeS: number | null }} TokenWish
 */

/**
 * What an invitation says before it is accepted.
 *
 * @typedef {object} InvitationPreview
 * @property {{ uid: string, name: string, username: string, avatar: Picture | null }} by
 * @property {string} server
 * @property {Room[]} rooms
 * @property {number | null} expiresAt
 * @property {boolean} registration  whether it lets a new person in
 */

/**
 * An invitation as it is listed; the server shows its link only when it is made.
 *
 * @typedef {object} Invitation
 * @property {string} id
 * @property {string} label
 * @property {string} by  the name of its maker; empty if it was made on the command line
 * @property {{ id: string, name: string }[]} rooms
 * @property {number} createdAt
 * @property {number | null} expiresAt
 * @property {number} uses
 * @property {number | null} usesMax
 * @property {boolean} revoked
 */

/**
 * One member of a room, as the server lists them.
 *
 * @typedef {object} Member
 * @property {string} uid
 * @property {string} role
 * @property {Presence} state
 * @property {number} joinedAt
 * @property {number | null} mutedUntil
 * @property {User} [user]
 */

/**
 * What the server says before anybody signs in; the part of `GET /api/info` that pages use.
 * @typedef {object} Info
 * @property {string} name
 * @property {string} version
 * @property {"open" | "invite" | "closed"} registration
 * @property {boolean} setup
 * @property {boolean} [memberInvites]
 * @property {"members" | "admins"} [roomCreation]
 * @property {string} [defaultLocale]
 * @property {Record<string, number>} limits
 * @property {string} [secureAddress]  where browsers offer WebCrypto, if the server knows one such origin
 * @property {Demo} [demo]  only of a demo
 * @property {string} [uid]  of whoever is signed in with the cookie of this browser
 */

/**
 * As whom a visitor of a demo may enter.
 * @typedef {{ password: string, people: DemoPerson[] }} Demo
 */
/** @typedef {{ uid: string, username: string, name: string, avatar: Picture | null, admin: boolean }} DemoPerson */

/**
 * @typedef {object} User
 * @property {string} uid
 * @property {string} username
 * @property {string} [displayName]
 * @property {string} [bio]
 * @property {Picture | null} [avatar]
 * @property {Presence} [state]  of others: as seen; of `me`: as chosen, `online` is by itself
 * @property {string} [text]  status text, by custom an emoji and words
 * @property {number | null} [until]  when the status text ends
 * @property {string} [locale]
 * @property {boolean} [admin]
 * @property {boolean} [disabled]  cannot sign in
 * @property {boolean} [removed]  without a name: "Former member"
 * @property {boolean} [ambiguous]  shown with a name that could be taken for another person's
 * @property {boolean} [bot]  writes for another program, and cannot sign in
 */

/**
 * An address by which another program writes into a room.
 *
 * @typedef {object} Hook
 * @property {string} id
 * @property {string} uid  of its bot
 * @property {string} name
 * @property {Picture | null} avatar
 * @property {number | null} usedAt  to the minute
 */

/**
 * Addresses of a face, 96 and 384 pixels wide.
 * @typedef {{ small: string, large: string }} Picture
 */

/**
 * @typedef {object} Room
 * @property {string} id
 * @property {string} name
 * @property {string} [topic]
 * @property {"open" | "closed" | "dm"} kind
 * @property {boolean} e2ee
 * @property {string} [role]
 * @property {number} seq  the numbers count what happened up to here
 * @property {number} read
 * @property {number} unread
 * @property {number} mentions
 * @property {number} memberCount
 * @property {string[]} [members]  once the room was opened
 * @property {string[]} others  the other people of a direct room
 * @property {string} [peer]  the other one of two
 * @property {boolean} isDefault  new users join it
 * @property {boolean} readOnly  only its admins write
 * @property {boolean} archived
 * @property {boolean} favourite
 * @property {"usual" | "all" | "mentions" | "none"} notify
 * @property {number | null} mutedUntil  until when I may not write
 * @property {boolean} hidden  a direct room out of my sight until somebody writes
 */

/**
 * @typedef {object} Message
 * @property {string} mid
 * @property {number} rev
 * @property {"msg" | "del"} kind
 * @property {string} by
 * @property {string} t
 * @property {boolean} [unreadable]  the server cannot read what it says
 * @property {string} [re]  the `mid` it answers
 * @property {string[]} [m]  uids it mentions
 * @property {number} at
 * @property {number} createdSeq  its place; 0 while mine has none
 * @property {number} seq
 * @property {number} [edited]
 * @property {Record<string, string[]>} [reactions]  emoji to uids
 * @property {Record<string, string>} [mine]  emoji to the `mid` of my reaction
 * @property {"sent" | "pending" | "failed"} status
 * @property {Failure} [error]
 */

/**
 * What is loaded of a room: one stretch of its history without a gap. Where it reaches the present it follows it.
 *
 * @typedef {object} Timeline
 * @property {Message[]} messages  in creation order; mine that have no place yet last, and only at the present
 * @property {boolean} loaded
 * @property {boolean} moreBefore  the history goes on before the stretch
 * @property {boolean} moreAfter  the history goes on after the stretch
 * @property {boolean} loadingBefore
 * @property {boolean} loadingAfter
 * @property {number} newAfter  unread messages of others beyond the stretch
 * @property {number} seq  every change up to here is in it, unless it is stale
 * @property {boolean} stale  changes were missed: the stretch stays, and is read anew
 */

/**
 * @typedef {object} State
 * @property {"starting" | "signed_out" | "signed_in"} phase
 * @property {User | null} me
 * @property {boolean} loadingRooms
 * @property {Set<string> | null} namedRooms  mine that the server has named since the connect; null once it named all
 * @property {boolean} wasEnded  signed out, but not by me and here
 * @property {boolean} tookOver  this page was another person's until they, or I, signed in elsewhere in this browser
 * @property {Entry[]} setAside  texts of mine that the server refused and no room shows
 * @property {{ online: boolean, isLost: boolean }} connection  lost: nothing has been heard for seconds, although asked
 * @property {Map<string, Room>} rooms
 * @property {Map<string, User>} users
 * @property {Set<string>} blocked  people I have blocked
 * @property {Map<string, string[]>} typing
 * @property {Map<string, Timeline>} timelines
 * @property {string | null} attended  the room whose end is before somebody's eyes, on a visible and focused page
 * @property {Map<string, string>} drafts
 * @property {string} epoch  which history every `seq` here is of; empty until it is known
 * @property {string} serverBuild  of the client that a reload would get; empty if it is not known
 * @property {Info | null} info  what the server says about itself; null until it has
 */

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./client.js").Actions} Actions */

export {};
