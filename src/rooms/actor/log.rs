//! The log of an encrypted room: batches of entries are judged, made durable and published; members get the keys that
//! come with them (`e2ee.md` 6, 7, 15.2).

use std::sync::Arc;

use tokio::time::Instant;

use super::Actor;
use super::staged::Answers;
use crate::base::encryption::{EncryptionDetail, LogHead};
use crate::base::error::{Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::encryption as limits;
use crate::base::time::now_ms;
use crate::e2ee::room_log::{Body, Effect, Kind, State};
use crate::policy::{no_room, unwilling_person};
use crate::protocol::encryption::LogEntry;
use crate::protocol::event::Event;
use crate::protocol::room::{Role, RoomKind};
use crate::rooms::delivery::Delivery;
use crate::rooms::encryption::{Encryption, Reading};
use crate::rooms::inbox::LogRequest;
use crate::rooms::judge::{Approved, Facts, Judged, check_form, logged, role_of};
use crate::rooms::member::Member;
use crate::rooms::proposal::{Appended, Proposal};
use crate::rooms::publication::Audience;
use crate::rooms::published::Published;
use crate::rooms::shared::Shared;
use crate::store::chat::change::{Change, Entry, LogChange, LoggedEntry, Outcome};
use crate::store::chat::{LogBatch, MemberRow, RoomEncryption};

/// How soon those who lack a key should get it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// They have joined just now, and look at a room that they cannot read yet.
    Joined,
    /// It has time until they read or write.
    Usual,
}

impl Actor {
    pub(super) async fn handle_log(&mut self, request: LogRequest) {
        match request {
            LogRequest::Append(proposal, reply) => {
                self.flush().await;
                let _ = reply.send(self.append_log(proposal).await);
            }
            LogRequest::Key(reply) => {
                let _ = reply.send(self.show_key().await);
            }
            LogRequest::AddWraps(by, wraps, reply) => {
                let _ = reply.send(self.add_wraps(by, wraps).await);
            }
            LogRequest::BadWrap(id, reply) => {
                let _ = reply.send(self.remove_bad_wrap(id).await);
            }
            LogRequest::LookAgain => {
                if let Err(error) = self.look_again().await {
                    // Clients ask for the same when they connect, and find out when they write.
                    tracing::warn!(?error, room = %self.room.id, "members were not told about a key");
                }
            }
            LogRequest::IsDead(reply) => {
                let _ = reply.send(self.look_again().await);
            }
            LogRequest::Audit(log, reply) => {
                self.flush().await;
                let _ = reply.send(self.compare_log(&log).await);
            }
            LogRequest::Forget => self.forget_log(),
        }
    }

    /// Whether the room is encrypted.
    pub(super) fn is_encrypted(&self) -> bool {
        self.room.state().row.encryption.is_some()
    }

    /// Reads the encrypted part of the room, unless it is there already.
    ///
    /// # Errors
    /// `unavailable`; `internal` if what is stored is no log.
    pub(super) async fn load_encryption(&mut self) -> Result<&mut Encryption> {
        self.encryption_used_at = Instant::now();
        if self.encryption.is_none() {
            let encryption = self.read_encryption().await?;
            let is_known = self.room.state().row.encryption.map(|known| known.log);
            let is_newer = is_known != Some(encryption.head());
            self.encryption = Some(Box::new(encryption));
            if is_newer {
                // A commit of unknown outcome has happened.
                Box::pin(self.resync()).await;
            }
        }
        self.encryption.as_deref_mut().ok_or_else(no_room)
    }

    /// In slices, each read and applied on another thread, so that no other room waits for a long log.
    async fn read_encryption(&mut self) -> Result<Encryption> {
        let (store, room) = (self.shared.store.clone(), self.room.id);
        let mut reading = Reading::after_restore(self.shared.restored_recently());
        loop {
            let from = reading.next_seq();
            let rows = store.log(room, from, limits::LOG_SLICE, limits::LOG_PAGE_BYTES);
            let rows = self.bounded(rows).await?;
            if rows.is_empty() {
                break;
            }
            reading = on_another_thread(move || reading.add(rows).map(|()| reading)).await??;
        }
        let wraps = self.bounded(store.wraps_of_epoch(room, reading.epoch())).await?;
        Ok(reading.finish(wraps))
    }

