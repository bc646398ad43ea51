//! The command line (`admin`).

use std::time::Duration;

/// Before each check whether another server uses the database.
pub const DATABASE_PAUSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1_500)];
