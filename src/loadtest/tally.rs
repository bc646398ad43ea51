//! What happened over a whole scenario, counted.

use hdrhistogram::Histogram;

use crate::base::limits::loadtest as limits;

/// What happened over a whole scenario.
pub struct Tally {
    /// Deliveries, each counted once.
    pub deliveries: u64,
    /// Bytes of messages that arrived.
    pub bytes: u64,
    /// Deliveries that arrived again.
    pub doubled: u64,
    /// Deliveries that arrived after a later one.
    pub out_of_order: u64,
    /// Commands that were refused, and connections that ended.
    pub errors: u64,
    /// The first of these errors, in the server's words.
    pub first_error: Option<String>,
    /// Messages sent.
    pub sent: u64,
    /// Messages the server has acknowledged.
    pub acknowledged: u64,
    /// From send to delivery, in microseconds.
    pub latency: Histogram<u64>,
    /// From send to acknowledgement, in microseconds.
    pub acknowledged_after: Histogram<u64>,
}

/// An empty histogram of microseconds.
pub fn histogram() -> Histogram<u64> {
    let mut latency = Histogram::new(3).unwrap_or_else(|error| unreachable!("{error}"));
    latency.auto(true);
    latency
}

/// Records one latency, given in nanoseconds.
pub fn record(histogram: &mut Histogram<u64>, ns: u64) {
    // An automatic histogram takes any value up to its type's.
    let _ = histogram.record((ns / 1_000).min(limits::LATENCY_MAX_US));
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            deliveries: 0,
            bytes: 0,
            doubled: 0,
            out_of_order: 0,
            errors: 0,
            first_error: None,
            sent: 0,
            acknowledged: 0,
            latency: histogram(),
            acknowledged_after: histogram(),
        }
    }
}

impl Tally {
    /// Counts a refusal.
    pub fn count_error(&mut self, sentence: &str) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| sentence.to_owned());
    }
}
