//! End-to-end encryption (`e2ee`). The figures are those of `e2ee.md`.

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
/// Blobs of a message: ten files, each with its thumbnail.
pub const BLOBS: usize = 20;
