//! PostgreSQL (`store`).

use std::time::Duration;

/// Connections of one pool.
pub const POOL: usize = 16;
/// How many of them may wait for locks, because they change something.
pub const CHANGES: usize = 8;
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
/// Each of the two checks of `/ready`: whether the database answers, and whether it can write.
pub const PING: Duration = Duration::from_millis(1_500);
/// Between two checks whether a write commits, as long as the last one did.
pub const PROBE: Duration = Duration::from_secs(5);
/// Rows of about two kilobytes that such a check writes into a table of its own session and drops: some of them
/// need new pages, which a full disk does not give.
pub const PROBE_ROWS: i32 = 64;
