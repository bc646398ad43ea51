//! The command line (`admin`).

use std::time::Duration;

/// Before each check whether another server uses the database.
pub const DATABASE_PAUSES: [Duration; 3] =
    [Duration::ZERO, Duration::from_millis(500), Duration::from_millis(1_500)];
/// Between two changes of the line that says how far a backup is, in a terminal.
pub const PROGRESS: Duration = Duration::from_millis(200);
/// Between two such lines elsewhere.
pub const PROGRESS_LINES: Duration = Duration::from_secs(10);
/// Between two looks at how far the index of messages has been made anew.
pub const SEARCH_POLLED: Duration = Duration::from_secs(1);
