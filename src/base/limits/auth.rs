//! Passwords, sessions, tickets and invitations (`auth`). Those for guesses are multiplied by the
//! rate-limit scale, and 0 lifts them.

use std::time::Duration;

/// Wrong passwords for one account from one network (an IPv4 address, an IPv6 /64), and the time
/// in which they come back. After a quarter of them each waits twice as long as the one before.
pub const FAILURES: u32 = 20;
/// The same from an IPv6 /56.
pub const FAILURES_OF_SITE: u32 = 60;
/// The same from an IPv6 /48 or an IPv4 /24.
pub const FAILURES_OF_BLOCK: u32 = 240;
/// The same from a browser that has signed in before, or of a session that asks for the password.
pub const FAILURES_OF_DEVICE: u32 = 20;
/// The time in which these wrong passwords come back.
pub const FAILURES_PERIOD: Duration = Duration::from_secs(3_600);
/// Wrong passwords for one account from all networks it has never signed in from; beyond these,
/// attempts from such networks take turns.
pub const FAILURES_OF_STRANGERS: u32 = 60;
/// Wrong passwords for all accounts from one network; beyond these, its attempts take turns. An
/// office of 200 where everybody mistypes three times stays below.
pub const FAILURES_OF_NETWORK: u32 = 600;
/// After a wrong password the next turn waits for so long.
pub const TURN: Duration = Duration::from_secs(3);
/// Attempts that wait for their turn, one of each network or one for each account.
pub const TURNS_WAITING: usize = 16;
/// How long one waits for its turn at most.
pub const TURN_WAIT: Duration = Duration::from_secs(60);
/// Wrong passwords for one account that are remembered of one network (an IPv4 /24, an IPv6 /48) and decide
/// whose turn is next: the network with the fewest goes first.
pub const FAILURES_OF_LATE: u32 = 24;
/// The time in which they are forgotten.
pub const LATE: Duration = Duration::from_secs(24 * 3_600);
/// Accounts and networks whose attempts take turns at the same time.
pub const TURNS: usize = 4_096;
/// Keys one rate limit remembers.
pub const KEYS: usize = 100_000;
/// Networks remembered because somebody signed in from there, since the server started.
pub const KNOWN_NETWORKS: usize = 100_000;
/// How long one is remembered.
pub const KNOWN_NETWORK: Duration = Duration::from_secs(90 * 24 * 3600);
/// Accounts whose device entries one browser's cookie holds.
pub const DEVICE_ACCOUNTS: usize = 4;
/// Accounts registered from one network in an hour; twice as many from an IPv6 /56, four times
/// from a /48 or an IPv4 /24.
pub const REGISTRATIONS: u32 = 240;
/// The time in which [`REGISTRATIONS`] come back.
pub const REGISTRATIONS_PERIOD: Duration = Duration::from_secs(3_600);
/// Tickets and invitations that were not good, from one network in a minute. Good ones do not count.
pub const BAD_LINKS: u32 = 30;
/// The time in which [`BAD_LINKS`] come back.
pub const BAD_LINKS_PERIOD: Duration = Duration::from_secs(60);
/// Memory of one computation of a password with Argon2id (`e2ee.md` 4.3).
pub const HASH_MEMORY_KIB: u32 = 65_536;
/// Its passes over the memory.
pub const HASH_PASSES: u32 = 3;
/// Its lanes.
pub const HASH_LANES: u32 = 1;
/// Computations of passwords that wait for a core in each of the two rings, known browsers and strangers.
pub const HASHES_WAITING: usize = 2_048;
/// The same of one network.
pub const HASHES_WAITING_PER_NETWORK: usize = 512;
/// When somebody who finds such a queue full may try again, in milliseconds.
pub const QUEUE_RETRY_MS: u32 = 2_000;
/// Queries of the account store at once on behalf of people who are not signed in. Few, because each keeps a
/// process of the database busy, and the rooms' own commits need the same cores.
pub const LOOKUPS: usize = 2;
/// Such queries that wait in each of the two rings.
pub const LOOKUPS_WAITING: usize = 4_096;
/// The same of one network.
pub const LOOKUPS_WAITING_PER_NETWORK: usize = 1_024;
/// A session ends for good after this.
pub const SESSION_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// A browser that was away for longer signs in again.
pub const SESSION_IDLE: Duration = Duration::from_secs(90 * 24 * 3600);
/// How often the last use of a session is written down.
pub const SESSION_TOUCH: Duration = Duration::from_secs(10 * 60);
/// Browsers one user is signed in with; beyond this the oldest end.
pub const SESSIONS: usize = 100;
/// How often sessions and tokens that have expired are selected, to close their sockets.
pub const SESSIONS_SWEEP: Duration = Duration::from_secs(10);
/// Sessions that one such query ends.
pub const SESSIONS_SWEPT: i64 = 1_000;
/// Sessions remembered at once.
pub const SESSIONS_REMEMBERED: usize = 65_536;
/// How long one is valid without another query: a session that another process ended is refused by then.
pub const SESSION_BELIEVED: Duration = Duration::from_secs(30);
/// How long an ended one is remembered as such.
pub const SESSION_ENDED: Duration = Duration::from_secs(300);
/// A token of ours, in characters.
pub const TOKEN_TEXT: usize = 43;
/// Personal access tokens of one user.
pub const TOKENS: i64 = 100;
/// How long a token is good, unless its maker says otherwise.
pub const TOKEN_LIFE: Duration = Duration::from_secs(90 * 24 * 3600);
/// The longest life that can be chosen; a token without an end is possible, too.
pub const TOKEN_LIFE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
/// The shortest.
pub const TOKEN_LIFE_MIN: Duration = Duration::from_secs(60);
/// Somebody who uses an invitation again within this time is not counted again.
pub const INVITE_REPEAT: Duration = Duration::from_secs(10 * 60);
/// Rounds of PBKDF2 that browsers compute for new passwords.
pub const ITERATIONS: u32 = 1_000_000;
/// Rounds a client may choose for its part of a password (`e2ee.md` 4.2).
pub const ITERATIONS_RANGE: std::ops::RangeInclusive<u32> = 600_000..=5_000_000;
/// From `prepare` to `commit`.
pub const PENDING: Duration = Duration::from_secs(10 * 60);
/// How long a ticket is good.
pub const TICKET: Duration = Duration::from_secs(24 * 3600);
/// Live invite links of one user.
pub const INVITES: i64 = 100;
/// Rooms one link opens.
pub const INVITE_ROOMS: usize = 20;
/// How many people one link may be said to let in.
pub const INVITE_USES: i32 = 1_000;
/// How long a link is good, unless its maker says otherwise.
pub const INVITE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
/// The longest life that can be chosen; a link without an end is possible, too.
pub const INVITE_LIFE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
/// The shortest.
pub const INVITE_LIFE_MIN: Duration = Duration::from_secs(60);
/// Links one user makes in an hour.
pub const INVITES_PER_HOUR: u32 = 60;
/// The highest bound of accounts that can be set.
pub const USERS_MAX: u32 = 1_000_000;
/// Incoming hooks of one room.
pub const HOOKS_PER_ROOM: i64 = 20;
/// Incoming hooks of all rooms together.
pub const HOOKS: i64 = 5_000;
/// In which so many messages of hooks may come.
pub const HOOK_MESSAGES_IN: Duration = Duration::from_secs(60);
/// Messages of one hook within that time, times the rate-limit scale.
pub const HOOK_MESSAGES: u32 = 60;
/// Messages of all hooks of one room within that time, times the rate-limit scale.
pub const HOOK_MESSAGES_PER_ROOM: u32 = 180;