    /// Gives back the memory of a room in which nothing has happened for long.
    fn forget_log(&mut self) {
        if self.encryption_used_at.elapsed() >= limits::LOG_IDLE {
            self.encryption = None;
            self.rotations.forget_old();
        }
    }

    async fn append_log(&mut self, proposal: Proposal) -> Result<Appended> {
        let by = proposal.by;
        let is_member = self.room.state().members.contains_key(&by);
        let restored = self.shared.restored_recently();
        if !is_member && restored.is_none() {
            return Err(no_room());
        }
        let shared = self.shared.clone();
        let encryption = self.load_encryption().await?;
        // Somebody whose membership the restored log does not have shows that they know it.
        let knows = encryption.hash_at(proposal.after.seq) == Some(proposal.after.hash);
        if !is_member && !knows {
            return Err(no_room());
        }
        check_form(&proposal)?;
        let head = encryption.head();
        if proposal.after != head {
            return Err(Error::with_detail(EncryptionDetail::LogConflict { head }));
        }
        let state = encryption.state().clone();
        let Approved { judged, mut proposal } = self.judge(state, proposal, restored).await?;
        if !is_member {
            if !judged.is_again {
                return Err(no_room());
            }
            // Members give each other the keys.
            proposal.wraps = Vec::new();
        }
        self.check_people(by, &judged)?;
        self.count_rotations(by, &judged)?;
        let encryption = self.load_encryption().await?;
        if judged.is_again {
            encryption.check_again(judged.batch.applied.len())?;
        }
        let change = change_of(encryption, &judged, &proposal, &shared);
        self.commit_log(change, judged, proposal).await
    }

    /// Signatures are checked on another thread: a large batch takes as long as many messages.
    async fn judge(
        &mut self,
        state: Arc<State>,
        proposal: Proposal,
        restored_at: Option<i64>,
    ) -> Result<Approved> {
        let directory = self.shared.directory.clone();
        let facts = Facts {
            clock_ms: now_ms().unsigned_abs(),
            is_archived: self.room.state().row.archived,
            restored_at,
        };
        on_another_thread(move || facts.judge(&state, proposal, &directory)).await?
    }

    /// Whom the batch brings in: they may be in only so many rooms, and nobody is brought in by somebody they have
    /// blocked. A direct chat has its people from the beginning.
    fn check_people(&self, by: Uid, judged: &Judged) -> Result<()> {
        if judged.is_again || judged.batch.state.kind == Kind::Dm {
            return Ok(());
        }
        for applied in &judged.batch.applied {
            let Effect::In { uid, .. } = applied.effect else { continue };
            self.shared.check_joined(uid)?;
            if uid != by && self.room.state().has_blocked(uid, by) {
                return Err(unwilling_person());
            }
        }
        Ok(())
    }

    /// Bounds how often a member makes a new key without need (6.3).
    fn count_rotations(&mut self, by: Uid, judged: &Judged) -> Result<()> {
        let count = judged.batch.applied.iter();
        let count = count.filter(|one| matches!(one.entry.body, Body::Epoch { .. })).count();
        if count == 0 || judged.is_again {
            return Ok(());
        }
        let (directory, seq) = (self.shared.directory.clone(), self.published);
        let is_needed = self.encryption.as_mut().is_some_and(|encryption| {
            // What the batch itself makes due, it may answer.
            let is_due =
                judged.batch.applied.iter().any(|one| matches!(one.effect, Effect::Out { .. }));
            is_due || encryption.rotation(&directory, seq).is_some()
        });
        let unneeded = if is_needed { count - 1 } else { count };
        self.rotations.take(by, unneeded, self.shared.bounds.rotations)
    }

