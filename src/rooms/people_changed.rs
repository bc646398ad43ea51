//! What happens to people outside of rooms and concerns encrypted rooms: keys that change, accounts that are shut and
//! opened. The rooms look when they come to it.

use super::inbox::{Input, LogRequest};
use super::registry::Rooms;
use super::room::RoomHandle;
use crate::base::ids::Uid;
use crate::e2ee::SharedDirectory;

impl Rooms {
    /// Whose keys are whose, and whose account is open.
    pub fn keys(&self) -> &SharedDirectory {
        &self.shared.directory
    }

    /// Whether the databases were restored so recently that people may still bring back what that has lost.
    pub fn is_restored_recently(&self) -> bool {
        self.shared.restored_recently().is_some()
    }

    /// The keys of this user have changed in the directory, or the account was shut or opened.
    pub fn person_changed(&self, uid: Uid) {
        let handles = self.rooms_of(uid).into_iter().filter_map(|room| self.handle(room));
        let encrypted: Vec<_> = handles.filter(RoomHandle::is_encrypted).collect();
        if encrypted.is_empty() {
            return;
        }
        self.runtime.spawn(async move {
            for handle in encrypted {
                // A room that has ended has nobody to tell.
                let _ = handle.room.tx.send(Input::Log(LogRequest::LookAgain)).await;
            }
        });
    }
}
