//! What somebody does to a room or to a membership, and its entry in the audit log.
//!
//! Handlers create, change, remove and restore rooms and change memberships only through here
//! (`tests/architecture/` checks it), and an entry is derived from the change and its outcome. So no handler
//! can forget to record an act, and what changed nothing is not recorded. How a member likes a room, and whom
//! somebody blocks, is never recorded; handlers pass it to the rooms directly.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};

use super::actor::Actor;
use super::audit::{Audit, AuditTarget};
use super::profiles::Profiles;
use crate::auth::{Auth, Invite};
use crate::base::allowance::Allowances;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::principal::Principal;
use crate::protocol::room::{Role, RoomKind, RoomView, encrypted_name};
use crate::rooms::{
    Appended, CreateRoom, CreatedRoom, MemberChange, MemberOutcome, Proposal, Quota, Rooms,
    UpdatedRoom,
};
use crate::settings::Encryption;
use crate::store::chat::RoomChange;

/// Changes rooms and memberships, and records it.
pub struct RoomChanges {
    rooms: Rooms,
    auth: Arc<Auth>,
    allowances: Arc<Allowances>,
    profiles: Arc<Profiles>,
    audit: Arc<Audit>,
}

impl RoomChanges {
    /// Of these rooms, into this log.
    pub fn new(
        rooms: Rooms,
        auth: Arc<Auth>,
        allowances: Arc<Allowances>,
        profiles: Arc<Profiles>,
        audit: Arc<Audit>,
    ) -> Self {
        Self { rooms, auth, allowances, profiles, audit }
    }

    /// Creates a room for `owner`, or finds the direct room that exists.
    ///
    /// # Errors
    /// Those of [`Rooms::create`]; `rate_limited`.
    pub async fn create(
        &self,
        by: &Actor,
        owner: Option<Uid>,
        create: CreateRoom,
    ) -> Result<CreatedRoom> {
        // Who talks to whom in private is nobody else's business and is not recorded.
        let permit = match create.kind {
            RoomKind::Dm => None,
            RoomKind::Open | RoomKind::Closed => Some(self.audit.permit(by)?),
        };
        let mut members = create.members.clone();
        let mut detail = json!({
            "kind": create.kind,
            "owner": owner,
            "default": Some(true).filter(|_| create.is_default),
        });
        let created = self.create_within_limits(by, owner, create).await?;
        if let Some(permit) = permit.filter(|_| created.is_new) {
            let room = &created.view;
            // Somebody who has blocked the owner was left out.
            members.retain(|uid| self.rooms.is_member(room.id, *uid));
            if !members.is_empty() {
                detail["members"] = json!(members);
            }
            let target = AuditTarget::room(room.id, &room.listed_name());
            permit.record("room.create", target, without_nulls(detail)).await;
        }
        Ok(created)
    }

    /// Creates an encrypted direct chat, or finds the one that exists. Nothing is recorded, as for a plain one.
    ///
    /// # Errors
    /// Those of [`Rooms::create_encrypted`]; `rate_limited`.
    pub async fn create_encrypted(&self, by: &Actor, founding: Proposal) -> Result<CreatedRoom> {
        let people = founding.people();
        let create = async |quota| self.rooms.create_encrypted(founding, quota).await;
        self.within_limits(by, &people, RoomKind::Dm, create).await
    }

    /// Appends a batch to the log of an encrypted room. The log itself is the record, signed by who has done it.
    ///
    /// # Errors
    /// Those of [`Rooms::append_to_log`].
    pub async fn append_to_log(&self, room: RoomId, proposal: Proposal) -> Result<Appended> {
        self.rooms.append_to_log(room, proposal).await
    }

    /// Creates it if the caller may create one more, and add so many people.
    async fn create_within_limits(
        &self,
        by: &Actor,
        owner: Option<Uid>,
        create: CreateRoom,
    ) -> Result<CreatedRoom> {
        let (members, kind) = (create.members.clone(), create.kind);
        let is_required = self.auth.settings().current().encryption == Encryption::Required;
        if let (RoomKind::Dm, Some(owner), true) = (kind, owner, is_required) {
            let existing = self.rooms.find_direct(owner, &members).await?;
            let text = "New direct chats are encrypted on this server.";
            let view = existing.ok_or_else(|| Error::new(Code::Forbidden, text))?;
            return Ok(CreatedRoom { view, is_new: false });
        }
        let create = async |quota| self.rooms.create(owner, create, quota).await;
        self.within_limits(by, &members, kind, create).await
    }

