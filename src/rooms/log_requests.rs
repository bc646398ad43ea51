//! What is asked of an encrypted room besides messages: entries for its log, and wraps of its keys. What changes something
//! is sent to the room's actor; the log is read here.

use super::inbox::{Input, LogRequest, Reply};
use super::proposal::{Appended, KeyView, Proposal};
use super::registry::Rooms;
use super::room::RoomHandle;
use crate::base::encryption::WrapId;
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::encryption as limits;
use crate::base::principal::Principal;
use crate::policy::{Action, no_room};
use crate::protocol::encryption::{OwnWrap, PostedWrap};
use crate::store::chat::LogRow;

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

    /// The newest wraps of a member, or more that are older than a key, and what members may know of the key. The room is
    /// not kept waiting for the store.
    ///
    /// # Errors
    /// `not_found`, also for who is no member; `unavailable`.
    pub async fn wraps(
        &self,
        by: Principal,
        room: RoomId,
        before: Option<u64>,
    ) -> Result<(Vec<OwnWrap>, KeyView)> {
        let (handle, uid) = self.encrypted_for(by, room)?;
        let key = handle.ask(LogRequest::Key).await?;
        let most = if before.is_some() { limits::WRAPS_BEFORE } else { limits::WRAPS_NEWEST };
        Ok((self.store.wraps_for(room, uid, before, most).await?, key))
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
        let id = WrapId { uid, epoch, generation };
        handle.ask(|reply| LogRequest::BadWrap(id, reply)).await
    }

    /// How many members have lacked the key of their room for over a minute ([`limits::WRAP_MISSING`]) while another
    /// member, who could have given it to them, was online (`e2ee.md` 15.9).
    pub fn wraps_missing(&self) -> usize {
        let missing = self.shared.missing_wraps.older_than(self.shared.bounds.wrap_missing);
        let can_be_helped = |(room, uid): &(RoomId, Uid)| {
            let Some(handle) = self.handle(*room) else { return false };
            let state = handle.room.state();
            let mut others = state.members.keys().filter(|other| *other != uid);
            others.any(|other| self.shared.presence.connections_of(*other) > 0)
        };
        missing.iter().filter(|member| can_be_helped(member)).count()
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
