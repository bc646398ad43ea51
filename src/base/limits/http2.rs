//! HTTP/2 (`http::http2`). What is not here has the bound of HTTP/1.1 (`http`).

use std::time::Duration;

use super::Rate;
use super::http::PIECE;

/// Streams of one connection whose requests are not answered, or whose answers are not taken. One that was reset
/// counts until its handler is done.
pub const STREAMS: usize = 100;
/// Bytes that a stream is accounted for until its answer is taken, beside its head and its body.
pub const STREAM: usize = 1_024;
/// Bytes of all requests of one connection that are not accounted for.
pub const UNACCOUNTED: usize = 32 * 1024;
/// Bytes of a body that a client may send before they are read, on one stream: with a fiftieth of a second to the server
/// and back, five megabytes in a second.
pub const STREAM_WINDOW: u32 = 256 * 1024;
/// The same on all streams of a connection: more than one has, so that one that is not read does not stop the others.
/// Each body that is read piece by piece adds a window of its own, which is accounted for.
pub const CONNECTION_WINDOW: u32 = STREAM_WINDOW + 64 * 1024;
/// Bytes that a request holds whose body is read piece by piece: its window, the next piece, and that of the handler.
pub const UPLOAD_HELD: usize = STREAM_WINDOW as usize + 2 * PIECE;
/// Bytes of one answer that wait for the socket at once; the rest waits for them.
pub const SEND_BUFFER: usize = 64 * 1024;
/// Bytes of an answer that are not accounted for.
pub const SMALL_ANSWER: usize = 1_024;
/// How many times the deadline of a write an answer may take in all, if some of it is taken within each.
pub const WRITE_STRETCHES: u32 = 6;
/// Frames of one connection that ask for nothing: PING, SETTINGS, WINDOW_UPDATE, PRIORITY, small DATA, and unknown ones.
pub const FRAMES: Rate = Rate { at_once: 1_000.0, per_second: 100.0 };
/// For so many bytes that are sent to a client, it may send one more of them.
pub const FRAME_EARNED: usize = 4 * 1024;
/// Bytes of DATA below which it is one of them, unless it ends its stream.
pub const SMALL_DATA: usize = 256;
/// Requests of one connection that its client takes back.
pub const RESETS: Rate = Rate { at_once: 200.0, per_second: 20.0 };
/// Of these, requests that nobody has begun to read.
pub const UNREAD_RESETS: usize = 20;
/// Requests of one connection, over all its life, that break the protocol or are more than it may have.
pub const FAULTS: usize = 256;
/// Streams reset by us that are remembered, so that what is still on its way for them is no fault.
pub const REMEMBERED_RESETS: usize = 50;
/// How long they are: a line of 1 Mbit/s needs two seconds for a window.
pub const RESETS_REMEMBERED: Duration = Duration::from_secs(3);
/// Bytes of one connection that are read before the thread serves others.
pub const TURN: usize = 64 * 1024;
