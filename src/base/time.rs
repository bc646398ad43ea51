//! Moments, in milliseconds since 1970, and periods of them.
//!
//! A moment that people may choose (the end of a status, of a mute, of a token) must be one that every
//! browser can show and every program can count with, so all of them pass through [`shown`] or
//! [`ahead`]. Rows from before that rule are read through [`stored`].

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::base::error::{Error, Result};
use crate::base::limits::api::LATEST_MS;

/// Now.
pub fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, millis)
}

/// A period as it is added to a moment.
pub fn millis(period: Duration) -> i64 {
    i64::try_from(period.as_millis()).unwrap_or(i64::MAX)
}

/// A moment that somebody chose, past or not.
///
/// # Errors
/// `bad_request` naming the field, for a moment before 1970 or after the year 9999.
pub fn shown(field: &str, at: i64) -> Result<i64> {
    if (0..=LATEST_MS).contains(&at) {
        return Ok(at);
    }
    Err(Error::field(field, "must be a time from 1970 to 9999, in milliseconds"))
}

/// The same, and not over yet.
///
/// # Errors
/// `bad_request` naming the field.
pub fn ahead(field: &str, at: i64) -> Result<i64> {
    if shown(field, at)? <= now_ms() {
        return Err(Error::field(field, "must be in the future"));
    }
    Ok(at)
}

/// A moment as an older version may have stored it: one that cannot be shown is the nearest that can.
pub fn stored(at: i64) -> i64 {
    at.clamp(0, LATEST_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_no_calendar_shows_is_refused_wherever_it_comes_from_and_read_as_the_nearest() {
        for at in [0, 1_795_432_417_000, LATEST_MS] {
            assert_eq!(shown("until", at).unwrap(), at);
            assert_eq!(stored(at), at);
        }
        for at in [-1, i64::MIN, LATEST_MS + 1, 8_640_000_000_000_001, i64::MAX] {
            assert!(shown("until", at).unwrap_err().message().contains("\"until\""), "{at}");
            assert!(ahead("until", at).is_err(), "{at}");
            assert!((0..=LATEST_MS).contains(&stored(at)), "{at}");
        }
        assert!(ahead("until", now_ms() - 1).unwrap_err().message().contains("future"));
        assert!(ahead("until", now_ms() + 60_000).is_ok());
    }
}
