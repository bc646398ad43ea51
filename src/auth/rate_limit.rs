//! Rate limits: a bucket of attempts per key that refills by time.
//!
//! Nobody is locked out for good: the error of an empty bucket says when to try again. The table is bounded; when it is
//! full, the buckets that have refilled are forgotten, which changes nothing for anybody.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base::error::{Code, Error, Result};
use crate::base::limits::auth::KEYS;
use crate::base::lock::MutexExt as _;

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
    /// The last attempt that counted.
    counted: Option<Instant>,
    /// Attempts under way, each of which may come to count.
    under_way: u32,
}

/// An attempt under way. Dropped it counts for nothing.
pub struct Attempt<'a, K: Eq + Hash + Clone> {
    limit: &'a RateLimit<K>,
    /// None when limits are lifted.
    key: Option<K>,
}

impl<K: Eq + Hash + Clone> RateLimit<K> {
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

    /// Counts one attempt.
    ///
    /// # Errors
    /// `rate_limited` with the time until the next one.
    pub fn take(&self, key: K) -> Result<()> {
        self.begin(key)?.count();
        Ok(())
    }

    /// Begins an attempt of which nobody knows yet whether it will count.
    ///
    /// # Errors
    /// `rate_limited` with the time until the next one.
    pub fn begin(&self, key: K) -> Result<Attempt<'_, K>> {
        if self.burst.is_infinite() {
            return Ok(Attempt { limit: self, key: None });
        }
        let now = Instant::now();
        let mut buckets = self.buckets.lock_unpoisoned();
        self.make_room(&mut buckets, now);
        let bucket = buckets.get(&key);
        let left = bucket.map_or(self.burst, |bucket| self.level(bucket, now));
        // What is under way may come to count: together they are never more than may be.
        let under_way = bucket.map_or(0, |bucket| bucket.under_way);
        let short = 1.0 + f64::from(under_way) - left;
        let refill = Duration::from_secs_f64(short.max(0.0) / self.per_second);
        let counted = bucket.and_then(|bucket| bucket.counted);
        let rested = counted.map_or(Duration::MAX, |at| now.saturating_duration_since(at));
        let wait = refill.max(self.pause(left).saturating_sub(rested));
        if !wait.is_zero() {
            let retry_ms = u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1);
            return Err(Error::new(Code::RateLimited, "Too many attempts. Please wait a moment.")
                .retry_after(retry_ms));
        }
        let fresh = Bucket { left, at: now, counted: None, under_way: 0 };
        buckets.entry(key.clone()).or_insert(fresh).under_way += 1;
        Ok(Attempt { limit: self, key: Some(key) })
    }

    /// Whether not one more attempt is allowed now, without making one.
    pub fn is_used_up(&self, key: &K) -> bool {
        let now = Instant::now();
        let buckets = self.buckets.lock_unpoisoned();
        buckets.get(key).is_some_and(|bucket| self.level(bucket, now) < 1.0)
    }

    /// How much is used up at the moment.
    pub fn used(&self, key: &K) -> f64 {
        let now = Instant::now();
        let buckets = self.buckets.lock_unpoisoned();
        buckets.get(key).map_or(0.0, |bucket| self.burst - self.level(bucket, now))
    }

    /// Counts what happened, whether or not it was allowed.
    pub fn count(&self, key: K) {
        if self.burst.is_finite() {
            self.end(key, 0, 1.0);
        }
    }

    /// Gives back what [`take`](Self::take) has counted: nothing came of it.
    pub fn give_back(&self, key: &K) {
        let mut buckets = self.buckets.lock_unpoisoned();
        if let Some(bucket) = buckets.get_mut(key) {
            bucket.left = (bucket.left + 1.0).min(self.burst);
        }
    }

    fn end(&self, key: K, under_way: u32, counts: f64) {
        let now = Instant::now();
        let mut buckets = self.buckets.lock_unpoisoned();
        self.make_room(&mut buckets, now);
        let fresh = Bucket { left: self.burst, at: now, counted: None, under_way };
        let bucket = buckets.entry(key.clone()).or_insert(fresh);
        bucket.under_way = bucket.under_way.saturating_sub(under_way);
        let left = self.level(bucket, now);
        (bucket.left, bucket.at) = ((left - counts).max(0.0), now);
        if counts > 0.0 {
            bucket.counted = Some(now);
        }
        if bucket.under_way == 0 && bucket.left >= self.burst {
            buckets.remove(&key);
        }
    }

    fn make_room(&self, buckets: &mut HashMap<K, Bucket>, now: Instant) {
        // A flood of keys, each used once or twice: forgetting those costs the least.
        for spare in [0.0, 2.0] {
            if buckets.len() >= KEYS {
                buckets.retain(|_, bucket| {
                    bucket.under_way > 0 || self.level(bucket, now) < self.burst - spare
                });
            }
        }
        if buckets.len() >= KEYS {
            buckets.clear();
        }
    }

    /// How long after the last attempt that counted the next one may come.
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

impl<K: Eq + Hash + Clone> Attempt<'_, K> {
    /// It counts.
    pub fn count(mut self) {
        if let Some(key) = self.key.take() {
            self.limit.end(key, 1, 1.0);
        }
    }
}

impl<K: Eq + Hash + Clone> Drop for Attempt<'_, K> {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.limit.end(key, 1, 0.0);
        }
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
        assert!(limit.is_used_up(&"a") && !limit.is_used_up(&"b"));
        assert!(limit.used(&"a") > 2.9 && limit.used(&"b") == 0.0);
        limit.take("b").unwrap();
    }

    #[test]
    fn what_is_under_way_takes_a_place_and_gives_it_back_unless_it_counts() {
        let limit = RateLimit::new(3, Duration::from_secs(60), 1.0);
        let under_way: Vec<_> = (0..3).map(|_| limit.begin("a").unwrap()).collect();
        assert!(limit.begin("a").is_err());
        drop(under_way);
        assert!(
            limit.buckets.lock().unwrap().is_empty(),
            "who did nothing wrong is not remembered"
        );
        limit.begin("a").unwrap().count();
        limit.count("a");
        limit.begin("a").unwrap().count();
        assert!(limit.begin("a").is_err());
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
        let refused = limit.begin("a").map(drop).unwrap_err();
        assert!(refused.retry_ms().is_some_and(|ms| (1..=2_000).contains(&ms)), "{refused:?}");
        assert_eq!(RateLimit::<u8>::new(20, hour, 1.0).pause(1.0), Duration::ZERO);
    }

    #[test]
    fn a_flood_of_keys_neither_grows_the_table_nor_frees_a_key_that_is_held_back() {
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
