//! What a valid entry does to the state: the last column of `e2ee.md` 6.3.

use super::body::{Body, Kind, Lid, RemoveReason, Role};
use super::entry::Entry;
use super::state::{Epoch, Interval, Link, Member, State};
use crate::base::ids::Uid;
use crate::e2ee::pack::Hash;

/// What an entry has done to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// The room has begun, with its creator in it.
    Created,
    /// Somebody is in.
    In {
        /// Who.
        uid: Uid,
        /// As what.
        role: Role,
    },
    /// Somebody whose keys were reset is let back in.
    Back {
        /// Who.
        uid: Uid,
        /// As what.
        role: Role,
    },
    /// Somebody who was in is out.
    Out {
        /// Who.
        uid: Uid,
        /// Why.
        reason: RemoveReason,
    },
    /// Somebody has another role.
    Role {
        /// Who.
        uid: Uid,
        /// Which one.
        role: Role,
    },
    /// There is a new key.
    Epoch {
        /// Its number.
        n: u64,
    },
    /// Nobody's membership has changed.
    Other,
}

/// Changes the state.
pub(super) fn take_effect(state: &mut State, entry: &Entry, hash: Hash) -> Effect {
    if state.is_empty() {
        state.rid = hash;
    }
    let effect = match &entry.body {
        Body::Create { root, kind, first, kc, .. } => {
            (state.kind, state.first) = (*kind, *first);
            let role = if *kind == Kind::Dm { Role::Member } else { Role::Owner };
            bring_in(state, entry, entry.actor, *root, role);
            begin_epoch(state, entry, Epoch { kc: *kc, entry: entry.seq, links: Box::default() });
            Effect::Created
        }
        Body::Add { uid, root, role } => add(state, entry, *uid, *root, *role),
        Body::Remove { uid, reason } => {
            if *reason == RemoveReason::Banned {
                state.banned.insert(*uid);
            }
            take_out(state, entry, *uid, *reason)
        }
        Body::Role { uid, role } => {
            if let Some(member) = state.members.get_mut(uid) {
                member.role = *role;
                let root = member.root;
                begin_interval(state, entry.seq, *uid, root, *role);
            }
            Effect::Role { uid: *uid, role: *role }
        }
        Body::Epoch { n, kc, links, skip, .. } => {
            let links = links.iter().map(|link| link.epoch).collect();
            begin_epoch(state, entry, Epoch { kc: *kc, entry: entry.seq, links });
            state.skipped = skip.iter().copied().collect();
            Effect::Epoch { n: *n }
        }
        Body::Join { lid, root, .. } => {
            if let Some(link) = state.links.get_mut(lid) {
                link.uses += 1;
            }
            bring_in(state, entry, entry.actor, *root, Role::Member);
            Effect::In { uid: entry.actor, role: Role::Member }
        }
        Body::Unban { .. } | Body::Link { .. } | Body::Unlink { .. } | Body::Profile { .. } => {
            change_lists(state, entry);
            Effect::Other
        }
    };
    // Whoever has done something can do it. Nobody skips themselves, so this holds for a new key, too.
    state.skipped.remove(&entry.actor);
    state.next_seq = entry.seq + 1;
    (state.head, state.time_ms, state.dn) = (hash, entry.time_ms, entry.dn);
    effect
}

fn change_lists(state: &mut State, entry: &Entry) {
    match &entry.body {
        Body::Unban { uid } => _ = state.banned.remove(uid),
        Body::Link { lid, ed_pub, expires_ms, max_uses } => {
            make_link(state, entry.actor, *lid, *ed_pub, (*expires_ms, *max_uses));
        }
        Body::Unlink { lid } => {
            if let Some(link) = state.links.get_mut(lid) {
                link.is_ended = true;
            }
        }
        _ => {}
    }
}

fn make_link(state: &mut State, by: Uid, lid: Lid, ed_pub: [u8; 32], bounds: (u64, u64)) {
    let Some(maker) = state.members.get(&by) else { return };
    let (expires_ms, max_uses) = bounds;
    let by_root = maker.root;
    let link = Link { ed_pub, expires_ms, max_uses, uses: 0, by, by_root, is_ended: false };
    state.links.insert(lid, link);
}

fn begin_epoch(state: &mut State, entry: &Entry, epoch: Epoch) {
    state.epochs.push(epoch);
    state.epoch_dn = entry.dn;
    state.gone = false;
}

fn add(state: &mut State, entry: &Entry, uid: Uid, root: Hash, role: Role) -> Effect {
    match state.members.get_mut(&uid) {
        Some(member) => {
            (member.root, member.role) = (root, role);
            begin_interval(state, entry.seq, uid, root, role);
            Effect::Back { uid, role }
        }
        None => {
            bring_in(state, entry, uid, root, role);
            Effect::In { uid, role }
        }
    }
}

fn bring_in(state: &mut State, entry: &Entry, uid: Uid, root: Hash, role: Role) {
    let member = Member { root, role, since_seq: entry.seq, since_dn: entry.dn };
    state.members.insert(uid, member);
    begin_interval(state, entry.seq, uid, root, role);
}

/// Who was not in, and is banned, does not go.
fn take_out(state: &mut State, entry: &Entry, uid: Uid, reason: RemoveReason) -> Effect {
    if state.members.remove(&uid).is_none() {
        return Effect::Other;
    }
    end_interval(state, entry.seq, uid);
    state.gone = true;
    state.skipped.remove(&uid);
    for link in state.links.values_mut().filter(|link| link.by == uid) {
        link.is_ended = true;
    }
    Effect::Out { uid, reason }
}

fn begin_interval(state: &mut State, seq: u64, uid: Uid, root: Hash, role: Role) {
    end_interval(state, seq, uid);
    let interval = Interval { from_seq: seq, to_seq: None, root, role };
    state.past.entry(uid).or_default().push(interval);
}

fn end_interval(state: &mut State, seq: u64, uid: Uid) {
    if let Some(last) = state.past.get_mut(&uid).and_then(|intervals| intervals.last_mut()) {
        last.to_seq.get_or_insert(seq);
    }
}
