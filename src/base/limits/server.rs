//! Stopping (`server`).

use std::time::Duration;

/// Requests in flight get this long when the server stops. Rooms and shards have their own bounds.
pub const REQUESTS_STOP: Duration = Duration::from_millis(1_500);
/// What still runs beside the rooms when they have stopped gets this long.
pub const THREADS_STOP: Duration = Duration::from_millis(500);
