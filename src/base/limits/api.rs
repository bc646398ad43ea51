//! The HTTP interface (`api`).

use std::time::Duration;

/// When a client whose WebSocket was refused may try again, in milliseconds.
pub const SOCKET_RETRY_MS: u32 = 5_000;
/// Body of a request that has little to say.
pub const SMALL_BODY: usize = 16 * 1024;
/// How long a browser keeps the cookie of a login: as long as a session can live.
pub const COOKIE_AGE: Duration = super::auth::SESSION_LIFE;
/// How long a browser keeps the cookie that says it has signed in before; browsers allow no more.
pub const DEVICE_COOKIE_AGE: Duration = Duration::from_secs(400 * 24 * 3600);
/// An answer that takes no more is not accounted for: the kernel takes it at once.
pub const SMALL_ANSWER: usize = 16 * 1024;
/// Rooms in one answer of `GET /api/rooms`, in bytes.
pub const ROOMS_BYTES: usize = 512 * 1024;
/// Members in one answer that is no page.
pub const MEMBERS: usize = 10_000;
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
/// A batch of the log of an encrypted room, with the keys it brings, and wraps.
pub const LOG_BODY: usize = 256 * 1024;
/// A picture as it is uploaded.
pub const AVATAR_BODY: usize = 5 * 1024 * 1024;
/// Entries of one page of a list, unless the caller asks for fewer, and the most it may ask for.
pub const PAGE: usize = 50;
/// The most.
pub const PAGE_MAX: usize = 200;
/// People in a group direct room, its maker among them.
pub const GROUP_DIRECT: usize = 10;
/// Label of a token or an invite link, and the name of a device, in characters.
pub const LABEL: usize = 100;
/// Messages of an encrypted room that an administrator takes away by one call.
pub const GONE_AT_ONCE: usize = 100;
/// An `Idempotency-Key`, in bytes.
pub const IDEMPOTENCY_KEY: usize = 255;
/// What clients encrypt of one message at most, in bytes; the server sees what it comes to.
pub const ENCRYPTED_PLAIN: usize = 40 * 1024;
/// Name of the server, in characters.
pub const SERVER_NAME: usize = 64;
/// The latest moment that can be chosen, the end of the year 9999 in milliseconds: browsers show it.
pub const LATEST_MS: i64 = 253_402_300_799_999;
