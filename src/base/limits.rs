//! Every bound in one place: sizes in bytes, times as `Duration`, rates per named period.
//! Each queue, buffer and wait in the program takes its bound from here.

use std::time::Duration;

/// How much may be taken at once, and how much of it comes back in a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// A full bucket.
    pub at_once: f64,
    /// What comes back.
    pub per_second: f64,
}

impl Rate {
    /// So much within so many seconds, at once or spread.
    const fn within(seconds: f64, most: f64) -> Self {
        Self { at_once: most, per_second: most / seconds }
    }

    /// The same for a server that allows so many times as much. A smaller bucket than the plain one would
    /// refuse what is done at once without being too much.
    #[must_use]
    pub fn times(self, scale: f64) -> Self {
        Self { at_once: self.at_once * scale.max(1.0), per_second: self.per_second * scale }
    }
}

/// Networks whose addresses count as one client (`net`).
pub mod net {
    /// How many times the bound of one client an IPv6 /56 may have.
    pub const SHARE_OF_56: usize = 2;
    /// The same of a /48.
    pub const SHARE_OF_48: usize = 4;
}

/// HTTP/1.1 (`http`).
pub mod http {
    use super::Duration;
    /// Request line; longer is 414.
    pub const REQUEST_LINE: usize = 16 * 1024;
    /// Whole head; longer is 431.
    pub const HEAD: usize = 64 * 1024;
    /// Header fields; more is 431.
    pub const HEADERS: usize = 100;
    /// Chunk extensions of one line.
    pub const CHUNK_EXTENSION: usize = 256;
    /// Chunk extensions of a whole body.
    pub const CHUNK_EXTENSIONS: usize = 4 * 1024;
    /// Trailers of a chunked body.
    pub const TRAILERS: usize = 8 * 1024;
    /// Bytes of a request that are not accounted for yet.
    pub const UNACCOUNTED: usize = 16 * 1024;
    /// Body of a JSON request unless its route says otherwise.
    pub const BODY: usize = 64 * 1024;
    /// From the first byte of a head to its last; of the first one from the accept.
    pub const HEAD_DEADLINE: Duration = Duration::from_secs(20);
    /// From the head to the end of the body.
    pub const BODY_DEADLINE: Duration = Duration::from_secs(40);
    /// How long a connection is kept without a request.
    pub const IDLE: Duration = Duration::from_secs(90);
    /// Writing one response.
    pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);
    /// Reading on after the last response before the close.
    pub const LINGER: Duration = Duration::from_secs(2);
    /// Bytes of one such read.
    pub const LINGER_READ: usize = 1_024;
    /// Bytes of a connection, also of a WebSocket, that the kernel takes before it can send them. What is more
    /// waits where it is accounted for. With less, a client that reads nothing for a moment would count as
    /// lagging while thousands of small frames are sent to it.
    pub const UNSENT: u32 = 1024 * 1024;
    /// Connections the kernel holds before they are accepted.
    pub const BACKLOG: i32 = 4096;
    /// Connections that speak HTTP at once.
    pub const CONNECTIONS: usize = 16_384;
    /// The same from one client (an IPv4 address or an IPv6 /64; see `net`).
    pub const CONNECTIONS_PER_ADDRESS: usize = 256;
    /// A connection that has been idle for so long gives way to a new one when there are too many.
    pub const GIVES_WAY: Duration = Duration::from_millis(250);
    /// Connections of one client that wait for a permit when it has as many as it may.
    pub const WAITING_PER_ADDRESS: usize = 1_024;
    /// How long they wait.
    pub const PERMIT_WAIT: Duration = Duration::from_secs(5);
    /// How often a connection that waits checks whether an idle one can give way by now.
    pub const PERMIT_POLL: Duration = Duration::from_millis(50);
    /// Refusals that are written at the same time; a connection beyond them is closed at once.
    pub const REFUSALS: usize = 256;
    /// Bytes of a refused connection that are read before it is closed at once.
    pub const REFUSED_READ: usize = 4 * 1024;
    /// Bytes of one read of a connection.
    pub const READ: usize = 8 * 1024;
    /// Bytes of the first read, before any wait: the head of nearly every upgrade fits.
    pub const FIRST_READ: usize = 2 * 1024;
    /// How long a call of our own HTTP client may take.
    pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(60);
    /// Bytes of a reply that it reads.
    pub const CLIENT_REPLY: usize = 16 * 1024 * 1024;
    /// Nesting of a JSON body. The deepest request of the contract has five levels.
    pub const JSON_DEPTH: usize = 32;
    /// Bytes of the path of a file that is served.
    pub const SITE_PATH: usize = 255;
    /// What one client may spend on requests at once. An office of two hundred that loads the page and
    /// signs in on a Monday morning spends some ninety thousand in a minute.
    pub const BURST: u32 = 100_000;
    /// How much of it comes back in a second.
    pub const RATE: u32 = 1_000;
    /// Cost of a request that is answered from memory.
    pub const COST_LIGHT: u32 = 1;
    /// Cost of a picture.
    pub const COST_LOOKUP: u32 = 2;
    /// Cost of a call of the interface: a hundred a second for long, ten thousand at once.
    pub const COST_CALL: u32 = 10;
    /// Cost of `/metrics` and `/ready`.
    pub const COST_HEAVY: u32 = 100;
    /// How long the refusal of a request beyond the rate is delayed at most.
    pub const RATE_PAUSE: Duration = Duration::from_secs(1);
    /// Requests of one client that are served at the same time.
    pub const AT_ONCE: usize = 64;
    /// How long one more waits for a slot.
    pub const AT_ONCE_WAIT: Duration = Duration::from_secs(10);
    /// Clients whose spending is remembered at once.
    pub const CLIENTS: usize = 100_000;
    /// Between two lines in the log about requests that were refused for their origin or host.
    pub const REFUSALS_LOGGED: Duration = Duration::from_secs(60);
    /// Characters of a value of such a request that are written into the log.
    pub const LOGGED_VALUE: usize = 100;
}

