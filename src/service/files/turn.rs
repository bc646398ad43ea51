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
pub(super) struct Turn {
    /// Nothing while no request brings it.
    pub arriving: Mutex<Option<Arriving>>,
    /// Which request brings it.
    pub number: AtomicU64,
    /// Says that it is another one.
    pub changed: watch::Sender<()>,
}

/// The files that somebody brings or looks at now.
#[derive(Debug, Default)]
pub(super) struct TurnTable(std::sync::Mutex<HashMap<FileId, Entry>>);

#[derive(Debug, Default)]
struct Entry {
    turn: Arc<Turn>,
    holders: usize,
}

/// The turn of a file, which is in the table as long as somebody holds it.
#[derive(Debug)]
pub(super) struct HeldTurn {
    table: Arc<TurnTable>,
    id: FileId,
    turn: Arc<Turn>,
}

impl TurnTable {
    /// The turn of this file.
    pub fn hold(self: &Arc<Self>, id: FileId) -> HeldTurn {
        let mut entries = self.0.lock_unpoisoned();
        let entry = entries.entry(id).or_default();
        entry.holders += 1;
        HeldTurn { table: self.clone(), id, turn: entry.turn.clone() }
    }
}

impl Deref for HeldTurn {
    type Target = Turn;

    fn deref(&self) -> &Turn {
        &self.turn
    }
}

impl Drop for HeldTurn {
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
    fn a_turn_is_forgotten_with_the_last_of_those_who_hold_it_whoever_that_is() {
        let (table, id) = (Arc::new(TurnTable::default()), FileId([1; 16]));
        let (one, two) = (table.hold(id), table.hold(id));
        assert!(Arc::ptr_eq(&one.turn, &two.turn));
        let seen = one.turn.clone();
        drop(one);
        assert!(Arc::ptr_eq(&table.hold(id).turn, &seen));
        drop(two);
        assert!(table.0.lock_unpoisoned().is_empty());
    }
}
