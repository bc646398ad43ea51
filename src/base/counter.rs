//! Counters that anybody may raise and `/metrics` reads. A count is one relaxed addition.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::base::error::Code;

/// Only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many since the start.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many there are now.
#[derive(Debug, Default)]
pub struct Gauge(AtomicUsize);

impl Gauge {
    /// One came.
    pub fn up(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One went, who had been counted.
    pub fn down(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// As many as somebody has counted otherwise.
    pub fn set(&self, now: usize) {
        self.0.store(now, Ordering::Relaxed);
    }

    /// How many there are.
    pub fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

/// One count for each error code.
#[derive(Debug)]
pub struct CounterByCode([Counter; Code::ALL.len()]);

impl Default for CounterByCode {
    fn default() -> Self {
        Self(std::array::from_fn(|_| Counter::default()))
    }
}

impl CounterByCode {
    /// One more of this code.
    pub fn inc(&self, code: Code) {
        if let Some(count) = self.0.get(code as usize) {
            count.inc();
        }
    }

    /// All codes and how often they were.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Code::ALL.iter().zip(&self.0).map(|(code, count)| (code.as_str(), count.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_count() {
        let counts = CounterByCode::default();
        for code in Code::ALL {
            counts.inc(*code);
        }
        counts.inc(Code::RateLimited);
        let twice: Vec<_> = counts.iter().filter(|(_, count)| *count == 2).collect();
        assert_eq!(twice, [("rate_limited", 2)]);
        assert!(counts.iter().all(|(_, count)| count > 0));
    }
}