/// The HTTP interface (`api`).
pub mod api {
    use super::Duration;
    /// When a client whose WebSocket was refused may try again, in milliseconds.
    pub const SOCKET_RETRY_MS: u32 = 5_000;
    /// Body of a request that has little to say.
    pub const SMALL_BODY: usize = 16 * 1024;
    /// How long a browser keeps the cookie of a login: as long as a session can live.
    pub const COOKIE_AGE: Duration = super::auth::SESSION_LIFE;
    /// How long a browser keeps the cookie that says it has signed in before; browsers allow no more.
    pub const DEVICE_COOKIE_AGE: Duration = Duration::from_secs(400 * 24 * 3600);
    /// An answer that takes no more is not accounted for: the kernel takes it at once.
    pub const SMALL_ANSWER: usize = 16 * 1024;
    /// Rooms in one answer of `GET /api/rooms`, in bytes.
    pub const ROOMS_BYTES: usize = 512 * 1024;
    /// Members in one answer that is no page.
    pub const MEMBERS: usize = 10_000;
    /// Users in one answer of the directory.
    pub const DIRECTORY: usize = 200;
    /// Display name, in characters.
    pub const DISPLAY_NAME: usize = 64;
    /// What somebody says about themselves, in characters.
    pub const BIO: usize = 1_000;
    /// A language tag, in bytes.
    pub const LOCALE: usize = 16;
    /// Members a new room may start with.
    pub const FIRST_MEMBERS: usize = 100;
    /// A picture as it is uploaded.
    pub const AVATAR_BODY: usize = 5 * 1024 * 1024;
    /// Entries of one page of a list, unless the caller asks for fewer, and the most it may ask for.
    pub const PAGE: usize = 50;
    /// The most.
    pub const PAGE_MAX: usize = 200;
    /// People in a group direct room, its maker among them.
    pub const GROUP_DIRECT: usize = 10;
    /// Label of a token or an invite link, and the name of a device, in characters.
    pub const LABEL: usize = 100;
    /// Name of the server, in characters.
    pub const SERVER_NAME: usize = 64;
    /// The latest moment that can be chosen, the end of the year 9999 in milliseconds: browsers show it.
    pub const LATEST_MS: i64 = 253_402_300_799_999;
}

/// Stopping (`server`).
pub mod server {
    use super::Duration;
    /// Requests in flight get this long when the server stops. Rooms and shards have their own bounds.
    pub const REQUESTS_STOP: Duration = Duration::from_millis(1_500);
    /// What still runs beside the rooms when they have stopped gets this long.
    pub const THREADS_STOP: Duration = Duration::from_millis(500);
}

