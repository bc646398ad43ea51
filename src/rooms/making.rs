//! Making rooms, removing them, and taking that back.

use super::registry::Rooms;
use super::room::Input;
use super::state::{Member, State};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::{api, rooms as limits};
use crate::policy::{Action, Block, no_room};
use crate::protocol::room::{Role, RoomKind, RoomView};
use crate::store::chat::NewRoom;

/// A room to be made.
#[derive(Debug, Clone)]
pub struct CreateRoom {
    /// Its name; nothing for a direct room.
    pub name: String,
    /// What it is about.
    pub topic: String,
    /// Who may come in.
    pub kind: RoomKind,
    /// First members besides its owner.
    pub members: Vec<Uid>,
    /// Whether new users join it.
    pub is_default: bool,
}

/// How many rooms its maker may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Making {
    /// As many as one user may own and be in.
    Bounded,
    /// Any number: an admin of the server, or the server itself.
    Unbounded,
}

impl Rooms {
    /// Makes a room however many there are; its owner is the first member, if there is one (a room that the command line
    /// makes may have none). A direct room that exists is found, and shown again if it was hidden:
    /// `false`. First members who have blocked the owner are left out of a new room.
    ///
    /// # Errors
    /// `conflict` for a name in use; `forbidden` for a direct room where there is a block;
    /// `bad_request`; `unavailable`.
    pub async fn create(&self, owner: Option<Uid>, create: CreateRoom) -> Result<(RoomView, bool)> {
        self.make(owner, create, Making::Unbounded).await
    }

    /// The same, if its owner may have one more.
    ///
    /// # Errors
    /// `conflict` also if not.
    pub async fn make(
        &self,
        owner: Option<Uid>,
        create: CreateRoom,
        making: Making,
    ) -> Result<(RoomView, bool)> {
        let dm_key = match (create.kind, owner) {
            (RoomKind::Dm, Some(owner)) => Some(dm_key(owner, &create.members)?),
            (RoomKind::Dm, None) => return Err(Error::field("kind", "needs people")),
            _ => None,
        };
        // Two people who open the same direct room at once get the same one.
        let _turn = self.shared.making.lock().await;
        let viewer = owner.unwrap_or(Uid(0));
        if let Some(key) = &dm_key
            && let Some(found) = self.store.direct_room(key).await?
            && let Some(view) = self.view(found, viewer)
        {
            if view.hidden {
                self.hide(viewer, found, false).await?;
            }
            return Ok((self.view(found, viewer).unwrap_or(view), false));
        }
        if dm_key.is_some() {
            self.check_blocks(viewer, &create.members)?;
        }
        if let (Making::Bounded, Some(owner)) = (making, owner) {
            self.may_make(owner, &create)?;
        }
        let own = if dm_key.is_some() { Role::Member } else { Role::Owner };
        let mut members: Vec<_> = owner.into_iter().map(|uid| (uid, own)).collect();
        // A direct room has the people it is called after, or there is none.
        let leaves_out = dm_key.is_none();
        for uid in create.members {
            if leaves_out && self.shared.blocks.has(uid, viewer) {
                continue;
            }
            if !members.iter().any(|(known, _)| *known == uid) {
                members.push((uid, Role::Member));
            }
        }
        let new = NewRoom {
            name: create.name,
            topic: create.topic,
            kind: create.kind,
            is_default: create.is_default,
            dm_key,
            members: members.clone(),
        };
        let made = self.store.create_room(&new).await;
        if matches!(&made, Err(error) if error.code() != Code::Conflict) {
            // Its commit may have happened all the same.
            self.look_for_unopened();
        }
        let mut state = State::new(made?, Vec::new(), self.shared.blocks.clone());
        state.members = members.iter().map(|(uid, role)| (*uid, Member::new(*role, 0))).collect();
        let handle = self.start_actor(state);
        for (uid, _) in members {
            self.shared.add_to_index(uid, handle.room.id);
            let view = handle.room.state().view(uid);
            self.shared.tell_joined(uid, &view).await;
        }
        let view = handle.room.state().view(viewer);
        Ok((view, true))
    }

    /// Whether the user may make a room with these people. Nobody is kept from being spoken to by being in
    /// many rooms.
    fn may_make(&self, owner: Uid, create: &CreateRoom) -> Result<()> {
        self.shared.may_join(owner)?;
        if create.kind == RoomKind::Dm {
            return Ok(());
        }
        for uid in &create.members {
            self.shared.may_join(*uid)?;
        }
        let owns = |room: &RoomId| {
            let handle = self.handle(*room);
            handle.is_some_and(|handle| {
                let state = handle.room.state();
                state.members.get(&owner).is_some_and(|member| member.role == Role::Owner)
            })
        };
        if self.rooms_of(owner).iter().filter(|room| owns(room)).count() < self.shared.bounds.owned
        {
            return Ok(());
        }
        let text = "You own as many rooms as one may own. Please remove one first.";
        Err(Error::new(Code::Conflict, text))
    }

