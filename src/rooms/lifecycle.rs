//! Creating rooms, removing them, and restoring them.

use super::delivery::Delivery;
use super::inbox::{Input, LogRequest};
use super::judge::{self, Approved, Facts};
use super::member::Member;
use super::proposal::Proposal;
use super::published::encode_log;
use super::recent::RecentMessages;
use super::registry::Rooms;
use super::state::State;
use crate::base::encryption::LogHead;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::{api, rooms as limits};
use crate::base::principal::Principal;
use crate::base::time::now_ms;
use crate::e2ee::room_log::Batch;
use crate::policy::{Action, Block, no_room};
use crate::protocol::encryption::LogEntry;
use crate::protocol::event::Event;
use crate::protocol::room::{Role, RoomKind, RoomView};
use crate::store::chat::change::LoggedEntry;
use crate::store::chat::{LogBatch, NewEncryptedRoom, NewRoom, RoomEncryption, RoomRow};

/// A room to be created.
#[derive(Debug, Clone)]
pub struct CreateRoom {
    /// Its name; empty for a direct room.
    pub name: String,
    /// Its topic.
    pub topic: String,
    /// Open, closed or direct.
    pub kind: RoomKind,
    /// First members besides its owner.
    pub members: Vec<Uid>,
    /// Whether new users join it.
    pub is_default: bool,
}

/// A room that was created, or the direct room that existed.
#[derive(Debug)]
pub struct CreatedRoom {
    /// The room, as its owner sees it.
    pub view: RoomView,
    /// Whether it did not exist before.
    pub is_new: bool,
}

/// How many rooms the owner of a new room may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// As many as one user may own and be in.
    Bounded,
    /// Any number: for administrators of the server, and the server itself.
    Unbounded,
}

impl Rooms {
    /// Creates a room. Its owner is the first member; a room that the command line creates may have none. A
    /// direct room of the same people is found if it exists, and shown again if it was hidden. First members who
    /// have blocked the owner are left out of a room that is not direct.
    ///
    /// # Errors
    /// `conflict` for a name in use, or for an owner who may have no more rooms; `forbidden` for a direct room
    /// where there is a block; `bad_request`; `unavailable`.
    pub async fn create(
        &self,
        owner: Option<Uid>,
        create: CreateRoom,
        quota: Quota,
    ) -> Result<CreatedRoom> {
        let dm_key = match (create.kind, owner) {
            (RoomKind::Dm, Some(owner)) => Some(dm_key(owner, &create.members)?),
            (RoomKind::Dm, None) => return Err(Error::field("kind", "needs people")),
            _ => None,
        };
        // Two people who open the same direct room at once get the same one.
        let _lifecycle = self.shared.lifecycle.lock().await;
        if let (Some(key), Some(owner)) = (&dm_key, owner) {
            if let Some(view) = self.existing_direct(key, owner).await? {
                return Ok(CreatedRoom { view, is_new: false });
            }
            self.check_blocks(owner, &create.members)?;
        }
        if let (Quota::Bounded, Some(owner)) = (quota, owner) {
            self.check_quota(owner, &create)?;
        }
        let new = self.new_room(owner, create, dm_key);
        let created = self.store.create_room(&new).await;
        if matches!(&created, Err(error) if error.code() != Code::Conflict) {
            // Its commit may have happened all the same.
            self.open_unopened_later();
        }
        let blocks = self.shared.blocks.clone();
        let mut state = State::new(created?, RecentMessages::default(), blocks);
        let members = new.members.iter();
        state.members = members.map(|(uid, role)| (*uid, Member::new(*role, 0))).collect();
        let handle = self.start_actor(state);
        for (uid, _) in new.members {
            self.shared.add_to_index(uid, handle.room.id);
            self.shared.send_joined(uid, handle.room.id).await;
        }
        let state = handle.room.state();
        let view = owner.map_or_else(|| state.view_for(Principal::Server), |uid| state.view(uid));
        Ok(CreatedRoom { view, is_new: true })
    }

    /// The direct room of these people, if it exists; not hidden any more.
    ///
    /// # Errors
    /// `bad_request`, `unavailable`.
    pub async fn find_direct(&self, owner: Uid, members: &[Uid]) -> Result<Option<RoomView>> {
        self.existing_direct(&dm_key(owner, members)?, owner).await
    }

