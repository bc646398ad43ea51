//! Chat frames and messages (`protocol`).

/// A command frame.
pub const COMMAND: usize = 64 * 1024;
/// Characters of a command id.
pub const COMMAND_ID: usize = 32;
/// Text of a message, in bytes.
pub const TEXT: usize = 32 * 1024;
/// Mentions in one message.
pub const MENTIONS: usize = 50;
/// Files in one message.
pub const FILES: usize = 10;
/// What somebody says a file shows, in characters.
pub const ALT: usize = 1_000;
/// Changes of one message.
pub const REV: u32 = 1_000_000;
/// Bytes of one reaction's emoji.
pub const EMOJI: usize = 64;
/// Reactions of one author to one message.
pub const REACTIONS_PER_AUTHOR: usize = 20;
/// Reactions to one message by everybody together: each one sends all of them again.
pub const REACTIONS: usize = 1_000;
/// The same in an encrypted room.
pub const SEALED_REACTIONS: usize = 200;
/// Status text.
pub const STATUS: usize = 200;
/// Room name, in characters.
pub const ROOM_NAME: usize = 80;
/// Room topic, in characters.
pub const ROOM_TOPIC: usize = 500;
/// Messages replayed by `room.subscribe` before it answers `truncated`.
pub const REPLAY: usize = 1_000;
/// Messages in one history page.
pub const PAGE: usize = 100;
/// The same in an encrypted room, whose members search it themselves.
pub const SEALED_PAGE: usize = 500;
/// Messages of a page that names no limit.
pub const PAGE_DEFAULT: usize = 50;
/// Bytes of their contents; one message, however large, is always there.
pub const PAGE_BYTES: usize = 512 * 1024;
/// Rooms in `hello`, in bytes; further ones follow in `rooms`.
pub const HELLO_BYTES: usize = 256 * 1024;
/// Bytes of one `rooms`.
pub const ROOMS_BYTES: usize = 64 * 1024;
/// Messages counted as unread before it reads "1000 or more".
pub const UNREAD: usize = 1_000;
/// The newest messages of a room that are kept in memory for that: so many may be deleted before the store is asked for
/// older ones.
pub const RECENT: usize = UNREAD + 250;
/// The largest number in a command: JavaScript represents no larger one exactly.
pub const NUMBER: u64 = (1 << 53) - 1;
/// Memory allocated for a frame before it is encoded: most frames need no more.
pub const FRAME: usize = 448;
/// About how many bytes a room takes in `hello` besides its name, its topic and its members.
pub const ROOM_VIEW: usize = 200;
/// How many more of an encrypted one.
pub const ROOM_LOG: usize = 150;
