//! Changes of memberships: joining, adding, leaving, removing, roles.
//!
//! The removal of a member drops their subscriptions first and is published then, so that nothing reaches them
//! after they were removed. Whether somebody may do it is decided by [`policy`](crate::policy) and the room's state
//! at that moment: of two who change the same thing at once, the second finds what the first has left.

use super::Actor;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::principal::Principal;
use crate::base::time::now_ms;
use crate::policy::{Action, unwilling_person};
use crate::protocol::event::{Event, Gone};
use crate::protocol::room::{Notify, Role, RoomKind};
use crate::rooms::delivery::Delivery;
use crate::rooms::member::Member;
use crate::rooms::membership::{MemberChange, MemberOutcome};
use crate::rooms::state::State;

impl Actor {
    pub(super) async fn change_member(
        &mut self,
        by: Principal,
        uid: Uid,
        change: MemberChange,
    ) -> Result<MemberOutcome> {
        match change {
            MemberChange::Put(role) => self.put_member(by, uid, role).await,
            MemberChange::Remove => self.remove_member(by, uid).await,
            MemberChange::Ban => self.ban(by, uid).await,
            MemberChange::Unban => self.unban(by, uid).await,
            MemberChange::Mute(until) => self.mute(by, uid, until).await,
            MemberChange::Own => self.hand_over(by, uid).await,
            MemberChange::Prefer(favourite, notify) => self.prefer(uid, favourite, notify).await,
            MemberChange::Hide(hidden) => self.hide_room(uid, hidden).await,
            MemberChange::Suspend => self.suspend(uid).await,
            MemberChange::Reinstate => self.reinstate(uid).await,
        }
    }

    async fn put_member(&mut self, by: Principal, uid: Uid, role: Role) -> Result<MemberOutcome> {
        let (present, read) = {
            let state = self.room.state();
            let present = state.members.get(&uid).copied();
            check_put(&state, by, uid, role, present)?;
            (present, state.row.last_seq)
        };
        if present.is_some_and(|member| member.role == role || by == Principal::Server) {
            return Ok(MemberOutcome::AsBefore);
        }
        if present.is_none() {
            self.shared.check_joined(uid)?;
        }
        self.shared.store.put_member(self.room.id, uid, role, read).await?;
        match present {
            Some(member) => {
                self.update_member(uid, Member { role, ..member }).await;
                Ok(MemberOutcome::Changed)
            }
            None => {
                self.add_member(uid, Member::new(role, read)).await;
                Ok(MemberOutcome::Joined)
            }
        }
    }

    async fn remove_member(&mut self, by: Principal, uid: Uid) -> Result<MemberOutcome> {
        {
            let state = self.room.state();
            let role = state.member(uid)?.role;
            let action = if by.is(uid) { Action::Leave } else { Action::Remove(role) };
            state.authorize(by, action)?;
            state.check_owner_remains_without(uid)?;
        }
        self.shared.store.remove_member(self.room.id, uid).await?;
        {
            // A group that somebody has left is another group.
            let mut state = self.room.state_mut();
            state.row.group = state.row.kind == RoomKind::Dm;
        }
        self.drop_member(uid).await;
        Ok(MemberOutcome::Changed)
    }

    async fn ban(&mut self, by: Principal, uid: Uid) -> Result<MemberOutcome> {
        let was_member = {
            let state = self.room.state();
            let role = state.members.get(&uid).map(|member| member.role);
            state.authorize(by, Action::Ban(role))?;
            if by.is(uid) {
                return Err(Error::new(Code::BadRequest, "Nobody can ban himself."));
            }
            state.check_owner_remains_without(uid)?;
            if state.bans.contains_key(&uid) {
                return Ok(MemberOutcome::AsBefore);
            }
            role.is_some()
        };
        let ban = self.shared.store.ban(self.room.id, uid, by.uid()).await?;
        self.room.state_mut().bans.insert(uid, ban);
        if was_member {
            self.drop_member(uid).await;
        }
        Ok(MemberOutcome::Changed)
    }

    async fn unban(&mut self, by: Principal, uid: Uid) -> Result<MemberOutcome> {
        {
            let state = self.room.state();
            state.authorize(by, Action::Ban(None))?;
            if !state.bans.contains_key(&uid) {
                return Err(Error::new(Code::NotFound, "This user is not banned here."));
            }
        }
        self.shared.store.unban(self.room.id, uid).await?;
        self.room.state_mut().bans.remove(&uid);
        Ok(MemberOutcome::Changed)
    }

    async fn mute(&mut self, by: Principal, uid: Uid, until: Option<i64>) -> Result<MemberOutcome> {
        let member = {
            let state = self.room.state();
            let member = *state.member(uid)?;
            state.authorize(by, Action::Mute(member.role))?;
            member
        };
        // An end that has passed means no end.
        let until = until.filter(|until| *until > now_ms());
        if member.muted() == until {
            return Ok(MemberOutcome::AsBefore);
        }
        self.shared.store.mute(self.room.id, uid, until).await?;
        self.update_member(uid, Member { muted_until: until, ..member }).await;
        Ok(MemberOutcome::Changed)
    }