    /// Creates an encrypted room as its founding entries say, which its creator has signed. A direct chat of the same
    /// people is found if it exists, and shown again if it was hidden; one in which nobody can sign any more gives way.
    ///
    /// # Errors
    /// Those of `e2ee.md` 6.3 for the entries; `forbidden` where there is a block, and for other rooms than direct ones;
    /// `conflict`, `bad_request`, `unavailable`.
    pub async fn create_encrypted(&self, founding: Proposal, quota: Quota) -> Result<CreatedRoom> {
        let owner = founding.by;
        let others = founding.people();
        if let Some(view) = self.existing_encrypted(owner, &others).await? {
            return Ok(CreatedRoom { view, is_new: false });
        }
        // Nobody who makes another room waits for these signatures.
        let Approved { judged, proposal } = self.judge_founding(founding).await?;
        judge::check_kind(&judged.batch)?;
        let people = judged.batch.state.members.keys().copied();
        let others: Vec<_> = people.filter(|uid| *uid != owner).collect();
        // Two people who open the same chat at once get the same one.
        let _lifecycle = self.shared.lifecycle.lock().await;
        if let Some(view) = self.existing_encrypted(owner, &others).await? {
            return Ok(CreatedRoom { view, is_new: false });
        }
        let directory = &self.shared.directory;
        judge::check_keys(&judged.batch, &proposal.wraps, &directory.read().chain)?;
        self.check_blocks(owner, &others)?;
        if quota == Quota::Bounded {
            self.shared.check_joined(owner)?;
        }
        let key = encrypted_key(owner, &others)?;
        let view = self.found(owner, key, &judged.batch, proposal).await?;
        Ok(CreatedRoom { view, is_new: true })
    }

    async fn judge_founding(&self, founding: Proposal) -> Result<Approved> {
        let clock_ms = now_ms().unsigned_abs();
        let facts = Facts { clock_ms, is_archived: false, restored_at: None };
        let directory = self.shared.directory.clone();
        let judging =
            tokio::task::spawn_blocking(move || facts.judge_founding(founding, &directory));
        judging.await.map_err(Error::internal)?
    }

    /// Stores it, and tells its members.
    async fn found(
        &self,
        owner: Uid,
        dm_key: String,
        batch: &Batch,
        proposal: Proposal,
    ) -> Result<RoomView> {
        let new = new_encrypted(dm_key, batch, &proposal);
        let created = self.store.create_encrypted_room(&new).await;
        if matches!(&created, Err(error) if error.code() != Code::Conflict) {
            // Its commit may have happened all the same.
            self.open_unopened_later();
        }
        let (row, at) = created?;
        let mut state = State::new(row, RecentMessages::default(), self.shared.blocks.clone());
        let members = new.members.iter();
        state.members = members.map(|member| (member.uid, Member::new(member.role, 0))).collect();
        let handle = self.start_actor(state);
        let room = handle.room.id;
        let entry = |one: &LoggedEntry| LogEntry {
            entry: one.entry.clone(),
            signature: one.signature.to_vec(),
        };
        let entries = new.entries.iter().map(entry).collect();
        let event = encode_log(room, &LogBatch { seq: 1, at, from: 0, entries });
        for member in &new.members {
            self.shared.add_to_index(member.uid, room);
            self.shared.send_joined(member.uid, room).await;
            let _ =
                self.shared.publisher.broadcast(Delivery::ToUser(member.uid, event.clone())).await;
        }
        for wrap in &new.wraps {
            let event = Event::Wrap { room, wrap: &wrap.own() }.encode();
            let _ = self.shared.publisher.broadcast(Delivery::ToUser(wrap.uid, event)).await;
        }
        let view = handle.room.state().view(owner);
        Ok(view)
    }

    /// The encrypted direct chat of these people, if it exists and somebody in it can still sign.
    async fn existing_encrypted(&self, owner: Uid, others: &[Uid]) -> Result<Option<RoomView>> {
        // People who can have none are told so when the batch is judged.
        let Ok(key) = encrypted_key(owner, others) else { return Ok(None) };
        let Some(found) = self.store.direct_room(&key).await? else { return Ok(None) };
        if let Some(handle) = self.handle(found)
            && handle.ask(LogRequest::IsDead).await?
        {
            return Ok(None);
        }
        self.existing_direct(&key, owner).await
    }

    /// The direct room of this key, if it exists; not hidden any more.
    async fn existing_direct(&self, key: &str, owner: Uid) -> Result<Option<RoomView>> {
        let Some(found) = self.store.direct_room(key).await? else { return Ok(None) };
        let Some(view) = self.view(found, owner) else { return Ok(None) };
        if !view.hidden {
            return Ok(Some(view));
        }
        self.hide(owner, found, false).await?;
        Ok(self.view(found, owner).or(Some(view)))
    }

    /// The room as it will be stored, with its members.
    fn new_room(&self, owner: Option<Uid>, create: CreateRoom, dm_key: Option<String>) -> NewRoom {
        let is_direct = dm_key.is_some();
        let own_role = if is_direct { Role::Member } else { Role::Owner };
        let mut members: Vec<_> = owner.into_iter().map(|uid| (uid, own_role)).collect();
        for uid in create.members {
            let has_blocked = owner.is_some_and(|owner| self.shared.blocks.has_blocked(uid, owner));
            // A direct room has everybody it is meant for.
            if has_blocked && !is_direct {
                continue;
            }
            if !members.iter().any(|(known, _)| *known == uid) {
                members.push((uid, Role::Member));
            }
        }
        NewRoom {
            name: create.name,
            topic: create.topic,
            kind: create.kind,
            is_default: create.is_default,
            dm_key,
            members,
        }
    }

