//! Changes of rooms and memberships, each handed to the room's actor and awaited.

use super::members::{By, MemberChange, MemberOutcome};
use super::registry::Rooms;
use super::room::{Input, RoomHandle};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::policy::{Action, no_room};
use crate::protocol::room::{Notify, Role, RoomKind, RoomView};
use crate::store::chat::RoomChange;

impl Rooms {
    /// Changes what is named and not so already, if the caller may change all of it: the room then, and
    /// what that was.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn update(
        &self,
        by: Uid,
        admin: bool,
        room: RoomId,
        change: RoomChange,
    ) -> Result<(RoomView, RoomChange)> {
        let handle = self.may(by, admin, room, Action::See)?;
        for action in rights_for(&change) {
            handle.room.state().may(by, admin, action)?;
        }
        let changed = handle.call(|reply| Input::Update(change, reply)).await?;
        let view = handle.room.state().view(by);
        Ok((view, changed))
    }

    /// Changes one membership.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn change_member(
        &self,
        by: By,
        room: RoomId,
        uid: Uid,
        change: MemberChange,
    ) -> Result<MemberOutcome> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        handle.change_member(by, uid, change).await
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
        self.visible(room, uid, false)?;
        let change = MemberChange::Prefer(favourite, notify);
        let _ = self.change_member(By::Server, room, uid, change).await?;
        self.view(room, uid).ok_or_else(no_room)
    }

    /// Puts one of the user's direct rooms out of his sight until somebody writes, or shows it again.
    ///
    /// # Errors
    /// `bad_request` for other rooms, `not_found`, `unavailable`.
    pub async fn hide(&self, uid: Uid, room: RoomId, hidden: bool) -> Result<()> {
        self.visible(room, uid, false)?;
        let _ = self.change_member(By::Server, room, uid, MemberChange::Hide(hidden)).await?;
        Ok(())
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
            let change = MemberChange::Put(Role::Member);
            match self.change_member(By::Server, room, uid, change).await {
                Ok(_) => {}
                // Archived meanwhile, or the user was banned there.
                Err(error) if error.code() == Code::Forbidden => {}
                Err(error) => return Err(error),
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
            let _ = handle.change_member(By::Server, uid, MemberChange::Suspend).await?;
        }
        if hide { self.hide_messages(uid, true).await } else { Ok(()) }
    }

    /// The account is back: memberships and messages as they were.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn reinstate(&self, uid: Uid) -> Result<()> {
        for room in self.store.suspended(uid).await? {
            match self.handle(room) {
                Some(handle) => {
                    let _ = handle.change_member(By::Server, uid, MemberChange::Reinstate).await?;
                }
                // The room is removed now, but may come back.
                None => {
                    self.store.reinstate(room, uid).await?;
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
        for room in self.store.unsettled_of(author, hidden).await? {
            let Some(handle) = self.handle(room) else { continue };
            handle.call(|reply| Input::Hide(author, hidden, reply)).await?;
        }
        Ok(())
    }
}

impl RoomHandle {
    async fn change_member(&self, by: By, uid: Uid, change: MemberChange) -> Result<MemberOutcome> {
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
