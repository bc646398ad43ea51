//! Which request brings a file that is arriving.

use std::sync::atomic::AtomicU64;

use tokio::sync::{Mutex, watch};

use crate::files::{Arrival, Metadata};
use crate::protocol::file::MessageFile;

/// A file that is arriving.
#[derive(Debug, Default)]
pub(super) struct Turn {
    /// Nothing while no request brings it.
    pub arriving: Mutex<Option<Arriving>>,
    /// Which request brings it.
    pub number: AtomicU64,
    /// Says that it is another one.
    pub changed: watch::Sender<()>,
}

/// What has arrived, while a request brings more.
#[derive(Debug)]
pub(super) struct Arriving {
    /// Its bytes.
    pub arrival: Arrival,
    /// What it will be.
    pub file: MessageFile,
    /// Whether it keeps what is about it, if it is a picture.
    pub metadata: Metadata,
    /// How much of it the row knows.
    pub noted: u64,
}
