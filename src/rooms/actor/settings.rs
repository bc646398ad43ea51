//! Changes of the room itself: its name and settings, its removal, and what a removed account has written.

use super::Actor;
use crate::base::error::Result;
use crate::base::ids::{Mid, Uid};
use crate::base::principal::Principal;
use crate::policy::no_room;
use crate::protocol::event::{Event, Gone};
use crate::protocol::message;
use crate::rooms::delivery::Delivery;
use crate::store::chat::{RoomChange, RoomRow};

impl Actor {
    /// Changes what is not so already, and returns that.
    pub(super) async fn update(&mut self, change: RoomChange) -> Result<RoomChange> {
        let change = change.beyond(&self.room.state().row);
        if change == RoomChange::default() {
            return Ok(change);
        }
        let row = self.shared.store.update_room(self.room.id, &change).await?;
        let members: Vec<_> = {
            let mut state = self.room.state_mut();
            // The actor itself counts changes; the rest is as the database has it.
            state.row = RoomRow { last_seq: state.row.last_seq, ..row };
            state.members.keys().copied().collect()
        };
        for uid in members {
            self.send_view(uid).await;
        }
        Ok(change)
    }

    pub(super) async fn remove(&mut self, by: Principal) -> Result<()> {
        self.shared.store.remove_room(self.room.id, by.uid()).await?;
        self.broadcast(Delivery::RoomClosed(self.room.id)).await;
        let members: Vec<_> = self.room.state_mut().members.drain().map(|(uid, _)| uid).collect();
        let gone = Event::RoomGone { room: Gone { id: self.room.id, gone: true } }.encode();
        for uid in members {
            self.shared.remove_from_index(uid, self.room.id);
            self.broadcast(Delivery::ToUser(uid, gone.clone())).await;
        }
        Ok(())
    }

    /// Takes away what messages say; how many of them still said something.
    pub(super) async fn take_away(&mut self, mids: &[Mid]) -> Result<u64> {
        if !self.shared.store.has_message(self.room.id, mids).await? {
            return Err(no_room());
        }
        let taken = self.shared.store.take_away(self.room.id, mids, message::Gone::Admin).await;
        // Also after a failure: it may have been committed.
        self.resync().await;
        taken
    }

    /// Hides what an author has written, or shows it again: batch after batch, each published before the next, so
    /// that no reader gets all of it at once.
    pub(super) async fn hide_author(&mut self, author: Uid, hidden: bool) -> Result<()> {
        loop {
            let more = self.shared.store.hide_author(self.room.id, author, hidden).await;
            // Also after a failure: the batch may have been committed.
            self.resync().await;
            if !more? {
                return Ok(());
            }
        }
    }
}
