//! Which wraps there must be: keys of a room, each sealed to one member (`e2ee.md` 7.4, 7.5). The server cannot look
//! into one; it sees to it that nobody is left out and nobody else gets one.

use std::collections::BTreeSet;

use super::directory::DirectoryView;
use super::room_log::{Batch, Body, Effect, State};
use crate::base::encryption::{WRAP_BYTES, WrapId};
use crate::base::ids::Uid;

/// The one suite there is.
const SUITE: u8 = 1;

/// Whether these bytes can be a wrap.
pub fn is_wrap(bytes: &[u8]) -> bool {
    bytes.len() == WRAP_BYTES && bytes.first() == Some(&SUITE)
}

/// The wraps that a batch must bring, in the order of the members: of a new key for everybody who is entitled to it,
/// of the current one for everybody who is added. Who joins by a link brings none.
pub fn required(batch: &Batch, dir: &impl DirectoryView) -> Vec<WrapId> {
    let state = &batch.state;
    let has_new_key = batch
        .applied
        .iter()
        .any(|applied| matches!(applied.effect, Effect::Created | Effect::Epoch { .. }));
    let added: BTreeSet<Uid> = batch.applied.iter().filter_map(added).collect();
    let is_entitled = |uid: &Uid| {
        if has_new_key { !state.skipped.contains(uid) } else { added.contains(uid) }
    };
    let members = state
        .members
        .iter()
        .filter(|(uid, member)| is_entitled(uid) && !state.is_stale(**uid, member, state.dn, dir));
    members.filter_map(|(uid, _)| wrap_of(state, *uid, state.dn, dir)).collect()
}

fn added(applied: &super::room_log::Applied) -> Option<Uid> {
    match applied.entry.body {
        Body::Add { uid, .. } => Some(uid),
        _ => None,
    }
}

/// The wrap that a member should have at a position of the directory.
fn wrap_of(state: &State, uid: Uid, n: u64, dir: &impl DirectoryView) -> Option<WrapId> {
    let generation = dir.generation(uid, n)?;
    Some(WrapId { uid, epoch: state.epoch(), generation })
}

/// Members whose wrap was not brought, and others whose was.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mismatch {
    /// Who needs one.
    pub missing: Vec<Uid>,
    /// Whose is not wanted.
    pub extra: Vec<Uid>,
}

/// Whether exactly the required wraps were brought, each once.
///
/// # Errors
/// Who is wrong. A wrap for another generation or epoch is both missing and too many.
pub fn compare(required: &[WrapId], brought: &[WrapId]) -> Result<(), Mismatch> {
    let wanted: BTreeSet<&WrapId> = required.iter().collect();
    let mut found = BTreeSet::new();
    let extra: BTreeSet<Uid> = brought
        .iter()
        .filter(|id| !wanted.contains(id) || !found.insert(**id))
        .map(|id| id.uid)
        .collect();
    let missing: BTreeSet<Uid> =
        required.iter().filter(|id| !found.contains(id)).map(|id| id.uid).collect();
    if missing.is_empty() && extra.is_empty() {
        return Ok(());
    }
    Err(Mismatch { missing: missing.into_iter().collect(), extra: extra.into_iter().collect() })
}

/// Members who should have the current key and have no wrap of it, at the newest position `n` of the directory.
pub fn needed(
    state: &State,
    n: u64,
    dir: &impl DirectoryView,
    is_open: impl Fn(Uid) -> bool,
    has: impl Fn(&WrapId) -> bool,
) -> Vec<WrapId> {
    let members = state.members.iter();
    let entitled = members
        .filter(|(uid, member)| is_open(**uid) && !state.is_stale(**uid, member, n, dir))
        .filter_map(|(uid, _)| wrap_of(state, *uid, n, dir));
    entitled.filter(|id| !has(id)).collect()
}
