//! Entries of a log, members and wraps as columns: one statement writes any number of them.

use super::change::{LoggedEntry, LoggedMember};
use crate::protocol::encryption::PostedWrap;

/// Entries.
pub(super) struct EntryColumns<'a> {
    pub entries: Vec<&'a [u8]>,
    pub signatures: Vec<&'a [u8]>,
    pub hashes: Vec<&'a [u8]>,
}

/// Members.
pub(super) struct MemberColumns<'a> {
    pub uids: Vec<i64>,
    pub roles: Vec<&'static str>,
    pub roots: Vec<&'a [u8]>,
    pub since_seqs: Vec<i64>,
    pub since_dns: Vec<i64>,
}

/// Wraps.
pub(super) struct WrapColumns<'a> {
    pub epochs: Vec<i64>,
    pub uids: Vec<i64>,
    pub generations: Vec<i64>,
    pub wraps: Vec<&'a [u8]>,
}

impl<'a> EntryColumns<'a> {
    pub fn of(entries: &'a [LoggedEntry]) -> Self {
        Self {
            entries: entries.iter().map(|one| one.entry.as_slice()).collect(),
            signatures: entries.iter().map(|one| one.signature.as_slice()).collect(),
            hashes: entries.iter().map(|one| one.hash.as_slice()).collect(),
        }
    }
}

impl<'a> MemberColumns<'a> {
    pub fn of(members: &'a [LoggedMember]) -> Self {
        Self {
            uids: members.iter().map(|member| member.uid.0).collect(),
            roles: members.iter().map(|member| member.role.as_str()).collect(),
            roots: members.iter().map(|member| member.root.as_slice()).collect(),
            since_seqs: members.iter().map(|member| member.since_seq.cast_signed()).collect(),
            since_dns: members.iter().map(|member| member.since_dn.cast_signed()).collect(),
        }
    }
}

impl<'a> WrapColumns<'a> {
    pub fn of(wraps: &'a [PostedWrap]) -> Self {
        Self {
            epochs: wraps.iter().map(|wrap| wrap.epoch.cast_signed()).collect(),
            uids: wraps.iter().map(|wrap| wrap.uid.0).collect(),
            generations: wraps.iter().map(|wrap| wrap.generation.cast_signed()).collect(),
            wraps: wraps.iter().map(|wrap| wrap.bytes.as_slice()).collect(),
        }
    }
}
