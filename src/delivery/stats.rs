//! What the shards count, for `/metrics`. Plain atomics, written once per turn, not per frame.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters over all shards, since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Frames of rooms handed to the kernel.
    pub deliveries: AtomicU64,
    /// Writes that took them; deliveries per write is the coalescing factor.
    pub writes: AtomicU64,
    /// Commands read.
    pub commands: AtomicU64,
    /// Connections closed because they could not keep up.
    pub lagging: AtomicU64,
    /// Connections adopted.
    pub adopted: AtomicU64,
}

impl Stats {
    pub(super) fn add(counter: &AtomicU64, more: u64) {
        if more > 0 {
            counter.fetch_add(more, Ordering::Relaxed);
        }
    }
}
