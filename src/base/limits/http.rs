//! HTTP/1.1 (`http`).

use std::time::Duration;

/// Request line; longer is 414.
pub const REQUEST_LINE: usize = 16 * 1024;
/// Whole head; longer is 431.
pub const HEAD: usize = 64 * 1024;
/// Header fields; more is 431.
pub const HEADERS: usize = 100;
/// Chunk extensions of one line.
pub const CHUNK_EXTENSION: usize = 256;
/// Chunk extensions of a whole body.
pub const CHUNK_EXTENSIONS: usize = 4 * 1024;
/// Trailers of a chunked body.
pub const TRAILERS: usize = 8 * 1024;
/// Bytes of a request that are not accounted for yet.
pub const UNACCOUNTED: usize = 16 * 1024;
/// Body of a JSON request unless its route says otherwise.
pub const BODY: usize = 64 * 1024;
/// From the first byte of a head to its last; of the first one from the accept.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(20);
/// From the head to the end of the body.
pub const BODY_DEADLINE: Duration = Duration::from_secs(40);
/// How long a connection is kept without a request.
pub const IDLE: Duration = Duration::from_secs(90);
/// From the accept to the end of a TLS handshake.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// TLS handshakes that are being made at once. The next ones wait within that deadline.
pub const HANDSHAKES: usize = 2_048;
/// The same of one client.
pub const HANDSHAKES_PER_ADDRESS: usize = 64;
/// Writing one response.
pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Reading on after the last response before the close.
pub const LINGER: Duration = Duration::from_secs(2);
/// Bytes of one such read.
pub const LINGER_READ: usize = 1_024;
/// Bytes of a connection, also of a WebSocket, that the kernel takes before it can send them. What is more
/// waits where it is accounted for. With less, a client that reads nothing for a moment would count as
/// lagging while thousands of small frames are sent to it.
pub const UNSENT: u32 = 1024 * 1024;
/// Connections the kernel holds before they are accepted.
pub const BACKLOG: i32 = 4096;
/// Connections that speak HTTP at once.
pub const CONNECTIONS: usize = 16_384;
/// The same from one client (an IPv4 address or an IPv6 /64; see `net`).
pub const CONNECTIONS_PER_ADDRESS: usize = 256;
/// A connection that has been idle for so long gives way to a new one when there are too many.
pub const GIVES_WAY: Duration = Duration::from_millis(250);
/// Connections of one client that wait for a permit when it has as many as it may.
pub const WAITING_PER_ADDRESS: usize = 1_024;
/// How long they wait.
pub const PERMIT_WAIT: Duration = Duration::from_secs(5);
/// How often a connection that waits checks whether an idle one can give way by now.
pub const PERMIT_POLL: Duration = Duration::from_millis(50);
/// Refusals that are written at the same time; a connection beyond them is closed at once.
pub const REFUSALS: usize = 256;
/// Bytes of a refused connection that are read before it is closed at once.
pub const REFUSED_READ: usize = 4 * 1024;
/// Bytes of one read of a connection.
pub const READ: usize = 8 * 1024;
/// Bytes of the first read, before any wait: the head of nearly every upgrade fits.
pub const FIRST_READ: usize = 2 * 1024;
/// How long a call of our own HTTP client may take.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes of a reply that it reads.
pub const CLIENT_REPLY: usize = 16 * 1024 * 1024;
/// Nesting of a JSON body. The deepest request of the contract has five levels.
pub const JSON_DEPTH: usize = 32;
/// Bytes of the path of a file that is served.
pub const SITE_PATH: usize = 255;
/// Builds of the client whose files are kept for pages that were loaded before an update.
pub const BUILDS_KEPT: usize = 5;
/// Writing them takes a moment. What was begun so long ago, a server that was killed has left.
pub const BUILD_ABANDONED: Duration = Duration::from_secs(3_600);
/// Bytes of a JSON answer from which it is compressed: a smaller one fits into one packet as it is.
pub const PACKED_FROM: usize = 1_024;
/// Bytes up to which it is compressed at once: less than a millisecond.
pub const PACKED_HERE: usize = 64 * 1024;
/// Longer answers that are compressed at the same time.
pub const PACKED_AT_ONCE: usize = 2;
/// Bytes by which a compressed answer is longer than it would have to be, at most.
pub const PACKED_PADDING: usize = 64;
/// What one client may spend on requests at once. An office of two hundred that loads the page and
/// signs in on a Monday morning spends some ninety thousand in a minute.
pub const BURST: u32 = 100_000;
/// How much of it comes back in a second.
pub const RATE: u32 = 1_000;
/// Cost of a request that is answered from memory.
pub const COST_LIGHT: u32 = 1;
/// Cost of a picture.
pub const COST_LOOKUP: u32 = 2;
/// Cost of a call of the interface: a hundred a second for long, ten thousand at once.
pub const COST_CALL: u32 = 10;
/// Cost of `/metrics` and `/ready`.
pub const COST_HEAVY: u32 = 100;
/// How long the refusal of a request beyond the rate is delayed at most.
pub const RATE_PAUSE: Duration = Duration::from_secs(1);
/// Requests of one client that are served at the same time.
pub const AT_ONCE: usize = 64;
/// How long one more waits for a slot.
pub const AT_ONCE_WAIT: Duration = Duration::from_secs(10);
/// Requests of one client whose bodies are read piece by piece at the same time. They take none of those slots.
pub const UPLOADS_PER_ADDRESS: usize = 32;
/// The same of all clients together: a half of the memory for requests.
pub const UPLOADS: usize = 64;
/// Answers of one client that are sent piece by piece at the same time.
pub const DOWNLOADS_PER_ADDRESS: usize = 128;
/// The same of all clients together.
pub const DOWNLOADS: usize = 512;
/// How long a transfer may be slow. After that it gives way when all slots are taken and somebody waits for one.
pub const TRANSFER_PATIENCE: Duration = Duration::from_secs(60);
/// Bytes a second below which it is, on average since it began.
pub const TRANSFER_SLOW: u64 = 16 * 1024;
/// How often somebody who waits makes one give way.
pub const TRANSFER_LOOK: Duration = Duration::from_secs(1);
/// Bytes of a piece of a body.
pub const PIECE: usize = 64 * 1024;
/// Bytes of a piece of an answer: a browser may ask for a hundred small pictures at once.
pub const DOWNLOAD_PIECE: usize = 32 * 1024;
/// Bytes that a request holds whose body is read piece by piece: what is read, the next piece, and that of the handler.
pub const UPLOAD_HELD: usize = 3 * PIECE;
/// Bytes that such an answer holds: a piece on its way, and the next one.
pub const DOWNLOAD_HELD: usize = 2 * DOWNLOAD_PIECE;
/// A client sends, or takes, a whole piece within so long; time in which nobody waits for it does not count. At this
/// pace 100 MiB would take half a day.
pub const PIECE_DEADLINE: Duration = Duration::from_secs(30);
/// Bytes of such an answer, and of a connection of HTTP/2, that the kernel takes before it can send them: with more, a
/// slow reader would seem to take nothing for long.
pub const STREAMED_UNSENT: u32 = 64 * 1024;
/// Pieces that are read from files at the same time, each by a blocking thread.
pub const FILE_READS: usize = 16;
/// How long an answer that is sent piece by piece goes on when the server stops.
pub const DOWNLOAD_STOP: Duration = Duration::from_millis(750);
/// Clients whose spending is remembered at once.
pub const CLIENTS: usize = 100_000;
/// Between two lines in the log about requests that were refused for their origin or host.
pub const REFUSALS_LOGGED: Duration = Duration::from_secs(60);
/// The same about a proxy that is not trusted. It is as true of its next request.
pub const IGNORED_PROXY_LOGGED: Duration = Duration::from_secs(3_600);
/// Characters of a value of such a request that are written into the log.
pub const LOGGED_VALUE: usize = 100;
