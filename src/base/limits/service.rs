//! What the server does for callers and by itself (`service`).

use std::time::Duration;

/// Acts one person may do that go into the audit log, at once and in [`AUDITED_IN`], times the
/// rate-limit scale. Fifty members can be muted, or a department moved, without a pause.
pub const AUDITED: u32 = 300;
/// The same of everybody but admins of the server together, in an hour: the log does not grow
/// faster, however many accounts somebody has.
pub const AUDITED_TOTAL: u32 = 20_000;
/// The time in which [`AUDITED`] acts come back.
pub const AUDITED_IN: Duration = Duration::from_secs(10 * 60);
/// Between attempts to write an entry of the audit log, while the store does not answer.
pub const RECORD_PAUSES: [Duration; 3] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5)];
/// How long an answer waits for its entry. What is not written by then is written beside it.
pub const RECORD_WAIT: Duration = Duration::from_millis(200);
/// Between two samples of the counters.
pub const STATS_SAMPLED: Duration = Duration::from_secs(10);
/// Samples kept: an hour of them.
pub const STATS_SAMPLES: usize = 360;
/// Days in the figures.
pub const STATS_DAYS: usize = 30;
/// How long the figures of the days are kept before they are read anew.
pub const STATS_DAYS_CACHED: Duration = Duration::from_secs(60);
/// Between two purges.
pub const PURGE: Duration = Duration::from_secs(3_600);
/// Users of one purge; the rest follows with the next.
pub const PURGED_USERS: i64 = 100;
/// Between two attempts to finish what a failure interrupted.
pub const RETRY: Duration = Duration::from_secs(2);
/// How often a change of a message is tried whose author does not care which revision it makes.
pub const CHANGE_ATTEMPTS: usize = 5;
