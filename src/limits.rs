//! Every bound in one place: sizes in bytes, times as `Duration`, rates per named period.
//! Each queue, buffer and wait in the program takes its bound from here.

use std::time::Duration;

/// HTTP/1.1 (`http`).
pub mod http {
    use super::Duration;
    /// Request line; longer is 414.
    pub const REQUEST_LINE: usize = 16 * 1024;
    /// Whole head; longer is 431.
    pub const HEAD: usize = 64 * 1024;
    /// Header fields; more is 431.
    pub const HEADERS: usize = 100;
    /// Chunk extensions a line, and in total.
    pub const CHUNK_EXTENSION: usize = 256;
    /// Chunk extensions of a whole body.
    pub const CHUNK_EXTENSIONS: usize = 4 * 1024;
    /// Trailers of a chunked body.
    pub const TRAILERS: usize = 8 * 1024;
    /// Body of a JSON request unless its route says otherwise.
    pub const BODY: usize = 64 * 1024;
    /// From the first byte of a head to its last.
    pub const HEAD_DEADLINE: Duration = Duration::from_secs(20);
    /// From the head to the end of the body.
    pub const BODY_DEADLINE: Duration = Duration::from_secs(40);
    /// Keep-alive without a request.
    pub const IDLE: Duration = Duration::from_secs(90);
    /// One response.
    pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);
    /// Reading after an error response before the close.
    pub const LINGER: Duration = Duration::from_secs(2);
}

/// Chat frames and messages (`protocol`).
pub mod chat {
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
    /// Changes of one message.
    pub const REV: u32 = 1_000_000;
    /// Bytes of one reaction's emoji.
    pub const EMOJI: usize = 64;
    /// Reactions of one author to one message.
    pub const REACTIONS_PER_AUTHOR: usize = 20;
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
    /// Messages counted as unread before it reads "1000 or more".
    pub const UNREAD: usize = 1_000;
}
