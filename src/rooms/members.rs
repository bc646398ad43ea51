//! Who is in a room: joining, inviting, leaving, removing, roles.
//!
//! Removal goes through the actor like everything else: it drops the subscriptions first, then
//! tells the others, so that nobody hears a word after he was removed. Whether somebody may is
//! decided by [`policy`](crate::policy) with the room's state at that moment, so of two who change
//! the same thing at once the second is judged by what the first has left.

use super::actor::Actor;
use super::outlet::Delivery;
use super::state::{Member, State};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::time::now_ms;
use crate::policy::{Action, unwilling_person};
use crate::protocol::event::{Event, Gone};
use crate::protocol::room::{Notify, Role, RoomKind};

/// Who asks for a change of membership.
#[derive(Debug, Clone, Copy)]
pub enum By {
    /// The server itself (default rooms, invite links).
    Server,
    /// A user; `admin` of the server or not.
    User {
        /// Who.
        uid: Uid,
        /// Whether that is an admin of the server.
        admin: bool,
    },
}

impl By {
    fn check(self, state: &State, action: Action) -> Result<()> {
        match self {
            Self::Server => Ok(()),
            Self::User { uid, admin } => state.may(uid, admin, action),
        }
    }

    fn is(self, other: Uid) -> bool {
        matches!(self, Self::User { uid, .. } if uid == other)
    }

    /// Who; nobody for the server itself and the command line.
    pub fn uid(self) -> Option<Uid> {
        match self {
            Self::User { uid, .. } if uid.0 > 0 => Some(uid),
            _ => None,
        }
    }
}

/// What became of a change of membership.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum MemberOutcome {
    /// It was so already: nothing was written and nobody was told.
    AsBefore,
    /// Somebody came in.
    Joined,
    /// Somebody who was known here is something else now, or gone.
    Changed,
}

/// What happens to one membership.
#[derive(Debug, Clone, Copy)]
pub enum MemberChange {
    /// Comes in with this role, or has it from now on.
    Put(Role),
    /// Goes, or is sent out.
    Remove,
    /// Is sent out for good.
    Ban,
    /// May come back.
    Unban,
    /// Loses its word until then, or has it again.
    Silence(Option<i64>),
    /// Becomes the one owner.
    Own,
    /// Puts a direct room out of its sight until somebody writes, or shows it again.
    Hide(bool),
    /// Likes the room this way.
    Prefer(Option<bool>, Option<Notify>),
    /// Its account was removed.
    Suspend,
    /// Its account is back.
    Reinstate,
}

impl Actor {
    pub(super) async fn change_member(
        &mut self,
        by: By,
        uid: Uid,
        change: MemberChange,
    ) -> Result<MemberOutcome> {
        match change {
            MemberChange::Put(role) => self.put_member(by, uid, role).await,
            MemberChange::Remove => self.remove_member(by, uid).await,
            MemberChange::Ban => self.ban(by, uid).await,
            MemberChange::Unban => self.unban(by, uid).await,
            MemberChange::Silence(until) => self.silence(by, uid, until).await,
            MemberChange::Own => self.hand_over(by, uid).await,
            MemberChange::Prefer(favourite, notify) => self.prefer(uid, favourite, notify).await,
            MemberChange::Hide(hidden) => self.hide_room(uid, hidden).await,
            MemberChange::Suspend => self.suspend(uid).await,
            MemberChange::Reinstate => self.reinstate(uid).await,
        }
    }

    async fn put_member(&mut self, by: By, uid: Uid, role: Role) -> Result<MemberOutcome> {
        let (present, read) = {
            let state = self.room.state();
            let present = state.members.get(&uid).copied();
            may_put(&state, by, uid, role, present)?;
            (present, state.row.last_seq)
        };
        if present.is_some_and(|member| member.role == role || matches!(by, By::Server)) {
            return Ok(MemberOutcome::AsBefore);
        }
        if present.is_none() {
            self.shared.may_join(uid)?;
        }
        self.shared.store.put_member(self.room.id, uid, role, read).await?;
        match present {
            Some(member) => {
                self.seat(uid, Member { role, ..member }).await;
                Ok(MemberOutcome::Changed)
            }
            None => {
                self.welcome(uid, Member::new(role, read)).await;
                Ok(MemberOutcome::Joined)
            }
        }
    }

    async fn remove_member(&mut self, by: By, uid: Uid) -> Result<MemberOutcome> {
        {
            let state = self.room.state();
            let role = member_of(&state, uid)?.role;
            let action = if by.is(uid) { Action::Leave } else { Action::Remove(role) };
            by.check(&state, action)?;
            state.keeps_an_owner_without(uid)?;
        }
        self.shared.store.remove_member(self.room.id, uid).await?;
        {
            // A group somebody has left is another group.
            let mut state = self.room.state_mut();
            state.row.group = state.row.kind == RoomKind::Dm;
        }
        self.dismiss(uid).await;
        Ok(MemberOutcome::Changed)
    }

