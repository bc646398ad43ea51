//! Files (`files`, `service/files`).

use std::time::Duration;

/// The largest file, unless an administrator chooses otherwise.
pub const SIZE: u64 = 100 * 1024 * 1024;
/// What an administrator may choose at most, as size of a file and as quota.
pub const SIZE_MAX: u64 = 1 << 50;
/// What one person may keep, unless an administrator chooses otherwise.
pub const PERSON: u64 = 5 * 1024 * 1024 * 1024;
/// The name of a file, in bytes.
pub const NAME: usize = 255;
/// The type that somebody says a file has, in bytes.
pub const TYPE: usize = 100;
/// Files of one person that are in no message.
pub const UNSENT: u64 = 100;
/// Announcements of files at once: each is counted before the next one of the same person.
pub const ANNOUNCED_AT_ONCE: usize = 2;
/// Announcements of one person that wait; one more is refused.
pub const ANNOUNCING: usize = 64;
/// How long one waits.
pub const ANNOUNCEMENT_WAIT: Duration = Duration::from_secs(5);
/// Uploads of one person that arrive at the same time.
pub const ARRIVING: usize = 4;
/// Files that one person reads at the same time: a browser asks for a hundred pictures at once.
pub const READING: usize = 100;
/// Files beyond that of which one person may wait for the first bytes; one more is refused.
pub const READING_WAITING: usize = 100;
/// How long one waits.
pub const READING_WAIT: Duration = Duration::from_secs(10);
/// Between two looks whether who reads a file still may.
pub const LOOK: Duration = Duration::from_secs(10);
/// When one more may be tried, in milliseconds.
pub const RETRY_MS: u32 = 1_000;
/// Bytes after which what has arrived is made durable, while more arrives.
pub const CHECKPOINT: u64 = 16 * 1024 * 1024;
/// Writes to the disk at the same time.
pub const WRITERS: usize = 16;
/// Files that are read whole at the same time, for their digest and their kind.
pub const COMPLETING: usize = 2;
/// Pictures among them that are drawn at the same time.
pub const DRAWING: usize = 2;
/// The first bytes of a file, which say what it is.
pub const HEAD: usize = 512;
/// Bytes of the folder's disk that no upload may take.
pub const FREE: u64 = 256 * 1024 * 1024;
/// What all who write to it may write between a look at what is free and their writing, which is left besides that.
pub const AT_ONCE: u64 = 16 * 1024 * 1024;
/// Between two looks for files whose bytes have to go.
pub const ERASE: Duration = Duration::from_secs(3);
/// The longest wait before what could not be erased is tried again.
pub const ERASE_PAUSE: Duration = Duration::from_secs(30);
/// Between two looks for files that have waited for a message too long, and two counts of all files.
pub const EXPIRE: Duration = Duration::from_secs(60);
/// Files whose bytes go at once.
pub const ERASED_AT_ONCE: usize = 100;
/// How long a file waits for its message after something of it arrived.
pub const UNUSED: Duration = Duration::from_secs(24 * 3600);
/// Between two looks at all files and the whole folder.
pub const SWEEP: Duration = Duration::from_secs(24 * 3600);
/// Files of one step of that.
pub const SWEPT_AT_ONCE: usize = 500;
/// How long the bytes of a file stay that no row knows.
pub const STRAY: Duration = Duration::from_secs(7 * 24 * 3600);
/// Files of one page of a room's list, unless the caller asks for fewer, and the most it may ask for.
pub const PAGE: usize = 50;
/// The most.
pub const PAGE_MAX: usize = 200;
/// People and rooms that administrators see with what they take.
pub const LISTED: usize = 50;
/// Connecting to the service that has the bucket.
pub const BUCKET_CONNECT: Duration = Duration::from_secs(3);
/// Its answer to a small request, with all attempts.
pub const BUCKET_ANSWER: Duration = Duration::from_secs(10);
/// Attempts after the first.
pub const BUCKET_RETRIES: usize = 2;
/// The part of a file that is sent at once, and the largest file that is sent in one.
pub const BUCKET_PART: usize = 8 * 1024 * 1024;
/// Parts of one file, as the protocol has it.
pub const BUCKET_PARTS: u64 = 10_000;
/// How long a part takes at most.
pub const BUCKET_PART_TIME: Duration = Duration::from_secs(60);
/// Files that are sent at the same time, each with one part in memory.
pub const BUCKET_PUTS: usize = 4;
/// How long the next bytes of a file that is read take at most.
pub const BUCKET_PIECE: Duration = Duration::from_secs(20);
/// How long a service is left alone that did not answer.
pub const BUCKET_PAUSE: Duration = Duration::from_secs(5);
