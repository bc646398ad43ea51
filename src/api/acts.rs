//! What somebody does to a room or to a membership, and what the audit log says about it.
//!
//! Handlers reach the rooms' changes only through here (`tests/architecture.rs` checks it), and what an
//! entry says is derived from the change and from what became of it. So no handler can forget to record
//! an act, and what changed nothing is not recorded.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::auth::{Invite, Session};
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::base::principal::Principal;
use crate::protocol::room::{Role, RoomKind, RoomView};
use crate::rooms::{CreateRoom, CreatedRoom, MemberChange, MemberOutcome, Quota, UpdatedRoom};
use crate::store::chat::RoomChange;

use super::Api;
use super::record::Target;
use super::users::name_of;

impl Api {
    /// Makes a room for `owner`, or finds the direct room that exists.
    pub(super) async fn create_room(
        &self,
        caller: &Session,
        owner: Option<Uid>,
        create: CreateRoom,
    ) -> Result<CreatedRoom> {
        // Who talks to whom in private is nobody else's business, so it needs no leave to be recorded.
        let permit = match create.kind {
            RoomKind::Dm => None,
            RoomKind::Open | RoomKind::Closed => Some(self.permit(caller)?),
        };
        let mut members = create.members.clone();
        let mut detail = json!({
            "kind": create.kind,
            "owner": owner,
            "default": Some(true).filter(|_| create.is_default),
        });
        let created = self.make_room(caller, owner, create).await?;
        if let Some(permit) = permit.filter(|_| created.is_new) {
            let room = &created.view;
            // Somebody who has blocked the owner was left out.
            members.retain(|uid| self.rooms.is_member(room.id, *uid));
            if !members.is_empty() {
                detail["members"] = json!(members);
            }
            permit.record("room.create", Target::room(room.id, &room.name), said(detail)).await;
        }
        Ok(created)
    }

    /// Within what the caller may make, and may put people in.
    async fn make_room(
        &self,
        caller: &Session,
        owner: Option<Uid>,
        create: CreateRoom,
    ) -> Result<CreatedRoom> {
        let is_direct = create.kind == RoomKind::Dm;
        let quota = if caller.admin { Quota::Unbounded } else { Quota::Bounded };
        let people: BTreeSet<_> = create.members.iter().filter(|uid| **uid != caller.uid).collect();
        let people = people.len();
        let allowance = self.allowances.of(caller.uid);
        allowance.add_members(people, caller.admin)?;
        let made = match quota {
            Quota::Bounded => self.auth.take_room(caller.uid, is_direct),
            Quota::Unbounded => Ok(()),
        };
        let made = match made {
            Ok(()) => self.rooms.create(owner, create, quota).await,
            Err(error) => Err(error),
        };
        if !matches!(made, Ok(CreatedRoom { is_new: true, .. })) {
            allowance.give_members_back(people, caller.admin);
        }
        let created = made?;
        if quota == Quota::Bounded && !created.is_new {
            self.auth.give_direct_back(caller.uid);
        }
        Ok(created)
    }

    /// Changes the room itself.
    pub(super) async fn change_room(
        &self,
        caller: &Session,
        room: RoomId,
        change: RoomChange,
    ) -> Result<RoomView> {
        let permit = self.permit(caller)?;
        let before = self.rooms.info(caller.principal(), room)?;
        let UpdatedRoom { view, changed } =
            self.rooms.update(caller.principal(), room, change).await?;
        if let Some((action, detail)) = room_entry(&changed) {
            permit.record(action, Target::room(room, &before.name), detail).await;
        }
        Ok(view)
    }

    /// Removes a room.
    pub(super) async fn remove_room(&self, caller: &Session, room: RoomId) -> Result<()> {
        let permit = self.permit(caller)?;
        let view = self.rooms.info(caller.principal(), room)?;
        self.rooms.remove(caller.principal(), room).await?;
        permit.record("room.remove", Target::room(room, &view.name), json!({})).await;
        Ok(())
    }

    /// Takes the removal of a room back.
    pub(super) async fn restore_room(&self, caller: &Session, room: RoomId) -> Result<RoomView> {
        let permit = self.permit(caller)?;
        let view = self.rooms.restore(caller.principal(), room).await?;
        permit.record("room.restore", Target::room(room, &view.name), json!({})).await;
        Ok(view)
    }

