//! What an operator sees of the directory after a restore, and decides (`e2ee.md` 11.4).

use std::collections::HashSet;

use super::Directory;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::directory as limits;
use crate::base::principal::Principal;
use crate::e2ee::DirectoryState;
use crate::e2ee::directory::{DirectoryView as _, Entry, EntryType, Row, Tag, node, tag};
use crate::e2ee::pack::Hash;
use crate::store::accounts::{Decision, NamedEntry, Position, Rival, decided};

/// The directory as an operator sees it.
#[derive(Debug)]
pub struct Report {
    /// Whether it takes entries.
    pub state: DirectoryState,
    /// The newest position.
    pub n: u64,
    /// The hash there.
    pub h: Hash,
    /// How many entries are missing after a restore.
    pub missing: usize,
    /// The chain that parts from ours.
    pub rival: Option<RivalReport>,
    /// Accounts that stand in the way of a chain: they have to be removed or renamed first.
    pub in_the_way: Vec<InTheWay>,
}

/// A chain that parts from ours.
#[derive(Debug)]
pub struct RivalReport {
    /// Its newest position.
    pub n: u64,
    /// The hash there.
    pub h: Hash,
    /// When this server signed it, in milliseconds.
    pub signed_at: u64,
    /// Its first position that is not ours.
    pub parts_at: u64,
    /// How many positions it has from there on.
    pub theirs: usize,
    /// How many we have.
    pub ours: u64,
    /// The first of ours.
    pub dropped: Vec<Dropped>,
}

/// A position of ours that another chain would take the place of.
#[derive(Debug)]
pub struct Dropped {
    /// The position.
    pub n: u64,
    /// Whose it is.
    pub uid: Uid,
    /// The name it was told with.
    pub name: Option<String>,
    /// What it is; nothing while its entry is missing.
    pub kind: Option<EntryType>,
}

/// An account whose number or name is somebody else's in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InTheWay {
    /// The account.
    pub uid: Uid,
    /// Its name.
    pub username: String,
    /// The position that names somebody else.
    pub n: u64,
}

