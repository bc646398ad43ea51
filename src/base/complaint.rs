//! Warnings about what anybody outside can cause: one in a period at most, so that nobody fills the log.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base::limits::http::COMPLAINT_VALUE;
use crate::base::lock::MutexExt as _;

/// Says when the line may be written again.
#[derive(Debug)]
pub struct Complaint {
    period: Duration,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    at: Option<Instant>,
    suppressed: u64,
}

impl Complaint {
    /// At most one line in each `period`.
    pub fn once_in(period: Duration) -> Self {
        Self { period, last: Mutex::default() }
    }

    /// How many were suppressed since the last line, if it is time for another one.
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

/// A value from outside as the log may show it: quoted, escaped and cut.
pub fn shown(value: &str) -> String {
    let cut: String = value.chars().take(COMPLAINT_VALUE).collect();
    let more = if cut.len() < value.len() { "…" } else { "" };
    format!("{cut:?}{more}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_is_due_in_each_period_and_says_how_many_were_not_written() {
        let complaint = Complaint::once_in(Duration::from_millis(100));
        assert_eq!(complaint.due(), Some(0));
        assert_eq!(complaint.due(), None);
        assert_eq!(complaint.due(), None);
        std::thread::sleep(Duration::from_millis(120));
        assert_eq!(complaint.due(), Some(2));
    }

    #[test]
    fn a_value_cannot_forge_a_line_or_fill_the_log() {
        assert_eq!(
            shown("https://a\r\nINFO all is well\u{1b}[2J"),
            r#""https://a\r\nINFO all is well\u{1b}[2J""#
        );
        assert!(shown(&"x".repeat(60_000)).chars().count() <= COMPLAINT_VALUE + 3);
    }
}
