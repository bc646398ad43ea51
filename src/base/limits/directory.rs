//! The directory of keys (`service/directory`, `e2ee.md` 13.2, 15.7).

use std::time::Duration;

/// Rows in one answer of `GET /api/dir`: 560 KB.
pub const ROWS: usize = 10_000;
/// People whose entries are asked for at once.
pub const PEOPLE: usize = 200;
/// Entries in one answer, unless they are all of one person: about 6 MB.
pub const ENTRIES: i64 = 10_000;
/// Entries that one person may append in [`APPENDED_IN`], and in one request, times the rate-limit scale.
pub const APPENDED: u32 = 10;
/// The time in which they come back.
pub const APPENDED_IN: Duration = Duration::from_secs(24 * 3_600);
/// How often one session may bring back what a restore has lost, in a minute, times the rate-limit scale.
pub const AGAIN: u32 = 6;
/// The time in which that comes back.
pub const AGAIN_IN: Duration = Duration::from_secs(60);
/// The body of such a request: some ten thousand positions, or two thousand entries.
pub const AGAIN_BODY: usize = 1024 * 1024;
/// Missing positions that are named at once.
pub const MISSING: usize = 100;
/// After a restore the directory opens by itself when nobody has brought anything back for so long.
pub const QUIET: Duration = Duration::from_secs(3_600);
/// When a client whose keys could not be changed may try again, in milliseconds.
pub const CLOSED_RETRY_MS: u32 = 60_000;
/// How often that is looked at.
pub const QUIET_CHECK: Duration = Duration::from_secs(60);
/// Rows of the store that are read at once, at the start.
pub const READ_AT_ONCE: i64 = 5_000;
/// Accounts named to the operator that stand in the way of a chain, and positions of ours that it would drop.
pub const NAMED: usize = 50;
