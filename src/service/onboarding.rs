//! The rooms that somebody is put into without being added by a member: the default ones, and those of an
//! invitation.

use std::sync::Arc;

use super::profiles::Profiles;
use super::room_changes::RoomChanges;
use crate::auth::{Invite, Maker};
use crate::base::error::Error;
use crate::base::ids::{RoomId, Uid};
use crate::base::principal::Principal;
use crate::policy::Action;
use crate::rooms::Rooms;
use crate::store::accounts::AccountStore;

/// Puts people into their first rooms.
pub struct Onboarding {
    store: AccountStore,
    rooms: Rooms,
    profiles: Arc<Profiles>,
    room_changes: Arc<RoomChanges>,
}

/// What an invitation has opened to somebody.
#[derive(Debug, Default)]
pub struct Joined {
    /// The rooms they are in now.
    pub rooms: Vec<RoomId>,
    /// Why another one did not open.
    pub refusal: Option<Error>,
}

impl Onboarding {
    /// Into these rooms.
    pub fn new(
        store: AccountStore,
        rooms: Rooms,
        profiles: Arc<Profiles>,
        room_changes: Arc<RoomChanges>,
    ) -> Self {
        Self { store, rooms, profiles, room_changes }
    }

    /// Puts a new user into the rooms that everybody joins. The account exists whatever becomes of this: if
    /// the chat store cannot do it now, it is done at the next login.
    pub async fn join_default_rooms(&self, uid: Uid) {
        self.profiles.mark_similar_names(uid).await;
        let joined = async {
            self.rooms.join_defaults(uid).await?;
            self.store.mark_joined(uid).await
        };
        if let Err(error) = joined.await {
            tracing::warn!(%uid, ?error, "the default rooms wait for the next login");
        }
    }

    /// The rooms of an invitation that its maker may still add people to.
    pub fn open_rooms(&self, invite: &Invite) -> impl Iterator<Item = RoomId> {
        let by = match &invite.by {
            Some(Maker { uid, is_admin, .. }) => Principal::User { uid: *uid, is_admin: *is_admin },
            None => Principal::Operator,
        };
        let may = move |room: &RoomId| self.rooms.authorize(by, *room, Action::Add).is_ok();
        invite.rooms.iter().copied().filter(may)
    }

    /// Puts somebody into the rooms of an invitation that was used.
    pub async fn join_invited_rooms(&self, invite: &Invite, uid: Uid) -> Joined {
        let mut result = Joined::default();
        for room in self.open_rooms(invite) {
            let joined = match self.rooms.is_member(room, uid) {
                true => Ok(()),
                false => self.room_changes.join_invited(invite, room, uid).await,
            };
            match joined {
                Ok(()) => result.rooms.push(room),
                Err(error) => {
                    tracing::warn!(%uid, %room, ?error, "an invitation did not open a room");
                    result.refusal = Some(error);
                }
            }
        }
        result
    }
}
