//! The memory of everything that waits for clients (`memory`).

/// All of it, unless `IMPULSE_MEMORY_BUDGET` says otherwise.
pub const BUDGET: usize = 512 * 1024 * 1024;
/// The least that can be set: with less, one user could not be sent one page.
pub const BUDGET_MIN: usize = 64 * 1024 * 1024;
/// The most.
pub const BUDGET_MAX: usize = 1024 * 1024 * 1024 * 1024;
/// The budget has so many parts; the shares below are counted in them.
pub const PARTS: usize = 32;
/// Frames for single WebSockets.
pub const SEND_QUEUES: usize = 8;
/// Frames of rooms that some reader has not taken.
pub const ROOM_LOGS: usize = 8;
/// Slices of replays.
pub const REPLAYS: usize = 4;
/// Replay buffers of rooms.
pub const REPLAY_BUFFERS: usize = 3;
/// HTTP responses.
pub const ANSWERS: usize = 5;
/// First frames of WebSockets.
pub const HELLOS: usize = 1;
/// HTTP requests that are not complete or not answered.
pub const REQUESTS: usize = 3;
/// One user may hold one of so many parts of a share.
pub const USERS: usize = 8;
/// An address, for requests without a user, may hold one of so many: an office may be behind it.
pub const ADDRESSES: usize = 2;
/// Holders whose entry in the table stays allocated when they hold nothing.
pub const HOLDERS_KEPT: usize = 1_024;
/// When somebody who was refused may try again, in milliseconds.
pub const RETRY_MS: u32 = 1_000;