/// What the server does for callers and by itself (`service`).
pub mod service {
    use super::Duration;
    /// Acts one person may do that go into the audit log, at once and in [`AUDITED_IN`], times the
    /// rate-limit scale. Fifty members can be muted, or a department moved, without a pause.
    pub const AUDITED: u32 = 300;
    /// The same of everybody but admins of the server together, in an hour: the log does not grow
    /// faster, however many accounts somebody has.
    pub const AUDITED_TOTAL: u32 = 20_000;
    /// The time in which [`AUDITED`] acts come back.
    pub const AUDITED_IN: Duration = Duration::from_secs(10 * 60);
    /// Between attempts to write an entry of the audit log, while the store does not answer.
    pub const RECORD_PAUSES: [Duration; 3] =
        [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];
    /// How long an answer waits for its entry. What is not written by then is written beside it.
    pub const RECORD_WAIT: Duration = Duration::from_millis(200);
    /// Between two samples of the counters.
    pub const STATS_SAMPLED: Duration = Duration::from_secs(10);
    /// Samples kept: an hour of them.
    pub const STATS_SAMPLES: usize = 360;
    /// Days in the figures.
    pub const STATS_DAYS: usize = 30;
    /// How long the figures of the days are kept before they are read anew.
    pub const STATS_DAYS_CACHED: Duration = Duration::from_secs(60);
    /// Between two purges.
    pub const PURGE: Duration = Duration::from_secs(3_600);
    /// Users of one purge; the rest follows with the next.
    pub const PURGED_USERS: i64 = 100;
    /// Between two attempts to finish what a failure interrupted.
    pub const RETRY: Duration = Duration::from_secs(2);
}

/// Passwords, sessions, tickets and invitations (`auth`). Those for guesses are multiplied by the
/// rate-limit scale, and 0 lifts them.
pub mod auth {
    use super::Duration;
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
    /// Wrong passwords for one account that are remembered of one network (an IPv4 /24, an IPv6 /48): who
    /// has fewer has the next turn.
    pub const FAILURES_OF_LATE: u32 = 24;
    /// In which they are forgotten.
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
    /// When somebody for whom there is no place in such a queue may try again, in milliseconds.
    pub const QUEUE_RETRY_MS: u32 = 2_000;
    /// Questions of people who are not signed in to the account store at once. Few, because each keeps a
    /// process of the database busy, and the rooms' own commits need the same cores.
    pub const LOOKUPS: usize = 2;
    /// Such questions that wait in each of the two rings.
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
    /// How often sessions and tokens are looked for that have come to their end: their sockets are
    /// closed by then.
    pub const SESSIONS_SWEEP: Duration = Duration::from_secs(10);
    /// Sessions one such look ends.
    pub const SESSIONS_SWEPT: i64 = 1_000;
    /// Sessions remembered at once.
    pub const SESSIONS_REMEMBERED: usize = 65_536;
    /// How long one is believed without asking the store: what another process ends, ends by then.
    pub const SESSION_BELIEVED: Duration = Duration::from_secs(30);
    /// How long an ended one is remembered as such.
    pub const SESSION_ENDED: Duration = Duration::from_secs(300);
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
    /// How long a link is good, unless told.
    pub const INVITE_LIFE: Duration = Duration::from_secs(7 * 24 * 3600);
    /// The most that may be told; a link without an end is possible, too.
    pub const INVITE_LIFE_MAX: Duration = Duration::from_secs(365 * 24 * 3600);
    /// The least.
    pub const INVITE_LIFE_MIN: Duration = Duration::from_secs(60);
    /// Links one user makes in an hour.
    pub const INVITES_PER_HOUR: u32 = 60;
    /// The highest bound of accounts that can be set.
    pub const USERS_MAX: u32 = 1_000_000;
}

/// User names (`names`).
pub mod names {
    /// Shortest and longest, in characters.
    pub const LENGTH: std::ops::RangeInclusive<usize> = 2..=32;
    /// Marks on one letter: vowel signs, tones and accents need no more.
    pub const MARKS: usize = 3;
}

/// What can be set at the start (`config`).
pub mod config {
    /// Delivery threads. A shard is named by a `u16`, and more shards than cores never help.
    pub const SHARDS_MAX: usize = 256;
    /// Factor of the rate limits.
    pub const RATE_LIMIT_SCALE_MAX: f64 = 1e6;
}

/// Pictures of people (`avatars`).
pub mod avatars {
    /// Longest edge of an upload, in pixels.
    pub const EDGE: u32 = 8_192;
    /// Most pixels of an upload.
    pub const PIXELS: u64 = 24_000_000;
    /// What decoding one may allocate.
    pub const MEMORY: u64 = 256 * 1024 * 1024;
    /// Pictures decoded and scaled at once.
    pub const AT_ONCE: usize = 2;
    /// Pictures being uploaded, waiting or being scaled; one of each user.
    pub const UPLOADS: usize = 32;
    /// When the owner of one more may try again, in milliseconds.
    pub const RETRY_MS: u32 = 2_000;
    /// Quality of the JPEG that is kept, of 100.
    pub const QUALITY: u8 = 85;
}

