//! The private PostgreSQL (`store::embedded`).

use std::time::Duration;

/// Until it serves; a recovery after a crash is part of it.
pub const START: Duration = Duration::from_secs(60);
/// Until it has stopped.
pub const STOP: Duration = Duration::from_secs(6);
/// How much longer the server waits for the thread that stops it.
pub const STOP_MARGIN: Duration = Duration::from_secs(1);
/// Waiting for another server that is just stopping.
pub const LOCK: Duration = Duration::from_secs(3);
/// How often something that is awaited is checked.
pub const POLL: Duration = Duration::from_millis(15);
/// How often a database that runs is checked.
pub const WATCH: Duration = Duration::from_millis(100);
/// Longest pause between attempts to start it again.
pub const RESTART: Duration = Duration::from_secs(5);