    async fn within_limits(
        &self,
        by: &Actor,
        members: &[Uid],
        kind: RoomKind,
        create: impl AsyncFnOnce(Quota) -> Result<CreatedRoom>,
    ) -> Result<CreatedRoom> {
        let Principal::User { uid, is_admin } = by.principal else {
            return create(Quota::Unbounded).await;
        };
        let is_direct = kind == RoomKind::Dm;
        let quota = if is_admin { Quota::Unbounded } else { Quota::Bounded };
        let people: BTreeSet<_> = members.iter().filter(|member| **member != uid).collect();
        let people = people.len();
        let allowance = self.allowances.of(uid);
        allowance.add_members(people, by.principal)?;
        let counted = match quota {
            Quota::Bounded if is_direct => self.auth.count_direct(uid),
            Quota::Bounded => self.auth.count_room(uid),
            Quota::Unbounded => Ok(()),
        };
        let created = match counted {
            Ok(()) => create(quota).await,
            Err(error) => Err(error),
        };
        if !matches!(created, Ok(CreatedRoom { is_new: true, .. })) {
            allowance.give_members_back(people, by.principal);
        }
        let created = created?;
        if quota == Quota::Bounded && !created.is_new {
            self.auth.return_direct(uid);
        }
        Ok(created)
    }

    /// Changes the room itself.
    ///
    /// # Errors
    /// Those of [`Rooms::update`]; `rate_limited`.
    pub async fn update(&self, by: &Actor, room: RoomId, change: RoomChange) -> Result<RoomView> {
        let permit = self.audit.permit(by)?;
        let before = self.rooms.info(by.principal, room)?;
        let UpdatedRoom { view, changed } = self.rooms.update(by.principal, room, change).await?;
        if let Some((action, detail)) = room_entry(&changed) {
            permit.record(action, AuditTarget::room(room, &before.listed_name()), detail).await;
        }
        Ok(view)
    }

    /// Removes a room.
    ///
    /// # Errors
    /// Those of [`Rooms::remove`]; `rate_limited`.
    pub async fn remove(&self, by: &Actor, room: RoomId) -> Result<()> {
        let permit = self.audit.permit(by)?;
        let view = self.rooms.info(by.principal, room)?;
        self.rooms.remove(by.principal, room).await?;
        let target = AuditTarget::room(room, &view.listed_name());
        permit.record("room.remove", target, json!({})).await;
        Ok(())
    }

    /// Takes the removal of a room back.
    ///
    /// # Errors
    /// Those of [`Rooms::restore`]; `rate_limited`.
    pub async fn restore(&self, by: &Actor, room: RoomId) -> Result<RoomView> {
        let permit = self.audit.permit(by)?;
        let view = self.rooms.restore(by.principal, room).await?;
        let target = AuditTarget::room(room, &view.listed_name());
        permit.record("room.restore", target, json!({})).await;
        Ok(view)
    }

    /// Takes away what messages of an encrypted room say.
    ///
    /// # Errors
    /// Those of [`Rooms::take_away`]; `rate_limited`.
    pub async fn take_away(&self, by: &Actor, room: RoomId, mids: Vec<Mid>) -> Result<()> {
        let permit = self.audit.permit(by)?;
        let count = self.rooms.take_away(by.principal, room, mids).await?;
        if count > 0 {
            let target = AuditTarget::room(room, &encrypted_name(room));
            permit.record("room.gone", target, json!({"messages": count})).await;
        }
        Ok(())
    }

