//! The state of a room as its log makes it (`e2ee.md` 6.2).

use std::collections::{BTreeMap, BTreeSet};

use super::body::{Kind, Lid, Role};
use crate::base::ids::Uid;
use crate::e2ee::pack::Hash;

/// Somebody who is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member {
    /// The identity that was let in.
    pub root: Hash,
    /// What they may do.
    pub role: Role,
    /// The entry that brought them in.
    pub since_seq: u64,
    /// The directory of that entry.
    pub since_dn: u64,
}

/// A time in which somebody was in with one identity and one role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Interval {
    /// The entry it begins with.
    pub from_seq: u64,
    /// The entry it has ended with; nothing while it goes on.
    pub to_seq: Option<u64>,
    /// The identity.
    pub root: Hash,
    /// The role.
    pub role: Role,
}

/// An invitation link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The key that joiners sign with.
    pub ed_pub: [u8; 32],
    /// When it ends, in milliseconds.
    pub expires_ms: u64,
    /// For how many it is.
    pub max_uses: u64,
    /// How many have come.
    pub uses: u64,
    /// Who made it.
    pub by: Uid,
    /// Their identity then.
    pub by_root: Hash,
    /// Whether it was ended.
    pub is_ended: bool,
}

/// A key of the room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Epoch {
    /// The commitment to it.
    pub kc: Hash,
    /// The entry that made it.
    pub entry: u64,
    /// The earlier epochs whose keys it carries, newest first.
    pub links: Box<[u64]>,
}

/// The room. Before its first entry, it is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// The room's identity: the hash of its first entry.
    pub rid: Hash,
    /// What kind of room.
    pub kind: Kind,
    /// The number of the last founding entry.
    pub first: u64,
    /// The number of the next entry; 0 before the first one.
    pub next_seq: u64,
    /// The hash of the newest entry.
    pub head: Hash,
    /// Its time.
    pub time_ms: u64,
    /// Its position of the directory.
    pub dn: u64,
    /// Who is in.
    pub members: BTreeMap<Uid, Member>,
    /// Who was in when; messages are judged by it.
    pub past: BTreeMap<Uid, Vec<Interval>>,
    /// Who cannot come in.
    pub banned: BTreeSet<Uid>,
    /// All invitation links there ever were.
    pub links: BTreeMap<Lid, Link>,
    /// All keys, the first one first.
    pub epochs: Vec<Epoch>,
    /// The directory of the newest epoch's entry.
    pub epoch_dn: u64,
    /// Members who did not get the newest key.
    pub skipped: BTreeSet<Uid>,
    /// Whether somebody has gone since the newest epoch.
    pub gone: bool,
}

impl Default for State {
    fn default() -> Self {
        Self {
            rid: [0; 32],
            kind: Kind::Closed,
            first: 0,
            next_seq: 0,
            head: [0; 32],
            time_ms: 0,
            dn: 0,
            members: BTreeMap::new(),
            past: BTreeMap::new(),
            banned: BTreeSet::new(),
            links: BTreeMap::new(),
            epochs: Vec::new(),
            epoch_dn: 0,
            skipped: BTreeSet::new(),
            gone: false,
        }
    }
}

impl State {
    /// Whether there is no entry yet.
    pub fn is_empty(&self) -> bool {
        self.next_seq == 0
    }

    /// The number of the newest entry; 0 also before it.
    pub fn seq(&self) -> u64 {
        self.next_seq.saturating_sub(1)
    }

    /// The number of the newest key.
    pub fn epoch(&self) -> u64 {
        u64::try_from(self.epochs.len()).unwrap_or(u64::MAX)
    }

    /// The key of this number.
    pub fn epoch_at(&self, n: u64) -> Option<&Epoch> {
        let index = usize::try_from(n.checked_sub(1)?).ok()?;
        self.epochs.get(index)
    }

    /// What somebody was at an entry; nothing if they were not in.
    pub fn interval_at(&self, uid: Uid, seq: u64) -> Option<&Interval> {
        let intervals = self.past.get(&uid)?.iter().rev();
        let mut since = intervals.skip_while(|interval| interval.from_seq > seq);
        since.next().filter(|interval| interval.to_seq.is_none_or(|to| seq < to))
    }

    /// Their role at an entry.
    pub fn role_at(&self, uid: Uid, seq: u64) -> Option<Role> {
        self.interval_at(uid, seq).map(|interval| interval.role)
    }

    /// Their identity at an entry.
    pub fn root_at(&self, uid: Uid, seq: u64) -> Option<Hash> {
        self.interval_at(uid, seq).map(|interval| interval.root)
    }

    /// Whether this member is the only owner.
    pub fn is_only_owner(&self, uid: Uid) -> bool {
        let mut owners = self.members.iter().filter(|(_, member)| member.role == Role::Owner);
        owners.next().is_some_and(|(owner, _)| *owner == uid) && owners.next().is_none()
    }
}
