//! Who has blocked whom. The rooms ask here, because it is asked for every message of a direct room and
//! for every mention; the store keeps the same for the next start.
//!
//! Nobody is told that he is blocked: the events go to whoever blocks, and what the other is
//! refused reads like other refusals.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::outlet::Delivery;
use super::registry::Rooms;
use super::room::Input;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::rooms as limits;
use crate::base::lock::RwLockExt as _;
use crate::protocol::event::{Event, RoomView};
use crate::store::chat::BlockRow;

/// The people one user has blocked, and since when.
pub(super) type Blocked = Arc<HashMap<Uid, i64>>;

#[derive(Debug, Default)]
struct Table {
    by_user: HashMap<Uid, Blocked>,
    in_all: usize,
}

/// All blocks. Reading them never waits for the store.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    table: RwLock<Table>,
    /// One change at a time, so that everybody's devices hear of them in their order.
    turn: tokio::sync::Mutex<()>,
}

impl Blocks {
    /// As stored.
    pub(super) fn of_rows(rows: Vec<BlockRow>) -> Self {
        let blocks = Self::default();
        for row in rows {
            blocks.insert(row);
        }
        blocks
    }

    /// Whether `by` wants to hear nothing of `uid`.
    pub(super) fn has(&self, by: Uid, uid: Uid) -> bool {
        self.read().by_user.get(&by).is_some_and(|blocked| blocked.contains_key(&uid))
    }

    /// Whom `by` has blocked; nothing for nearly everybody.
    pub(super) fn of(&self, by: Uid) -> Option<Blocked> {
        self.read().by_user.get(&by).cloned()
    }

    /// Whether `by` may block one more.
    fn check_room_for_one_more(&self, by: Uid) -> Result<()> {
        let table = self.read();
        if table.by_user.get(&by).is_some_and(|blocked| blocked.len() >= limits::BLOCKS) {
            let text = "You have blocked as many people as one can. Please unblock somebody first.";
            return Err(Error::new(Code::Conflict, text));
        }
        if table.in_all >= limits::BLOCKS_IN_ALL {
            return Err(Error::new(Code::Conflict, "The server cannot keep more blocks."));
        }
        Ok(())
    }

    fn insert(&self, row: BlockRow) {
        let mut table = self.write();
        let blocked = Arc::make_mut(table.by_user.entry(row.by).or_default());
        let is_new = blocked.insert(row.uid, row.at).is_none();
        table.in_all += usize::from(is_new);
    }

    fn remove(&self, by: Uid, uid: Uid) {
        let mut table = self.write();
        let Some(blocked) = table.by_user.get_mut(&by) else { return };
        let was_there = Arc::make_mut(blocked).remove(&uid).is_some();
        if blocked.is_empty() {
            table.by_user.remove(&by);
        }
        table.in_all -= usize::from(was_there);
    }

    /// Those who have blocked `uid`.
    fn against(&self, uid: Uid) -> Vec<Uid> {
        let table = self.read();
        let against = table.by_user.iter().filter(|(_, blocked)| blocked.contains_key(&uid));
        against.map(|(by, _)| *by).collect()
    }

    fn read(&self) -> RwLockReadGuard<'_, Table> {
        self.table.read_unpoisoned()
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table> {
        self.table.write_unpoisoned()
    }
}

impl Rooms {
    /// Whom the user has blocked and since when, newest first.
    pub fn blocks_of(&self, by: Uid) -> Vec<BlockRow> {
        let blocked = self.shared.blocks.of(by).unwrap_or_default();
        let mut rows: Vec<_> =
            blocked.iter().map(|(uid, at)| BlockRow { by, uid: *uid, at: *at }).collect();
        rows.sort_unstable_by_key(|row| (std::cmp::Reverse(row.at), row.uid));
        rows
    }

    /// The same as a client gets it: only who, by id.
    pub fn blocked_by(&self, by: Uid) -> Vec<Uid> {
        let blocked = self.shared.blocks.of(by).unwrap_or_default();
        let mut uids: Vec<_> = blocked.keys().copied().collect();
        uids.sort_unstable();
        uids
    }

    /// Blocks somebody. When this returns, nothing of his goes into a direct room of the two any more.
    ///
    /// # Errors
    /// `conflict` for more than one may block; `bad_request` for oneself; `unavailable`: may be
    /// repeated.
    pub async fn block(&self, by: Uid, uid: Uid) -> Result<()> {
        if by == uid {
            return Err(Error::new(Code::BadRequest, "Nobody can block himself."));
        }
        let _turn = self.shared.blocks.turn.lock().await;
        if self.shared.blocks.has(by, uid) {
            return Ok(());
        }
        self.shared.blocks.check_room_for_one_more(by)?;
        let row = self.shared.store.block(by, uid).await?;
        self.shared.blocks.insert(row);
        self.tell_blocked(by).await;
        self.settle_rooms(by, uid).await
    }