    async fn ban(&mut self, by: By, uid: Uid) -> Result<MemberOutcome> {
        let was_member = {
            let state = self.room.state();
            let role = state.members.get(&uid).map(|member| member.role);
            by.check(&state, Action::Ban(role))?;
            if by.is(uid) {
                return Err(Error::new(Code::BadRequest, "Nobody can ban himself."));
            }
            state.keeps_an_owner_without(uid)?;
            if state.bans.contains_key(&uid) {
                return Ok(MemberOutcome::AsBefore);
            }
            role.is_some()
        };
        let ban = self.shared.store.ban(self.room.id, uid, by.uid()).await?;
        self.room.state_mut().bans.insert(uid, ban);
        if was_member {
            self.dismiss(uid).await;
        }
        Ok(MemberOutcome::Changed)
    }

    async fn unban(&mut self, by: By, uid: Uid) -> Result<MemberOutcome> {
        {
            let state = self.room.state();
            by.check(&state, Action::Ban(None))?;
            if !state.bans.contains_key(&uid) {
                return Err(Error::new(Code::NotFound, "This user is not banned here."));
            }
        }
        self.shared.store.unban(self.room.id, uid).await?;
        self.room.state_mut().bans.remove(&uid);
        Ok(MemberOutcome::Changed)
    }

    async fn silence(&mut self, by: By, uid: Uid, until: Option<i64>) -> Result<MemberOutcome> {
        let member = {
            let state = self.room.state();
            let member = *member_of(&state, uid)?;
            by.check(&state, Action::Silence(member.role))?;
            member
        };
        // An end that has passed is none.
        let until = until.filter(|until| *until > now_ms());
        if member.silenced() == until {
            return Ok(MemberOutcome::AsBefore);
        }
        self.shared.store.silence(self.room.id, uid, until).await?;
        self.seat(uid, Member { silenced_until: until, ..member }).await;
        Ok(MemberOutcome::Changed)
    }

    /// One owner instead of those there are; whoever was one is an admin now.
    async fn hand_over(&mut self, by: By, uid: Uid) -> Result<MemberOutcome> {
        by.check(&self.room.state(), Action::ChangeRole(Role::Member, Role::Owner))?;
        let (is_member, is_only_owner) = {
            let state = self.room.state();
            let is_owner = |(_, member): &(&Uid, &Member)| member.role == Role::Owner;
            let owners = state.members.iter().filter(is_owner).map(|(uid, _)| *uid);
            (state.members.contains_key(&uid), owners.eq([uid]))
        };
        if is_only_owner {
            return Ok(MemberOutcome::AsBefore);
        }
        if !is_member {
            let _ = self.put_member(By::Server, uid, Role::Member).await?;
        }
        self.shared.store.hand_over(self.room.id, uid).await?;
        let changed: Vec<_> = {
            let state = self.room.state();
            let concerned =
                |(other, member): &(&Uid, &Member)| **other == uid || member.role == Role::Owner;
            state.members.iter().filter(concerned).map(|(uid, member)| (*uid, *member)).collect()
        };
        for (other, member) in changed {
            let role = if other == uid { Role::Owner } else { Role::Admin };
            self.seat(other, Member { role, ..member }).await;
        }
        Ok(MemberOutcome::Changed)
    }

    async fn prefer(
        &mut self,
        uid: Uid,
        favourite: Option<bool>,
        notify: Option<Notify>,
    ) -> Result<MemberOutcome> {
        let member = *member_of(&self.room.state(), uid)?;
        let favourite = favourite.unwrap_or(member.favourite);
        let notify = notify.unwrap_or(member.notify);
        if (favourite, notify) == (member.favourite, member.notify) {
            return Ok(MemberOutcome::AsBefore);
        }
        self.shared.store.prefer(self.room.id, uid, favourite, notify).await?;
        self.room.state_mut().members.insert(uid, Member { favourite, notify, ..member });
        self.tell_view(uid).await;
        Ok(MemberOutcome::Changed)
    }

    async fn hide_room(&mut self, uid: Uid, hidden: bool) -> Result<MemberOutcome> {
        let (member, hidden_seq) = {
            let state = self.room.state();
            if state.row.kind != RoomKind::Dm {
                return Err(Error::field("hidden", "is for direct rooms only"));
            }
            (*member_of(&state, uid)?, hidden.then_some(state.row.last_seq))
        };
        if member.hidden_seq == hidden_seq {
            return Ok(MemberOutcome::AsBefore);
        }
        self.shared.store.hide(self.room.id, uid, hidden_seq).await?;
        self.room.state_mut().members.insert(uid, Member { hidden_seq, ..member });
        self.tell_view(uid).await;
        Ok(MemberOutcome::Changed)
    }