/// Chat frames and messages (`protocol`).
pub mod chat {
    /// A command frame.
    pub const COMMAND: usize = 64 * 1024;
    /// Characters of a command id.
    pub const COMMAND_ID: usize = 32;
    /// Text of a message, in bytes.
    pub const TEXT: usize = 32 * 1024;
    /// Mentions in one message.
    pub const MENTIONS: usize = 50;
    /// Files in one message: none until files can be uploaded.
    pub const FILES: usize = 0;
    /// Changes of one message.
    pub const REV: u32 = 1_000_000;
    /// Bytes of one reaction's emoji.
    pub const EMOJI: usize = 64;
    /// Reactions of one author to one message.
    pub const REACTIONS_PER_AUTHOR: usize = 20;
    /// Reactions to one message by everybody together: each one sends all of them again.
    pub const REACTIONS: usize = 1_000;
    /// Status text.
    pub const STATUS: usize = 200;
    /// Room name, in characters.
    pub const ROOM_NAME: usize = 80;
    /// Room topic, in characters.
    pub const ROOM_TOPIC: usize = 500;
    /// Messages replayed by `room.subscribe` before it answers `truncated`.
    pub const REPLAY: usize = 1_000;
    /// Messages in one history page.
    pub const PAGE: usize = 100;
    /// Messages of a page that names no limit.
    pub const PAGE_DEFAULT: usize = 50;
    /// Bytes of their contents; one message, however large, is always there.
    pub const PAGE_BYTES: usize = 512 * 1024;
    /// Rooms in `hello`, in bytes; further ones follow in `rooms`.
    pub const HELLO_BYTES: usize = 256 * 1024;
    /// Bytes of one `rooms`.
    pub const ROOMS_BYTES: usize = 64 * 1024;
    /// Messages counted as unread before it reads "1000 or more".
    pub const UNREAD: usize = 1_000;
    /// The largest number in a command: JavaScript represents no larger one exactly.
    pub const NUMBER: u64 = (1 << 53) - 1;
    /// Memory allocated for a frame before it is encoded: most frames need no more.
    pub const FRAME: usize = 448;
    /// About how many bytes a room takes in `hello` besides its name, its topic and its members.
    pub const ROOM_VIEW: usize = 200;
}

/// PostgreSQL (`store`).
pub mod store {
    use super::Duration;
    /// Connections of one pool.
    pub const POOL: usize = 16;
    /// Waiting for a free connection of the pool.
    pub const POOL_WAIT: Duration = Duration::from_secs(3);
    /// How long the journal checks batches for duplicates before it inserts them, once there was one.
    pub const CHECK_DUPLICATES: Duration = Duration::from_secs(1);
    /// Connecting.
    pub const CONNECT: Duration = Duration::from_secs(2);
    /// A connection that is silent for so long is probed by the kernel.
    pub const KEEPALIVE: Duration = Duration::from_secs(30);
    /// One statement.
    pub const STATEMENT: Duration = Duration::from_secs(5);
    /// Statements of one commit on their way at once: as many answers wait in memory at most.
    pub const STATEMENTS: usize = 64;
    /// How long removed users and rooms can be restored before they are purged.
    pub const RESTORABLE: Duration = Duration::from_secs(30 * 24 * 3600);
    /// Entries of the audit log that are read at a time when its chain is verified.
    pub const AUDIT_ROWS: i64 = 1_000;
    /// Accounts whose ambiguity is computed by one transaction when the server starts.
    pub const NAMES_AT_ONCE: i64 = 500;
    /// Rows one statement of a removal or a purge touches.
    pub const PURGE_ROWS: i64 = 1_000;
    /// Messages up to which they are counted one by one; of more there is an estimate.
    pub const COUNTED: i64 = 100_000;
    /// About how many bytes a reaction adds to a message, where the bytes of a page or slice are bounded.
    pub const REACTION_BYTES: usize = 64;
    /// Stored rows that cannot be read and are reported in the log, each once; of more only that
    /// there are more.
    pub const UNREADABLE: usize = 1_000;
    /// "Are you there" and "can you write", as `/ready` asks them.
    pub const PING: Duration = Duration::from_millis(1_500);
    /// Between two tries of `/ready` whether a write commits, as long as the last one did.
    pub const PROBE: Duration = Duration::from_secs(5);
    /// Rows of about two kilobytes that such a try puts into a table of its own session and throws away:
    /// some of them need new pages, which a full disk does not give.
    pub const PROBE_ROWS: i32 = 64;
}

