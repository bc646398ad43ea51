//! What the process may have open (`descriptors`).

use std::time::Duration;

/// For files, listeners, pipes and the runtime. Connections to the database are extra.
pub const FILES: usize = 32;
/// Descriptors that WebSockets leave to HTTP; a quarter of them if there are few.
pub const HTTP: usize = 512;
/// A server with room for fewer connections warns at its start.
pub const FEW: usize = 1_000;
/// Until the next attempt to accept when no descriptor is left.
pub const PAUSE: Duration = Duration::from_millis(50);
/// Between two lines in the log that say so.
pub const FAILURES_LOGGED: Duration = Duration::from_secs(10);
