//! Sockets of the delivery plane (`delivery`).

use std::time::Duration;

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
/// Bytes that TLS seals with one write, as one record. So much waits at most, sealed, for a socket that takes
/// nothing.
pub const SEALED: usize = 16 * 1024;
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
/// Bytes that a connection must hold for its closing to matter then.
pub const SHED_FROM: usize = SEALED / 2;
/// What the send queues of one user may hold on one shard, however small the user's share of the budget is.
pub const USER_QUEUES: usize = 4 * WAITING_BYTES;
/// Bytes of a replay that are encoded into the send queue at a time.
pub const REPLAY_CHUNK: usize = 64 * 1024;
/// Rooms one connection may follow.
pub const SUBSCRIPTIONS: usize = 1_000;
/// Bytes that a client may send on a tail, which nobody reads.
pub const TAIL_INPUT: usize = 4 * 1024;
/// How long the kernel tries to bring bytes to the client of a tail, which never answers by itself.
pub const TAIL_UNACKNOWLEDGED: Duration = Duration::from_secs(75);
/// Fragments of a chat message.
pub const FRAGMENTS: u32 = 64;
/// `activity` of one room goes out at most this often.
pub const ACTIVITY: Duration = Duration::from_secs(1);
/// That of all rooms goes out together, this often, so that a member of many busy rooms gets it by
/// few writes.
pub const ACTIVITY_TICK: Duration = Duration::from_millis(200);
/// The server pings a client that has sent nothing for so many seconds; also `hello.heartbeat_ms`.
pub const PING_AFTER_S: u32 = 30;
/// The connection of a client that has sent nothing for so many seconds is cut.
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
/// Shortest and longest time after which clients of a server that restarts may connect again, in milliseconds.
pub const RESTART_MS: (u32, u32) = (500, 5_000);
/// The same for a client that could not keep up.
pub const LAGGING_MS: (u32, u32) = (200, 2_000);
/// How long a shard that stops waits for its clients to end TCP.
pub const STOP: Duration = Duration::from_secs(3);
/// How often it checks that meanwhile.
pub const STOP_POLL: Duration = Duration::from_millis(50);