/// Room actors, the journal and presence (`rooms`).
pub mod rooms {
    use super::Duration;
    /// Commands waiting for one room.
    pub const INBOX: usize = 1_024;
    /// Commands one room handles at a time, and so its largest part of a commit.
    pub const BATCH: usize = 512;
    /// Bytes of changed messages that are staged for one commit; more waits for the next.
    pub const STATES_BYTES: usize = 4 * 1024 * 1024;
    /// Appends waiting for the journal, one per room at most.
    pub const JOURNAL: usize = 4_096;
    /// Rows of one commit.
    pub const COMMIT_ROWS: usize = 4_096;
    /// One commit, from its first statement to the answer.
    pub const COMMIT: Duration = Duration::from_secs(6);
    /// One query of a room.
    pub const LOOKUP: Duration = Duration::from_secs(2);
    /// Between attempts to reach a database that is away.
    pub const RECONNECT: Duration = Duration::from_millis(500);
    /// Events in the replay buffer of a room.
    pub const REPLAY_BUFFER_EVENTS: usize = 512;
    /// Bytes of those events.
    pub const REPLAY_BUFFER_BYTES: usize = 256 * 1024;
    /// A room in which nothing has happened for so long drops them when memory runs short.
    pub const REPLAY_BUFFER_IDLE: Duration = Duration::from_secs(120);
    /// Slices of replays read from the store at the same time.
    pub const REPLAYS: usize = 8;
    /// The same for one user.
    pub const REPLAYS_PER_USER: usize = 4;
    /// Contents of one slice; one message, however large, is always there.
    pub const SLICE_BYTES: usize = 128 * 1024;
    /// Messages of one slice.
    pub const SLICE_ROWS: usize = 256;
    /// Messages the first slice of a replay asks for: nearly all replays are short.
    pub const SLICE_ROWS_FIRST: usize = 64;
    /// Messages a slice asks for at least, however large the ones before were.
    pub const SLICE_ROWS_MIN: usize = 8;
    /// Between two attempts to reserve the memory of a slice.
    pub const RESERVE_RETRY: Duration = Duration::from_millis(100);
    /// Bytes of one replay from the store; more is `truncated`.
    pub const REPLAY_BYTES: usize = 16 * 1024 * 1024;
    /// Rooms one user may own, times the rate-limit scale; admins of the server may own more.
    pub const OWNED: usize = 500;
    /// Rooms one user may be in, times the rate-limit scale.
    pub const JOINED: usize = 5_000;
    /// Open and closed rooms one user makes in an hour.
    pub const MADE_PER_HOUR: u32 = 120;
    /// Direct rooms one user begins in an hour.
    pub const DIRECT_PER_HOUR: u32 = 120;
    /// People one user may block.
    pub const BLOCKS: usize = 500;
    /// Blocks of all users together, because all of them are kept in memory: some 20 MB.
    pub const BLOCKS_IN_ALL: usize = 500_000;
    /// Blocks and their ends of one user in an hour: each looks at all of the user's rooms.
    pub const BLOCK_CHANGES_PER_HOUR: u32 = 300;
    /// Presence is pushed into rooms of at most this many members.
    pub const PRESENCE_MEMBERS: usize = 256;
    /// Users whose status is stored by one statement.
    pub const STATUSES_AT_ONCE: usize = 256;
    /// People whose typing is published in one room within [`TYPING_TICK`]; one in a room larger than
    /// [`PRESENCE_MEMBERS`].
    pub const TYPING: usize = 5;
    /// How often the typing of one person is published at most.
    pub const TYPING_TICK: Duration = Duration::from_secs(1);
    /// How often presence is published.
    pub const PRESENCE_TICK: Duration = Duration::from_secs(1);
    /// Until everything accepted is answered when the server stops.
    pub const STOP: Duration = Duration::from_secs(5);
    /// What a client is told to wait when the database is away, in milliseconds.
    pub const RETRY_MS: u32 = 1_000;
}

/// The memory of everything that waits for clients (`memory`).
pub mod memory {
    /// All of it, unless `IMPULSE_MEMORY_BUDGET` says otherwise.
    pub const BUDGET: usize = 512 * 1024 * 1024;
    /// The least that can be set: with less, one user could not be sent one page.
    pub const BUDGET_MIN: usize = 64 * 1024 * 1024;
    /// The most.
    pub const BUDGET_MAX: usize = 1024 * 1024 * 1024 * 1024;
    /// The budget has so many parts; the shares below are counted in them.
    pub const PARTS: usize = 32;
    /// Frames for single WebSockets.
    pub const SEND_QUEUES: usize = 8;
    /// Frames of rooms that some reader has not taken.
    pub const ROOM_LOGS: usize = 8;
    /// Slices of replays.
    pub const REPLAYS: usize = 4;
    /// Replay buffers of rooms.
    pub const REPLAY_BUFFERS: usize = 3;
    /// HTTP responses.
    pub const ANSWERS: usize = 5;
    /// First frames of WebSockets.
    pub const HELLOS: usize = 1;
    /// HTTP requests that are not complete or not answered.
    pub const REQUESTS: usize = 3;
    /// One user may hold one of so many parts of a share.
    pub const USERS: usize = 8;
    /// An address, for requests without a user, may hold one of so many: an office may be behind it.
    pub const ADDRESSES: usize = 2;
    /// Holders whose place in the table stays allocated when they hold nothing.
    pub const HOLDERS_KEPT: usize = 1_024;
    /// When somebody who was refused may try again, in milliseconds.
    pub const RETRY_MS: u32 = 1_000;
}

