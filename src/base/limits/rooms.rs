//! Room actors, the journal and presence (`rooms`).

use std::time::Duration;

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
/// How long a caller that is no connection waits for the outcome of its change.
pub const SUBMIT: Duration = Duration::from_secs(10);
/// One query of a room.
pub const LOOKUP: Duration = Duration::from_secs(2);
/// Between attempts to reach a database that is away.
pub const RECONNECT: Duration = Duration::from_millis(500);
/// Events in the replay buffer of a room.
pub const REPLAY_BUFFER_EVENTS: usize = 512;
/// Bytes of those events.
pub const REPLAY_BUFFER_BYTES: usize = 256 * 1024;
/// The same in an encrypted room, whose events are up to three times as long.
pub const SEALED_REPLAY_BUFFER_BYTES: usize = 512 * 1024;
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
/// How often one user may block or unblock in an hour: each time all of the user's rooms are searched.
pub const BLOCK_CHANGES_PER_HOUR: u32 = 300;
/// A room of at most so many members is small: any of them may mention all.
pub const MENTION_ALL_MEMBERS: usize = 25;
/// Members whose unread messages are counted one by one; for more an index of the messages is made.
pub const COUNTED_SINGLY: usize = 16;
/// Members whose unread messages are counted while the room is locked.
pub const COUNTED_AT_ONCE: usize = 512;
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
/// When a client may try again while the database is away, in milliseconds.
pub const RETRY_MS: u32 = 1_000;
