//! Changes of rooms, memberships and messages, each sent to the room's actor and awaited.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::inbox::{Input, Post, ReplyTo, RoomCommand, Sender};
use super::membership::{MemberChange, MemberOutcome};
use super::registry::Rooms;
use super::room::RoomHandle;
use crate::base::allowance::Allowance;
use crate::base::error::{Code, Error, Outage, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::rooms as limits;
use crate::base::principal::Principal;
use crate::policy::{Action, ContentForm, check_form, no_room};
use crate::protocol::command::Draft;
use crate::protocol::envelope::SentEnvelope;
use crate::protocol::room::{Notify, Role, RoomKind, RoomView};
use crate::store::chat::{Ack, RoomChange};

/// A room after a change of it.
#[derive(Debug)]
pub struct UpdatedRoom {
    /// The room, as whoever changed it sees it.
    pub view: RoomView,
    /// What was not so before.
    pub changed: RoomChange,
}

impl Rooms {
    /// Changes messages of a room as a command of a connection does, and waits until the change is durable or
    /// refused. A caller that goes away before has changed the room or not, and may send the same again.
    ///
    /// # Errors
    /// Those of the command; `unavailable` if there was no answer in time: then it may have been carried out.
    pub async fn submit(
        &self,
        by: Principal,
        allowance: Arc<Allowance>,
        room: RoomId,
        draft: Draft,
    ) -> Result<Ack> {
        let room = self.visible(by, room)?;
        in_time(limits::SUBMIT, room.submit(by, allowance, RoomCommand::Send(draft))).await
    }

    /// The same by an envelope.
    ///
    /// # Errors
    /// As [`submit`](Self::submit).
    pub async fn submit_envelope(
        &self,
        by: Principal,
        allowance: Arc<Allowance>,
        room: RoomId,
        envelope: SentEnvelope,
    ) -> Result<Ack> {
        let room = self.visible(by, room)?;
        let command = RoomCommand::SendEnvelope(envelope);
        in_time(limits::SUBMIT, room.submit(by, allowance, command)).await
    }

    /// Changes everything that is named, if `by` may change all of it.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn update(
        &self,
        by: Principal,
        room: RoomId,
        change: RoomChange,
    ) -> Result<UpdatedRoom> {
        let handle = self.visible(by, room)?;
        for action in rights_for(&change) {
            handle.room.state().authorize(by, action)?;
        }
        let changed = handle.call(|reply| Input::Update(change, reply)).await?;
        let view = handle.room.state().view_for(by);
        Ok(UpdatedRoom { view, changed })
    }

    /// Takes away what messages of an encrypted room say, for good; how many of them still said something.
    /// Administrators of the server do this, who need not be members. One who knows none of the messages is answered
    /// as for a room that does not exist.
    ///
    /// # Errors
    /// `not_found`, `bad_request` for a room that is not encrypted, `unavailable`.
    pub async fn take_away(&self, by: Principal, room: RoomId, mids: Vec<Mid>) -> Result<u64> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        let facts = handle.room.state().facts();
        if !facts.is_encrypted {
            self.visible(by, room)?;
            check_form(facts, ContentForm::Sealed)?;
        }
        handle.call(|reply| Input::TakeAway(mids, reply)).await
    }

    /// Changes one membership.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `conflict`, `unavailable`.
    pub async fn change_member(
        &self,
        by: Principal,
        room: RoomId,
        uid: Uid,
        change: MemberChange,
    ) -> Result<MemberOutcome> {
        let handle = self.handle(room).ok_or_else(no_room)?;
        handle.change_member(by, uid, change).await
    }

    /// Changes the user's own settings of one of their rooms, as far as named.
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
        self.visible(Principal::User { uid, is_admin: false }, room)?;
        let change = MemberChange::Prefer(favourite, notify);
        let _ = self.change_member(Principal::Server, room, uid, change).await?;
        self.view(room, uid).ok_or_else(no_room)
    }

    /// Hides one of the user's direct rooms until somebody writes, or shows it again.
    ///
    /// # Errors
    /// `bad_request` for other rooms, `not_found`, `unavailable`.
    pub async fn hide(&self, uid: Uid, room: RoomId, hidden: bool) -> Result<()> {
        self.visible(Principal::User { uid, is_admin: false }, room)?;
        let change = MemberChange::Hide(hidden);
        let _ = self.change_member(Principal::Server, room, uid, change).await?;
        Ok(())
    }

    /// Makes a new user a member of every default room. May be repeated.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn join_defaults(&self, uid: Uid) -> Result<()> {
        let mut all = self.all();
        all.retain(|room| room.state().row.is_default);
        let mut defaults: Vec<_> = all.iter().map(|room| room.id).collect();
        defaults.sort_unstable();
        for room in defaults {
            let change = MemberChange::Put(Role::Member);
            match self.change_member(Principal::Server, room, uid, change).await {
                Ok(_) => {}
                // Archived meanwhile, or the user was banned there.
                Err(error) if error.code() == Code::Forbidden => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Ends the memberships of somebody whose account was removed. What they wrote stays, or, if
    /// `hides_messages`, reads as deleted.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn suspend(&self, uid: Uid, hides_messages: bool) -> Result<()> {
        for handle in self.rooms_of(uid).into_iter().filter_map(|room| self.handle(room)) {
            let _ = handle.change_member(Principal::Server, uid, MemberChange::Suspend).await?;
        }
        if hides_messages { self.hide_messages(uid, true).await } else { Ok(()) }
    }

    /// The account was restored: so are its memberships and messages.
    ///
    /// # Errors
    /// `unavailable`: may be repeated.
    pub async fn reinstate(&self, uid: Uid) -> Result<()> {
        let change = MemberChange::Reinstate;
        for room in self.store.suspended(uid).await? {
            match self.handle(room) {
                Some(handle) => {
                    let _ = handle.change_member(Principal::Server, uid, change).await?;
                }
                // The room is removed now, but may be restored.
                None => {
                    self.store.reinstate(room, uid).await?;
                }
            }
        }
        self.hide_messages(uid, false).await
    }

    /// Hides everything somebody has written, or shows it again.
    async fn hide_messages(&self, author: Uid, hidden: bool) -> Result<()> {
        for room in self.store.rooms_to_hide_in(author, hidden).await? {
            let Some(handle) = self.handle(room) else { continue };
            handle.call(|reply| Input::HideAuthor { author, hidden, reply }).await?;
        }
        Ok(())
    }
}