    /// Changes a membership.
    pub(super) async fn change_member(
        &self,
        caller: &Session,
        room: RoomId,
        uid: Uid,
        change: MemberChange,
    ) -> Result<MemberOutcome> {
        let view = self.rooms.info(caller.principal(), room)?;
        let whose = if uid == caller.uid { Whose::Own } else { Whose::Others };
        let expected = match self.rooms.is_member(room, uid) {
            true => MemberOutcome::Changed,
            false => MemberOutcome::Joined,
        };
        // Coming in and leaving, of which the log does not tell, are refused to nobody because others
        // have filled it.
        let is_told = member_entry(&view, whose, change, expected).is_some();
        let permit = if is_told { Some(self.permit(caller)?) } else { None };
        let by = caller.principal();
        let outcome = self.rooms.change_member(by, room, uid, change).await?;
        if let Some((action, detail)) = member_entry(&view, whose, change, outcome) {
            let name = name_of(self, uid).await;
            let (target, detail) = match change {
                MemberChange::Own => {
                    (Target::room(room, &view.name), json!({"owner": uid, "owner_name": name}))
                }
                _ => (Target::user(uid, &name), detail),
            };
            match permit {
                Some(permit) => permit.record(action, target, detail).await,
                // Somebody else has changed the membership in between.
                None => self.record(caller, action, target, detail).await,
            }
        }
        Ok(outcome)
    }

    /// Lets somebody in who holds an invitation.
    pub(super) async fn admit(&self, invite: &Invite, room: RoomId, uid: Uid) -> Result<()> {
        let name = name_of(self, uid).await;
        let caller = Session::of_user(uid, &name);
        let permit = self.permit(&caller)?;
        let change = MemberChange::Put(Role::Member);
        let outcome = self.rooms.change_member(Principal::Server, room, uid, change).await?;
        if outcome == MemberOutcome::Joined {
            let room_name = self.rooms.summary(room).map(|room| room.row.name);
            let detail = json!({"room": room, "room_name": room_name, "invite": invite.id});
            permit.record("member.join", Target::user(uid, &name), said(detail)).await;
        }
        Ok(())
    }
}

/// Whose membership is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// That of whoever changes it.
    Own,
    /// Somebody else's.
    Others,
}

/// The entry for a change of the room itself: its action, and what is not as it was.
fn room_entry(changed: &RoomChange) -> Option<(&'static str, Value)> {
    if *changed == RoomChange::default() {
        return None;
    }
    let action = match changed.archived {
        Some(true) => "room.archive",
        Some(false) => "room.unarchive",
        None => "room.update",
    };
    let detail = json!({
        "name": changed.name,
        "topic": changed.topic,
        "default": changed.is_default,
        "read_only": changed.read_only,
        "kind": changed.kind,
    });
    Some((action, said(detail)))
}

/// The entry for a change of a membership, if it is one that the log tells of. Coming into an open room
/// by oneself, leaving, and how somebody likes a room are nobody's acts over anybody.
fn member_entry(
    room: &RoomView,
    whose: Whose,
    change: MemberChange,
    outcome: MemberOutcome,
) -> Option<(&'static str, Value)> {
    use MemberChange as C;
    let mut detail = json!({"room": room.id, "room_name": room.name});
    let action = match (change, outcome) {
        (_, MemberOutcome::AsBefore)
        | (C::Prefer(..) | C::Hide(_) | C::Suspend | C::Reinstate, _) => None,
        (C::Put(Role::Member), MemberOutcome::Joined)
            if whose == Whose::Own && room.kind == RoomKind::Open =>
        {
            None
        }
        (C::Put(role), MemberOutcome::Joined) => {
            detail["role"] = json!(role);
            Some("member.add")
        }
        (C::Put(role), MemberOutcome::Changed) => {
            detail["role"] = json!(role);
            Some("member.role")
        }
        (C::Remove, _) if whose == Whose::Own || room.kind == RoomKind::Dm => None,
        (C::Remove, _) => Some("member.remove"),
        (C::Ban, _) => Some("member.ban"),
        (C::Unban, _) => Some("member.unban"),
        (C::Mute(until), _) => {
            detail["until"] = json!(until);
            Some("member.silence")
        }
        (C::Own, _) => Some("room.owner"),
    };
    action.map(|action| (action, detail))
}

/// A detail without the fields that say nothing.
fn said(mut detail: Value) -> Value {
    if let Some(fields) = detail.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    detail
}
