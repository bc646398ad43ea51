//! Who is in a room: joining, inviting, leaving, removing; and changes of the room itself.
//!
//! Removal goes through the actor like everything else: it drops the subscriptions first, then
//! tells the others, so that nobody hears a word after he was removed.

use super::actor::Actor;
use super::outlet::Delivery;
use super::state::Member;
use crate::error::{Code, Error, Result};
use crate::ids::Uid;
use crate::protocol::event::{Event, Gone, Role, RoomKind};
use crate::store::chat::RoomChange;

/// Who asks for a change of membership.
#[derive(Debug, Clone, Copy)]
pub(super) enum By {
    /// The server itself (default rooms).
    Server,
    /// A user; `admin` of the server or not.
    User { uid: Uid, admin: bool },
}

/// A change of membership.
#[derive(Debug, Clone, Copy)]
pub(super) enum MemberCall {
    Put { by: By, uid: Uid, role: Role },
    Remove { by: By, uid: Uid },
}

impl Actor {
    pub(super) async fn change_member(&mut self, call: MemberCall) -> Result<()> {
        match call {
            MemberCall::Put { by, uid, role } => self.put_member(by, uid, role).await,
            MemberCall::Remove { by, uid } => self.remove_member(by, uid).await,
        }
    }

    async fn put_member(&mut self, by: By, uid: Uid, role: Role) -> Result<()> {
        let (present, read) = {
            let state = self.room.state();
            let present = state.members.get(&uid).copied();
            may_put(by, uid, role, present, state.row.kind, &|by| state.members.get(&by).copied())?;
            (present, state.row.last_seq)
        };
        if present.is_some_and(|member| member.role == role || matches!(by, By::Server)) {
            return Ok(());
        }
        // A direct room has its two sides and no others.
        if present.is_none() && self.room.state().row.kind == RoomKind::Dm {
            return Err(Error::new(Code::Forbidden, "Nobody can be added to a direct room."));
        }
        self.shared.store.put_member(self.room.id, uid, role, read).await?;
        let read = present.map_or(read, |member| member.read);
        self.room.state_mut().members.insert(uid, Member { role, read });
        if present.is_none() {
            self.shared.add_to_index(uid, self.room.id);
            self.broadcast(Delivery::Joined(uid, self.room.id)).await;
        }
        self.tell_view(uid).await;
        self.tell_member(uid, Some(role)).await;
        Ok(())
    }

    async fn remove_member(&mut self, by: By, uid: Uid) -> Result<()> {
        {
            let state = self.room.state();
            let Some(present) = state.members.get(&uid) else {
                return Err(Error::new(Code::NotFound, "This user is not a member."));
            };
            if state.row.kind == RoomKind::Dm {
                return Err(Error::new(Code::Forbidden, "Nobody can leave a direct room."));
            }
            may_remove(by, uid, *present, &|by| state.members.get(&by).copied())?;
        }
        self.shared.store.remove_member(self.room.id, uid).await?;
        self.room.state_mut().members.remove(&uid);
        self.shared.remove_from_index(uid, self.room.id);
        self.broadcast(Delivery::Left(uid, self.room.id)).await;
        let gone = Event::RoomGone { room: Gone { id: self.room.id, gone: true } };
        self.broadcast(Delivery::ToUser(uid, gone.encode())).await;
        self.tell_member(uid, None).await;
        Ok(())
    }

    pub(super) async fn update(&mut self, change: RoomChange) -> Result<()> {
        let row = self.shared.store.update_room(self.room.id, &change).await?;
        let members: Vec<_> = {
            let mut state = self.room.state_mut();
            state.row.name = row.name;
            state.row.topic = row.topic;
            state.row.is_default = row.is_default;
            state.members.keys().copied().collect()
        };
        for uid in members {
            self.tell_view(uid).await;
        }
        Ok(())
    }

    pub(super) async fn remove(&mut self) -> Result<()> {
        self.shared.store.remove_room(self.room.id).await?;
        self.broadcast(Delivery::RoomClosed(self.room.id)).await;
        let members: Vec<_> = self.room.state_mut().members.drain().map(|(uid, _)| uid).collect();
        let gone = Event::RoomGone { room: Gone { id: self.room.id, gone: true } }.encode();
        for uid in members {
            self.shared.remove_from_index(uid, self.room.id);
            self.broadcast(Delivery::ToUser(uid, gone.clone())).await;
        }
        Ok(())
    }

    async fn tell_view(&self, uid: Uid) {
        let view = self.room.state().view(uid);
        self.broadcast(Delivery::ToUser(uid, Event::Room { room: &view }.encode())).await;
    }

    async fn tell_member(&self, uid: Uid, role: Option<Role>) {
        let event = Event::Member { room: self.room.id, uid, role };
        self.publish(vec![event.encode()], None).await;
    }
}

type FindMember<'a> = &'a dyn Fn(Uid) -> Option<Member>;

fn may_put(
    by: By,
    uid: Uid,
    role: Role,
    present: Option<Member>,
    kind: RoomKind,
    find: FindMember<'_>,
) -> Result<()> {
    let By::User { uid: by, admin } = by else { return Ok(()) };
    if admin {
        return Ok(());
    }
    let forbidden = |text: &'static str| Err(Error::new(Code::Forbidden, text));
    if by == uid {
        return match (present, kind) {
            (Some(member), _) if member.role >= role => Ok(()),
            (None, RoomKind::Open) if role == Role::Member => Ok(()),
            (None, _) => Err(Error::new(Code::NotFound, "There is no such room.")),
            _ => forbidden("Nobody can raise his own role."),
        };
    }
    let Some(own) = find(by) else {
        return Err(Error::new(Code::NotMember, "You are not a member of this room."));
    };
    match present {
        None if kind == RoomKind::Open && role == Role::Member => Ok(()),
        None if own.role >= Role::Admin && role <= own.role && role != Role::Owner => Ok(()),
        None => forbidden("Only admins of the room may add members."),
        Some(_) if own.role == Role::Owner => Ok(()),
        Some(_) => forbidden("Only an owner of the room may change roles."),
    }
}

fn may_remove(by: By, uid: Uid, present: Member, find: FindMember<'_>) -> Result<()> {
    match by {
        By::Server | By::User { admin: true, .. } => Ok(()),
        By::User { uid: by, .. } if by == uid => Ok(()),
        By::User { uid: by, .. } => match find(by) {
            Some(own) if own.role >= Role::Admin && own.role > present.role => Ok(()),
            Some(_) => Err(Error::new(Code::Forbidden, "You may not remove this member.")),
            None => Err(Error::new(Code::NotMember, "You are not a member of this room.")),
        },
    }
}
