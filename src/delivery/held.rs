//! What the buffers of a delivery thread hold, told to the budget of memory once a turn.
//!
//! Each buffer notes in a number of its thread's own when its size changes, so that nothing is shared and
//! nothing is locked where frames are appended and written.

use std::cell::Cell;

use crate::base::memory::{Kind, MemoryBudget};

/// The kinds whose bytes are counted here.
const KINDS: [Kind; 3] = [Kind::SendQueues, Kind::RoomLogs, Kind::Replays];

thread_local! {
    static CHANGED: Cell<[isize; KINDS.len()]> = const { Cell::new([0; KINDS.len()]) };
}

/// A buffer of this thread holds so many bytes more, or fewer.
pub(super) fn changed(kind: Kind, difference: isize) {
    let mut all = CHANGED.get();
    for (one, of) in all.iter_mut().zip(KINDS) {
        if of == kind {
            *one += difference;
        }
    }
    CHANGED.set(all);
}

/// Charges the budget with what has changed since the last call. Whether a share is exceeded now.
pub(super) fn charge(memory: &MemoryBudget) -> bool {
    let all = CHANGED.take();
    for (difference, kind) in all.into_iter().zip(KINDS) {
        if difference != 0 {
            memory.charge(kind, difference);
        }
    }
    KINDS.iter().any(|kind| memory.excess(*kind) > 0)
}
