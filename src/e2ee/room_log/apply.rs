//! Whether an entry is valid, and what it does (`e2ee.md` 6.3).

use super::body::{Body, Kind, RemoveReason};
use super::effect::{Effect, take_effect};
use super::entry::{Entry, SignedEntry};
use super::rule::{Refusal, Rule, require};
use super::rules::Candidate;
use super::state::State;
use crate::e2ee::directory::DirectoryView;
use crate::e2ee::pack::Hash;
use crate::e2ee::signature::verify;

/// An entry that has been applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// What it says.
    pub entry: Entry,
    /// Its hash.
    pub hash: Hash,
    /// What it has done to whom.
    pub effect: Effect,
}

/// Applies the next entry.
///
/// # Errors
/// The first rule that it breaks, in the order of 6.3. The state is as before.
pub fn apply(
    state: &mut State,
    signed: &SignedEntry,
    dir: &impl DirectoryView,
) -> Result<Applied, Refusal> {
    let entry = Entry::parse(&signed.entry).map_err(|_| Rule::Form)?;
    check_order(state, &entry, dir)?;
    check_signature(&entry, signed, dir)?;
    check_actor(state, &entry, dir)?;
    check_phase(state, &entry)?;
    Candidate { state, entry: &entry, dir }.check()?;
    Ok(finish(state, entry, signed.hash()))
}

/// Applies an entry of one's own store, which was valid when it came. No directory is needed and no signature
/// verified.
///
/// # Errors
/// The bytes are no entry, or not the next one.
pub fn replay(state: &mut State, signed: &SignedEntry) -> Result<Applied, Rule> {
    let entry = Entry::parse(&signed.entry).map_err(|_| Rule::Form)?;
    check_chain(state, &entry)?;
    Ok(finish(state, entry, signed.hash()))
}

fn finish(state: &mut State, entry: Entry, hash: Hash) -> Applied {
    let effect = take_effect(state, &entry, hash);
    Applied { entry, hash, effect }
}

/// Step 2, up to the signature.
fn check_order(state: &State, entry: &Entry, dir: &impl DirectoryView) -> Result<(), Rule> {
    check_chain(state, entry)?;
    require(entry.time_ms >= state.time_ms, Rule::Time)?;
    require(entry.dn >= state.dn && dir.hash_at(entry.dn) == Some(entry.dh), Rule::Dn)?;
    let generation = dir.generation(entry.actor, entry.dn);
    require(generation == Some(entry.actor_generation), Rule::Generation)
}

fn check_chain(state: &State, entry: &Entry) -> Result<(), Rule> {
    let is_first = state.is_empty();
    let before = (!is_first).then_some((state.rid, state.head));
    let fits = entry.seq == state.next_seq && entry.rid.zip(entry.prev_hash) == before;
    // Both are there, or neither.
    let is_whole = entry.rid.is_some() == entry.prev_hash.is_some();
    let creates = matches!(entry.body, Body::Create { .. });
    require(fits && is_whole && creates == is_first, Rule::Chain)
}

fn check_signature(
    entry: &Entry,
    signed: &SignedEntry,
    dir: &impl DirectoryView,
) -> Result<(), Refusal> {
    let key = dir.ed_key(entry.actor, entry.actor_generation).ok_or(Rule::Generation)?;
    verify(&key, &signed.entry, &signed.sig).map_err(|_| Refusal::Signature)
}

/// Step 3.
fn check_actor(state: &State, entry: &Entry, dir: &impl DirectoryView) -> Result<(), Rule> {
    if matches!(entry.body, Body::Create { .. } | Body::Join { .. }) {
        return Ok(());
    }
    let member = state.members.get(&entry.actor).ok_or(Rule::Actor)?;
    require(!state.is_stale(entry.actor, member, entry.dn, dir), Rule::Actor)
}

/// Step 4.
fn check_phase(state: &State, entry: &Entry) -> Result<(), Rule> {
    let body = &entry.body;
    if matches!(body, Body::Create { .. }) {
        return Ok(());
    }
    let fits_direct = match body {
        Body::Add { .. } | Body::Epoch { .. } => true,
        Body::Remove { reason, .. } => *reason == RemoveReason::Left,
        _ => false,
    };
    require(state.kind == Kind::Closed || fits_direct, Rule::Kind)?;
    let founds = match body {
        Body::Add { .. } => true,
        Body::Profile { .. } => state.kind == Kind::Closed,
        _ => false,
    };
    require(entry.seq > state.first || founds, Rule::Founding)
}
