//! Pictures of people (`avatars`).

/// Longest edge of an upload, in pixels.
pub const EDGE: u32 = 8_192;
/// Most pixels of an upload.
pub const PIXELS: u64 = 24_000_000;
/// What decoding one may allocate.
pub const MEMORY: u64 = 256 * 1024 * 1024;
/// Pictures decoded and scaled at once.
pub const AT_ONCE: usize = 2;
/// Pictures being uploaded, waiting or being scaled; one of each user.
pub const UPLOADS: usize = 32;
/// When the owner of one more may try again, in milliseconds.
pub const RETRY_MS: u32 = 2_000;
/// Quality of the JPEG that is kept, of 100.
pub const QUALITY: u8 = 85;
