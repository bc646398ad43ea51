//! What the listeners count, for `/metrics`. One set for all of them.

use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

use crate::base::counter::{Counter, CounterByCode, Gauge};

/// Why somebody who came was not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// As many connections are here as may be.
    Total,
    /// As many from one address as may be.
    Address,
    /// No descriptor was left to accept on.
    Descriptors,
    /// As many WebSockets are here as fit.
    Sockets,
    /// As many WebSockets of one user as may be.
    User,
    /// As many requests of one client in this time as may be.
    Rate,
}

impl Refused {
    const ALL: [(Self, &str); 6] = [
        (Self::Total, "total"),
        (Self::Address, "address"),
        (Self::Descriptors, "descriptors"),
        (Self::Sockets, "sockets"),
        (Self::User, "user"),
        (Self::Rate, "rate"),
    ];
}

/// Counters over all listeners, since the start.
#[derive(Debug)]
pub struct Counts {
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections that speak HTTP now.
    pub open: Gauge,
    /// Requests that were answered with an error, by its code.
    pub errors: CounterByCode,
    /// From the head of a request to its answer; not the writing of it.
    pub duration: Histogram,
    refused: [Counter; Refused::ALL.len()],
    /// By the first digit of the status.
    classes: [Counter; CLASSES.len()],
}

const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Seconds: from a file out of memory to a password on a busy machine.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0];

impl Default for Counts {
    fn default() -> Self {
        Self {
            accepted: Counter::default(),
            open: Gauge::default(),
            errors: CounterByCode::default(),
            duration: Histogram::new(BUCKETS),
            refused: Default::default(),
            classes: Default::default(),
        }
    }
}

impl Counts {
    /// Somebody was not let in.
    pub fn refuse(&self, why: Refused) {
        if let Some(count) = self.refused.get(why as usize) {
            count.inc();
        }
    }

    /// A request has its answer.
    pub(super) fn answer(&self, status: u16, took: Duration) {
        self.refusal(status);
        self.duration.observe(took.as_secs_f64());
    }

    /// What was not even a request has its answer.
    pub(super) fn refusal(&self, status: u16) {
        if let Some(count) = self.classes.get(usize::from(status / 100).saturating_sub(1)) {
            count.inc();
        }
    }

    /// How many were not let in, by reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        Refused::ALL.iter().zip(&self.refused).map(|((_, reason), count)| (*reason, count.get()))
    }

    /// Answers by the class of their status.
    pub fn classes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        CLASSES.into_iter().zip(&self.classes).map(|(class, count)| (class, count.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_and_every_class_has_its_own_count() {
        let counts = Counts::default();
        for (reason, name) in Refused::ALL {
            counts.refuse(reason);
            assert_eq!(counts.refused().filter(|(_, n)| *n > 0).last(), Some((name, 1)));
        }
        for status in [101, 200, 304, 404, 503, 0, 999] {
            counts.answer(status, Duration::ZERO);
        }
        assert!(counts.classes().all(|(class, n)| n == if class == "1xx" { 2 } else { 1 }));
    }
}
