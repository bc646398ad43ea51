//! Batches for the log of an encrypted room, and what a member may know of its keys.

use crate::base::encryption::{LogHead, RotationReason, WrapId};
use crate::base::ids::Uid;
use crate::base::limits::api::GROUP_DIRECT;
use crate::e2ee::room_log::{Body, Entry, Kind, SignedEntry};
use crate::protocol::encryption::PostedWrap;

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
    /// The people besides its sender whom the founding batch of a direct chat names; nothing of it is checked. Nobody if
    /// it cannot be read.
    pub fn people(&self) -> Vec<Uid> {
        self.read_people().unwrap_or_default()
    }

    fn read_people(&self) -> Option<Vec<Uid>> {
        let mut people = Vec::new();
        for signed in self.entries.iter().take(GROUP_DIRECT) {
            let entry = Entry::parse(&signed.entry).ok().filter(|entry| entry.actor == self.by)?;
            match entry.body {
                Body::Create { kind: Kind::Dm, .. } => {}
                Body::Add { uid, .. } => people.push(uid),
                _ => return None,
            }
        }
        Some(people)
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

/// What members may know of the key of a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyView {
    /// The number of the present key.
    pub epoch: u64,
    /// Members whose account is shut.
    pub shut: Vec<Uid>,
    /// Who lacks the present key.
    pub needed: Vec<WrapId>,
    /// Why a new key is needed before the next message.
    pub why: Option<RotationReason>,
}
