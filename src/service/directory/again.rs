//! What clients bring back after a restore (`e2ee.md` 11.4, step 1): positions that this server has signed and lost,
//! and entries that it lacks. A chain that parts from ours closes the directory until an operator decides.

use std::collections::HashSet;
use std::time::Instant;

use super::Directory;
use crate::base::encryption::EncryptionDetail;
use crate::base::error::{Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::lock::MutexExt as _;
use crate::base::names;
use crate::e2ee::DirectoryState;
use crate::e2ee::directory::{
    Chain, DirectoryView as _, Entry, Row, SignedEntry, SignedHead, node, tag,
};
use crate::e2ee::pack::Hash;
use crate::store::accounts::{Brought, Position, Rival};

/// What a client brings.
pub struct Offered {
    /// A head that this server has signed.
    pub head: SignedHead,
    /// The first position in `rows`.
    pub from: u64,
    /// The positions from there to the head.
    pub rows: Vec<Row>,
    /// The entries that the client has of them, or of positions that the server misses.
    pub entries: Vec<OfferedEntry>,
}

/// An entry as a client brings it.
pub struct OfferedEntry {
    /// Its position.
    pub n: u64,
    /// The entry and its signatures.
    pub signed: SignedEntry,
    /// The name it was told with.
    pub name: Option<String>,
}

/// What the directory has afterwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// Its newest position.
    pub n: u64,
    /// The first positions whose entries are still missing.
    pub missing: Vec<u64>,
}

/// How the offered chain stands to ours.
enum Comparison {
    /// Ours has all of it.
    Known,
    /// It goes on where ours ends.
    Extends(Vec<Position>),
    /// From this position on it is another one.
    Parts { at: u64, node: Hash },
}

impl Directory {
    /// Takes back what the client brings.
    ///
    /// # Errors
    /// `rate_limited`; `bad_signature` for a head that this server has not signed; `bad_request` for rows that do not
    /// lead to it; `bad_entry` for an entry that is not the one of its position; `dir_conflict` for a chain that parts
    /// from ours; `unavailable`.
    pub async fn again(&self, session: SessionId, offered: Offered) -> Result<TakenBack> {
        self.brought_back.take(session)?;
        if !offered.head.is_by(&self.shared.public_key(), &self.instance) {
            return Err(Error::with_detail(EncryptionDetail::BadSignature { index: None }));
        }
        let mut turn = self.turn().await?;
        let comparison = compare(&self.shared.read().chain, &offered)?;
        let new = match comparison {
            Comparison::Known => Vec::new(),
            Comparison::Extends(new) => {
                if self.has_other_owner(&new).await? {
                    let at = self.shared.n().saturating_add(1);
                    self.part(at, offered).await?;
                    return Err(self.conflict());
                }
                new
            }
            Comparison::Parts { at, node } => {
                if !self.store.is_rejected(at, &node).await? {
                    self.part(at, offered).await?;
                }
                return Err(self.conflict());
            }
        };
        let entries = self.fitting(&new, offered.entries)?;
        if new.is_empty() && entries.is_empty() {
            return Ok(self.taken_back());
        }
        let taken = self.store.take_back(self.shared.n(), &new, &entries).await;
        taken.inspect_err(|error| self.doubt(&mut turn, error))?;
        *self.quiet_since.lock_unpoisoned() = Instant::now();
        let rows: Vec<Row> = new.into_iter().map(|position| position.row).collect();
        let filled = entries.iter().filter_map(|entry| self.owner_at(entry.n, &rows));
        let changed: HashSet<Uid> = rows.iter().map(|row| row.uid).chain(filled).collect();
        self.shared.append_rows(&rows);
        self.shared.fill(entries.into_iter().map(|entry| (entry.n, entry.signed)));
        for uid in changed {
            self.rooms.person_changed(uid);
        }
        if !rows.is_empty() {
            tracing::warn!(positions = rows.len(), "a client brought back what a restore had lost");
            // There may be people among them whom no account is of.
            self.follow_all().await?;
        }
        Ok(self.taken_back())
    }

    fn taken_back(&self) -> TakenBack {
        let directory = self.shared.read();
        TakenBack { n: directory.chain.n(), missing: directory.missing().to_vec() }
    }

    pub(super) fn conflict(&self) -> Error {
        let directory = self.shared.read();
        let head = directory.head();
        Error::with_detail(EncryptionDetail::DirConflict { n: head.n, h: head.h })
    }

    fn owner_at(&self, n: u64, new: &[Row]) -> Option<Uid> {
        let directory = self.shared.read();
        let beyond = n.checked_sub(directory.chain.n().saturating_add(1));
        match beyond.and_then(|at| usize::try_from(at).ok()) {
            Some(at) => new.get(at).map(|row| row.uid),
            None => directory.chain.row(n).map(|row| row.uid),
        }
    }

