//! Writes the statuses that people chose on a socket into their accounts: all of a moment in one
//! statement, never on a delivery thread. While the database is away they wait, one entry a user.

use std::sync::Arc;

use crate::auth::Auth;
use crate::base::error::Result;
use crate::base::limits::rooms as limits;
use crate::rooms::Rooms;
use crate::store::accounts::AccountStore;

/// Writes statuses.
pub struct StatusWriter {
    store: AccountStore,
    rooms: Rooms,
    auth: Arc<Auth>,
}

impl StatusWriter {
    /// From the presence of these rooms into this store.
    pub fn new(store: AccountStore, rooms: Rooms, auth: Arc<Auth>) -> Self {
        Self { store, rooms, auth }
    }

    /// Writes what waits.
    ///
    /// # Errors
    /// `unavailable`: then it still waits.
    pub async fn write_pending(&self) -> Result<()> {
        let presence = self.rooms.presence();
        loop {
            let choices = presence.unsaved_statuses(limits::STATUSES_AT_ONCE);
            if choices.is_empty() {
                return Ok(());
            }
            self.store.persist_statuses(&choices).await?;
            for (uid, _) in &choices {
                // A session in memory carries the old status to the user's next first connection.
                self.auth.forget(*uid);
            }
            presence.mark_saved(&choices);
        }
    }
}
