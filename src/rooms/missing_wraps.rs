//! Which members lack the present key of their rooms, and since when, for `/metrics` (`e2ee.md` 15.9).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base::encryption::WrapId;
use crate::base::ids::{RoomId, Uid};
use crate::base::lock::MutexExt as _;

/// Those of all rooms whose log has been read.
#[derive(Debug, Default)]
pub struct MissingWraps(Mutex<HashMap<RoomId, HashMap<WrapId, Instant>>>);

impl MissingWraps {
    /// These are missing in a room now, and no others.
    pub fn set(&self, room: RoomId, needed: &[WrapId]) {
        let mut rooms = self.0.lock_unpoisoned();
        if needed.is_empty() {
            rooms.remove(&room);
            return;
        }
        let before = rooms.remove(&room).unwrap_or_default();
        let since = |id: &WrapId| before.get(id).copied().unwrap_or_else(Instant::now);
        rooms.insert(room, needed.iter().map(|id| (*id, since(id))).collect());
    }

    /// Those that have been missing for so long.
    pub fn older_than(&self, age: Duration) -> Vec<(RoomId, Uid)> {
        let rooms = self.0.lock_unpoisoned();
        let all = rooms.iter().flat_map(|(room, wraps)| wraps.iter().map(|wrap| (*room, wrap)));
        let old = all.filter(|(_, (_, since))| since.elapsed() >= age);
        old.map(|(room, (id, _))| (room, id.uid)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrap_is_as_old_as_it_has_been_missing_without_a_break() {
        let missing = MissingWraps::default();
        let wrap = |uid| WrapId { uid: Uid(uid), epoch: 1, generation: 1 };
        missing.set(RoomId(1), &[wrap(1)]);
        missing.set(RoomId(1), &[wrap(1), wrap(2)]);
        let mut of = missing.older_than(Duration::ZERO);
        of.sort_unstable();
        assert_eq!(of, [(RoomId(1), Uid(1)), (RoomId(1), Uid(2))]);
        assert_eq!(missing.older_than(Duration::from_secs(60)), []);
        missing.set(RoomId(1), &[]);
        assert_eq!(missing.older_than(Duration::ZERO), []);
    }
}
