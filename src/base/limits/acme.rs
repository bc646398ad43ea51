//! Certificates by ACME (`tls::acme`).

use std::time::Duration;

/// Challenges that are answered at once: one for each name of a certificate.
pub const CHALLENGES: usize = 100;
/// The token of a challenge, in bytes.
pub const TOKEN: usize = 128;
/// Names in one certificate; Let's Encrypt takes no more.
pub const NAMES: usize = 100;
/// One request to the certificate authority, with its answer.
pub const REQUEST: Duration = Duration::from_secs(30);
/// One answer of it, in bytes.
pub const ANSWER: usize = 256 * 1024;
/// How long it may take to check the challenges, and then to issue.
pub const VALIDATION: Duration = Duration::from_secs(120);
/// One attempt from its begin to its end, whatever happens.
pub const ATTEMPT: Duration = Duration::from_secs(600);
/// What the authority says, as it is repeated in a sentence, in characters.
pub const DETAIL: usize = 300;
/// Orders in an hour, over restarts. Let's Encrypt refuses after five that failed.
pub const ORDERS_PER_HOUR: usize = 4;
/// Orders in a day, over restarts.
pub const ORDERS_PER_DAY: usize = 16;
/// The first wait after the authority could not be reached, which costs it nothing; each next one is twice as long.
pub const AWAY_WAIT: Duration = Duration::from_secs(5);
/// The longest of them.
pub const AWAY_WAIT_MAX: Duration = Duration::from_secs(3_600);
/// The first wait after it refused; each next one is three times as long.
pub const REFUSED_WAIT: Duration = Duration::from_secs(120);
/// The longest of them.
pub const REFUSED_WAIT_MAX: Duration = Duration::from_secs(6 * 3_600);
/// The wait after a limit of the authority was reached, unless it says how long.
pub const LIMITED_WAIT: Duration = Duration::from_secs(3_600);
/// The longest wait that the authority can ask for.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(8 * 24 * 3_600);
/// How often the clock is compared with what is due: a machine that slept has missed its timers.
pub const LOOK: Duration = Duration::from_secs(600);
/// How often the authority is asked when it wants a certificate renewed (RFC 9773, 4.3.3), at least and at most.
pub const RENEWAL_INFO: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(24 * 3_600);
/// The same after it did not answer that question.
pub const RENEWAL_INFO_RETRY: Duration = Duration::from_secs(6 * 3_600);
/// What must be free on the disk before an order is made, in bytes: a certificate that cannot be kept is wasted.
pub const ROOM: usize = 64 * 1024;
/// The first wait before the state of an order is asked for; each next one is half as long again.
pub const POLL: Duration = Duration::from_millis(400);
/// So long after the second in which a certificate is due it is renewed.
pub const AFTER_DUE: Duration = Duration::from_millis(50);
/// How long the placeholder is valid: it is made at every start.
pub const PLACEHOLDER_LIFE: Duration = Duration::from_secs(30 * 24 * 3_600);
/// So long before the start it begins, for browsers whose clock is behind.
pub const PLACEHOLDER_AGE: Duration = Duration::from_secs(3_600);