/// Sockets of the delivery plane (`delivery`).
pub mod delivery {
    use super::Duration;
    /// WebSockets of one user, times the rate-limit scale.
    pub const CONNECTIONS_PER_USER: usize = 100;
    /// Deliveries waiting for one shard.
    pub const QUEUE: usize = 8_192;
    /// Connections waiting to be adopted by one shard.
    pub const ADOPTIONS: usize = 4_096;
    /// Sockets that one call of epoll reports.
    pub const EVENTS: usize = 1_024;
    /// How long a shard sleeps if nothing happens.
    pub const IDLE_POLL: Duration = Duration::from_millis(500);
    /// Until a command that found an inbox full is tried again. A room does not report when there is space,
    /// and empties its inbox within milliseconds.
    pub const RETRY: Duration = Duration::from_millis(2);
    /// Pause after an epoll that failed.
    pub const POLL_FAILED: Duration = Duration::from_millis(10);
    /// The scratch buffer of a shard: the most one read takes.
    pub const SCRATCH: usize = 64 * 1024;
    /// Reads of one connection before the shard goes on with others.
    pub const READS: usize = 4;
    /// Commands with a permit before they are sent to their rooms.
    pub const COMMAND_BATCH: usize = 32;
    /// Subscribers written to before the shard reads its sockets again.
    pub const SWEEP_STEP: usize = 128;
    /// For each subscriber, how long a pass over a larger room waits for messages that are being
    /// committed; a write costs some three times as much.
    pub const COALESCE: Duration = Duration::from_micros(2);
    /// Rooms whose frames go into one write.
    pub const FEEDS_PER_WRITE: usize = 6;
    /// An empty log that takes more memory than this frees it.
    pub const LOG_SPARE: usize = 16 * 1024;
    /// A log that holds more than this grows by a quarter and does not double.
    pub const LOG_LARGE: usize = 128 * 1024;
    /// Frames that may pile up for a socket that takes nothing, besides what was there when it
    /// stopped taking, which is at most as much: 1,024 together. More is `bye lagging`.
    pub const WAITING_FRAMES: usize = 512;
    /// Bytes of those frames: 1 MiB together.
    pub const WAITING_BYTES: usize = 512 * 1024;
    /// Bytes a room's log holds for a subscription whose replay is still being read.
    pub const REPLAY_BACKLOG_BYTES: u64 = 4 * 1024 * 1024;
    /// Bytes of replays out of the rooms' memory that may wait for one socket; what does not fit is read
    /// from the store when the socket has taken what was before it.
    pub const REPLAYS_WAITING: usize = 1024 * 1024;
    /// Changed messages that are remembered in each room while slices are on their way. When more have
    /// changed, the slice is read again.
    pub const CHANGED: usize = 4_096;
    /// Shortest time between two closings of readers because a share of the budget of memory is used up.
    pub const SHEDDING_INTERVAL: Duration = Duration::from_millis(10);
    /// What the send queues of one user may hold on one shard, however small the user's share of the budget is.
    pub const USER_QUEUES: usize = 4 * WAITING_BYTES;
    /// Bytes of a replay that are encoded into the send queue at a time.
    pub const REPLAY_CHUNK: usize = 64 * 1024;
    /// Rooms one connection may follow.
    pub const SUBSCRIPTIONS: usize = 1_000;
    /// Fragments of a chat message.
    pub const FRAGMENTS: u32 = 64;
    /// `activity` of one room goes out at most this often.
    pub const ACTIVITY: Duration = Duration::from_secs(1);
    /// That of all rooms goes out together, this often, so that a member of many busy rooms gets it by
    /// few writes.
    pub const ACTIVITY_TICK: Duration = Duration::from_millis(200);
    /// Users that one `activity` can mention.
    pub const ACTIVITY_MENTIONS: usize = 1_000;
    /// Silence after which the server pings, in seconds; also `hello.heartbeat_ms`.
    pub const PING_AFTER_S: u32 = 30;
    /// Silence after which the connection is cut, in seconds.
    pub const SILENT_S: u32 = 75;
    /// Life of an unfinished frame or message, in seconds.
    pub const UNFINISHED_S: u32 = 60;
    /// How long a reader may take nothing while something waits for it, in seconds.
    pub const STALLED_S: u32 = 30;
    /// From the close frame to the end of TCP, in seconds.
    pub const CLOSE_S: u32 = 3;
    /// The same for a client that could not keep up, until it has taken what waits.
    pub const LAGGING_S: u32 = 10;
    /// Commands a connection may send at once, and a second, before `rate_limited`.
    pub const BURST: f32 = 120.0;
    /// Commands a second.
    pub const RATE: f32 = 40.0;
    /// Commands refused, less those accepted since, in their costs, before the connection is closed with 1008.
    pub const FLOOD: u16 = 200;
    /// Bytes of a command that cost as much as the command itself.
    pub const COST_BYTES: usize = 8 * 1024;
    /// What an edit, a deletion or a reaction costs besides its bytes: it needs a lookup in the store.
    pub const LOOKUP_COST: f32 = 3.0;
    /// Missed changes whose replay costs as much as one more command.
    pub const REPLAY_COST: u64 = 200;
    /// Frames of one connection before the shard goes on with others.
    pub const FRAMES: usize = 1_024;
    /// How often in a row a connection that sends frames too fast is not read until the next second,
    /// before it is closed with 1008.
    pub const PAUSES: u8 = 5;
    /// When a client that was closed for sending too much may come back, in milliseconds.
    pub const FLOOD_RETRY_MS: u32 = 10_000;
    /// Shortest and longest wait told to clients of a restart, in milliseconds.
    pub const RESTART_MS: (u32, u32) = (500, 5_000);
    /// The same for a client that could not keep up.
    pub const LAGGING_MS: (u32, u32) = (200, 2_000);
    /// How long a shard that stops waits for its clients to end TCP.
    pub const STOP: Duration = Duration::from_secs(3);
    /// How often it checks that meanwhile.
    pub const STOP_POLL: Duration = Duration::from_millis(50);
}

