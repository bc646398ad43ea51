//! Which rooms somebody may search, and by which names they are found.

use super::queries::sort_key;
use super::registry::Rooms;
use crate::base::ids::{RoomId, Uid};
use crate::base::principal::Principal;
use crate::policy::Action;
use crate::protocol::room::RoomKind;

/// A room that somebody may read now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Readable {
    /// The room.
    pub id: RoomId,
    /// Whether the server cannot read what is in it.
    pub is_encrypted: bool,
}

impl Rooms {
    /// The rooms of a user.
    pub fn own(&self, uid: Uid) -> Vec<Readable> {
        let rooms = self.rooms_of(uid).into_iter().filter_map(|id| self.handle(id));
        rooms
            .map(|handle| {
                let state = handle.room.state();
                Readable { id: state.id(), is_encrypted: state.row.encryption.is_some() }
            })
            .collect()
    }

    /// The rooms of this name that somebody may read: one's own, or else open ones. A number is also the id of one.
    pub fn named(&self, by: Principal, name: &str) -> Vec<Readable> {
        let wanted = sort_key(name, RoomId(0));
        let mut found = Vec::new();
        for room in self.all() {
            let state = room.state();
            let is_named =
                state.row.kind != RoomKind::Dm && sort_key(&state.row.name, RoomId(0)) == wanted;
            if is_named && state.authorize(by, Action::Read).is_ok() {
                let is_own = by.uid().is_some_and(|uid| state.members.contains_key(&uid));
                let is_encrypted = state.row.encryption.is_some();
                found.push((is_own, Readable { id: state.id(), is_encrypted }));
            }
        }
        let has_own = found.iter().any(|(is_own, _)| *is_own);
        found.retain(|(is_own, _)| *is_own == has_own);
        let by_id = || {
            let handle = self.authorize(by, name.parse().ok()?, Action::Read).ok()?;
            let state = handle.room.state();
            Some(Readable { id: state.id(), is_encrypted: state.row.encryption.is_some() })
        };
        if found.is_empty() {
            by_id().into_iter().collect()
        } else {
            found.into_iter().map(|(_, room)| room).collect()
        }
    }

    /// The direct rooms of these two.
    pub fn direct_of(&self, uid: Uid, other: Uid) -> Vec<Readable> {
        let of_pair = |room: &Readable| {
            self.handle(room.id).is_some_and(|handle| handle.room.state().is_pair_of(uid, other))
        };
        self.own(uid).into_iter().filter(of_pair).collect()
    }

    /// The rooms whose messages the server can read, with the number of their last change.
    pub fn plain(&self) -> Vec<(RoomId, u64)> {
        let number = |state: &super::state::State| {
            state.row.encryption.is_none().then_some((state.row.id, state.row.last_seq))
        };
        self.shared.rooms().values().filter_map(|room| number(&room.state())).collect()
    }
}
