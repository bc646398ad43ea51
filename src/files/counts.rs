//! What has happened to files since the start.

use crate::base::counter::{Counter, Gauge};

/// Counts for `/metrics`.
#[derive(Debug, Default)]
pub struct FileCounts {
    /// Files in messages, when they were counted last.
    pub used: Gauge,
    /// Their bytes.
    pub used_bytes: Gauge,
    /// Files in no message.
    pub unsent: Gauge,
    /// Their bytes.
    pub unsent_bytes: Gauge,
    /// Files whose bytes are about to go.
    pub erasing: Gauge,
    /// Uploads that became a file.
    pub completed: Counter,
    /// Pictures that were decoded, so that they have their size and smaller forms.
    pub pictures_drawn: Counter,
    /// Pictures that were not, because they are broken or take too much.
    pub pictures_refused: Counter,
    /// Microseconds that both took.
    pub pictures_us: Counter,
    /// Uploads that were interrupted, and may go on.
    pub interrupted: Counter,
    /// Uploads that were refused.
    pub refused: Counter,
    /// Bytes that arrived.
    pub received_bytes: Counter,
    /// Files whose bytes are gone.
    pub erased: Counter,
    /// Files that a message has and the disk has not.
    pub missing: Counter,
    /// Files on the disk that no row knows.
    pub strays: Counter,
}