    /// Takes that back.
    ///
    /// # Errors
    /// `not_found` for somebody who is not blocked; `unavailable`: may be repeated.
    pub async fn unblock(&self, by: Uid, uid: Uid) -> Result<()> {
        let _turn = self.shared.blocks.turn.lock().await;
        if !self.shared.blocks.has(by, uid) {
            return Err(Error::new(Code::NotFound, "You have not blocked this person."));
        }
        self.shared.store.unblock(by, uid).await?;
        self.shared.blocks.remove(by, uid);
        self.tell_blocked(by).await;
        self.settle_rooms(by, uid).await
    }

    /// Forgets somebody who is gone for good, on both sides.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn forget_blocks(&self, uid: Uid) -> Result<()> {
        let _turn = self.shared.blocks.turn.lock().await;
        self.shared.store.forget_blocks(uid).await?;
        for blocked in self.blocked_by(uid) {
            self.shared.blocks.remove(uid, blocked);
        }
        for by in self.shared.blocks.against(uid) {
            self.shared.blocks.remove(by, uid);
            self.tell_blocked(by).await;
        }
        Ok(())
    }

    /// The user's rooms in which one of `others` mentions him in something unread, as he sees them.
    pub fn views_mentioned_in(&self, uid: Uid, others: &[Uid]) -> Vec<RoomView> {
        let view = |room| {
            let handle = self.handle(room)?;
            let state = handle.room.state();
            let is_mentioned = others.iter().any(|other| state.is_mentioned(uid, *other));
            is_mentioned.then(|| state.view(uid))
        };
        self.rooms_of(uid).into_iter().filter_map(view).collect()
    }

    /// All of the user's own devices hear whom he has blocked now.
    async fn tell_blocked(&self, by: Uid) {
        let blocked = self.blocked_by(by);
        let event = Event::Blocks { blocked: &blocked }.encode();
        // The delivery plane is gone only when the server stops.
        let _ = self.shared.outlet.broadcast(Delivery::ToUser(by, event)).await;
    }

    /// Lets the rooms agree: what was accepted before in a direct room of the two is finished, and where
    /// mentions count otherwise than before the user is told so.
    async fn settle_rooms(&self, by: Uid, uid: Uid) -> Result<()> {
        for handle in self.rooms_of(by).into_iter().filter_map(|room| self.handle(room)) {
            let (is_pair, counts) = {
                let state = handle.room.state();
                (state.is_pair_of(by, uid), state.is_mentioned(by, uid))
            };
            if is_pair {
                handle.call(Input::Settle).await?;
            } else if counts {
                // It says the same again at the next `hello` if the room stops just now.
                let _ = handle.room.tx.send(Input::View(by)).await;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_goes_one_way_and_is_forgotten_with_the_last_one() {
        let blocks = Blocks::of_rows(vec![
            BlockRow { by: Uid(1), uid: Uid(2), at: 5 },
            BlockRow { by: Uid(1), uid: Uid(3), at: 6 },
            BlockRow { by: Uid(4), uid: Uid(2), at: 7 },
        ]);
        assert!(blocks.has(Uid(1), Uid(2)) && !blocks.has(Uid(2), Uid(1)));
        let mut against = blocks.against(Uid(2));
        against.sort_unstable();
        assert_eq!(against, [Uid(1), Uid(4)]);
        blocks.remove(Uid(1), Uid(2));
        assert!(!blocks.has(Uid(1), Uid(2)) && blocks.has(Uid(1), Uid(3)));
        blocks.remove(Uid(1), Uid(3));
        assert!(blocks.of(Uid(1)).is_none());
        blocks.remove(Uid(1), Uid(3));
        assert_eq!(blocks.read().in_all, 1);
    }

    #[test]
    fn of_all_users_together_only_so_many_are_kept() {
        let blocks = Blocks::default();
        for n in 0..limits::BLOCKS_IN_ALL as i64 {
            let by = Uid(1 + n / limits::BLOCKS as i64);
            blocks.insert(BlockRow { by, uid: Uid(10_000_000 + n), at: 0 });
        }
        assert_eq!(blocks.check_room_for_one_more(Uid(-1)).unwrap_err().code(), Code::Conflict);
        blocks.remove(Uid(1), Uid(10_000_000));
        blocks.remove(Uid(1), Uid(10_000_000));
        assert!(blocks.check_room_for_one_more(Uid(-1)).is_ok());
        // Once more is not one more.
        blocks.insert(BlockRow { by: Uid(1), uid: Uid(10_000_001), at: 1 });
        assert!(blocks.check_room_for_one_more(Uid(-1)).is_ok());
    }
}