    /// Whether the user may create a room with these people. A direct room is always possible with somebody who is
    /// in as many rooms as one may be in.
    fn check_quota(&self, owner: Uid, create: &CreateRoom) -> Result<()> {
        self.shared.check_joined(owner)?;
        if create.kind == RoomKind::Dm {
            return Ok(());
        }
        for uid in &create.members {
            self.shared.check_joined(*uid)?;
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

    /// Nobody opens a direct room with somebody they have blocked, or who has blocked them.
    fn check_blocks(&self, by: Uid, others: &[Uid]) -> Result<()> {
        let blocks = &self.shared.blocks;
        if others.iter().any(|uid| blocks.has_blocked(by, *uid)) {
            return Block::Own.check();
        }
        if others.iter().any(|uid| blocks.has_blocked(*uid, by)) {
            return Block::Others.check();
        }
        Ok(())
    }

    /// Removes a room: owners, and administrators of the server.
    ///
    /// # Errors
    /// `forbidden`, `not_found`, `unavailable`.
    pub async fn remove(&self, by: Principal, room: RoomId) -> Result<()> {
        let _lifecycle = self.shared.lifecycle.lock().await;
        let handle = self.authorize(by, room, Action::Delete)?;
        handle.call(|reply| Input::Remove(by, reply)).await?;
        self.shared.rooms_mut().remove(&room);
        Ok(())
    }

    /// Restores a removed room with its members: whoever removed it, and administrators of the server.
    ///
    /// # Errors
    /// `not_found` if there is nothing to restore, or nothing that `by` may restore; `conflict` if another room
    /// has the name now.
    pub async fn restore(&self, by: Principal, room: RoomId) -> Result<RoomView> {
        let _lifecycle = self.shared.lifecycle.lock().await;
        let removed = self.store.removed_rooms().await?;
        let found = removed.into_iter().find(|removed| removed.row.id == room);
        let is_own = |removed_by: Option<Uid>| removed_by.is_some_and(|uid| by.is(uid));
        if !found.is_some_and(|removed| by.is_admin() || is_own(removed.removed_by)) {
            return Err(no_room());
        }
        let row = self.store.restore_room(room).await?;
        self.open_stored(row).await?;
        let handle = self.handle(room).ok_or_else(no_room)?;
        let view = handle.room.state().view_for(by);
        Ok(view)
    }

    /// Starts the actor of a room whose members may be connected, and sends them the room.
    async fn open_stored(&self, row: RoomRow) -> Result<()> {
        let room = row.id;
        let members = self.store.members(Some(room)).await?;
        let bans = self.store.bans(Some(room)).await?;
        let uids: Vec<_> = members.iter().map(|member| member.uid).collect();
        self.open(row, members, bans).await?;
        for uid in uids {
            self.shared.send_joined(uid, room).await;
        }
        Ok(())
    }

    /// A room may have been stored although the answer was lost: as soon as the store answers again, every stored
    /// room without an actor gets one.
    fn open_unopened_later(&self) {
        let rooms = self.clone();
        self.runtime.spawn(async move {
            while !rooms.is_stopping() {
                tokio::time::sleep(limits::RECONNECT).await;
                let _lifecycle = rooms.shared.lifecycle.lock().await;
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

/// An encrypted direct chat stands beside the plain one of the same people.
fn encrypted_key(owner: Uid, others: &[Uid]) -> Result<String> {
    Ok(format!("e:{}", dm_key(owner, others)?))
}

/// The room as it will be stored.
fn new_encrypted(dm_key: String, batch: &Batch, proposal: &Proposal) -> NewEncryptedRoom {
    let state = &batch.state;
    let entries = proposal.entries.iter().zip(&batch.applied);
    let entries = entries.map(|(signed, applied)| LoggedEntry {
        entry: signed.entry.clone(),
        signature: signed.sig,
        hash: applied.hash,
    });
    NewEncryptedRoom {
        kind: RoomKind::Dm,
        dm_key: Some(dm_key),
        encryption: RoomEncryption {
            rid: state.rid,
            log: LogHead { seq: state.seq(), hash: state.head },
            epoch: state.epoch(),
        },
        entries: entries.collect(),
        members: state.members.iter().map(|(uid, member)| judge::logged(*uid, member)).collect(),
        wraps: proposal.wraps.clone(),
        creator: proposal.by,
    }
}

/// The key of a direct room: the ids of its people, smaller ones first, so that the same people find the same
/// room.
///
/// # Errors
/// `bad_request` for too few or too many people.
pub fn dm_key(by: Uid, members: &[Uid]) -> Result<String> {
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
