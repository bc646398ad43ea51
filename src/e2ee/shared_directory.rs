//! The directory as the whole server reads it (`e2ee.md` 5, 12.1): the chain, its signed head, and which accounts are
//! open. `service/directory` changes it, after the database has; rooms and handlers read it.

use std::collections::HashSet;
use std::sync::{RwLock, RwLockReadGuard};

use super::directory::{
    BrokenChain, Chain, Checked, DirectoryView as _, Row, SignedEntry, SignedHead,
};
use super::signature::SigningKey;
use crate::base::ids::Uid;
use crate::base::limits::directory as limits;
use crate::base::lock::RwLockExt as _;
use crate::base::time::now_ms;

/// Whether the directory takes entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirectoryState {
    /// It does.
    Open,
    /// The data were restored: it takes back what was lost, and nothing new (11.4).
    Closed,
    /// A longer chain has been shown that parts from this one: an operator decides.
    Conflict,
}

impl DirectoryState {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Open, Self::Closed, Self::Conflict];

    /// As it is stored, and told to administrators.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Conflict => "conflict",
        }
    }
}

/// The directory of one moment.
pub struct Directory {
    /// All positions.
    pub chain: Chain,
    /// Whether it takes entries.
    pub state: DirectoryState,
    head: SignedHead,
    /// The first positions whose entries a restore has lost.
    missing: Vec<u64>,
    shut: HashSet<Uid>,
}

impl Directory {
    /// The newest position, its hash, and this server's signature of both.
    pub fn head(&self) -> &SignedHead {
        &self.head
    }

    /// Whether somebody's account is open: not disabled, not removed, and there.
    pub fn is_open(&self, uid: Uid) -> bool {
        !self.shut.contains(&uid)
    }

    /// The first positions whose entries are missing after a restore, at most [`limits::MISSING`].
    pub fn missing(&self) -> &[u64] {
        &self.missing
    }
}

/// The one directory of a server. A reader holds it for as long as a few entries take to check, and never over an
/// `await`.
pub struct SharedDirectory {
    key: SigningKey,
    current: RwLock<Directory>,
}

impl SharedDirectory {
    /// Over a chain that was read from the store; `key` signs its heads, and `shut` are those whose account is not open.
    pub fn new(chain: Chain, key: SigningKey, shut: impl IntoIterator<Item = Uid>) -> Self {
        let head = sign(&chain, &key);
        let missing = first_missing(&chain);
        let shut = shut.into_iter().collect();
        let state = DirectoryState::Open;
        Self { key, current: RwLock::new(Directory { chain, state, head, missing, shut }) }
    }

    /// The directory of this moment.
    pub fn read(&self) -> RwLockReadGuard<'_, Directory> {
        self.current.read_unpoisoned()
    }

    /// The public key by which clients know this server's heads.
    pub fn public_key(&self) -> [u8; 32] {
        self.key.public()
    }

    /// The newest position.
    pub fn n(&self) -> u64 {
        self.read().chain.n()
    }

    /// Whether somebody's account is open: not disabled, not removed, and there.
    pub fn is_open(&self, uid: Uid) -> bool {
        self.read().is_open(uid)
    }

    /// Whether the chain has an entry of this user.
    pub fn has_keys(&self, uid: Uid) -> bool {
        self.read().chain.latest_position(uid).is_some()
    }

    /// Notes whether an account is open; whether that is news.
    pub fn set_open(&self, uid: Uid, is_open: bool) -> bool {
        let shut = &mut self.current.write_unpoisoned().shut;
        if is_open { shut.remove(&uid) } else { shut.insert(uid) }
    }

    /// Notes whose accounts are not open, all of them; those for whom that is news.
    pub fn set_shut(&self, now: HashSet<Uid>) -> Vec<Uid> {
        let shut = &mut self.current.write_unpoisoned().shut;
        let changed = shut.symmetric_difference(&now).copied().collect();
        *shut = now;
        changed
    }

    /// Notes whether the directory takes entries.
    pub fn set_state(&self, state: DirectoryState) {
        self.current.write_unpoisoned().state = state;
    }

    /// Appends what the store has committed, and signs the head.
    ///
    /// # Errors
    /// The chain has gone on since it was checked; nothing is appended.
    pub fn append(&self, checked: &[Checked]) -> Result<(), BrokenChain> {
        self.change(|chain| chain.append(checked))
    }

    /// Appends positions that a client has brought back, and signs the head.
    pub fn append_rows(&self, rows: &[Row]) {
        self.change(|chain| chain.append_rows(rows));
    }

    /// Puts in entries that a client has brought back. One that does not fit its position is left out.
    pub fn fill(&self, entries: impl IntoIterator<Item = (u64, SignedEntry)>) {
        self.change(|chain| {
            for (n, entry) in entries {
                if chain.fill(n, &entry).is_err() {
                    tracing::error!(n, "a stored entry of the directory does not fit its position");
                }
            }
        });
    }

    /// Puts the chain into its place that was read from the store; whose positions are not the same in both.
    pub fn replace(&self, other: Chain) -> HashSet<Uid> {
        let mut changed = HashSet::new();
        self.change(|chain| {
            let last = chain.n().max(other.n());
            let differs = |n: &u64| chain.hash_at(*n) != other.hash_at(*n);
            // Hashes cover all before them: once they differ, they do to the end.
            for n in (1..=last).rev().take_while(differs) {
                let rows = chain.row(n).into_iter().chain(other.row(n));
                changed.extend(rows.map(|row| row.uid));
            }
            *chain = other;
        });
        changed
    }

    fn change<T>(&self, change: impl FnOnce(&mut Chain) -> T) -> T {
        let mut current = self.current.write_unpoisoned();
        let changed = change(&mut current.chain);
        current.missing = first_missing(&current.chain);
        current.head = sign(&current.chain, &self.key);
        changed
    }
}

