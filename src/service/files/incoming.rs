//! Which request brings a file that is arriving.

use std::collections::HashMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tokio::sync::{Mutex, watch};

use crate::base::ids::FileId;
use crate::base::lock::MutexExt as _;
use crate::files::{Arrival, Metadata};
use crate::protocol::file::MessageFile;

/// A file that is arriving.
#[derive(Debug, Default)]
pub(super) struct Incoming {
    /// Nothing while no request brings it.
    pub arriving: Mutex<Option<Arriving>>,
    /// Which request brings it.
    pub number: AtomicU64,
    /// Says that it is another one.
    pub changed: watch::Sender<()>,
}

/// The files that somebody brings or looks at now.
#[derive(Debug, Default)]
pub(super) struct IncomingTable(std::sync::Mutex<HashMap<FileId, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    incoming: Arc<Incoming>,
    holders: usize,
}

/// What is known of a file, which is in the table as long as somebody holds it.
#[derive(Debug)]
pub(super) struct HeldIncoming {
    table: Arc<IncomingTable>,
    id: FileId,
    incoming: Arc<Incoming>,
}

impl IncomingTable {
    /// What is known of this file.
    pub fn hold(self: &Arc<Self>, id: FileId) -> HeldIncoming {
        let mut entries = self.0.lock_unpoisoned();
        let entry = entries.entry(id).or_default();
        entry.holders += 1;
        HeldIncoming { table: self.clone(), id, incoming: entry.incoming.clone() }
    }
}

impl Deref for HeldIncoming {
    type Target = Incoming;

    fn deref(&self) -> &Incoming {
        &self.incoming
    }
}

impl Drop for HeldIncoming {
    fn drop(&mut self) {
        let mut entries = self.table.0.lock_unpoisoned();
        if let Some(entry) = entries.get_mut(&self.id) {
            entry.holders -= 1;
            if entry.holders == 0 {
                entries.remove(&self.id);
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_forgotten_with_the_last_of_those_who_hold_it_whoever_that_is() {
        let (table, id) = (Arc::new(IncomingTable::default()), FileId([1; 16]));
        let (one, two) = (table.hold(id), table.hold(id));
        assert!(Arc::ptr_eq(&one.incoming, &two.incoming));
        let seen = one.incoming.clone();
        drop(one);
        assert!(Arc::ptr_eq(&table.hold(id).incoming, &seen));
        drop(two);
        assert!(table.0.lock_unpoisoned().is_empty());
    }
}