    async fn commit_log(
        &mut self,
        change: LogChange,
        judged: Judged,
        proposal: Proposal,
    ) -> Result<Appended> {
        let (head, left) = (change.head, change.left.clone());
        let change = Change::Log(Box::new(change));
        let entries = vec![Entry { room: self.room.id, change }];
        let committed = match self.shared.journal.append(entries).await {
            Ok(committed) => committed,
            Err(error) => {
                self.encryption = None;
                self.mark_out_of_sync();
                return Err(error);
            }
        };
        let Some(Outcome::Done { seq }) = committed.outcomes.first().copied() else {
            // The log has gone on by a commit whose answer was lost.
            self.encryption = None;
            let head = self.load_encryption().await?.head();
            return Err(Error::with_detail(EncryptionDetail::LogConflict { head }));
        };
        self.after_commit(seq, committed.at, judged, proposal, &left).await;
        Ok(Appended { seq, head })
    }

    /// The batch is durable as number `seq`: who is out hears nothing of it, who is in hears all of it.
    async fn after_commit(
        &mut self,
        seq: u64,
        at: i64,
        judged: Judged,
        proposal: Proposal,
        left: &[Uid],
    ) {
        let Judged { batch, is_again } = judged;
        let from = batch.applied.first().map_or(0, |applied| applied.entry.seq);
        let has_join = batch.applied.iter().any(|one| matches!(one.entry.body, Body::Join { .. }));
        let urgency = if has_join { Urgency::Joined } else { Urgency::Usual };
        let entries = batch.applied.iter().map(|one| (one.hash, one.entry.dn));
        let members: Vec<_> =
            batch.state.members.iter().map(|(uid, one)| (*uid, role_of(one.role))).collect();
        if let Some(encryption) = &mut self.encryption {
            encryption.advance(batch.state.clone(), seq, entries);
            if is_again {
                encryption.note_again(batch.applied.len());
            }
            // Who is barred has posted nothing.
            let wraps = proposal.wraps.iter().map(|wrap| wrap.id());
            let wraps: Vec<_> =
                wraps.filter(|id| !encryption.is_barred(*id, proposal.by)).collect();
            encryption.add_wraps(wraps);
        }
        self.note_log(RoomEncryption {
            rid: batch.state.rid,
            log: LogHead { seq: batch.state.seq(), hash: batch.state.head },
            epoch: batch.state.epoch(),
        });
        self.drop_members(left).await;
        self.put_members(&members, seq).await;
        let entries = proposal.entries.into_iter();
        let entries =
            entries.map(|signed| LogEntry { entry: signed.entry, signature: signed.sig.to_vec() });
        let batch = LogBatch { seq, at, from, entries: entries.collect() };
        self.publish_committed(vec![Published::Log(batch)], Answers::default()).await;
        for wrap in &proposal.wraps {
            let event = Event::Wrap { room: self.room.id, wrap: &wrap.own() }.encode();
            self.broadcast(Delivery::ToUser(wrap.uid, event)).await;
        }
        self.announce(urgency).await;
    }

    /// What everybody may know of the log.
    fn note_log(&self, encryption: RoomEncryption) {
        self.room.state_mut().row.encryption = Some(encryption);
    }

    async fn drop_members(&mut self, left: &[Uid]) {
        for uid in left {
            {
                // A group that somebody has left is another group.
                let mut state = self.room.state_mut();
                state.row.group = state.row.kind == RoomKind::Dm;
            }
            self.drop_member(*uid).await;
        }
    }

    /// Everybody who is in by the log is a member; who comes in by change `seq` has read everything before it.
    async fn put_members(&mut self, members: &[(Uid, Role)], seq: u64) {
        for (uid, role) in members {
            let present = self.room.state().members.get(uid).copied();
            match present {
                None => self.add_member(*uid, Member::new(*role, seq)).await,
                Some(member) if member.role != *role => {
                    self.update_member(*uid, Member { role: *role, ..member }).await;
                }
                Some(_) => {}
            }
        }
    }

    /// Takes over what the store has of the log and of the members, after a commit of unknown outcome.
    ///
    /// # Errors
    /// `unavailable`.
    pub(super) async fn reread_log(&mut self) -> Result<()> {
        let Some(known) = self.room.state().row.encryption else { return Ok(()) };
        let (store, room) = (self.shared.store.clone(), self.room.id);
        let stored = self.bounded(store.room_encryption(room)).await?;
        if stored == known {
            return Ok(());
        }
        let rows = self.bounded(store.members(Some(room))).await?;
        let is_loaded = self.encryption.as_ref().is_some_and(|one| one.head() == stored.log);
        if !is_loaded {
            self.encryption = None;
        }
        self.note_log(stored);
        self.take_members(&rows).await;
        Ok(())
    }