    /// Changes a membership.
    ///
    /// # Errors
    /// Those of [`Rooms::change_member`]; `rate_limited`.
    pub async fn change_member(
        &self,
        by: &Actor,
        room: RoomId,
        uid: Uid,
        change: MemberChange,
    ) -> Result<MemberOutcome> {
        let view = self.rooms.info(by.principal, room)?;
        // Without its membership a hook would be there and not work.
        if self.rooms.is_bot(uid) && !matches!(change, MemberChange::Mute(_)) {
            let text = "This is the bot of a hook. Please revoke the hook instead.";
            return Err(Error::new(Code::Conflict, text));
        }
        let membership = if by.is(uid) { Membership::Own } else { Membership::Others };
        let expected = match self.rooms.is_member(room, uid) {
            true => MemberOutcome::Changed,
            false => MemberOutcome::Joined,
        };
        // Joining and leaving are not recorded, so a log that others have filled refuses them to nobody.
        let is_recorded = member_entry(&view, membership, change, expected).is_some();
        let permit = if is_recorded { Some(self.audit.permit(by)?) } else { None };
        let outcome = self.rooms.change_member(by.principal, room, uid, change).await?;
        if let Some((action, detail)) = member_entry(&view, membership, change, outcome) {
            let name = self.profiles.name_of(uid).await;
            let (target, detail) = match change {
                MemberChange::Own => {
                    let detail = json!({"owner": uid, "owner_name": name});
                    (AuditTarget::room(room, &view.listed_name()), detail)
                }
                _ => (AuditTarget::user(uid, &name), detail),
            };
            match permit {
                Some(permit) => permit.record(action, target, detail).await,
                // Somebody else has changed the membership in between.
                None => self.audit.record(by, action, target, detail).await,
            }
        }
        Ok(outcome)
    }

    /// Puts the bot of a hook into its room.
    ///
    /// # Errors
    /// Those of [`Rooms::change_member`].
    pub async fn put_bot(&self, room: RoomId, uid: Uid) -> Result<()> {
        self.rooms.add_bots([uid]);
        let change = MemberChange::Put(Role::Member);
        let put = self.rooms.change_member(Principal::Server, room, uid, change).await;
        put.map(|_| ()).inspect_err(|_| self.rooms.forget_bot(uid))
    }

    /// Takes the bot of a hook out of its room.
    ///
    /// # Errors
    /// Those of [`Rooms::change_member`].
    pub async fn remove_bot(&self, room: RoomId, uid: Uid) -> Result<()> {
        if self.rooms.is_member(room, uid) {
            let change = MemberChange::Remove;
            let _ = self.rooms.change_member(Principal::Server, room, uid, change).await?;
        }
        self.rooms.forget_bot(uid);
        Ok(())
    }

    /// Puts the holder of an invitation into one of its rooms.
    ///
    /// # Errors
    /// Those of [`Rooms::change_member`]; `rate_limited`.
    pub async fn join_invited(&self, invite: &Invite, room: RoomId, uid: Uid) -> Result<()> {
        let name = self.profiles.name_of(uid).await;
        let actor = Actor::user(uid, &name);
        let permit = self.audit.permit(&actor)?;
        let change = MemberChange::Put(Role::Member);
        let outcome = self.rooms.change_member(Principal::Server, room, uid, change).await?;
        if outcome == MemberOutcome::Joined {
            let room_name = self.rooms.summary(room).map(|room| room.row.name);
            let detail = json!({"room": room, "room_name": room_name, "invite": invite.id});
            let target = AuditTarget::user(uid, &name);
            permit.record("member.join", target, without_nulls(detail)).await;
        }
        Ok(())
    }
}

/// Whose membership is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Membership {
    /// That of the person who changes it.
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
    Some((action, without_nulls(detail)))
}

/// The entry for a change of a membership, if it is one that is recorded. Joining an open room, leaving, and
/// how somebody likes a room are no acts over anybody else.
fn member_entry(
    room: &RoomView,
    membership: Membership,
    change: MemberChange,
    outcome: MemberOutcome,
) -> Option<(&'static str, Value)> {
    use MemberChange as C;
    let mut detail = json!({"room": room.id, "room_name": room.listed_name()});
    let action = match (change, outcome) {
        (_, MemberOutcome::AsBefore)
        | (C::Prefer(..) | C::Hide(_) | C::Suspend | C::Reinstate, _) => None,
        (C::Put(Role::Member), MemberOutcome::Joined)
            if membership == Membership::Own && room.kind == RoomKind::Open =>
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
        (C::Remove, _) if membership == Membership::Own || room.kind == RoomKind::Dm => None,
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

/// A detail without the fields that have no value.
fn without_nulls(mut detail: Value) -> Value {
    if let Some(fields) = detail.as_object_mut() {
        fields.retain(|_, value| !value.is_null());
    }
    detail
}