    /// Nobody opens a direct room with somebody he has blocked, or who has blocked him.
    fn check_blocks(&self, by: Uid, others: &[Uid]) -> Result<()> {
        let blocks = &self.shared.blocks;
        if others.iter().any(|uid| blocks.has(by, *uid)) {
            return Block::Own.check();
        }
        if others.iter().any(|uid| blocks.has(*uid, by)) {
            return Block::Others.check();
        }
        Ok(())
    }

    /// Removes a room: owners, and admins of the server.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unavailable`.
    pub async fn remove(&self, by: Uid, admin: bool, room: RoomId) -> Result<()> {
        let _turn = self.shared.making.lock().await;
        let handle = self.may(by, admin, room, Action::Delete)?;
        let by = Some(by).filter(|uid| uid.0 > 0);
        handle.call(|reply| Input::Remove(by, reply)).await?;
        self.shared.rooms_mut().remove(&room);
        Ok(())
    }

    /// Takes a removal back: whoever removed the room, and admins of the server. Everybody is in it
    /// again as before.
    ///
    /// # Errors
    /// `not_found` if there is nothing (or, for this user, nothing any more) to restore, `conflict`
    /// if another room has the name now.
    pub async fn restore(&self, by: Uid, admin: bool, room: RoomId) -> Result<RoomView> {
        let _turn = self.shared.making.lock().await;
        let removed = self.store.removed_rooms().await?;
        let found = removed.into_iter().find(|removed| removed.row.id == room);
        if !found.is_some_and(|removed| admin || removed.removed_by == Some(by)) {
            return Err(no_room());
        }
        let row = self.store.restore_room(room).await?;
        self.open_stored(row).await?;
        self.view(room, by).ok_or_else(no_room)
    }

    /// Starts the actor of a room whose members may be connected, and tells them.
    async fn open_stored(&self, row: crate::store::chat::RoomRow) -> Result<()> {
        let room = row.id;
        let members = self.store.members(Some(room)).await?;
        let bans = self.store.bans(Some(room)).await?;
        let uids: Vec<_> = members.iter().map(|member| member.uid).collect();
        let handle = self.open(row, members, bans).await?;
        for uid in uids {
            let view = handle.room.state().view(uid);
            self.shared.tell_joined(uid, &view).await;
        }
        Ok(())
    }

    /// A room may have been made or restored although the answer was lost: as soon as the database
    /// can be asked, every room without an actor gets one.
    fn look_for_unopened(&self) {
        let rooms = self.clone();
        self.runtime.spawn(async move {
            while !rooms.is_stopping() {
                tokio::time::sleep(limits::RECONNECT).await;
                let _turn = rooms.shared.making.lock().await;
                let Ok(stored) = rooms.store.rooms().await else { continue };
                let unopened = stored.into_iter().filter(|row| rooms.handle(row.id).is_none());
                let mut is_done = true;
                for row in unopened {
                    is_done &= rooms.open_stored(row).await.is_ok();
                }
                if is_done {
                    return;
                }
            }
        });
    }
}

/// The people of a direct room, smaller ids first, so that the same people find the same room.
fn dm_key(by: Uid, members: &[Uid]) -> Result<String> {
    let mut people: Vec<_> = members.iter().copied().chain([by]).collect();
    people.sort_unstable();
    people.dedup();
    if !(2..=api::GROUP_DIRECT).contains(&people.len()) {
        let rule = format!("of a direct room are 1 to {} other users", api::GROUP_DIRECT - 1);
        return Err(Error::field("members", &rule));
    }
    let people: Vec<_> = people.iter().map(Uid::to_string).collect();
    Ok(people.join(":"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_people_make_the_same_key_in_any_order() {
        let key = |by, members: &[i64]| {
            dm_key(Uid(by), &members.iter().copied().map(Uid).collect::<Vec<_>>())
        };
        assert_eq!(key(2, &[1]).unwrap(), "1:2");
        assert_eq!(key(3, &[10, 1]).unwrap(), key(1, &[3, 10, 3, 1]).unwrap());
        assert!(key(1, &[1]).is_err() && key(1, &[]).is_err());
        assert!(key(1, &(2..=10).collect::<Vec<_>>()).is_ok());
        assert!(key(1, &(2..=11).collect::<Vec<_>>()).is_err());
    }
}
