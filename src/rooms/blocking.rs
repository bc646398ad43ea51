//! Blocking and unblocking people.
//!
//! People do not find out that they are blocked: the events go to whoever blocks, and what the other is refused
//! reads like other refusals.

use super::delivery::Delivery;
use super::inbox::Input;
use super::registry::Rooms;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::protocol::event::Event;
use crate::store::chat::BlockRow;

impl Rooms {
    /// Whom the user has blocked and since when, newest first.
    pub fn blocks_of(&self, by: Uid) -> Vec<BlockRow> {
        let blocked = self.shared.blocks.blocked_by(by).unwrap_or_default();
        let mut rows: Vec<_> =
            blocked.iter().map(|(uid, at)| BlockRow { by, uid: *uid, at: *at }).collect();
        rows.sort_unstable_by_key(|row| (std::cmp::Reverse(row.at), row.uid));
        rows
    }

    /// The same as a client gets it: only who, by id.
    pub fn blocked_by(&self, by: Uid) -> Vec<Uid> {
        let blocked = self.shared.blocks.blocked_by(by).unwrap_or_default();
        let mut uids: Vec<_> = blocked.keys().copied().collect();
        uids.sort_unstable();
        uids
    }

    /// Blocks somebody. When this returns, nothing of theirs reaches a direct room of the two any more.
    ///
    /// # Errors
    /// `conflict` for more than one may block; `bad_request` for oneself; `unavailable`: may be
    /// repeated.
    pub async fn block(&self, by: Uid, uid: Uid) -> Result<()> {
        if by == uid {
            return Err(Error::new(Code::BadRequest, "Nobody can block himself."));
        }
        let _changing = self.shared.blocks.changing.lock().await;
        if self.shared.blocks.has_blocked(by, uid) {
            return Ok(());
        }
        self.shared.blocks.check_capacity(by)?;
        let row = self.shared.store.block(by, uid).await?;
        self.shared.blocks.insert(row);
        self.send_blocks(by).await;
        self.apply_to_rooms(by, uid).await
    }

    /// Unblocks somebody.
    ///
    /// # Errors
    /// `not_found` for somebody who is not blocked; `unavailable`: may be repeated.
    pub async fn unblock(&self, by: Uid, uid: Uid) -> Result<()> {
        let _changing = self.shared.blocks.changing.lock().await;
        if !self.shared.blocks.has_blocked(by, uid) {
            return Err(Error::new(Code::NotFound, "You have not blocked this person."));
        }
        self.shared.store.unblock(by, uid).await?;
        self.shared.blocks.remove(by, uid);
        self.send_blocks(by).await;
        self.apply_to_rooms(by, uid).await
    }

    /// Removes all blocks by and against somebody who is gone for good.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn forget_blocks(&self, uid: Uid) -> Result<()> {
        let _changing = self.shared.blocks.changing.lock().await;
        self.shared.store.forget_blocks(uid).await?;
        for blocked in self.blocked_by(uid) {
            self.shared.blocks.remove(uid, blocked);
        }
        for by in self.shared.blocks.blockers_of(uid) {
            self.shared.blocks.remove(by, uid);
            self.send_blocks(by).await;
            self.apply_to_rooms(by, uid).await?;
        }
        Ok(())
    }

    /// Sends the present blocks of a user to all of their connections.
    async fn send_blocks(&self, by: Uid) {
        let blocked = self.blocked_by(by);
        let event = Event::Blocks { blocked: &blocked }.encode();
        // The delivery plane is gone only when the server stops.
        let _ = self.shared.publisher.broadcast(Delivery::ToUser(by, event)).await;
    }

    /// Waits until direct rooms of the two have finished what they accepted before, and sends the user the rooms
    /// in which mentions count otherwise than before.
    async fn apply_to_rooms(&self, by: Uid, uid: Uid) -> Result<()> {
        for handle in self.rooms_of(by).into_iter().filter_map(|room| self.handle(room)) {
            if handle.room.state().is_pair_of(by, uid) {
                handle.call(Input::Flush).await?;
            }
            if handle.room.state().is_mentioned(by, uid) {
                let view = Delivery::View(by, handle.room.id);
                let _ = self.shared.publisher.broadcast(view).await;
            }
        }
        Ok(())
    }
}
