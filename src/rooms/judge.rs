//! Whether a batch may be appended to the log of a room: `apply` for each entry, then the server's own rules, then that
//! it brings the keys it must bring (`e2ee.md` 6.3, 7.4). Pure and slow: an actor calls this on another thread.

use super::proposal::Proposal;
use crate::base::encryption::{EncryptionDetail, WRAP_BYTES};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::encryption::CLOCK_MS;
use crate::e2ee::SharedDirectory;
use crate::e2ee::directory::Chain;
use crate::e2ee::room_log::{self, Batch, BatchRefusal, Kind, Member, Rule, State, server_rules};
use crate::e2ee::wraps::{self, Mismatch};
use crate::protocol::encryption::PostedWrap;
use crate::protocol::room::Role;
use crate::store::chat::change::LoggedMember;

/// What the verdict depends on besides log and directory.
#[derive(Debug, Clone, Copy)]
pub struct Facts {
    /// The server's clock, in milliseconds.
    pub clock_ms: u64,
    /// Whether the room is archived.
    pub is_archived: bool,
    /// When the databases were restored, if members may still bring back what that lost (11.4).
    pub restored_at: Option<i64>,
}

/// A batch that may be appended.
#[derive(Debug)]
pub struct Judged {
    /// It, and what it makes of the room.
    pub batch: Batch,
    /// It was appended once already, before the databases were restored.
    pub is_again: bool,
}

/// The same, with what was proposed.
#[derive(Debug)]
pub struct Approved {
    pub judged: Judged,
    pub proposal: Proposal,
}

impl Facts {
    /// Judges a batch that follows `state` and has the form of one ([`check_form`]).
    ///
    /// # Errors
    /// The first rule that it breaks: those of `e2ee.md` 6.3 and 13.5.
    pub fn judge(
        self,
        state: &State,
        proposal: Proposal,
        directory: &SharedDirectory,
    ) -> Result<Approved> {
        let batch = self.check(state, &proposal, directory)?;
        let is_again = self.is_again(&batch);
        if !is_again {
            self.check_server_rules(state, &batch, proposal.by, directory)?;
            if self.is_archived {
                server_rules::check_archived(&batch)?;
            }
        }
        server_rules::check_bounds(&batch)?;
        let keys = check_keys(&batch, &proposal.wraps, &directory.read().chain);
        let mut proposal = proposal;
        match keys {
            Err(refused) if !is_again => return Err(refused),
            // What was appended before needs no keys, and other ones than it needs are not kept.
            Err(_) => proposal.wraps = Vec::new(),
            Ok(()) => {}
        }
        Ok(Approved { judged: Judged { batch, is_again }, proposal })
    }

    /// Judges the batch that founds a room.
    ///
    /// # Errors
    /// The same.
    pub fn judge_founding(
        self,
        proposal: Proposal,
        directory: &SharedDirectory,
    ) -> Result<Approved> {
        check_form(&proposal)?;
        let state = State::default();
        let batch = self.check(&state, &proposal, directory)?;
        server_rules::check_founding(&batch).map_err(BatchRefusal::into_error)?;
        self.check_server_rules(&state, &batch, proposal.by, directory)?;
        server_rules::check_bounds(&batch)?;
        check_keys(&batch, &proposal.wraps, &directory.read().chain)?;
        Ok(Approved { judged: Judged { batch, is_again: false }, proposal })
    }

    fn check(
        self,
        state: &State,
        proposal: &Proposal,
        directory: &SharedDirectory,
    ) -> Result<Batch> {
        let mut batch = Batch::after(state);
        for signed in &proposal.entries {
            // For one entry at a time: whoever changes the directory, and so everybody who reads it then, waits for this.
            let pushed = batch.push(signed, &directory.read().chain);
            pushed.map_err(BatchRefusal::into_error)?;
        }
        Ok(batch)
    }

    fn is_again(self, batch: &Batch) -> bool {
        self.restored_at.is_some_and(|restored| is_of_before(restored, batch.state.time_ms))
    }

    fn check_server_rules(
        self,
        state: &State,
        batch: &Batch,
        by: Uid,
        directory: &SharedDirectory,
    ) -> Result<()> {
        let mut time_ms = state.time_ms;
        for (index, applied) in batch.applied.iter().enumerate() {
            let refused = |rule: Rule| BatchRefusal::rule(index, rule).into_error();
            let entry = &applied.entry;
            server_rules::check_time(time_ms, self.clock_ms, entry.time_ms)?;
            server_rules::check_actor(entry, by).map_err(refused)?;
            server_rules::check_skip(entry, |uid| directory.is_open(uid)).map_err(refused)?;
            time_ms = entry.time_ms;
        }
        Ok(())
    }
}

/// Whether a batch has entries, is small enough to be judged, and brings nothing but wraps.
///
/// # Errors
/// `bad_request`, `too_large`.
pub fn check_form(proposal: &Proposal) -> Result<()> {
    if proposal.entries.is_empty() {
        return Err(Error::field("entries", "must not be empty"));
    }
    server_rules::check_size(&proposal.entries, proposal.wraps.len() * WRAP_BYTES)?;
    if !proposal.wraps.iter().all(|wrap| wraps::is_wrap(&wrap.bytes)) {
        return Err(Error::field("wraps", "has one of a suite that this server does not know"));
    }
    Ok(())
}

/// Whether an entry of this time was made before the restore at `restored_at`, by a clock that may have been a little
/// ahead.
pub fn is_of_before(restored_at: i64, time_ms: u64) -> bool {
    time_ms <= restored_at.unsigned_abs().saturating_add(CLOCK_MS)
}

/// Whether the batch brings exactly the keys it must, for everybody's newest keys.
///
/// # Errors
/// `members_changed`.
pub fn check_keys(batch: &Batch, brought: &[PostedWrap], chain: &Chain) -> Result<()> {
    let unknown = server_rules::unknown_entries(batch, |uid| chain.latest_position(uid));
    let mismatch = match unknown.is_empty() {
        true => {
            let brought: Vec<_> = brought.iter().map(|wrap| wrap.id()).collect();
            wraps::compare(&wraps::required(batch, chain), &brought).err()
        }
        false => Some(Mismatch { missing: unknown, extra: Vec::new() }),
    };
    let Some(Mismatch { missing, extra }) = mismatch else { return Ok(()) };
    Err(Error::with_detail(EncryptionDetail::MembersChanged { missing, extra, dn: chain.n() }))
}

/// Only direct chats can be made until rooms have their screens.
///
/// # Errors
/// `forbidden`.
pub fn check_kind(batch: &Batch) -> Result<()> {
    match batch.state.kind {
        Kind::Dm => Ok(()),
        Kind::Closed => Err(Error::new(
            Code::Forbidden,
            "This server makes no encrypted rooms yet, only direct chats.",
        )),
    }
}

/// A member as it is stored.
pub fn logged(uid: Uid, member: &Member) -> LoggedMember {
    let &Member { root, role, since_seq, since_dn } = member;
    LoggedMember { uid, role: role_of(role), root, since_seq, since_dn }
}

/// The role of the log as the rest of the server names it.
pub fn role_of(role: room_log::Role) -> Role {
    match role {
        room_log::Role::Member => Role::Member,
        room_log::Role::Admin => Role::Admin,
        room_log::Role::Owner => Role::Owner,
    }
}
