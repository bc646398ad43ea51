//! End-to-end encryption (`e2ee`). The figures are those of `e2ee.md`.

use std::time::Duration;

/// How far the time of an entry may differ from the server's clock, in milliseconds.
pub const CLOCK_MS: u64 = 120_000;
/// Entries of a batch of a room's log.
pub const BATCH: usize = 128;
/// Bytes of a batch: its entries and the keys that come with it.
pub const BATCH_BYTES: usize = 256 * 1024;
/// Members of an encrypted room, as far as the server lets it grow.
pub const MEMBERS: usize = 500;
/// Entries of a room's log.
pub const LOG: u64 = 50_000;
/// Of these, the last ones, which only removals, new keys and re-admissions may use.
pub const LOG_RESERVE: u64 = 5_000;
/// The greatest number of the last founding entry.
pub const FOUNDING: u64 = 127;
/// Members that come in with the founding of a room.
pub const FOUNDING_MEMBERS: usize = 100;
/// Members that come in with the founding of a direct chat.
pub const FOUNDING_DIRECT: usize = 9;
/// Bytes of a `log` event; a larger batch is fetched.
pub const LOG_EVENT: usize = 48 * 1024;
/// Entries of a log in one answer.
pub const LOG_PAGE: usize = 5_000;
/// Bytes of one; a single entry, however large, is always there.
pub const LOG_PAGE_BYTES: usize = 1024 * 1024;
/// Entries that a room reads from the store at a time.
pub const LOG_SLICE: usize = 2_000;
/// A room in which nothing has happened for so long gives its log back and reads it again when it is needed.
pub const LOG_IDLE: Duration = Duration::from_secs(300);
/// New keys that a member makes for a room without need, within [`ROTATIONS_WITHIN`].
pub const ROTATIONS: usize = 10;
/// The time for that.
pub const ROTATIONS_WITHIN: Duration = Duration::from_secs(3_600);
/// Messages under one key of a room.
pub const EPOCH_MESSAGES: u64 = 10_000_000;
/// Wraps that are kept of a member who does not write: the newest ones, one of each key.
pub const WRAPS_KEPT: i64 = 64;
/// Own wraps in one answer.
pub const WRAPS_NEWEST: usize = 2;
/// Own wraps in one answer, of keys before one that is named.
pub const WRAPS_BEFORE: usize = 64;
/// Wraps in one request.
pub const WRAPS_AT_ONCE: usize = 512;
/// How long after a restore members may bring back the log that it has lost, in milliseconds.
pub const RESTORED_MS: i64 = 7 * 24 * 3_600 * 1_000;
/// Entries of one room's log that are appended again after a restore, with the rights and the times of before it.
pub const LOG_AGAIN: u64 = 2_000;
/// A wrap that has been missing for so long while somebody could give it is counted as missing.
pub const WRAP_MISSING: Duration = Duration::from_secs(60);
/// How often one encrypted room, taken at random, is compared with its log.
pub const AUDIT: Duration = Duration::from_secs(600);
/// Entries that are verified at a time for that.
pub const AUDIT_SLICE: usize = 500;
/// Links from an epoch to earlier ones.
pub const KEY_LINKS: usize = 8;
/// Bytes of an encrypted profile of a room.
pub const PROFILE: std::ops::RangeInclusive<usize> = 93..=4_200;
/// How long an invitation link lasts, in milliseconds.
pub const LINK_MS: u64 = 2_592_000_000;
/// Joins by one link.
pub const LINK_USES: u64 = 1_000;
/// Links of a room that can be used at the same time.
pub const LINKS: usize = 100;
/// Bytes of an encrypted content, with its tag.
pub const CONTENT: usize = 45_056;
/// Bytes of the encrypted content of a reaction, with its tag: an emoji of 64 bytes takes less, however it is written.
pub const REACTION_CONTENT: usize = 528;
/// Blobs of a message: ten files, each with its thumbnail.
pub const BLOBS: usize = 20;
