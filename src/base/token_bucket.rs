//! A rate of something as a token bucket. What it is a rate of, and whose, is decided elsewhere: for users in
//! [`crate::base::allowance`], for clients of HTTP in `http::request_limiter`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::limits::Rate;

/// A bucket that refills by time and that any number of threads take from at once. It holds one number:
/// the moment at which it will be full again, in microseconds since the server started.
#[derive(Debug, Default)]
pub struct TokenBucket {
    full_at: AtomicU64,
}

impl TokenBucket {
    /// Takes `cost`, or says in how many milliseconds it is there. What is larger than the bucket costs a full
    /// one.
    ///
    /// # Errors
    /// It is not there yet: the milliseconds until it is. Nothing is taken then.
    pub fn take(&self, rate: Rate, cost: f64, now_us: u64) -> Result<(), u32> {
        let cost_us = us(cost.min(rate.at_once) / rate.per_second);
        let most_us = us(rate.at_once / rate.per_second);
        let after = |full_at: u64| full_at.max(now_us).saturating_add(cost_us);
        let take = |full_at: u64| Some(after(full_at)).filter(|after| after - now_us <= most_us);
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take);
        taken.map(drop).map_err(|full_at| {
            let wait_us = (after(full_at) - now_us).saturating_sub(most_us);
            u32::try_from(wait_us / 1_000).unwrap_or(u32::MAX).saturating_add(1)
        })
    }

    /// Takes `cost` of what was done already, also what is not there: then nothing is until that has come back. What is
    /// larger than the bucket costs a full one.
    pub fn owe(&self, rate: Rate, cost: f64, now_us: u64) {
        let cost_us = us(cost.min(rate.at_once) / rate.per_second);
        let owe = |full_at: u64| Some(full_at.max(now_us).saturating_add(cost_us));
        // The closure never declines.
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, owe);
    }

    /// Gives back what was taken and not used.
    pub fn give_back(&self, rate: Rate, cost: f64) {
        let cost_us = us(cost.min(rate.at_once) / rate.per_second);
        let give = |full_at: u64| Some(full_at.saturating_sub(cost_us));
        // The closure never declines.
        let _ = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, give);
    }

    /// Whether nothing of it is taken, so that forgetting it changes nothing.
    pub fn is_full(&self, now_us: u64) -> bool {
        self.full_at.load(Ordering::Relaxed) <= now_us
    }
}

fn us(seconds: f64) -> u64 {
    (seconds * 1_000_000.0) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const RATE: Rate = Rate { at_once: 10.0, per_second: 2.0 };

    #[test]
    fn a_bucket_gives_what_it_holds_and_then_says_when_there_is_more() {
        let bucket = TokenBucket::default();
        let now = 5_000_000;
        for _ in 0..10 {
            assert_eq!(bucket.take(RATE, 1.0, now), Ok(()));
        }
        assert_eq!(bucket.take(RATE, 1.0, now), Err(501));
        assert_eq!(bucket.take(RATE, 4.0, now), Err(2_001));
        assert_eq!(bucket.take(RATE, 1.0, now + 499_000), Err(2));
        assert_eq!(bucket.take(RATE, 1.0, now + 500_000), Ok(()));
        bucket.give_back(RATE, 1.0);
        assert_eq!(bucket.take(RATE, 1.0, now + 500_000), Ok(()));
        assert!(bucket.take(RATE, 1.0, now + 500_000).is_err());
        // It never holds more than it may, and what is larger than it costs all of it.
        assert_eq!(bucket.take(RATE, 99.0, now + 3_600_000_000), Ok(()));
        assert_eq!(bucket.take(RATE, 1.0, now + 3_600_000_000), Err(501));
    }

    #[test]
    fn what_is_owed_has_to_come_back_before_there_is_more() {
        let bucket = TokenBucket::default();
        let now = 5_000_000;
        bucket.owe(RATE, 4.0, now);
        assert_eq!(bucket.take(RATE, 6.0, now), Ok(()));
        bucket.owe(RATE, 3.0, now);
        assert_eq!(bucket.take(RATE, 1.0, now), Err(2_001));
        assert_eq!(bucket.take(RATE, 1.0, now + 2_000_000), Ok(()));
        bucket.owe(RATE, 99.0, now + 2_000_000);
        assert_eq!(bucket.take(RATE, 1.0, now + 2_000_000), Err(5_501));
    }

    #[test]
    fn threads_that_take_at_once_get_no_more_than_one_that_takes_alone() {
        let bucket = TokenBucket::default();
        let rate = Rate { at_once: 1_000.0, per_second: 1.0 };
        let taken: usize = std::thread::scope(|scope| {
            let take = || (0..500).filter(|_| bucket.take(rate, 1.0, 1).is_ok()).count();
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).sum()
        });
        assert_eq!(taken, 1_000);
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_passes_than_a_full_bucket_and_what_came_back(
            steps in prop::collection::vec((0u64..3_000_000, 0.1f64..12.0), 1..200),
        ) {
            let bucket = TokenBucket::default();
            let (mut now, mut passed) = (0, 0.0);
            for (pause_us, cost) in steps {
                now += pause_us;
                if bucket.take(RATE, cost, now).is_ok() {
                    passed += cost.min(RATE.at_once);
                }
            }
            let most = RATE.at_once + RATE.per_second * now as f64 / 1e6;
            prop_assert!(passed <= most + 0.01, "{passed} of {most}");
        }

        #[test]
        fn a_client_that_waits_as_long_as_it_should_is_let_in(cost in 0.1f64..12.0, used in 0.0f64..10.0) {
            let bucket = TokenBucket::default();
            bucket.take(RATE, used, 0).unwrap();
            if let Err(wait_ms) = bucket.take(RATE, cost, 0) {
                prop_assert_eq!(bucket.take(RATE, cost, u64::from(wait_ms) * 1_000), Ok(()));
            }
        }
    }
}