    /// Makes one member the only owner; the others become admins.
    async fn hand_over(&mut self, by: Principal, uid: Uid) -> Result<MemberOutcome> {
        self.room.state().authorize(by, Action::ChangeRole(Role::Member, Role::Owner))?;
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
            let _ = self.put_member(Principal::Server, uid, Role::Member).await?;
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
            self.update_member(other, Member { role, ..member }).await;
        }
        Ok(MemberOutcome::Changed)
    }

    async fn prefer(
        &mut self,
        uid: Uid,
        favourite: Option<bool>,
        notify: Option<Notify>,
    ) -> Result<MemberOutcome> {
        let member = *self.room.state().member(uid)?;
        let favourite = favourite.unwrap_or(member.favourite);
        let notify = notify.unwrap_or(member.notify);
        if (favourite, notify) == (member.favourite, member.notify) {
            return Ok(MemberOutcome::AsBefore);
        }
        self.shared.store.prefer(self.room.id, uid, favourite, notify).await?;
        self.room.state_mut().members.insert(uid, Member { favourite, notify, ..member });
        self.send_view(uid).await;
        Ok(MemberOutcome::Changed)
    }

    async fn hide_room(&mut self, uid: Uid, hidden: bool) -> Result<MemberOutcome> {
        let (member, hidden_seq) = {
            let state = self.room.state();
            if state.row.kind != RoomKind::Dm {
                return Err(Error::field("hidden", "is for direct rooms only"));
            }
            (*state.member(uid)?, hidden.then_some(state.row.last_seq))
        };
        if member.hidden_seq == hidden_seq {
            return Ok(MemberOutcome::AsBefore);
        }
        self.shared.store.hide(self.room.id, uid, hidden_seq).await?;
        self.room.state_mut().members.insert(uid, Member { hidden_seq, ..member });
        self.send_view(uid).await;
        Ok(MemberOutcome::Changed)
    }

    /// In a direct room the member stays, so that the conversation still has both people; in an encrypted room, too: only
    /// its log makes members, and who is shut out gets no key (`e2ee.md` 7.3).
    async fn suspend(&mut self, uid: Uid) -> Result<MemberOutcome> {
        let heir = {
            let state = self.room.state();
            let stays = state.row.kind == RoomKind::Dm || state.row.encryption.is_some();
            if stays || !state.members.contains_key(&uid) {
                return Ok(MemberOutcome::AsBefore);
            }
            state.heir_of(uid, |other| self.shared.is_bot(other))
        };
        self.shared.store.suspend(self.room.id, uid, heir).await?;
        self.drop_member(uid).await;
        if let Some(heir) = heir {
            let member = self.room.state().members.get(&heir).copied();
            if let Some(member) = member {
                self.update_member(heir, Member { role: Role::Owner, ..member }).await;
            }
        }
        Ok(MemberOutcome::Changed)
    }

    async fn reinstate(&mut self, uid: Uid) -> Result<MemberOutcome> {
        let row = self.shared.store.reinstate(self.room.id, uid).await?;
        let Some(row) = row.filter(|_| !self.room.state().members.contains_key(&uid)) else {
            return Ok(MemberOutcome::AsBefore);
        };
        self.add_member(uid, Member::from(&row)).await;
        Ok(MemberOutcome::Joined)
    }

    /// A membership has changed: the member gets the room anew, and the others the member.
    pub(super) async fn update_member(&mut self, uid: Uid, member: Member) {
        self.room.state_mut().members.insert(uid, member);
        self.send_view(uid).await;
        self.publish_member(uid, Some(&member)).await;
    }

    /// Somebody is a member from now on.
    pub(super) async fn add_member(&mut self, uid: Uid, member: Member) {
        self.shared.add_to_index(uid, self.room.id);
        self.broadcast(Delivery::Joined(uid, self.room.id)).await;
        self.update_member(uid, member).await;
    }

    /// Somebody is no member any more: their subscriptions end before they and the others get to know it.
    pub(super) async fn drop_member(&mut self, uid: Uid) {
        self.room.state_mut().members.remove(&uid);
        self.shared.remove_from_index(uid, self.room.id);
        self.broadcast(Delivery::Left(uid, self.room.id)).await;
        let gone = Event::RoomGone { room: Gone { id: self.room.id, gone: true } };
        self.broadcast(Delivery::ToUser(uid, gone.encode())).await;
        self.publish_member(uid, None).await;
    }

    pub(super) async fn send_view(&self, uid: Uid) {
        self.broadcast(Delivery::View(uid, self.room.id)).await;
    }

    async fn publish_member(&self, uid: Uid, member: Option<&Member>) {
        let role = member.map(|member| member.role);
        let muted_until = member.and_then(Member::muted);
        let event = Event::Member { room: self.room.id, uid, role, muted_until };
        self.publish(event.encode()).await;
    }
}

/// Joining, adding somebody, and changing a role are one call; which right it needs depends on who is a member
/// already.
fn check_put(
    state: &State,
    by: Principal,
    uid: Uid,
    role: Role,
    present: Option<Member>,
) -> Result<()> {
    let needed = match present {
        Some(member) if by.is(uid) && member.role >= role => Action::See,
        Some(member) => Action::ChangeRole(member.role, role),
        None if by.is(uid) => Action::Join,
        None => Action::Add,
    };
    state.authorize(by, needed)?;
    if let Some(member) = present {
        return if role < member.role { state.check_owner_remains_without(uid) } else { Ok(()) };
    }
    if state.bans.contains_key(&uid) {
        // Only those who may ban get to know who is banned.
        state.authorize(by, Action::Ban(None)).map_err(|_| unwilling_person())?;
        return Err(Error::new(Code::Forbidden, "This user was banned from this room."));
    }
    if by.uid().is_some_and(|by| state.has_blocked(uid, by)) {
        return Err(unwilling_person());
    }
    if state.row.archived || state.row.kind == RoomKind::Dm {
        return Err(Error::new(Code::Forbidden, "Nobody can be added to this room."));
    }
    // Everybody joins as a member; another role is for those who may change roles.
    match role {
        Role::Member => Ok(()),
        _ => state.authorize(by, Action::ChangeRole(Role::Member, role)),
    }
}