/// What one user may do over all connections and calls together (`allowance`), times the rate-limit scale.
pub mod users {
    use super::{Rate, delivery};
    const MIB: f64 = 1024.0 * 1024.0;
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 60.0 * MINUTE;
    const DAY: f64 = 24.0 * HOUR;
    /// Commands on all connections, in their costs: as many as three busy connections send.
    pub const COMMANDS: Rate =
        Rate { at_once: 3.0 * delivery::BURST as f64, per_second: 3.0 * delivery::RATE as f64 };
    /// Bytes of messages, edits, deletions and reactions within a minute.
    pub const BYTES_A_MINUTE: Rate = Rate::within(MINUTE, 4.0 * MIB);
    /// The same within a day, since the start of the server.
    pub const BYTES_A_DAY: Rate = Rate::within(DAY, 256.0 * MIB);
    /// Bytes of all users into one room within a minute.
    pub const ROOM_BYTES_A_MINUTE: Rate = Rate::within(MINUTE, 32.0 * MIB);
    /// Bytes of all users into all rooms within a minute.
    pub const TOTAL_BYTES_A_MINUTE: Rate = Rate::within(MINUTE, 256.0 * MIB);
    /// What one change takes on disk besides its text.
    pub const CHANGE_BYTES: usize = 256;
    /// Changes of presence, status, profile and picture, which everybody is told who shares a room.
    pub const PROFILE_CHANGES: Rate = Rate { at_once: 60.0, per_second: 20.0 / MINUTE };
    /// People whom somebody adds to rooms within an hour.
    pub const MEMBERS_ADDED: Rate = Rate::within(HOUR, 300.0);
    /// Calls that change something, in their costs.
    pub const CHANGES: Rate = Rate { at_once: 120.0, per_second: 4.0 };
    /// Members of a room who are told of a change, each by a frame of their own, for the cost of one call.
    pub const FAN_OUT_PER_COST: f64 = 100.0;
    /// Calls that only read, and upgrades, in their costs.
    pub const READS: Rate = Rate { at_once: 1_000.0, per_second: 100.0 };
    /// What an upgrade costs of them: `hello` names every room.
    pub const UPGRADE_COST: f64 = 5.0;
    /// How many times as many calls admins of the server may make, and people they may put in.
    pub const ADMINS: f64 = 10.0;
    /// Users whose allowances are remembered, besides those who are connected.
    pub const REMEMBERED: usize = 65_536;
    /// Parts of the table of allowances, each with its own lock.
    pub const PARTS: usize = 16;
}