    /// In a direct room the member stays: what was said there keeps its two sides.
    async fn suspend(&mut self, uid: Uid) -> Result<MemberOutcome> {
        let heir = {
            let state = self.room.state();
            if state.row.kind == RoomKind::Dm || !state.members.contains_key(&uid) {
                return Ok(MemberOutcome::AsBefore);
            }
            state.heir_of(uid)
        };
        self.shared.store.suspend(self.room.id, uid, heir).await?;
        self.dismiss(uid).await;
        if let Some(heir) = heir {
            let member = member_of(&self.room.state(), heir).copied();
            if let Ok(member) = member {
                self.seat(heir, Member { role: Role::Owner, ..member }).await;
            }
        }
        Ok(MemberOutcome::Changed)
    }

    async fn reinstate(&mut self, uid: Uid) -> Result<MemberOutcome> {
        let row = self.shared.store.reinstate(self.room.id, uid).await?;
        let Some(row) = row.filter(|_| !self.room.state().members.contains_key(&uid)) else {
            return Ok(MemberOutcome::AsBefore);
        };
        self.welcome(uid, Member::of(&row)).await;
        Ok(MemberOutcome::Joined)
    }

    /// A member's place has changed; he and the others hear of it.
    async fn seat(&mut self, uid: Uid, member: Member) {
        self.room.state_mut().members.insert(uid, member);
        self.tell_view(uid).await;
        self.tell_member(uid, Some(&member)).await;
    }

    /// Somebody is a member from now on.
    async fn welcome(&mut self, uid: Uid, member: Member) {
        self.shared.add_to_index(uid, self.room.id);
        self.broadcast(Delivery::Joined(uid, self.room.id)).await;
        self.seat(uid, member).await;
    }

    /// Somebody is none any more: silent first, then told.
    async fn dismiss(&mut self, uid: Uid) {
        self.room.state_mut().members.remove(&uid);
        self.shared.remove_from_index(uid, self.room.id);
        self.broadcast(Delivery::Left(uid, self.room.id)).await;
        let gone = Event::RoomGone { room: Gone { id: self.room.id, gone: true } };
        self.broadcast(Delivery::ToUser(uid, gone.encode())).await;
        self.tell_member(uid, None).await;
    }

    pub(super) async fn tell_view(&self, uid: Uid) {
        let view = self.room.state().view(uid);
        self.broadcast(Delivery::ToUser(uid, Event::Room { room: &view }.encode())).await;
    }

    async fn tell_member(&self, uid: Uid, member: Option<&Member>) {
        let role = member.map(|member| member.role);
        let silenced_until = member.and_then(Member::silenced);
        let event = Event::Member { room: self.room.id, uid, role, silenced_until };
        self.publish(vec![event.encode()], None).await;
    }
}

/// Coming in, bringing in, and changing a role are one call; which right it needs depends on who is
/// there already.
fn may_put(state: &State, by: By, uid: Uid, role: Role, present: Option<Member>) -> Result<()> {
    let needed = match present {
        Some(member) if by.is(uid) && member.role >= role => Action::See,
        Some(member) => Action::ChangeRole(member.role, role),
        None if by.is(uid) => Action::Join,
        None => Action::Add,
    };
    by.check(state, needed)?;
    if let Some(member) = present {
        return if role < member.role { state.keeps_an_owner_without(uid) } else { Ok(()) };
    }
    if state.bans.contains_key(&uid) {
        // Who is banned is known to those who may ban.
        by.check(state, Action::Ban(None)).map_err(|_| unwilling_person())?;
        return Err(Error::new(Code::Forbidden, "This user was banned from this room."));
    }
    if by.uid().is_some_and(|by| state.has_blocked(uid, by)) {
        return Err(unwilling_person());
    }
    if state.row.archived || state.row.kind == RoomKind::Dm {
        return Err(Error::new(Code::Forbidden, "Nobody can be added to this room."));
    }
    // Whoever comes in comes in as a member; more is for those who may change roles.
    match role {
        Role::Member => Ok(()),
        _ => by.check(state, Action::ChangeRole(Role::Member, role)),
    }
}

fn member_of(state: &State, uid: Uid) -> Result<&Member> {
    let none = || Error::new(Code::NotFound, "This user is not a member.");
    state.members.get(&uid).ok_or_else(none)
}