/// The empty directory of no installation, for what needs none.
impl Default for SharedDirectory {
    fn default() -> Self {
        Self::new(Chain::new([0; 16]), SigningKey::from_seed(&[0; 32]), [])
    }
}

fn sign(chain: &Chain, key: &SigningKey) -> SignedHead {
    let now = u64::try_from(now_ms()).unwrap_or_default();
    SignedHead::sign(key, chain.instance(), chain.n(), chain.hash(), now)
}

fn first_missing(chain: &Chain) -> Vec<u64> {
    chain.missing().take(limits::MISSING).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::e2ee::directory::first_hash;

    fn rows(uids: impl Iterator<Item = i64>) -> Vec<Row> {
        let row = |uid: i64| Row { uid: Uid(uid), tag: [1; 16], leaf: [uid as u8; 32] };
        uids.map(row).collect()
    }

    #[test]
    fn every_change_is_signed_anew_and_only_so_many_missing_positions_are_named() {
        let directory = SharedDirectory::default();
        let head = *directory.read().head();
        assert_eq!((head.n, head.h), (0, first_hash(&[0; 16])));
        directory.append_rows(&rows(1..=120));
        let now = directory.read();
        assert!(now.head().n == 120 && now.head().h == now.chain.hash());
        assert!(now.head().is_by(&directory.public_key(), &[0; 16]));
        assert_eq!(now.missing(), (1..=limits::MISSING as u64).collect::<Vec<_>>());
        assert!(directory.has_keys(Uid(7)) && !directory.has_keys(Uid(121)));
    }

    #[test]
    fn of_a_chain_in_the_place_of_another_one_those_are_told_who_have_other_positions() {
        let directory = SharedDirectory::default();
        directory.append_rows(&rows([1, 2, 3].into_iter()));
        let mut other = Chain::new([0; 16]);
        other.append_rows(&rows([1, 4, 3, 5].into_iter()));
        let changed = directory.replace(other.clone());
        assert_eq!(changed, [2, 3, 4, 5].map(Uid).into());
        assert_eq!(directory.replace(other), HashSet::new());
        assert_eq!(directory.n(), 4);
    }

    #[test]
    fn an_account_is_open_unless_it_is_said_not_to_be() {
        let directory = SharedDirectory::default();
        assert!(directory.is_open(Uid(1)) && directory.set_open(Uid(1), false));
        assert!(!directory.set_open(Uid(1), false) && !directory.is_open(Uid(1)));
        let mut changed = directory.set_shut([Uid(2)].into());
        changed.sort_unstable();
        assert_eq!(changed, [Uid(1), Uid(2)]);
        assert!(directory.is_open(Uid(1)) && !directory.is_open(Uid(2)));
    }
}
