//! Every bound in one place: sizes in bytes, times as `Duration`, rates per named period.
//! Each queue, buffer and wait in the program takes its bound from here.

use std::time::Duration;

/// HTTP/1.1 (`http`).
pub mod http {
    use super::Duration;
    /// Request line; longer is 414.
    pub const REQUEST_LINE: usize = 16 * 1024;
    /// Whole head; longer is 431.
    pub const HEAD: usize = 64 * 1024;
    /// Header fields; more is 431.
    pub const HEADERS: usize = 100;
    /// Chunk extensions a line, and in total.
    pub const CHUNK_EXTENSION: usize = 256;
    /// Chunk extensions of a whole body.
    pub const CHUNK_EXTENSIONS: usize = 4 * 1024;
    /// Trailers of a chunked body.
    pub const TRAILERS: usize = 8 * 1024;
    /// Body of a JSON request unless its route says otherwise.
    pub const BODY: usize = 64 * 1024;
    /// From the first byte of a head to its last.
    pub const HEAD_DEADLINE: Duration = Duration::from_secs(20);
    /// From the head to the end of the body.
    pub const BODY_DEADLINE: Duration = Duration::from_secs(40);
    /// Keep-alive without a request.
    pub const IDLE: Duration = Duration::from_secs(90);
    /// One response.
    pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);
    /// Reading after an error response before the close.
    pub const LINGER: Duration = Duration::from_secs(2);
    /// Connections the kernel holds before they are accepted.
    pub const BACKLOG: i32 = 4096;
    /// Connections that speak HTTP at once.
    pub const CONNECTIONS: usize = 16_384;
    /// The same from one address.
    pub const CONNECTIONS_PER_ADDRESS: usize = 256;
    /// Refused connections that are told so at once.
    pub const REFUSALS: usize = 256;
}

/// The HTTP interface (`api`).
pub mod api {
    use super::Duration;
    /// Body of a request that has little to say.
    pub const SMALL_BODY: usize = 16 * 1024;
    /// How long a browser keeps the cookie of a login.
    pub const COOKIE_AGE: Duration = Duration::from_secs(400 * 24 * 3600);
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
    /// Label of a token or an invite link, in characters.
    pub const LABEL: usize = 100;
    /// Name of the server, in characters.
    pub const SERVER_NAME: usize = 64;
}

