/**
 * The shapes of the state, which views read. Objects inside the state are replaced, never changed, so a view may
 * compare by identity.
 */

/** @typedef {"online" | "away" | "dnd" | "offline"} Presence */
/** @typedef {Exclude<Presence, "offline">} Chosen */
/** `detail` says more of some codes. @typedef {{ code?: string, message?: string, detail?: any }} Failure */
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
 * @property {"off" | "on" | "required"} [encryption]  whether people may make encrypted chats, or have to
 * @property {Record<string, number>} limits
 * @property {string} [secureAddress]  where browsers offer WebCrypto, if the server knows one such origin
 * @property {Demo} [demo]  only of a demo
 * @property {"off" | "on" | "required"} [encryption]
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
 * @property {boolean} e2ee  what is known of it beyond the server's word is in `State.encrypted`
 * @property {string} [rid]  of an encrypted room: its cryptographic identity, as the server names it
 * @property {LogHead} [log]  of an encrypted room: how far its log goes, as the server says
 * @property {string} [role]
 * @property {number} seq  the numbers count what happened up to here
 * @property {number} read
 * @property {number} unread
 * @property {number} mentions
 * @property {number} memberCount
 * @property {string[]} [members]  once the room was opened
 * @property {string[]} others  the other people of a direct room
 * @property {string} [peer]  the other one of two
 * @property {boolean} [wasGroup]  of an encrypted direct room: there were more than two, whoever is left
 * @property {boolean} isDefault  new users join it
 * @property {boolean} readOnly  only its admins write
 * @property {boolean} archived
 * @property {boolean} favourite
 * @property {"usual" | "all" | "mentions" | "none"} notify
 * @property {number | null} mutedUntil  until when I may not write
 * @property {boolean} hidden  a direct room out of my sight until somebody writes
 */

/** The newest entry of a room's log, its `hash` in base64url. @typedef {{ seq: number, hash: string }} LogHead */

/**
 * How it stands with an encrypted room:
 *
 * - `opening`: its log is not checked yet
 * - `locked`: my keys are not in this browser (the card for the password)
 * - `ready`: it can be read and written
 * - `getting_key`: its key is missing, and will come
 * - `joined_alone`: the same for somebody who has just joined, while no other member is here
 * - `waiting`: my keys were reset, and a member has to let me back in
 * - `dead`: nobody in it can let anybody back in ("Begin anew")
 * - `left`: I am not in it any more, by its log
 * - `forked`: the server shows different logs to different people: nothing is sent (see `fork`)
 * - `older_log`: the server shows an older log than this browser knows, which is being brought back
 * - `directory_stopped`: the list of everybody's keys is forked or too old: nothing is sent
 * - `named_plain`: the server says that it is not encrypted, which it is: nothing is sent
 *
 * @typedef {"opening" | "locked" | "ready" | "getting_key" | "joined_alone" | "waiting" | "dead" | "left" | "forked"
 *   | "older_log" | "directory_stopped" | "named_plain"} EncryptedCondition
 */

/**
 * Somebody in an encrypted room, by its log and the list of keys.
 *
 * @typedef {object} EncryptedPerson
 * @property {string} uid
 * @property {string} name  the user name that the list of keys has, checked; empty if none was told ("Former member")
 * @property {string} role
 * @property {string} root  the identity by which the room knows this person, in base64url
 * @property {number} since  the number of the entry in the log by which this person came in
 * @property {boolean} isReset  the keys were reset since: a member has to let this person back in
 * @property {boolean} isShut  has no key, because the account is shut, says the server
 * @property {number | null} verifiedAt  when I compared safety numbers with this person
 * @property {number} keysAt  when the keys were first noted in the list of keys
 * @property {"asks" | "old_key" | "impostor" | null} warning  `asks`: not the keys that I know of this person, so no
 *   key is given before I agree; `old_key`: the server shows an older key of this person; `impostor`: two accounts
 *   have this name
 */

/**
 * A line of an encrypted room's log, for its panel.
 *
 * @typedef {object} LogLine
 * @property {number} seq
 * @property {"create" | "add" | "back" | "remove" | "unban" | "role" | "key" | "link" | "unlink" | "join"
 *   | "profile"} what  `back`: let back in; `key`: a new key
 * @property {string} by
 * @property {string} [uid]  whom it concerns
 * @property {string} [role]
 * @property {string} [reason]  of `remove`: `left`, `removed`, `banned`; of `key`: `member`, `keys`, `shut`, `repair`,
 *   `manual`
 * @property {string[]} [without]  of `key`: whose accounts were shut
 * @property {number} at
 */

