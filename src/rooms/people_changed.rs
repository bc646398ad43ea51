//! What happens to people outside of rooms and concerns encrypted rooms: keys that change, accounts that are shut and
//! opened. The rooms look when they come to it.

use super::registry::Rooms;
use crate::base::ids::Uid;
use crate::e2ee::SharedDirectory;

impl Rooms {
    /// Whose keys are whose, and whose account is open.
    pub fn keys(&self) -> &SharedDirectory {
        &self.shared.directory
    }

    /// The keys of this user have changed in the directory.
    pub fn keys_changed(&self, _uid: Uid) {}

    /// The account of this user is not open any more.
    pub fn account_shut(&self, _uid: Uid) {}

    /// The account of this user is open again.
    pub fn account_opened(&self, _uid: Uid) {}
}