    /// Everybody who is stored as a member is one, and nobody else.
    pub(super) async fn take_members(&mut self, rows: &[MemberRow]) {
        let left: Vec<_> = {
            let state = self.room.state();
            let is_out = |uid: &&Uid| !rows.iter().any(|row| row.uid == **uid);
            state.members.keys().filter(is_out).copied().collect()
        };
        self.drop_members(&left).await;
        for row in rows {
            let is_new = !self.room.state().members.contains_key(&row.uid);
            if is_new {
                self.add_member(row.uid, Member::from(row)).await;
            }
        }
        let members: Vec<_> = rows.iter().map(|row| (row.uid, row.role)).collect();
        self.put_members(&members, self.published).await;
    }

    /// Tells the members which keys are missing and that a new one is needed, if they have not been told; and whether
    /// the room, a direct one, is dead, so that its people can begin anew.
    pub(super) async fn look_again(&mut self) -> Result<bool> {
        self.load_encryption().await?.forget_outlook();
        self.announce(Urgency::Usual).await;
        let directory = self.shared.directory.clone();
        let is_dead = self.load_encryption().await?.outlook(&directory).is_dead;
        let is_found = self.room.state().row.kind == RoomKind::Dm && !self.is_abandoned;
        if is_dead && is_found {
            let (store, room) = (self.shared.store.clone(), self.room.id);
            self.bounded(store.free_direct_room(room)).await?;
            self.is_abandoned = true;
        }
        Ok(is_dead)
    }

    /// Publishes what members have not been told of yet.
    pub(super) async fn announce(&mut self, urgency: Urgency) {
        let (directory, seq) = (self.shared.directory.clone(), self.published);
        let Some(encryption) = &mut self.encryption else { return };
        let news = encryption.news(&directory, seq);
        let needed = encryption.outlook(&directory).needed.clone();
        self.shared.missing_wraps.set(self.room.id, &needed);
        let room = self.room.id;
        if let Some(due) = news.due {
            let event = Event::RotationDue { room, why: due.why, shut: &due.shut };
            self.publish_to(Audience::Members, event.encode()).await;
        }
        if !news.needed.is_empty() {
            let join = urgency == Urgency::Joined;
            let event = Event::WrapsNeeded { room, needed: &news.needed, join };
            self.publish_to(Audience::Members, event.encode()).await;
        }
    }
}

/// What an approved batch changes in the store.
fn change_of(
    encryption: &Encryption,
    judged: &Judged,
    proposal: &Proposal,
    shared: &Shared,
) -> LogChange {
    let (before, after) = (encryption.state(), &judged.batch.state);
    let entries = proposal.entries.iter().zip(&judged.batch.applied);
    let entries = entries.map(|(signed, applied)| LoggedEntry {
        entry: signed.entry.clone(),
        signature: signed.sig,
        hash: applied.hash,
    });
    let is_changed = |uid: &Uid, member| before.members.get(uid) != Some(member);
    let members = after.members.iter().filter(|(uid, member)| is_changed(uid, member));
    let left = before.members.keys().filter(|uid| !after.members.contains_key(uid));
    let kept = match after.epoch() == before.epoch() {
        true => Vec::new(),
        false => encryption.kept_wraps(after, &shared.directory.read().chain),
    };
    LogChange {
        after: encryption.head(),
        head: LogHead { seq: after.seq(), hash: after.head },
        epoch: after.epoch(),
        entries: entries.collect(),
        members: members.map(|(uid, member)| logged(*uid, member)).collect(),
        left: left.copied().collect(),
        wraps: proposal.wraps.clone(),
        poster: proposal.by,
        kept,
    }
}

/// Work that would keep other rooms waiting.
pub(super) async fn on_another_thread<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)
}
