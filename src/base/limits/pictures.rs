//! Pictures among files (`pictures`, `files/drawing.rs`).

/// Longest edge of a picture that is shown, in pixels.
pub const EDGE: u32 = 16_384;
/// Most pixels of one; also of all that are decoded at the same time.
pub const PIXELS: u64 = 50_000_000;
/// Most bytes of one.
pub const BYTES: u64 = 64 * 1024 * 1024;
/// What decoding one may allocate.
pub const MEMORY: u64 = 256 * 1024 * 1024;
/// Most bytes of an animation that moves in the timeline; of a larger one the first frame is shown there.
pub const ANIMATION: u64 = 2 * 1024 * 1024;
/// Bytes of a block of metadata in which the orientation is looked for.
pub const EXIF: usize = 64 * 1024;
/// Bytes of a colour profile that smaller forms keep.
pub const PROFILE: usize = 64 * 1024;
/// Pieces into which removing metadata may cut a file.
pub const PARTS: usize = 4_096;
/// Quality of the JPEG that is shown, of 100.
pub const QUALITY: u8 = 82;