impl RoomHandle {
    async fn submit(
        &self,
        by: Principal,
        allowance: Arc<Allowance>,
        command: RoomCommand,
    ) -> Result<Ack> {
        let Principal::User { uid, is_admin } = by else {
            return Err(Error::new(Code::Forbidden, "Only users write messages."));
        };
        self.call(|reply| {
            let reply_to = ReplyTo::Caller(reply);
            Input::Post(Post { sender: Sender { uid, is_admin, allowance, reply_to }, command })
        })
        .await
    }

    async fn change_member(
        &self,
        by: Principal,
        uid: Uid,
        change: MemberChange,
    ) -> Result<MemberOutcome> {
        self.call(|reply| Input::ChangeMember { by, uid, change, reply }).await
    }
}

/// The outcome of a change, or `unavailable` if that takes too long.
async fn in_time<T>(most: Duration, change: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(most, change).await.unwrap_or_else(|late| Err(Error::outage(Outage::Slow, late)))
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

/// A room can be made open or closed; a direct room stays one.
///
/// # Errors
/// `bad_request` naming the field.
pub fn check_kind(kind: RoomKind) -> Result<RoomKind> {
    match kind {
        RoomKind::Dm => Err(Error::field("kind", "is \"open\" or \"closed\"")),
        other => Ok(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::allowance::Allowances;
    use crate::protocol::command::DraftBody;
    use crate::rooms::recent::RecentMessages;
    use crate::rooms::room::Room;
    use crate::rooms::state::State;
    use crate::store::chat::RoomRow;

    #[tokio::test]
    async fn a_script_is_answered_in_time_by_a_room_that_has_too_much_to_do() {
        let row = RoomRow {
            id: RoomId(1),
            name: "General".into(),
            topic: String::new(),
            kind: RoomKind::Open,
            encryption: None,
            is_default: true,
            last_seq: 0,
            read_only: false,
            archived: false,
            group: false,
            created_at: 0,
        };
        // Nobody reads its inbox.
        let state = State::new(row, RecentMessages::new(Vec::new()), Arc::default());
        let (room, _inbox) = Room::new(state);
        let handle = RoomHandle { room };
        let submit = || {
            let draft = Draft { mid: Mid([1; 16]), rev: 1, body: DraftBody::Delete };
            let by = Principal::User { uid: Uid(1), is_admin: false };
            let (allowance, command) = (Allowances::new(0.0).of(Uid(1)), RoomCommand::Send(draft));
            in_time(limits::SUBMIT / 200, handle.submit(by, allowance, command))
        };
        // Neither with a permit nor, once the inbox is full, without one.
        for _ in 0..2 {
            assert_eq!(submit().await.unwrap_err().code(), Code::Unavailable);
            while handle.room.tx.try_send(Input::Resync).is_ok() {}
        }
    }
}
