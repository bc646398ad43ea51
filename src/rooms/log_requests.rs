//! What is asked of an encrypted room besides messages: entries for its log, wraps of its keys, and to look again when
//! the directory or accounts have changed. Each is sent to the room's actor; what changes nothing is read here.

use super::inbox::{Input, Reply};
use super::registry::Rooms;
use super::room::RoomHandle;
use crate::base::encryption::{LogHead, RotationReason};
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::encryption as limits;
use crate::base::principal::Principal;
use crate::e2ee::room_log::{SignedEntry, State};
use crate::policy::{Action, no_room};
use crate::protocol::encryption::{Needed, OwnWrap, PostedWrap};
use crate::store::chat::LogRow;

/// A batch for the log of a room.
#[derive(Debug, Clone)]
pub struct Proposal {
    /// Who sends it.
    pub by: Uid,
    /// The entry it follows.
    pub after: LogHead,
    /// Its entries.
    pub entries: Vec<SignedEntry>,
    /// The keys that come with it.
    pub wraps: Vec<PostedWrap>,
}

impl Proposal {
    /// The people whom a founding batch names besides its sender, if it can be read; nothing of it is checked.
    pub fn people(&self) -> Vec<Uid> {
        super::judge::people_of(self).unwrap_or_default()
    }
}

/// A batch that was appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// The number of the change in its room.
    pub seq: u64,
    /// The newest entry after it.
    pub head: LogHead,
}

/// What a member may know of the wraps of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrapsView {
    /// The member's own, newest first.
    pub wraps: Vec<OwnWrap>,
    /// The number of the present key.
    pub epoch: u64,
    /// Members whose account is shut.
    pub shut: Vec<Uid>,
    /// Who lacks the present key.
    pub needed: Vec<Needed>,
    /// Why a new key is needed before the next message.
    pub why: Option<RotationReason>,
}

/// A request to the actor of an encrypted room.
pub enum LogRequest {
    /// Append a batch.
    Append(Proposal, Reply<Appended>),
    /// A member's own wraps, or some that are older than a key.
    Wraps(Uid, Option<u64>, Reply<WrapsView>),
    /// Wraps for members who lack them, and a member's own.
    AddWraps(Uid, Vec<PostedWrap>, Reply<usize>),
    /// A member's wrap is bad.
    BadWrap(Needed, Reply<()>),
    /// The directory, or an account, has changed: tell the members what follows.
    LookAgain,
    /// Look again, and say whether the direct room is of no use any more.
    IsDead(Reply<bool>),
    /// Compare what is stored and known with this log, read and verified anew.
    Audit(Box<State>, Reply<()>),
    /// Give back the memory if nothing has happened for long.
    Forget,
}

impl Rooms {
    /// Appends a batch to the log of a room.
    ///
    /// # Errors
    /// `not_found`, also for a room that the caller may not know of; those of `e2ee.md` 6.3 and 13.5; `too_large`,
    /// `forbidden`, `rate_limited`, `unavailable`. All of the batch is appended, or nothing.
    pub async fn append_to_log(&self, room: RoomId, proposal: Proposal) -> Result<Appended> {
        let handle = self.encrypted(room)?;
        handle.ask(|reply| LogRequest::Append(proposal, reply)).await
    }

    /// Entries of a room's log from number `from` on: as many as fit one answer.
    ///
    /// # Errors
    /// `not_found`, also for who is no member; `unavailable`.
    pub async fn log(&self, by: Principal, room: RoomId, from: u64) -> Result<Vec<LogRow>> {
        self.encrypted_for(by, room)?;
        self.store.log(room, from, limits::LOG_PAGE, limits::LOG_PAGE_BYTES).await
    }

    /// What a member may know of the wraps: the newest of their own, or more that are older than a key.
    ///
    /// # Errors
    /// `not_found`, also for who is no member; `unavailable`.
    pub async fn wraps(
        &self,
        by: Principal,
        room: RoomId,
        before: Option<u64>,
    ) -> Result<WrapsView> {
        let (handle, uid) = self.encrypted_for(by, room)?;
        handle.ask(|reply| LogRequest::Wraps(uid, before, reply)).await
    }

    /// Adds wraps for members who lack them, and a member's own for keys that come next; how many were taken. What is
    /// not needed is ignored.
    ///
    /// # Errors
    /// `not_found`, also for who is no member; `unavailable`.
    pub async fn add_wraps(
        &self,
        by: Principal,
        room: RoomId,
        wraps: Vec<PostedWrap>,
    ) -> Result<usize> {
        let (handle, uid) = self.encrypted_for(by, room)?;
        handle.ask(|reply| LogRequest::AddWraps(uid, wraps, reply)).await
    }

    /// A member's wrap does not open: it is removed, and needed again.
    ///
    /// # Errors
    /// `not_found`, also for who is no member or has no such wrap; `unavailable`.
    pub async fn report_wrap(
        &self,
        by: Principal,
        room: RoomId,
        epoch: u64,
        generation: u64,
    ) -> Result<()> {
        let (handle, uid) = self.encrypted_for(by, room)?;
        let pair = Needed { uid, epoch, generation };
        handle.ask(|reply| LogRequest::BadWrap(pair, reply)).await
    }

    /// How many members have lacked the key of their room for over a minute, while another member was online who could
    /// have given it to them (`e2ee.md` 15.9).
    pub fn wraps_missing(&self) -> usize {
        let missing = self.shared.missing_wraps.older_than(limits::WRAP_MISSING);
        let can_be_helped = |(room, uid): &(RoomId, Uid)| {
            let Some(handle) = self.handle(*room) else { return false };
            let state = handle.room.state();
            let mut others = state.members.keys().filter(|other| *other != uid);
            others.any(|other| self.shared.presence.connections_of(*other) > 0)
        };
        missing.iter().filter(|pair| can_be_helped(pair)).count()
    }

    /// The room, if it is encrypted.
    pub(super) fn encrypted(&self, room: RoomId) -> Result<RoomHandle> {
        self.handle(room).filter(RoomHandle::is_encrypted).ok_or_else(no_room)
    }

    /// The same for a member. Nobody else finds out that it is there.
    fn encrypted_for(&self, by: Principal, room: RoomId) -> Result<(RoomHandle, Uid)> {
        let handle = self.encrypted(room)?;
        let uid = by.uid().filter(|uid| handle.room.state().members.contains_key(uid));
        let uid = uid.ok_or_else(no_room)?;
        handle.room.state().authorize(by, Action::Read)?;
        Ok((handle, uid))
    }
}

impl RoomHandle {
    pub(super) fn is_encrypted(&self) -> bool {
        self.room.state().row.encryption.is_some()
    }

    pub(super) async fn ask<T>(&self, request: impl FnOnce(Reply<T>) -> LogRequest) -> Result<T> {
        self.call(|reply| Input::Log(request(reply))).await
    }
}
