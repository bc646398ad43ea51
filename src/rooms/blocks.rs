//! Who has blocked whom. The rooms read it here, because they need it for every message of a direct room and
//! for every mention; the store keeps the same for the next start.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::rooms as limits;
use crate::base::lock::RwLockExt as _;
use crate::store::chat::BlockRow;

/// The people one user has blocked, and since when.
pub type Blocked = Arc<HashMap<Uid, i64>>;

#[derive(Debug, Default)]
struct Table {
    by_user: HashMap<Uid, Blocked>,
    total: usize,
}

/// All blocks. Reading them never waits for the store.
#[derive(Debug, Default)]
pub struct Blocks {
    table: RwLock<Table>,
    /// Held while a block is changed, so that the events about it are sent in the order of the changes.
    pub changing: tokio::sync::Mutex<()>,
}

impl Blocks {
    /// As stored.
    pub fn from_rows(rows: Vec<BlockRow>) -> Self {
        let blocks = Self::default();
        for row in rows {
            blocks.insert(row);
        }
        blocks
    }

    /// Whether `by` has blocked `uid`.
    pub fn has_blocked(&self, by: Uid, uid: Uid) -> bool {
        self.read().by_user.get(&by).is_some_and(|blocked| blocked.contains_key(&uid))
    }

    /// Whom `by` has blocked; nothing for nearly everybody.
    pub fn blocked_by(&self, by: Uid) -> Option<Blocked> {
        self.read().by_user.get(&by).cloned()
    }

    /// Who has blocked `uid`.
    pub fn blockers_of(&self, uid: Uid) -> Vec<Uid> {
        let table = self.read();
        let blockers = table.by_user.iter().filter(|(_, blocked)| blocked.contains_key(&uid));
        blockers.map(|(by, _)| *by).collect()
    }

    /// Whether `by` may block one more.
    ///
    /// # Errors
    /// `conflict`.
    pub fn check_capacity(&self, by: Uid) -> Result<()> {
        let table = self.read();
        if table.by_user.get(&by).is_some_and(|blocked| blocked.len() >= limits::BLOCKS) {
            let text = "You have blocked as many people as one can. Please unblock somebody first.";
            return Err(Error::new(Code::Conflict, text));
        }
        if table.total >= limits::BLOCKS_IN_ALL {
            return Err(Error::new(Code::Conflict, "The server cannot keep more blocks."));
        }
        Ok(())
    }

    /// Adds a block that is stored.
    pub fn insert(&self, row: BlockRow) {
        let mut table = self.write();
        let blocked = Arc::make_mut(table.by_user.entry(row.by).or_default());
        let is_new = blocked.insert(row.uid, row.at).is_none();
        table.total += usize::from(is_new);
    }

    /// Removes a block that is no longer stored.
    pub fn remove(&self, by: Uid, uid: Uid) {
        let mut table = self.write();
        let Some(blocked) = table.by_user.get_mut(&by) else { return };
        let was_there = Arc::make_mut(blocked).remove(&uid).is_some();
        if blocked.is_empty() {
            table.by_user.remove(&by);
        }
        table.total -= usize::from(was_there);
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read_unpoisoned()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write_unpoisoned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_goes_one_way_and_is_forgotten_with_the_last_one() {
        let blocks = Blocks::from_rows(vec![
            BlockRow { by: Uid(1), uid: Uid(2), at: 5 },
            BlockRow { by: Uid(1), uid: Uid(3), at: 6 },
            BlockRow { by: Uid(4), uid: Uid(2), at: 7 },
        ]);
        assert!(blocks.has_blocked(Uid(1), Uid(2)) && !blocks.has_blocked(Uid(2), Uid(1)));
        let mut blockers = blocks.blockers_of(Uid(2));
        blockers.sort_unstable();
        assert_eq!(blockers, [Uid(1), Uid(4)]);
        blocks.remove(Uid(1), Uid(2));
        assert!(!blocks.has_blocked(Uid(1), Uid(2)) && blocks.has_blocked(Uid(1), Uid(3)));
        blocks.remove(Uid(1), Uid(3));
        assert!(blocks.blocked_by(Uid(1)).is_none());
        blocks.remove(Uid(1), Uid(3));
        assert_eq!(blocks.read().total, 1);
    }

    #[test]
    fn of_all_users_together_only_so_many_are_kept() {
        let blocks = Blocks::default();
        for n in 0..limits::BLOCKS_IN_ALL as i64 {
            let by = Uid(1 + n / limits::BLOCKS as i64);
            blocks.insert(BlockRow { by, uid: Uid(10_000_000 + n), at: 0 });
        }
        assert_eq!(blocks.check_capacity(Uid(-1)).unwrap_err().code(), Code::Conflict);
        blocks.remove(Uid(1), Uid(10_000_000));
        blocks.remove(Uid(1), Uid(10_000_000));
        assert!(blocks.check_capacity(Uid(-1)).is_ok());
        // Once more is not one more.
        blocks.insert(BlockRow { by: Uid(1), uid: Uid(10_000_001), at: 1 });
        assert!(blocks.check_capacity(Uid(-1)).is_ok());
    }
}