/// Passwords, tickets and invitations (`auth`).
pub mod auth {
    use super::Duration;
    /// Rounds a client may choose for its part of a password (`e2ee.md` 4.2).
    pub const ITERATIONS: std::ops::RangeInclusive<u32> = 600_000..=5_000_000;
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

/// Pictures of people (`avatars`).
pub mod avatars {
    /// Longest edge of an upload, in pixels.
    pub const EDGE: u32 = 8_192;
    /// Most pixels of an upload.
    pub const PIXELS: u64 = 24_000_000;
    /// What decoding one may allocate.
    pub const MEMORY: u64 = 256 * 1024 * 1024;
    /// Pictures drawn at once.
    pub const AT_ONCE: usize = 2;
    /// Pictures being uploaded, waiting or being drawn; one of each user.
    pub const PLACES: usize = 32;
    /// What one more is told to wait, in milliseconds.
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
    /// Messages counted as unread before it reads "1000 or more".
    pub const UNREAD: usize = 1_000;
}

/// PostgreSQL (`store`).
pub mod store {
    use super::Duration;
    /// Connections of one pool.
    pub const POOL: usize = 16;
    /// Waiting for a free connection of the pool.
    pub const POOL_WAIT: Duration = Duration::from_secs(3);
    /// How long the journal looks for repetitions before it adds messages, once there was one.
    pub const WARY: Duration = Duration::from_secs(1);
    /// Connecting.
    pub const CONNECT: Duration = Duration::from_secs(2);
    /// One statement.
    pub const STATEMENT: Duration = Duration::from_secs(5);
    /// How long removed users and rooms can be restored before they are purged.
    pub const RESTORABLE: Duration = Duration::from_secs(30 * 24 * 3600);
    /// Rows one statement of a removal or a purge touches.
    pub const PURGE_ROWS: i64 = 1_000;
    /// Stored rows that cannot be read and are reported in the log, each once; of more only that
    /// there are more.
    pub const UNREADABLE: usize = 1_000;
    /// "Are you there", as `/ready` asks it.
    pub const PING: Duration = Duration::from_millis(1_500);
}

/// Room actors, the journal and presence (`rooms`).
pub mod rooms {
    use super::Duration;
    /// Commands waiting for one room.
    pub const INBOX: usize = 1_024;
    /// Commands one room takes at a time, and so its largest part of a commit.
    pub const BATCH: usize = 512;
    /// Bytes of changed messages that are gathered for one commit; what is more waits for the next.
    pub const STATES_BYTES: usize = 4 * 1024 * 1024;
    /// Appends waiting for the journal, one per room at most.
    pub const JOURNAL: usize = 4_096;
    /// Rows of one commit.
    pub const COMMIT_ROWS: usize = 4_096;
    /// One commit, from its first statement to the answer.
    pub const COMMIT: Duration = Duration::from_secs(6);
    /// One question of a room to the store.
    pub const LOOKUP: Duration = Duration::from_secs(2);
    /// Between attempts to reach a database that is away.
    pub const RECONNECT: Duration = Duration::from_millis(500);
    /// Events a room keeps for those who were away for a moment, and their bytes.
    pub const KEPT: usize = 512;
    /// Bytes of those events.
    pub const KEPT_BYTES: usize = 256 * 1024;
    /// Replays from the store at the same time.
    pub const REPLAYS: usize = 8;
    /// Bytes of one replay from the store; more is `truncated`.
    pub const REPLAY_BYTES: usize = 16 * 1024 * 1024;
    /// Presence is pushed into rooms of at most this many members.
    pub const PRESENCE_MEMBERS: usize = 256;
    /// Users whose words are written into their accounts by one statement.
    pub const WORDS_AT_ONCE: usize = 256;
    /// How often presence is told.
    pub const PRESENCE_TICK: Duration = Duration::from_secs(1);
    /// Until everything accepted is answered when the server stops.
    pub const STOP: Duration = Duration::from_secs(5);
    /// What a client is told to wait when the database is away, in milliseconds.
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
    /// The scratch buffer of a shard: the most one read takes.
    pub const SCRATCH: usize = 64 * 1024;
    /// Reads of one connection before the others get their turn.
    pub const READS: usize = 4;
    /// Commands read before they are handed over to their rooms.
    pub const HAND_OVER: usize = 32;
    /// Members written to before the shard looks at its sockets again.
    pub const SWEEP: usize = 128;
    /// For each member, how long a walk over a larger room waits for messages that are being
    /// committed; a write costs some three times as much.
    pub const GATHER: Duration = Duration::from_micros(2);
    /// Frames that may pile up for a socket that takes nothing, besides what was there when it
    /// stopped taking, which is at most as much: 1,024 together. More is `bye lagging`.
    pub const WAITING_FRAMES: usize = 512;
    /// Bytes of those frames: 1 MiB together.
    pub const WAITING_BYTES: usize = 512 * 1024;
    /// Bytes a room's log holds for a subscription whose replay is still being read.
    pub const OWED_BYTES: u64 = 16 * 1024 * 1024;
    /// Bytes of replays that may wait for one socket: more than the largest one.
    pub const REPLAYS_WAITING: usize = 32 * 1024 * 1024;
    /// Bytes of a replay moved into the outbox at a time.
    pub const REPLAY_CHUNK: usize = 64 * 1024;
    /// Rooms one connection may follow.
    pub const SUBSCRIPTIONS: usize = 1_000;
    /// Fragments of a chat message.
    pub const FRAGMENTS: u32 = 64;
    /// `activity` of one room goes out at most this often.
    pub const ACTIVITY: Duration = Duration::from_secs(1);
    /// That of all rooms goes out together, this often, so that who is in many busy rooms gets it by
    /// few writes.
    pub const ACTIVITY_TICK: Duration = Duration::from_millis(200);
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
    /// Commands refused, less those accepted since, before the connection is closed with 1008.
    pub const FLOOD: u16 = 200;
    /// Shortest and longest wait told to clients of a restart, in milliseconds.
    pub const RESTART_MS: (u32, u32) = (500, 5_000);
    /// The same for a client that could not keep up.
    pub const LAGGING_MS: (u32, u32) = (200, 2_000);
    /// Until all shards have said goodbye.
    pub const STOP: Duration = Duration::from_secs(3);
}

/// What the process may have open (`descriptors`).
pub mod descriptors {
    use super::Duration;
    /// For files, listeners, pipes and the runtime; the database's connections come on top.
    pub const FILES: usize = 32;
    /// Most descriptors that WebSockets leave to HTTP; of few, they leave a quarter.
    pub const HTTP: usize = 512;
    /// A server with room for fewer connections warns at its start.
    pub const FEW: usize = 1_000;
    /// Until the next attempt to accept when there is not a descriptor left.
    pub const PAUSE: Duration = Duration::from_millis(50);
    /// Between two lines in the log that say so.
    pub const COMPLAINT: Duration = Duration::from_secs(10);
}

/// The private PostgreSQL (`store::embedded`).
pub mod embedded {
    use super::Duration;
    /// Until it serves; a recovery after a crash is part of it.
    pub const START: Duration = Duration::from_secs(60);
    /// Until it has stopped.
    pub const STOP: Duration = Duration::from_secs(6);
    /// Waiting for another server that is just stopping.
    pub const LOCK: Duration = Duration::from_secs(3);
    /// Between looks while something is awaited.
    pub const POLL: Duration = Duration::from_millis(15);
    /// Between looks at a database that runs.
    pub const WATCH: Duration = Duration::from_millis(100);
    /// Longest pause between attempts to start it again.
    pub const RESTART: Duration = Duration::from_secs(5);
}

/// The load test (`loadtest`).
pub mod loadtest {
    use super::Duration;
    /// Connections on their way at once.
    pub const CONNECTING: usize = 192;
    /// Connections, rooms and the like that can be asked for.
    pub const COUNT: usize = 1_000_000;
    /// Connections unless told otherwise.
    pub const CONNECTIONS: usize = 1_000;
    /// Users of a private server, at least.
    pub const USERS: usize = 10;
    /// Users added at once.
    pub const ADDING: usize = 8;
    /// Writers of `durable` unless told otherwise, the rooms they write into, at most, and what each
    /// has on its way.
    pub const DURABLE_WRITERS: usize = 64;
    /// Rooms.
    pub const DURABLE_ROOMS: usize = 16;
    /// Messages.
    pub const DURABLE_IN_FLIGHT: usize = 16;
    /// Messages on their way in a room when the rate alone decides.
    pub const IN_FLIGHT: usize = 5_000;
    /// Messages a second while everybody comes back.
    pub const STORM_RATE: f64 = 5.0;
    /// What one read can bring.
    pub const SCRATCH: usize = 256 * 1024;
    /// Before somebody who was refused or cut off tries again; up to twice that.
    pub const AGAIN_MS: u64 = 250;
    /// A private server serves by then.
    pub const START: Duration = Duration::from_secs(60);
    /// Its setup link follows by then.
    pub const SETUP: Duration = Duration::from_secs(5);
    /// It has stopped by then.
    pub const STOP: Duration = Duration::from_secs(15);
    /// Everybody is connected by then.
    pub const GATHER: Duration = Duration::from_secs(120);
    /// Traffic before anything is measured.
    pub const WARM_UP: Duration = Duration::from_secs(1);
    /// What is on its way has arrived by then.
    pub const DRAIN: Duration = Duration::from_secs(10);
    /// Everybody is back by then.
    pub const SETTLE: Duration = Duration::from_secs(120);
    /// It looks for so long before it sleeps. Longer than a server needs for a write, so that it is awake
    /// while a message goes to many; short enough to leave the core to others.
    pub const AWAKE: Duration = Duration::from_micros(50);
    /// The share of the time busy above which the load test may have been the bottleneck.
    pub const BUSY: f64 = 0.9;
}
