//! How often an authority is asked. The times of the orders are on disk, so a server that is restarted again and
//! again does not use up what the authority allows: a restart tries at once, but only a few times an hour.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

use crate::base::limits::acme as limits;

const HOUR: u64 = 3_600;
const DAY: u64 = 24 * HOUR;

/// What was tried. Times are in seconds since 1970.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempts {
    /// When orders were made in the last day, oldest first.
    orders: Vec<u64>,
    /// Before this moment the authority wants to hear nothing.
    not_before: u64,
    /// For what the trial at the staging directory has worked.
    tried: String,
    /// Why the last attempt failed; empty after one that did not.
    failure: String,
}

impl Attempts {
    /// The first moment at which another order may be made.
    pub fn earliest(&self, now: SystemTime) -> SystemTime {
        let now = seconds(now);
        let (hour, day) = (limits::ORDERS_PER_HOUR, limits::ORDERS_PER_DAY);
        // A clock that was set back must not hold back for longer than it would have.
        let orders: Vec<u64> = self.orders.iter().map(|at| (*at).min(now)).collect();
        let after = |most: usize, period: u64| match orders.len().checked_sub(most) {
            Some(at) => orders.get(at).map_or(0, |at| at + period),
            None => 0,
        };
        let not_before = self.not_before.min(now + limits::RETRY_AFTER_MAX.as_secs());
        let earliest = after(hour, HOUR).max(after(day, DAY)).max(not_before);
        UNIX_EPOCH + Duration::from_secs(earliest)
    }

    /// Counts an order.
    pub fn count(&mut self, now: SystemTime) {
        let now = seconds(now);
        self.orders.retain(|at| now.saturating_sub(*at) < DAY);
        self.orders.push(now);
        let surplus = self.orders.len().saturating_sub(limits::ORDERS_PER_DAY);
        self.orders.drain(..surplus);
    }

    /// The authority asked for a wait until then.
    pub fn hold(&mut self, until: SystemTime) {
        self.not_before = self.not_before.max(seconds(until));
    }

    /// Whether the trial has worked for this.
    pub fn has_tried(&self, what: &str) -> bool {
        self.tried == what
    }

    /// The trial has worked.
    pub fn remember_trial(&mut self, what: String) {
        self.tried = what;
    }

    /// Keeps why an attempt failed, or that it did not.
    pub fn set_failure(&mut self, sentence: &str) {
        self.failure = sentence.to_owned();
        if sentence.is_empty() {
            self.not_before = 0;
        }
    }

    /// Why the last attempt failed, if it did.
    pub fn failure(&self) -> Option<&str> {
        (!self.failure.is_empty()).then_some(self.failure.as_str())
    }
}

/// The waits between attempts that fail, growing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Waits {
    failures: u32,
}

/// What an attempt has cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// The authority was not reached or is in trouble itself.
    Nothing,
    /// It said no, and counts how often it does.
    Refusal,
}

impl Waits {
    /// The wait after one more failure.
    pub fn next(&mut self, cost: Cost) -> Duration {
        let (first, factor, longest) = match cost {
            Cost::Nothing => (limits::AWAY_WAIT, 2_u32, limits::AWAY_WAIT_MAX),
            Cost::Refusal => (limits::REFUSED_WAIT, 3, limits::REFUSED_WAIT_MAX),
        };
        let times = factor.saturating_pow(self.failures);
        self.failures = self.failures.saturating_add(1);
        first.saturating_mul(times).min(longest)
    }

    /// An attempt has succeeded.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_800_000_000 + seconds)
    }

    #[test]
    fn so_many_orders_in_an_hour_and_in_a_day_and_not_one_more_however_often_the_server_starts() {
        let mut attempts = Attempts::default();
        let mut now = 0;
        for _ in 0..limits::ORDERS_PER_HOUR {
            assert!(attempts.earliest(at(now)) <= at(now));
            attempts.count(at(now));
            now += 1;
        }
        let text = serde_json::to_string(&attempts).unwrap();
        let mut attempts: Attempts = serde_json::from_str(&text).unwrap();
        assert_eq!(attempts.earliest(at(now)), at(HOUR));
        for _ in limits::ORDERS_PER_HOUR..limits::ORDERS_PER_DAY {
            now = now.max(seconds(attempts.earliest(at(now))).saturating_sub(1_800_000_000));
            attempts.count(at(now));
        }
        assert!(now < DAY);
        assert_eq!(attempts.earliest(at(now)), at(DAY));
        attempts.count(at(DAY + 1));
        assert!(attempts.orders.len() <= limits::ORDERS_PER_DAY);
    }

    #[test]
    fn a_clock_that_was_set_back_and_an_authority_without_measure_hold_back_for_a_bounded_time() {
        let mut attempts = Attempts::default();
        (0..limits::ORDERS_PER_HOUR).for_each(|_| attempts.count(at(1_000_000)));
        assert_eq!(attempts.earliest(at(0)), at(HOUR));
        attempts.hold(at(1 << 40));
        assert_eq!(attempts.earliest(at(0)), at(0) + limits::RETRY_AFTER_MAX);
        attempts.set_failure("");
        assert_eq!(attempts.earliest(at(0)), at(HOUR), "a success ends the wait, not the count");
        assert_eq!(attempts.failure(), None);
    }

    #[test]
    fn waits_grow_to_a_bound_and_begin_again_after_a_success() {
        let mut waits = Waits::default();
        let (first, next) = (waits.next(Cost::Nothing), waits.next(Cost::Nothing));
        assert_eq!((first, next), (limits::AWAY_WAIT, limits::AWAY_WAIT * 2));
        for _ in 0..100 {
            waits.next(Cost::Nothing);
        }
        assert_eq!(waits.next(Cost::Nothing), limits::AWAY_WAIT_MAX);
        assert_eq!(waits.next(Cost::Refusal), limits::REFUSED_WAIT_MAX);
        waits.reset();
        assert_eq!(waits.next(Cost::Refusal), limits::REFUSED_WAIT);
        assert_eq!(waits.next(Cost::Refusal), limits::REFUSED_WAIT * 3);
    }
}
