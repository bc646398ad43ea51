//! The doctor (`admin::doctor`): what bounds its checks, and from where on it advises something.

use std::time::Duration;

/// One check, whatever it waits for.
pub const CHECK: Duration = Duration::from_secs(20);
/// One request of a check, or one connection.
pub const REQUEST: Duration = Duration::from_secs(8);
/// After so long a check that is not over is named.
pub const NAMED_AFTER: Duration = Duration::from_secs(1);
/// What a foreign server says, as it is repeated, in characters.
pub const DETAIL: usize = 120;
/// The head of an answer to an upgrade, in bytes.
pub const HEAD: usize = 16 * 1024;
/// Free space in the data directory, in bytes.
pub const FREE: u64 = 1 << 30;
/// Writes whose flush is measured.
pub const FLUSHES: usize = 8;
/// A flush, and a commit, that every message waits for.
pub const SLOW_FLUSH: Duration = Duration::from_millis(50);
/// Between two clocks.
pub const SKEW: Duration = Duration::from_secs(5);
/// Before a certificate of somebody else's keeping ends.
pub const CERTIFICATE_LEFT: Duration = Duration::from_secs(14 * 24 * 3_600);
/// The age of the newest backup.
pub const BACKUP_AGE: Duration = Duration::from_secs(2 * 24 * 3_600);
/// Memory for everything that the budget does not cover, in bytes.
pub const MEMORY_BESIDE: u64 = 256 << 20;
/// Names of a certificate that are shown.
pub const NAMES_SHOWN: usize = 5;
/// Files of a folder that are looked at.
pub const FILES: usize = 1_000;
