//! The bytes that the buffers of a delivery thread hold, charged to the budget of memory once a turn.
//!
//! Each buffer records in a variable of its thread when its size changes, so that nothing is shared and
//! nothing is locked where frames are appended and written.

use std::cell::Cell;

use crate::base::memory::{Kind, MemoryBudget};

/// The kinds whose bytes are counted here.
const KINDS: [Kind; 3] = [Kind::SendQueues, Kind::RoomLogs, Kind::Replays];

thread_local! {
    static CHANGES: Cell<[isize; KINDS.len()]> = const { Cell::new([0; KINDS.len()]) };
}

/// A buffer of this thread holds so many bytes more, or fewer.
pub(super) fn record(kind: Kind, difference: isize) {
    let mut changes = CHANGES.get();
    for (change, of) in changes.iter_mut().zip(KINDS) {
        if of == kind {
            *change += difference;
        }
    }
    CHANGES.set(changes);
}

/// Charges the budget with what has changed since the last call. Whether a share is exceeded now.
pub(super) fn charge(memory: &MemoryBudget) -> bool {
    for (difference, kind) in CHANGES.take().into_iter().zip(KINDS) {
        if difference != 0 {
            memory.charge(kind, difference);
        }
    }
    KINDS.iter().any(|kind| memory.excess(*kind) > 0)
}
