//! Rate limits: a bucket of attempts per key that refills by time.
//!
//! No permanent lock: an empty bucket says when to try again. The table is bounded; when it is full
//! the buckets that have refilled are forgotten, which changes nothing for anybody.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Code, Error, Result};

/// Most keys remembered at once.
const KEYS: usize = 100_000;

/// Attempts allowed at once and the time in which they come back.
pub struct RateLimit<K> {
    /// Infinite when limits are lifted.
    burst: f64,
    per_second: f64,
    /// Whether the more attempts are used up, the longer the next one has to wait.
    is_growing: bool,
    buckets: Mutex<HashMap<K, Bucket>>,
}

struct Bucket {
    left: f64,
    /// When that was.
    at: Instant,
    /// The last attempt that was allowed.
    taken: Option<Instant>,
}

impl<K: Eq + Hash> RateLimit<K> {
    /// `burst` attempts per `period`, both times `scale`; a scale of 0 lifts the limit.
    pub fn new(burst: u32, period: Duration, scale: f64) -> Self {
        let burst = if scale == 0.0 { f64::INFINITY } else { (f64::from(burst) * scale).max(1.0) };
        let per_second = burst / period.as_secs_f64();
        Self { burst, per_second, is_growing: false, buckets: Mutex::default() }
    }

    /// After a quarter of the burst, each attempt waits twice as long as the one before: 2 s, 4 s,
    /// 8 s …, up to the time in which one comes back.
    pub fn with_growing_delay(self) -> Self {
        Self { is_growing: true, ..self }
    }

    /// Takes one attempt.
    ///
    /// # Errors
    /// `rate_limited` with the time until the next one.
    pub fn take(&self, key: K) -> Result<()> {
        if self.burst.is_infinite() {
            return Ok(());
        }
        let now = Instant::now();
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEYS {
            buckets.retain(|_, bucket| self.level(bucket, now) < self.burst);
        }
        if buckets.len() >= KEYS {
            // A flood of keys, each used once or twice: forgetting those costs the least.
            buckets.retain(|_, bucket| self.level(bucket, now) < self.burst - 2.0);
        }
        if buckets.len() >= KEYS {
            buckets.clear();
        }
        let bucket =
            buckets.entry(key).or_insert(Bucket { left: self.burst, at: now, taken: None });
        let left = self.level(bucket, now);
        (bucket.left, bucket.at) = (left, now);
        let refill = Duration::from_secs_f64((1.0 - left).max(0.0) / self.per_second);
        let rested = bucket.taken.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
        let wait = refill.max(self.pause(left).saturating_sub(rested));
        if wait.is_zero() {
            (bucket.left, bucket.taken) = (left - 1.0, Some(now));
            return Ok(());
        }
        let retry_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
        Err(Error::new(Code::RateLimited, "Too many attempts. Please wait a moment.")
            .retry_after(retry_ms))
    }

    /// Gives one attempt back: it was no failure.
    pub fn give_back(&self, key: &K) {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bucket) = buckets.get_mut(key) {
            bucket.left = (bucket.left + 1.0).min(self.burst);
        }
    }

    /// How long after the last attempt the next one may come.
    fn pause(&self, left: f64) -> Duration {
        let beyond = (self.burst - left - self.burst / 4.0).round();
        if !self.is_growing || beyond < 1.0 {
            return Duration::ZERO;
        }
        Duration::from_secs_f64(beyond.exp2().min(1.0 / self.per_second))
    }

    fn level(&self, bucket: &Bucket, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.left + passed * self.per_second).min(self.burst)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_wait_is_named() {
        let limit = RateLimit::new(3, Duration::from_secs(60), 1.0);
        for _ in 0..3 {
            limit.take("a").unwrap();
        }
        let refused = limit.take("a").unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        assert!(refused.retry_ms().is_some_and(|ms| (15_000..=20_000).contains(&ms)));
        limit.take("b").unwrap();
        limit.give_back(&"a");
        limit.take("a").unwrap();
    }

    #[test]
    fn the_delay_grows_with_what_is_used_up_and_is_never_longer_than_the_refill() {
        let hour = Duration::from_secs(3_600);
        let limit = RateLimit::new(20, hour, 1.0).with_growing_delay();
        let pauses: Vec<_> =
            [15, 14, 13, 12, 1].map(|left| limit.pause(f64::from(left)).as_secs()).into();
        assert_eq!(pauses, [0, 2, 4, 8, 180]);
        for _ in 0..6 {
            limit.take("a").unwrap();
        }
        let refused = limit.take("a").unwrap_err();
        assert!(refused.retry_ms().is_some_and(|ms| (1..=2_000).contains(&ms)), "{refused:?}");
        // A right password gives its attempt back, and with it the pause.
        limit.give_back(&"a");
        limit.take("a").unwrap();
        assert_eq!(RateLimit::<u8>::new(20, hour, 1.0).pause(1.0), Duration::ZERO);
    }

    #[test]
    fn a_flood_of_keys_neither_grows_the_table_nor_frees_who_is_held_back() {
        let limit = RateLimit::new(3, Duration::from_secs(3_600), 1.0);
        for _ in 0..3 {
            limit.take(usize::MAX).unwrap();
        }
        for key in 0..KEYS + 10 {
            limit.take(key).unwrap();
        }
        assert!(limit.buckets.lock().unwrap().len() <= KEYS);
        assert!(limit.take(usize::MAX).is_err());
    }

    #[test]
    fn a_scale_of_zero_lifts_the_limit_and_a_larger_one_widens_it() {
        let lifted = RateLimit::new(1, Duration::from_secs(60), 0.0);
        let wide = RateLimit::new(1, Duration::from_secs(60), 5.0);
        for _ in 0..5 {
            lifted.take(1).unwrap();
            wide.take(1).unwrap();
        }
        lifted.take(1).unwrap();
        assert!(wide.take(1).is_err());
    }
}
