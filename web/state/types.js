/**
 * The shapes that the views read and the actions they may ask for. Objects inside the state are replaced, never
 * changed, so a view may compare by identity.
 */

/** @typedef {"online" | "away" | "dnd" | "offline"} Presence */
/** @typedef {Exclude<Presence, "offline">} Chosen */
/** @typedef {{ code?: string, message?: string }} Failure */
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
 * @typedef {object} Invite
 * @property {{ name: string, username: string, avatar: Picture | null }} by
 * @property {string} server
 * @property {{ id: string, name: string, topic: string, kind: "open" | "closed", members: number }[]} rooms
 * @property {number | null} expiresAt
 * @property {boolean} registration  whether it lets a new person in
 */

/**
 * An invitation of mine; its link was told when it was made.
 * @typedef {{ id: string, label: string, rooms: string[], createdAt: number, expiresAt: number | null, uses: number,
 *   usesMax: number | null, revoked: boolean }} OwnInvite
 */

/**
 * What the server says before anybody signs in; the part of `GET /api/info` that pages use.
 * @typedef {object} Info
 * @property {string} name
 * @property {string} version
 * @property {"open" | "invite" | "closed"} registration
 * @property {boolean} setup
 * @property {boolean} [member_invites]
 * @property {"members" | "admins"} [room_creation]
 * @property {string} [default_locale]
 * @property {Record<string, number>} limits
 */

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
 * @property {number} seq
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
 * @property {number | null} silencedUntil  until when I may not write
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
 * @property {number} createdSeq  0 while pending
 * @property {number} seq
 * @property {number} [edited]
 * @property {Record<string, string[]>} [reactions]  emoji to uids
 * @property {Record<string, string>} [mine]  emoji to the `mid` of my reaction
 * @property {"sent" | "pending" | "failed"} status
 * @property {Failure} [error]
 */

/**
 * @typedef {object} Timeline
 * @property {Message[]} messages  in creation order; pending ones last
 * @property {boolean} loaded
 * @property {boolean} loading
 * @property {boolean} moreBefore
 * @property {number} seq  every change up to here is in it
 */

/**
 * @typedef {object} State
 * @property {"starting" | "signed_out" | "signed_in"} phase
 * @property {User | null} me
 * @property {boolean} loadingRooms
 * @property {boolean} wasEnded  signed out, but not by me and here
 * @property {{ online: boolean }} connection
 * @property {Map<string, Room>} rooms
 * @property {Map<string, User>} users
 * @property {Set<string>} blocked  the people I want to hear nothing of
 * @property {Map<string, string[]>} typing
 * @property {Map<string, Timeline>} timelines
 * @property {Map<string, string>} drafts
 * @property {Info | null} info  what the server says about itself; null until it has
 */

/**
 * @typedef {object} Store
 * @property {State} state
 * @property {(listener: () => void) => () => void} subscribe
 */

/**
 * @typedef {object} Actions
 * @property {(account: { username: string, password: string }) => Promise<void>} signIn
 * @property {(account: { username: string, password: string, setup?: string, invite?: string }) => Promise<void>}
 *   register
 * @property {() => Promise<void>} signOut
 * @property {(room: string) => Promise<void>} openRoom
 * @property {(room: string) => Promise<void>} loadOlder
 * @property {(room: string, mid: string) => Promise<boolean>} loadAround
 * @property {(room: string, draft: { text: string, re?: string, mentions: string[] }) => Promise<void>} send
 * @property {(room: string, mid: string, text: string) => Promise<void>} edit
 * @property {(room: string, mid: string) => Promise<void>} remove
 * @property {(room: string, mid: string, emoji: string, on: boolean) => Promise<void>} react
 * @property {(room: string, mid: string) => Promise<void>} retry
 * @property {(room: string, mid: string) => Promise<void>} discard
 * @property {(room: string) => void} typing
 * @property {(room: string, seq: number) => void} markRead
 * @property {(room: string, text: string) => void} setDraft
 * @property {(room: { name: string, topic?: string, kind: "open" | "closed", members?: string[] }) => Promise<string>}
 *   createRoom
 * @property {(...uids: string[]) => Promise<string>} directRoom
 * @property {(room: string) => Promise<void>} joinRoom
 * @property {(room: string) => Promise<void>} leaveRoom
 * @property {(room: string, hidden: boolean) => Promise<void>} hideRoom  a direct room, until somebody writes
 * @property {(room: string) => Promise<void>} removeRoom
 * @property {(room: string) => Promise<void>} restoreRoom
 * @property {(room: string) => Promise<{ uid: string, role?: string }[]>} members
 * @property {(room: string, uid: string) => Promise<void>} addMember
 * @property {(query: string) => Promise<User[]>} searchUsers
 * @property {(wires: any[]) => User[]} learnUsers  profiles that came along with something else
 * @property {(profile: { displayName?: string, bio?: string, locale?: string }) => Promise<void>} updateProfile
 * @property {(status: { state: Chosen, text: string, until: number | null }) => Promise<void>} setStatus
 * @property {(picture: Blob, progress: (part: number) => void) => Promise<void>} uploadAvatar
 * @property {() => Promise<void>} removeAvatar
 * @property {(change: { old: string, password: string, signOutOthers: boolean }) => Promise<void>} changePassword
 * @property {(ticket: string) => Promise<{ username: string, displayName: string, isNew: boolean }>} lookTicket
 * @property {(choice: { ticket: string, username: string, password: string }) => Promise<void>} spendTicket  sets the
 *   password and signs in
 * @property {(farewell: { password: string, messages: "keep" | "erase" }) => Promise<void>} deleteAccount
 * @property {() => Promise<(Access & { current: boolean })[]>} sessions
 * @property {(id: string) => Promise<void>} endSession
 * @property {() => Promise<void>} endOtherSessions
 * @property {() => Promise<Token[]>} tokens
 * @property {(wish: TokenWish) => Promise<string>} createToken  the token itself, told this once
 * @property {(id: string) => Promise<void>} revokeToken
 * @property {(code: string) => Promise<Invite>} lookInvite
 * @property {(code: string) => Promise<string[]>} acceptInvite  the rooms it opened
 * @property {(invite?: { label?: string, rooms?: string[], expires_in_s?: number | null, uses_max?: number | null })
 *   => Promise<string>} createInvite  the link
 * @property {() => Promise<OwnInvite[]>} invites
 * @property {(id: string) => Promise<void>} revokeInvite
 * @property {() => Promise<Info>} info
 * @property {(uid: string) => Promise<void>} block
 * @property {(uid: string) => Promise<void>} unblock
 * @property {() => Promise<{ uid: string, at: number }[]>} blocks  whom I have blocked, newest first
 * @property {(uid: string) => Promise<void>} refreshUser  asks for a profile again
 * @property {() => void} reconnectNow
 */

export {};