/**
 * Two hashes of one place, as evidence that may be saved.
 *
 * @typedef {{ of: "log" | "directory", seq: number, mine: string, theirs: string, by: string | null }} Fork
 */

/**
 * What is known of an encrypted room.
 *
 * @typedef {object} EncryptedRoom
 * @property {string} rid  base64url
 * @property {EncryptedCondition} condition
 * @property {EncryptedPerson[]} people  in the order in which they came in, me among them
 * @property {boolean} wasGroup  of a direct room: there were more than two in it, whoever is left
 * @property {string[]} toApprove  whom I may let back in
 * @property {string} madeBy
 * @property {number} madeAt
 * @property {boolean} isVerified  I have compared safety numbers with everybody else in it
 * @property {LogLine[]} lines  the newest of its log, the newest last
 * @property {Fork | null} fork
 * @property {{ by: string, at: number } | null} badKey  whose key opened for nobody, until a newer one is there
 * @property {number} failedChecks  messages that failed their security check
 * @property {number} missingKeys  messages whose key is not here
 * @property {number} lost  messages that a backup of the server has lost
 */

/**
 * What checking a message of an encrypted room has shown:
 *
 * - `ok`
 * - `failed`: it failed its security check (`failure` says which)
 * - `outdated`: made with an outdated key, perhaps by somebody who is not a member any more
 * - `no_key`: its key is not here yet
 * - `newer`: it needs a newer version of the client
 * - `gone`: the server took it away (`gone` says why)
 *
 * @typedef {"ok" | "failed" | "outdated" | "no_key" | "newer" | "gone"} Verdict
 */

/**
 * A file of a message, or one that is to become so.
 *
 * @typedef {object} FileInfo
 * @property {string} id  by which the server knows it; empty while it is mine and not sent
 * @property {string} [key]  by which this browser knows it until it is sent
 * @property {string} name
 * @property {string} type  by its bytes, or as this browser took it before it was sent
 * @property {number} size
 * @property {number} [width]  of pictures, as they are shown
 * @property {number} [height]
 * @property {string} [alt]  what is to be seen in a picture, in words
 */

/**
 * How far a file of mine is on its way to the server.
 *
 * @typedef {object} Upload
 * @property {"waiting" | "sending" | "done" | "failed"} phase
 * @property {number} sent  bytes that the server has
 * @property {Failure} [error]
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
 * @property {FileInfo[]} [files]
 * @property {number} at
 * @property {number} createdSeq  its place; 0 while mine has none
 * @property {number} seq
 * @property {number} [edited]
 * @property {Record<string, string[]>} [reactions]  emoji to uids
 * @property {Record<string, string>} [mine]  emoji to the `mid` of my reaction
 * @property {"sent" | "pending" | "failed"} status
 * @property {true} [waits]  it is shown with an edit or a deletion of mine that the server has not answered yet
 * @property {Failure} [error]
 * @property {Verdict} [verdict]  of an encrypted room; text, mentions and reactions are there only if it is `ok`
 * @property {string} [failure]  which check failed, for the details: a word of 8.5 of the specification
 * @property {"account" | "retention" | "admin"} [gone]
 * @property {"missing" | "lost"} [refers]  it refers to a message that is not here, or that a backup has lost
 * @property {boolean} [lost]  the server lost it with a backup; what is shown is this browser's copy
 * @property {number} [writtenAt]  the author's clock, where it differs much from `at`
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
 * @property {Message[]} [elsewhere]  messages outside of the stretch as they were edited or deleted last
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
 * @property {Map<string, FileInfo[]>} attached  by room: files that go with the next message
 * @property {Map<string, Upload>} uploads  by key
 * @property {Map<string, EncryptedRoom>} encrypted  by room: what is checked of the encrypted ones
 * @property {string} epoch  which history every `seq` here is of; empty until it is known
 * @property {string} serverBuild  of the client that a reload would get; empty if it is not known
 * @property {import("./keys_state.js").KeysState} keys  my keys, and what is known of other people's
 * @property {Info | null} info  what the server says about itself; null until it has
 */

/** @typedef {import("./store.js").Store} Store */
/** @typedef {import("./client.js").Actions} Actions */

export {};
