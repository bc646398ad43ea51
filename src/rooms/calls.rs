//! Changes of rooms and memberships, each handed to the room's actor and awaited.

use super::members::{By, MemberChange};
use super::registry::Rooms;
use super::room::{Input, RoomHandle};
use crate::error::{Code, Error, Result};
use crate::ids::{RoomId, Uid};
use crate::policy::{Action, no_room};
use crate::protocol::event::{Notify, Role, RoomKind, RoomView};
use crate::store::chat::RoomChange;

impl Rooms {
    /// Changes what is named, if the caller may change all of it.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn update(
        &self,
        by: Uid,
        admin: bool,
        room: RoomId,
        change: RoomChange,
    ) -> Result<RoomView> {
        let handle = self.may(by, admin, room, Action::See)?;
        for action in rights_for(&change) {
            handle.room.state().may(by, admin, action)?;
        }
        handle.call(|reply| Input::Update(change, reply)).await?;
        let view = handle.room.state().view(by);
        Ok(view)
    }

    /// Adds a member or changes a role; one's own uid joins an open room.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn put_member(
        &self,
        by: Uid,
        admin: bool,
        room: RoomId,
        uid: Uid,
        role: Role,
    ) -> Result<()> {
        self.change(By::User { uid: by, admin }, room, uid, MemberChange::Put(role)).await
    }

    /// Removes a member; one's own uid leaves.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn remove_member(&self, by: Uid, admin: bool, room: RoomId, uid: Uid) -> Result<()> {
        self.change(By::User { uid: by, admin }, room, uid, MemberChange::Remove).await
    }

    /// Sends somebody out for good, member or not.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn ban(&self, by: Uid, admin: bool, room: RoomId, uid: Uid) -> Result<()> {
        self.change(By::User { uid: by, admin }, room, uid, MemberChange::Ban).await
    }

    /// Lets somebody come back.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unavailable`.
    pub async fn unban(&self, by: Uid, admin: bool, room: RoomId, uid: Uid) -> Result<()> {
        self.change(By::User { uid: by, admin }, room, uid, MemberChange::Unban).await
    }

    /// Takes a member's word until then, or gives it back.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unavailable`.
    pub async fn silence(
        &self,
        by: Uid,
        admin: bool,
        room: RoomId,
        uid: Uid,
        until: Option<i64>,
    ) -> Result<()> {
        self.change(By::User { uid: by, admin }, room, uid, MemberChange::Silence(until)).await
    }

    /// Makes somebody the one owner, and a member if he is none.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unavailable`.
    pub async fn set_owner(&self, by: Uid, admin: bool, room: RoomId, uid: Uid) -> Result<()> {
        self.change(By::User { uid: by, admin }, room, uid, MemberChange::Own).await
    }

    /// How the user likes one of his rooms.
    ///
    /// # Errors
    /// `not_found`, `unavailable`.
    pub async fn prefer(
        &self,
        uid: Uid,
        room: RoomId,
        favourite: Option<bool>,
        notify: Option<Notify>,
    ) -> Result<RoomView> {
        self.may(uid, false, room, Action::See)?;
        self.change(By::Server, room, uid, MemberChange::Prefer(favourite, notify)).await?;
        self.view(room, uid).ok_or_else(no_room)
    }

    /// Lets somebody in who holds an invitation.
    ///
    /// # Errors
    /// `forbidden` for the banned and for archived rooms, `not_found`, `unavailable`.
    pub async fn admit(&self, room: RoomId, uid: Uid) -> Result<()> {
        self.change(By::Server, room, uid, MemberChange::Put(Role::Member)).await
    }

    /// Puts a new user into every default room. May be repeated.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn join_defaults(&self, uid: Uid) -> Result<()> {
        let is_default = |room: &RoomId| {
            self.handle(*room).is_some_and(|handle| handle.room.state().row.is_default)
        };
        let mut defaults: Vec<_> = self.all().iter().map(|room| room.id).collect();
        defaults.retain(is_default);
        defaults.sort_unstable();
        for room in defaults {
            match self.admit(room, uid).await {
                // Archived meanwhile, or the user was banned there.
                Err(error) if error.code() == Code::Forbidden => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Somebody's account was removed: no member of any room from now on, silent at once. What he
    /// wrote stays, or, if asked for, reads as deleted.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn suspend(&self, uid: Uid, hide: bool) -> Result<()> {
        for handle in self.rooms_of(uid).into_iter().filter_map(|room| self.handle(room)) {
            handle.change_member(By::Server, uid, MemberChange::Suspend).await?;
        }
        if hide { self.hide_messages(uid, true).await } else { Ok(()) }
    }

    /// The account is back: memberships and messages as they were.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn reinstate(&self, uid: Uid) -> Result<()> {
        for room in self.shared.store.suspended(uid).await? {
            match self.handle(room) {
                Some(handle) => {
                    handle.change_member(By::Server, uid, MemberChange::Reinstate).await?;
                }
                // The room is removed now, but may come back.
                None => {
                    self.shared.store.reinstate(room, uid).await?;
                }
            }
        }
        self.hide_messages(uid, false).await
    }

    /// Lets everything somebody wrote read as deleted, or shows it again.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn hide_messages(&self, author: Uid, hidden: bool) -> Result<()> {
        for room in self.shared.store.unsettled_of(author, hidden).await? {
            let Some(handle) = self.handle(room) else { continue };
            handle.call(|reply| Input::Hide(author, hidden, reply)).await?;
        }
        Ok(())
    }

    async fn change(&self, by: By, room: RoomId, uid: Uid, change: MemberChange) -> Result<()> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        handle.change_member(by, uid, change).await
    }
}

impl RoomHandle {
    async fn change_member(&self, by: By, uid: Uid, change: MemberChange) -> Result<()> {
        self.call(|reply| Input::Member(by, uid, change, reply)).await
    }
}

/// Every right a change needs.
fn rights_for(change: &RoomChange) -> impl Iterator<Item = Action> + use<> {
    let rights = [
        (change.name.is_some() || change.topic.is_some(), Action::Describe),
        (change.read_only.is_some(), Action::SetReadOnly),
        (change.archived.is_some(), Action::Archive),
        (change.kind.is_some(), Action::SetKind),
        (change.is_default.is_some(), Action::SetDefault),
    ];
    rights.into_iter().filter_map(|(needed, action)| needed.then_some(action))
}

/// A room is open or closed; what is direct stays direct.
///
/// # Errors
/// `bad_request` naming the field.
pub fn check_kind(kind: RoomKind) -> Result<RoomKind> {
    match kind {
        RoomKind::Dm => Err(Error::field("kind", "is \"open\" or \"closed\"")),
        other => Ok(other),
    }
}
