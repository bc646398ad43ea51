//! Compares what a room knows, and what the store has of its members and wraps, with the log that was read anew.

use std::collections::HashSet;

use super::Actor;
use crate::base::error::{Error, Result};
use crate::e2ee::room_log::State;
use crate::rooms::judge::logged;

impl Actor {
    /// Members that differ are made again from the log.
    ///
    /// # Errors
    /// `internal` with what differs; `unavailable`.
    pub(super) async fn compare_log(&mut self, log: &State) -> Result<()> {
        let encryption = self.load_encryption().await?;
        if encryption.head().seq != log.seq() {
            // It has gone on meanwhile.
            return Ok(());
        }
        if **encryption.state() != *log {
            self.encryption = None;
            return Err(Error::internal("a room has another state than its log"));
        }
        let (store, room) = (self.shared.store.clone(), self.room.id);
        let members: Vec<_> = log.members.iter().map(|(uid, one)| logged(*uid, one)).collect();
        let stored = self.bounded(store.logged_members(room)).await?;
        if stored != members {
            self.bounded(store.rebuild_members(room, &members)).await?;
            let rows = self.bounded(store.members(Some(room))).await?;
            self.take_members(&rows).await;
            return Err(Error::internal(
                "the stored members of a room are others than those of its log",
            ));
        }
        let wraps = self.bounded(store.wraps_of_epoch(room, log.epoch())).await?;
        let wraps: HashSet<_> = wraps.present.into_iter().collect();
        if self.encryption.as_ref().is_some_and(|encryption| *encryption.wraps() != wraps) {
            self.encryption = None;
            return Err(Error::internal("a room knows of other wraps than are stored"));
        }
        self.look_again().await.map(|_| ())
    }
}
