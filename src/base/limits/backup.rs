//! Backups (`store::backup`, `service::backups`).

use std::time::Duration;

/// Rows of a table that are compressed and read at a time, in bytes. With [`QUEUE`] it bounds the memory of a backup
/// and of a restore, however large the database is.
pub const CHUNK: usize = 256 * 1024;
/// A section of a backup file: one chunk as it is stored, or a description.
pub const SECTION: usize = 1024 * 1024;
/// Chunks between the database and the file.
pub const QUEUE: usize = 4;
/// Tables that a backup file may name.
pub const TABLES: usize = 256;
/// Files of the data directory in a backup, each of at most [`CHUNK`] bytes.
pub const FILES: usize = 64;
/// Numbers of users and rooms that a restore leaves out beside one for each millisecond since the backup: for clocks
/// that differ.
pub const NUMBERS: i64 = 100_000;
/// The nightly backup rests so many times as long as it has worked, after every chunk.
pub const REST: u32 = 3;
/// Between two looks at whether a nightly backup is due.
pub const TICK: Duration = Duration::from_secs(60);
/// After a nightly backup that failed.
pub const RETRY: Duration = Duration::from_secs(3_600);
/// How long a server that starts waits for one that is stopping on the same database.
pub const HANDOVER: Duration = Duration::from_secs(3);
/// Between two attempts to get a database for itself, and two looks at whether it still has it.
pub const OWNERSHIP: Duration = Duration::from_millis(250);