    /// Those of the entries that a position of ours, or a new one, misses.
    fn fitting(&self, new: &[Position], entries: Vec<OfferedEntry>) -> Result<Vec<Brought>> {
        let directory = self.shared.read();
        let missing: HashSet<u64> = directory.chain.missing().collect();
        let mut fitting = Vec::new();
        for (index, offered) in entries.into_iter().enumerate() {
            let row = match new.iter().find(|position| position.n == offered.n) {
                Some(position) => position.row,
                None if missing.contains(&offered.n) => match directory.chain.row(offered.n) {
                    Some(row) => *row,
                    None => continue,
                },
                None => continue,
            };
            fitting.push(self.brought(&row, offered, index)?);
        }
        Ok(fitting)
    }

    /// An entry that is the one of its position.
    fn brought(&self, row: &Row, offered: OfferedEntry, index: usize) -> Result<Brought> {
        let OfferedEntry { n, signed, name } = offered;
        let entry = Entry::parse(&self.instance, &signed.entry);
        let is_it = entry.is_ok_and(|entry| entry.uid == row.uid && entry.tag == row.tag);
        if !is_it || signed.leaf() != row.leaf {
            return Err(Error::with_detail(EncryptionDetail::BadEntry { index, rule: "form" }));
        }
        let is_told =
            |name: &String| names::check(name).is_ok() && tag(&self.instance, name) == row.tag;
        Ok(Brought { n, tag: row.tag, signed, name: name.filter(is_told) })
    }

    /// Whether an account stands in these positions that is somebody else's there: a server that was not told of the
    /// restore gave the number again.
    async fn has_other_owner(&self, new: &[Position]) -> Result<bool> {
        let rows: Vec<Row> = new.iter().map(|position| position.row).collect();
        let mut unknown: Vec<Uid> = rows.iter().map(|row| row.uid).collect();
        unknown.retain(|uid| !self.shared.has_keys(*uid));
        let accounts = self.store.usernames(Some(&unknown)).await?;
        let is_other = |(uid, name): &(Uid, String)| {
            let own = tag(&self.instance, name);
            !rows.iter().any(|row| row.uid == *uid && row.tag == own)
        };
        Ok(accounts.iter().any(is_other))
    }

    /// Keeps a chain that parts from ours, unless a longer one is kept, and closes the directory.
    async fn part(&self, at: u64, offered: Offered) -> Result<()> {
        let skipped = usize::try_from(at.saturating_sub(offered.from)).unwrap_or(usize::MAX);
        let rows: Vec<Row> = offered.rows.into_iter().skip(skipped).collect();
        let mut entries = Vec::new();
        for (index, entry) in offered.entries.into_iter().enumerate() {
            let place = entry.n.checked_sub(at).and_then(|place| usize::try_from(place).ok());
            if let Some(row) = place.and_then(|place| rows.get(place)) {
                entries.push(self.brought(row, entry, index)?);
            }
        }
        let SignedHead { n, h, t, .. } = offered.head;
        let rival = Rival { parts_at: at, head: (n, h, t), rows, entries };
        match self.store.rival().await? {
            Some(kept) if kept.has(&rival) => {
                self.store.keep_rival_entries(&rival.entries).await?;
            }
            Some(kept) if kept.head.0 >= rival.head.0 => return Ok(()),
            _ => {
                tracing::error!(
                    parts_at = at,
                    theirs = n,
                    ours = self.shared.n(),
                    "a client has shown another list of keys that this server has signed: see `impulse admin directory`"
                );
                self.store.keep_rival(&rival).await?;
            }
        }
        self.shared.set_state(DirectoryState::Conflict);
        Ok(())
    }
}

/// Compares an offered chain with ours.
fn compare(chain: &Chain, offered: &Offered) -> Result<Comparison> {
    let Offered { head, from, rows, .. } = offered;
    if head.n <= chain.n() && chain.hash_at(head.n) == Some(head.h) {
        return Ok(Comparison::Known);
    }
    let before = from.checked_sub(1).and_then(|before| Some((before, chain.hash_at(before)?)));
    let (mut n, mut hash) =
        before.ok_or_else(|| Error::field("from", "is beyond what this server has"))?;
    let (mut new, mut parted) = (Vec::new(), None);
    for row in rows {
        n = n.saturating_add(1);
        hash = node(&hash, n, row);
        match chain.hash_at(n) {
            Some(ours) if ours != hash && parted.is_none() => parted = Some((n, hash)),
            Some(_) => {}
            None => new.push(Position { n, row: *row, node: hash, signed: None }),
        }
    }
    if n != head.n || hash != head.h {
        return Err(Error::field("rows", "do not lead to the head"));
    }
    Ok(match parted {
        Some((at, node)) => Comparison::Parts { at, node },
        None => Comparison::Extends(new),
    })
}
