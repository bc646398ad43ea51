//! Log lines that anybody outside can cause: at most one in a period, so that nobody fills the log.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base::lock::MutexExt as _;

/// Decides whether one kind of line may be written now.
#[derive(Debug)]
pub struct LogLimiter {
    period: Duration,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    at: Option<Instant>,
    suppressed: u64,
}

impl LogLimiter {
    /// At most one line in each `period`.
    pub fn once_in(period: Duration) -> Self {
        Self { period, last: Mutex::default() }
    }

    /// How many lines were suppressed since the last one, if another one is due.
    pub fn due(&self) -> Option<u64> {
        let mut last = self.last.lock_unpoisoned();
        if last.at.is_some_and(|at| at.elapsed() < self.period) {
            last.suppressed = last.suppressed.saturating_add(1);
            return None;
        }
        last.at = Some(Instant::now());
        Some(std::mem::take(&mut last.suppressed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_due_in_each_period_and_says_how_many_were_not_written() {
        let limiter = LogLimiter::once_in(Duration::from_millis(100));
        assert_eq!(limiter.due(), Some(0));
        assert_eq!(limiter.due(), None);
        assert_eq!(limiter.due(), None);
        std::thread::sleep(Duration::from_millis(120));
        assert_eq!(limiter.due(), Some(2));
    }
}
