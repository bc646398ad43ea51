//! What the listeners count for `/metrics`. One set for all of them.

use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

use super::head::Version;
use super::transfers::Transfer;
use crate::base::counter::{Counter, CounterByCode, Gauge};

/// Why a connection, an upgrade or a request was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalReason {
    /// There are as many connections as allowed.
    Total,
    /// One client has as many connections as allowed.
    Address,
    /// No descriptor was left.
    Descriptors,
    /// There are as many WebSockets as allowed.
    Sockets,
    /// One user has as many WebSockets as allowed.
    User,
    /// One client has exceeded its rate of requests.
    Rate,
    /// There are as many uploads or downloads as allowed, of one client or of all.
    Transfers,
}

impl RefusalReason {
    const ALL: [(Self, &str); 7] = [
        (Self::Total, "total"),
        (Self::Address, "address"),
        (Self::Descriptors, "descriptors"),
        (Self::Sockets, "sockets"),
        (Self::User, "user"),
        (Self::Rate, "rate"),
        (Self::Transfers, "transfers"),
    ];
}

/// How a TLS handshake ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeResult {
    /// The connection speaks TLS, with keys that were agreed on.
    Full,
    /// The same with a ticket of an earlier connection.
    Resumed,
    /// The client does not speak TLS, or not ours, does not trust the certificate, or has left.
    Failed,
    /// It took too long, or waited too long for others.
    Late,
    /// The client has exceeded its rate.
    Refused,
}

impl HandshakeResult {
    const ALL: [(Self, &str); 5] = [
        (Self::Full, "full"),
        (Self::Resumed, "resumed"),
        (Self::Failed, "failed"),
        (Self::Late, "late"),
        (Self::Refused, "refused"),
    ];
}

/// Counters over all listeners, since the start.
#[derive(Debug)]
pub struct HttpCounters {
    /// Connections accepted.
    pub accepted: Counter,
    /// Connections that speak HTTP now.
    pub open: Gauge,
    /// Requests that were answered with an error, by its code.
    pub errors: CounterByCode,
    /// Connections of HTTP/2 now.
    pub http2_open: Gauge,
    /// Connections of HTTP/2 that were ended because their clients sent too much of what costs them nothing.
    pub http2_floods: Counter,
    /// Requests whose bodies are being read piece by piece.
    pub uploads: Gauge,
    /// Answers that are being sent as they are read.
    pub downloads: Gauge,
    /// Of both, those that were ended because they were slow and others waited.
    pub gave_way: Counter,
    /// From the head of a request to its answer; not the writing of it, and not of uploads.
    pub duration: Histogram,
    refused: [Counter; RefusalReason::ALL.len()],
    handshakes: [Counter; HandshakeResult::ALL.len()],
    /// By the version of HTTP.
    versions: [Counter; VERSIONS.len()],
    /// By the first digit of the status.
    classes: [Counter; CLASSES.len()],
}

const VERSIONS: [&str; 3] = ["1.0", "1.1", "2"];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// Bounds of the histogram, in seconds: from a file in memory to a password on a busy machine.
const BUCKETS: [f64; 9] = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0];

impl Default for HttpCounters {
    fn default() -> Self {
        Self {
            accepted: Counter::default(),
            open: Gauge::default(),
            errors: CounterByCode::default(),
            handshakes: Default::default(),
            http2_open: Gauge::default(),
            http2_floods: Counter::default(),
            uploads: Gauge::default(),
            downloads: Gauge::default(),
            gave_way: Counter::default(),
            duration: Histogram::new(BUCKETS),
            refused: Default::default(),
            versions: Default::default(),
            classes: Default::default(),
        }
    }
}

impl HttpCounters {
    /// Counts a refusal.
    pub fn count_refused(&self, reason: RefusalReason) {
        if let Some(counter) = self.refused.get(reason as usize) {
            counter.inc();
        }
    }

    /// Counts a request with a good head.
    pub(super) fn count_version(&self, version: Version) {
        if let Some(counter) = self.versions.get(version as usize) {
            counter.inc();
        }
    }

    /// Counts the answer to a request.
    pub(super) fn count_answer(&self, status: u16, took: Duration) {
        self.count_status(status);
        self.duration.observe(took.as_secs_f64());
    }

    /// Counts the answer to what was no complete request.
    pub(super) fn count_status(&self, status: u16) {
        if let Some(counter) = self.classes.get(usize::from(status / 100).saturating_sub(1)) {
            counter.inc();
        }
    }

    /// Those under way in this direction.
    pub(super) fn transfers(&self, transfer: Transfer) -> &Gauge {
        match transfer {
            Transfer::Upload => &self.uploads,
            Transfer::Download => &self.downloads,
        }
    }

    /// Counts a TLS handshake.
    pub(super) fn count_handshake(&self, result: HandshakeResult) {
        if let Some(counter) = self.handshakes.get(result as usize) {
            counter.inc();
        }
    }

    /// TLS handshakes by their result.
    pub fn handshakes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        HandshakeResult::ALL
            .iter()
            .zip(&self.handshakes)
            .map(|((_, result), counter)| (*result, counter.get()))
    }

    /// Refusals by reason.
    pub fn refused(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        RefusalReason::ALL
            .iter()
            .zip(&self.refused)
            .map(|((_, reason), counter)| (*reason, counter.get()))
    }

    /// Requests by the version of HTTP.
    pub fn versions(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        VERSIONS.into_iter().zip(&self.versions).map(|(version, counter)| (version, counter.get()))
    }

    /// Answers by the class of their status.
    pub fn classes(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        CLASSES.into_iter().zip(&self.classes).map(|(class, counter)| (class, counter.get()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_and_every_class_has_its_own_counter() {
        let counters = HttpCounters::default();
        for (reason, name) in RefusalReason::ALL {
            counters.count_refused(reason);
            assert_eq!(counters.refused().filter(|(_, n)| *n > 0).last(), Some((name, 1)));
        }
        for (result, name) in HandshakeResult::ALL {
            counters.count_handshake(result);
            assert_eq!(counters.handshakes().filter(|(_, n)| *n > 0).last(), Some((name, 1)));
        }
        for status in [101, 200, 304, 404, 503, 0, 999] {
            counters.count_answer(status, Duration::ZERO);
        }
        assert!(counters.classes().all(|(class, n)| n == if class == "1xx" { 2 } else { 1 }));
        for version in [Version::Http10, Version::Http11, Version::Http2, Version::Http2] {
            counters.count_version(version);
        }
        assert!(counters.versions().eq([("1.0", 1), ("1.1", 1), ("2", 2)]));
    }
}