impl Directory {
    /// What an operator needs to know.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn report(&self) -> Result<Report> {
        let (state, n, h, missing) = {
            let directory = self.shared.read();
            let head = directory.head();
            (directory.state, head.n, head.h, directory.chain.missing().count())
        };
        let rival = self.store.rival().await?;
        let in_the_way = self.in_the_way(rival.as_ref()).await?;
        let rival = match rival {
            None => None,
            Some(rival) => Some(RivalReport {
                n: rival.head.0,
                h: rival.head.1,
                signed_at: rival.head.2,
                parts_at: rival.parts_at,
                theirs: rival.rows.len(),
                ours: n.saturating_add(1).saturating_sub(rival.parts_at),
                dropped: self.dropped(rival.parts_at).await?,
            }),
        };
        Ok(Report { state, n, h, missing, rival, in_the_way })
    }

    /// Opens the directory with the chain that it has. With `keep_ours` also if there is another one, which is decided
    /// against.
    ///
    /// # Errors
    /// `conflict` if it is open, or if there is another chain and `keep_ours` was not said; `forbidden`, `unavailable`.
    pub async fn open(&self, by: Principal, keep_ours: bool) -> Result<Report> {
        let mut turn = self.turn().await?;
        let state = self.shared.read().state;
        if state == DirectoryState::Open {
            return Err(Error::new(Code::Conflict, "The list of keys is open already."));
        }
        let rival = self.store.rival().await?;
        if rival.is_some() && !keep_ours {
            return Err(Error::new(
                Code::Conflict,
                "There is a longer list of keys that this server has signed. Restore the backup once more with \
                 --restored, adopt that list, or say that this one counts (--keep-ours).",
            ));
        }
        let rejected = match &rival {
            Some(rival) => self.first_of(rival)?,
            None => None,
        };
        let dropped = rival.as_ref().map_or(0, |rival| rival.rows.len() as u64);
        let parts_at = rival.as_ref().map_or(self.shared.n(), |rival| rival.parts_at);
        let decision = Decision {
            rejected,
            locked: Vec::new(),
            action: "directory.open",
            detail: decided(parts_at, dropped, 0),
        };
        let opened = self.store.open_directory(by, &decision).await;
        opened.inspect_err(|error| self.doubt(&mut turn, error))?;
        self.shared.set_state(DirectoryState::Open);
        drop(turn);
        self.report().await
    }

    /// Puts the other chain in the place of ours, and opens the directory.
    ///
    /// # Errors
    /// `not_found` if there is no other chain; `conflict` naming the accounts that stand in its way; `forbidden`,
    /// `unavailable`.
    pub async fn adopt(&self, by: Principal) -> Result<Report> {
        let mut turn = self.turn().await?;
        let none = || Error::new(Code::NotFound, "There is no other list of keys.");
        let rival = self.store.rival().await?.ok_or_else(none)?;
        let in_the_way = self.in_the_way(Some(&rival)).await?;
        if !in_the_way.is_empty() {
            return Err(Error::new(
                Code::Conflict,
                format!(
                    "That list gives the number or the name of these accounts to somebody else: remove or rename them \
                     first: {}.",
                    named(&in_the_way)
                ),
            ));
        }
        let n = self.shared.n();
        let positions = self.positions_of(&rival)?;
        let dropped = n.saturating_add(1).saturating_sub(rival.parts_at);
        let rejected = self.shared.read().chain.hash_at(rival.parts_at);
        let decision = Decision {
            rejected: rejected.map(|hash| (rival.parts_at, hash)),
            locked: self.without_place(&rival).await?,
            action: "directory.adopt",
            detail: decided(rival.parts_at, dropped, positions.len() as u64),
        };
        let adopted = self.store.adopt_directory(by, n, &positions, &rival, &decision).await;
        adopted.inspect_err(|error| self.doubt(&mut turn, error))?;
        turn.is_stale = true;
        drop(turn);
        drop(self.turn().await?);
        self.report().await
    }

    /// The first position of the other chain that is not ours, and its hash.
    fn first_of(&self, rival: &Rival) -> Result<Option<(u64, Hash)>> {
        let first = self.positions_of(rival)?.into_iter().next();
        Ok(first.map(|position| (position.n, position.node)))
    }

    /// The positions of the other chain behind the last that both have.
    fn positions_of(&self, rival: &Rival) -> Result<Vec<Position>> {
        let before = rival.parts_at.saturating_sub(1);
        let mut hash = self.shared.read().chain.hash_at(before).ok_or_else(|| {
            Error::internal("the other list of keys begins beyond the end of this one")
        })?;
        let position = |(n, row): (u64, &Row)| {
            hash = node(&hash, n, row);
            Position { n, row: *row, node: hash, signed: None }
        };
        Ok((rival.parts_at..).zip(&rival.rows).map(position).collect())
    }

    /// Accounts whose number or name stands for somebody else in the chain: ours, or the other one.
    async fn in_the_way(&self, rival: Option<&Rival>) -> Result<Vec<InTheWay>> {
        if rival.is_none() && self.shared.n() == 0 {
            return Ok(Vec::new());
        }
        let accounts = self.store.usernames(None).await?;
        let directory = self.shared.read();
        let common = rival.map_or(u64::MAX, |rival| rival.parts_at);
        let theirs = rival.map_or(&[][..], |rival| &rival.rows);
        let owner_of = |tag: &Tag| {
            let ours = directory.chain.owner_of(tag);
            let steps = ours.map_or(&[][..], |uid| directory.chain.steps(uid));
            let first = steps.iter().find(|step| step.tag == *tag && step.n < common);
            let place = theirs.iter().position(|row| row.tag == *tag);
            let in_theirs = place.and_then(|place| {
                Some((theirs.get(place)?.uid, common.saturating_add(place as u64)))
            });
            ours.zip(first.map(|step| step.n)).or(in_theirs)
        };
        let is_in_common =
            |uid| directory.chain.steps(uid).first().is_some_and(|step| step.n < common);
        let other = |(uid, username): (Uid, String)| {
            let own = tag(&self.instance, &username);
            let by_name = owner_of(&own).filter(|(owner, _)| *owner != uid).map(|(_, n)| n);
            let by_number = || {
                let mut of_number = theirs.iter().zip(common..).filter(|(row, _)| row.uid == uid);
                let first = of_number.next()?;
                let is_same = first.0.tag == own || of_number.any(|(row, _)| row.tag == own);
                (!is_same && !is_in_common(uid)).then_some(first.1)
            };
            by_name.or_else(by_number).map(|n| InTheWay { uid, username, n })
        };
        Ok(accounts.into_iter().filter_map(other).take(limits::NAMED).collect())
    }

    /// The first of our positions that the other chain would take the place of.
    async fn dropped(&self, parts_at: u64) -> Result<Vec<Dropped>> {
        let rows: Vec<(u64, Row)> = {
            let directory = self.shared.read();
            let positions = parts_at..=directory.chain.n();
            let rows = positions.filter_map(|n| Some((n, *directory.chain.row(n)?)));
            rows.take(limits::NAMED).collect()
        };
        let entries = self.entries_at(&rows).await?;
        let dropped = |(n, row): (u64, Row)| {
            let entry = entries.iter().find(|entry| entry.n == n);
            let parsed =
                entry.and_then(|entry| Entry::parse(&self.instance, &entry.signed.entry).ok());
            let name = entry.and_then(|entry| entry.name.clone());
            Dropped { n, uid: row.uid, name, kind: parsed.map(|parsed| parsed.kind) }
        };
        Ok(rows.into_iter().map(dropped).collect())
    }

    /// The owners of our positions that the other chain drops, if these fit there no more: their accounts begin as
    /// locked. The others append theirs again.
    async fn without_place(&self, rival: &Rival) -> Result<Vec<Uid>> {
        let rows: Vec<(u64, Row)> = {
            let directory = self.shared.read();
            let positions = rival.parts_at..=directory.chain.n();
            positions.filter_map(|n| Some((n, *directory.chain.row(n)?))).collect()
        };
        let entries = self.entries_at(&rows).await?;
        let directory = self.shared.read();
        let (mut seen, mut locked) = (HashSet::new(), Vec::new());
        for (n, row) in rows {
            if !seen.insert(row.uid) {
                continue;
            }
            let theirs = rival.rows.iter().rev().find(|theirs| theirs.uid == row.uid);
            let common = directory.chain.steps(row.uid).iter().rev();
            let common = common.into_iter().find(|step| step.n < rival.parts_at);
            let latest = theirs.map(|theirs| theirs.leaf).or(common.map(|step| step.leaf));
            let entry = entries.iter().find(|entry| entry.n == n);
            let entry =
                entry.and_then(|entry| Entry::parse(&self.instance, &entry.signed.entry).ok());
            let is_free = |tag: &Tag| {
                !rival.rows.iter().any(|theirs| theirs.tag == *tag && theirs.uid != row.uid)
            };
            if !entry.is_some_and(|entry| entry.prev_leaf == latest && is_free(&entry.tag)) {
                locked.push(row.uid);
            }
        }
        Ok(locked)
    }

    async fn entries_at(&self, rows: &[(u64, Row)]) -> Result<Vec<NamedEntry>> {
        let (Some((first, _)), Some((last, _))) = (rows.first(), rows.last()) else {
            return Ok(Vec::new());
        };
        self.store.directory_entries_between(*first, *last).await
    }
}

fn named(in_the_way: &[InTheWay]) -> String {
    let named = in_the_way.iter().map(|account| format!("@{} ({})", account.username, account.uid));
    named.collect::<Vec<_>>().join(", ")
}
