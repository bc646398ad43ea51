//! What the server asks of a batch beyond `apply`: the second table of `e2ee.md` 6.3. Rates are left to its caller.

use super::apply::Applied;
use super::batch::{Batch, BatchRefusal};
use super::body::{Body, Kind, RemoveReason};
use super::effect::Effect;
use super::entry::{Entry, SignedEntry};
use super::rule::{Rule, require};
use crate::base::encryption::EncryptionDetail;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::encryption::{
    BATCH, BATCH_BYTES, CLOCK_MS, FOUNDING_DIRECT, FOUNDING_MEMBERS, LOG, LOG_RESERVE, MEMBERS,
};

/// Whether a batch is small enough to be looked at. `others` are the bytes that come with its entries.
///
/// # Errors
/// `too_large`.
pub fn check_size(entries: &[SignedEntry], others: usize) -> Result<()> {
    let signed = entries.iter().map(|signed| signed.entry.len() + signed.sig.len());
    if entries.len() > BATCH || signed.sum::<usize>() + others > BATCH_BYTES {
        return Err(Error::new(Code::TooLarge, "These are too many changes at once."));
    }
    Ok(())
}

/// Whether the time of an entry is now, after an entry of `state_ms`. If the server's clock was ahead for a while,
/// entries carry the time of the newest one until it has caught up.
///
/// # Errors
/// `bad_time` with the server's time.
pub fn check_time(state_ms: u64, clock_ms: u64, time_ms: u64) -> Result<()> {
    let earliest = state_ms.max(clock_ms.saturating_sub(CLOCK_MS));
    let latest = state_ms.max(clock_ms.saturating_add(CLOCK_MS));
    if (earliest..=latest).contains(&time_ms) {
        return Ok(());
    }
    Err(Error::with_detail(EncryptionDetail::BadTime { now: clock_ms }))
}

/// Whether the caller's session is the actor's.
///
/// # Errors
/// `actor`.
pub fn check_actor(entry: &Entry, caller: Uid) -> Result<(), Rule> {
    require(entry.actor == caller, Rule::Actor)
}

/// Whether an entry skips only accounts that are shut.
///
/// # Errors
/// `skip`.
pub fn check_skip(entry: &Entry, is_open: impl Fn(Uid) -> bool) -> Result<(), Rule> {
    match &entry.body {
        Body::Epoch { skip, .. } => require(!skip.iter().any(|uid| is_open(*uid)), Rule::Skip),
        _ => Ok(()),
    }
}

/// Whether the batch that founds a room is whole, and has what one may have: the profile of a room, and as many people
/// as may come in at once.
///
/// # Errors
/// `founding`.
pub fn check_founding(batch: &Batch) -> Result<(), BatchRefusal> {
    let count = |of: fn(&Body) -> bool| {
        batch.applied.iter().filter(|applied| of(&applied.entry.body)).count()
    };
    let added = count(|body| matches!(body, Body::Add { .. }));
    let profiles = count(|body| matches!(body, Body::Profile { .. }));
    let is_whole = batch.state.next_seq == batch.state.first + 1;
    let fits = match batch.state.kind {
        Kind::Closed => profiles == 1 && added <= FOUNDING_MEMBERS,
        Kind::Dm => (1..=FOUNDING_DIRECT).contains(&added),
    };
    let last = batch.applied.len().saturating_sub(1);
    require(is_whole && fits, Rule::Founding).map_err(|rule| BatchRefusal::rule(last, rule))
}

/// Whether a batch takes the room not beyond its bounds: its members, and the length of its log.
///
/// # Errors
/// `forbidden`.
pub fn check_bounds(batch: &Batch) -> Result<()> {
    let grows = batch.applied.iter().any(|applied| matches!(applied.effect, Effect::In { .. }));
    if grows && batch.state.members.len() > MEMBERS {
        return Err(Error::new(Code::Forbidden, "This room is full."));
    }
    let is_beyond = |applied: &Applied| {
        let bound = if may_use_reserve(applied) { LOG } else { LOG - LOG_RESERVE };
        applied.entry.seq >= bound
    };
    if batch.applied.iter().any(is_beyond) {
        return Err(Error::new(Code::Forbidden, "This room takes no more changes."));
    }
    Ok(())
}

/// The last entries of a log are kept for what keeps a room readable and safe.
fn may_use_reserve(applied: &Applied) -> bool {
    matches!(applied.entry.body, Body::Remove { .. } | Body::Epoch { .. })
        || matches!(applied.effect, Effect::Back { .. })
}

/// Whether an archived room takes this batch.
///
/// # Errors
/// `forbidden`.
pub fn check_archived(batch: &Batch) -> Result<()> {
    let may_be = |applied: &Applied| match applied.entry.body {
        Body::Remove { reason, .. } => reason == RemoveReason::Left,
        Body::Unlink { .. } | Body::Unban { .. } => true,
        _ => matches!(applied.effect, Effect::Back { .. }),
    };
    if batch.applied.iter().all(may_be) {
        return Ok(());
    }
    Err(Error::new(Code::Forbidden, "This room is archived."))
}

/// The members after a batch whose newest directory entry it does not know, if it gives out keys: it would give them
/// to old ones. `latest` tells a person's newest position.
pub fn unknown_entries(batch: &Batch, latest: impl Fn(Uid) -> Option<u64>) -> Vec<Uid> {
    let gives_keys = |applied: &Applied| {
        matches!(applied.entry.body, Body::Epoch { .. } | Body::Add { .. } | Body::Join { .. })
    };
    if !batch.applied.iter().any(gives_keys) {
        return Vec::new();
    }
    let is_newer = |uid: &Uid| latest(*uid).is_some_and(|position| position > batch.state.dn);
    batch.state.members.keys().copied().filter(is_newer).collect()
}