/// What the process may have open (`descriptors`).
pub mod descriptors {
    use super::Duration;
    /// For files, listeners, pipes and the runtime. Connections to the database are extra.
    pub const FILES: usize = 32;
    /// Descriptors that WebSockets leave to HTTP; a quarter of them if there are few.
    pub const HTTP: usize = 512;
    /// A server with room for fewer connections warns at its start.
    pub const FEW: usize = 1_000;
    /// Until the next attempt to accept when no descriptor is left.
    pub const PAUSE: Duration = Duration::from_millis(50);
    /// Between two lines in the log that say so.
    pub const FAILURES_LOGGED: Duration = Duration::from_secs(10);
}

/// The private PostgreSQL (`store::embedded`).
pub mod embedded {
    use super::Duration;
    /// Until it serves; a recovery after a crash is part of it.
    pub const START: Duration = Duration::from_secs(60);
    /// Until it has stopped.
    pub const STOP: Duration = Duration::from_secs(6);
    /// How much longer the server waits for the thread that stops it.
    pub const STOP_MARGIN: Duration = Duration::from_secs(1);
    /// Waiting for another server that is just stopping.
    pub const LOCK: Duration = Duration::from_secs(3);
    /// Between looks while something is awaited.
    pub const POLL: Duration = Duration::from_millis(15);
    /// Between looks at a database that runs.
    pub const WATCH: Duration = Duration::from_millis(100);
    /// Longest pause between attempts to start it again.
    pub const RESTART: Duration = Duration::from_secs(5);
}

/// The command line (`admin`).
pub mod admin {
    use super::Duration;
    /// Before each check whether another server uses the database.
    pub const DATABASE_PAUSES: [Duration; 3] =
        [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1_500)];
}

/// The load test (`loadtest`).
pub mod loadtest {
    use super::Duration;
    /// Connections that are being made at once.
    pub const CONNECTING: usize = 192;
    /// Connections, rooms and the like that can be asked for.
    pub const COUNT: usize = 1_000_000;
    /// Connections unless told otherwise.
    pub const CONNECTIONS: usize = 1_000;
    /// Users of a private server, at least.
    pub const USERS: usize = 10;
    /// Users added at once.
    pub const ADDING_USERS: usize = 8;
    /// Writers of `durable` unless told otherwise.
    pub const DURABLE_WRITERS: usize = 64;
    /// The rooms they write into, at most.
    pub const DURABLE_ROOMS: usize = 16;
    /// Messages that each of them has in flight unless told otherwise.
    pub const DURABLE_IN_FLIGHT: usize = 16;
    /// Messages in flight in a room when the rate alone decides.
    pub const IN_FLIGHT: usize = 5_000;
    /// Messages a second while all connections come back.
    pub const STORM_RATE: f64 = 5.0;
    /// What one read can bring.
    pub const SCRATCH: usize = 256 * 1024;
    /// Before a client that was refused or disconnected connects again; up to twice that.
    pub const RECONNECT_MS: u64 = 250;
    /// A private server serves by then.
    pub const START: Duration = Duration::from_secs(60);
    /// Its setup link follows by then.
    pub const SETUP: Duration = Duration::from_secs(5);
    /// It has stopped by then.
    pub const STOP: Duration = Duration::from_secs(15);
    /// All connections are made by then.
    pub const CONNECTED: Duration = Duration::from_secs(120);
    /// Traffic before anything is measured.
    pub const WARM_UP: Duration = Duration::from_secs(1);
    /// What is in flight has arrived by then.
    pub const DRAIN: Duration = Duration::from_secs(10);
    /// All connections are back by then.
    pub const RECONNECTED: Duration = Duration::from_secs(120);
    /// It polls for so long before it sleeps: longer than a server needs for a write, so that it is awake
    /// while a message goes to many, and short enough to leave the core to others.
    pub const BUSY_POLL: Duration = Duration::from_micros(50);
    /// Events of one poll.
    pub const EVENTS: usize = 1_024;
    /// How long it polls when nothing is to be sent.
    pub const POLL: Duration = Duration::from_millis(100);
    /// How long it polls before it checks whether all connections are ready.
    pub const READY_POLL: Duration = Duration::from_millis(50);
    /// How long it polls before it checks whether something is to be sent.
    pub const SHORT_POLL: Duration = Duration::from_millis(10);
    /// How often it checks whether the private server has stopped.
    pub const STOP_POLL: Duration = Duration::from_millis(20);
    /// How often it prints how it goes.
    pub const PROGRESS: Duration = Duration::from_secs(1);
    /// Longest latency that is recorded, in microseconds; longer ones count as this.
    pub const LATENCY_MAX_US: u64 = 120_000_000;
    /// Missing numbers that are remembered of a connection, to distinguish late deliveries from doubled ones.
    pub const MISSING: usize = 10_000;
    /// The share of the time busy above which the load test may have been the bottleneck.
    pub const BUSY: f64 = 0.9;
}
