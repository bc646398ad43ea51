//! Which members lack the present key of their rooms, and since when, for `/metrics` (`e2ee.md` 15.9).

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::base::ids::{RoomId, Uid};
use crate::base::lock::MutexExt as _;
use crate::protocol::encryption::Needed;

/// The pairs of all rooms whose log is in memory.
#[derive(Debug, Default)]
pub struct MissingWraps(Mutex<HashMap<RoomId, HashMap<Needed, Instant>>>);

impl MissingWraps {
    /// These are missing in a room now, and no others.
    pub fn set(&self, room: RoomId, needed: &[Needed]) {
        let mut rooms = self.0.lock_unpoisoned();
        if needed.is_empty() {
            rooms.remove(&room);
            return;
        }
        let before = rooms.remove(&room).unwrap_or_default();
        let since = |pair: &Needed| before.get(pair).copied().unwrap_or_else(Instant::now);
        rooms.insert(room, needed.iter().map(|pair| (*pair, since(pair))).collect());
    }

    /// Those that have been missing for so long.
    pub fn older_than(&self, age: Duration) -> Vec<(RoomId, Uid)> {
        let rooms = self.0.lock_unpoisoned();
        let pairs = rooms.iter().flat_map(|(room, pairs)| pairs.iter().map(|pair| (*room, pair)));
        let old = pairs.filter(|(_, (_, since))| since.elapsed() >= age);
        old.map(|(room, (pair, _))| (room, pair.uid)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_is_as_old_as_it_has_been_missing_without_a_break() {
        let missing = MissingWraps::default();
        let pair = |uid| Needed { uid: Uid(uid), epoch: 1, generation: 1 };
        missing.set(RoomId(1), &[pair(1)]);
        missing.set(RoomId(1), &[pair(1), pair(2)]);
        let mut of = missing.older_than(Duration::ZERO);
        of.sort_unstable();
        assert_eq!(of, [(RoomId(1), Uid(1)), (RoomId(1), Uid(2))]);
        assert_eq!(missing.older_than(Duration::from_secs(60)), []);
        missing.set(RoomId(1), &[]);
        assert_eq!(missing.older_than(Duration::ZERO), []);
    }
}
