//! The whole directory in memory: what is in it, what may be appended, and what follows for rooms (`e2ee.md` 5).

use std::collections::{BTreeSet, HashMap};

use super::entry::{Entry, EntryType, Instance, SignedEntry, Tag};
use super::head::{Row, first_hash, node};
use super::person::{Known, People, Step};
use super::rule::{Reason, Refusal, Rule};
use super::view::DirectoryView;
use crate::base::ids::Uid;
use crate::base::limits::encryption::CLOCK_MS;
use crate::e2ee::pack::Hash;
use crate::e2ee::signature::verify;

/// A position as the store holds it.
#[derive(Debug, Clone)]
pub struct Stored {
    /// What is chained.
    pub row: Row,
    /// H_n.
    pub node: Hash,
    /// The entry; nothing while it is missing after a restore.
    pub entry: Option<SignedEntry>,
}

/// What the store holds is no chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the directory of keys is broken at position {n}")]
pub struct BrokenChain {
    /// The first position that does not fit.
    pub n: u64,
}

/// An entry that may be appended at its position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its position.
    pub n: u64,
    /// What is chained.
    pub row: Row,
    /// H_n.
    pub node: Hash,
    /// What it says.
    pub entry: Entry,
    /// What is stored.
    pub signed: SignedEntry,
}

/// One position.
#[derive(Debug, Clone, Copy)]
struct Position {
    row: Row,
    node: Hash,
}

/// The directory.
#[derive(Debug, Clone)]
pub struct Chain {
    instance: Instance,
    first: Hash,
    positions: Vec<Position>,
    people: People,
    tags: HashMap<Tag, Uid>,
    keys: HashMap<[u8; 32], Uid>,
    missing: BTreeSet<u64>,
}

impl Chain {
    /// An empty directory.
    pub fn new(instance: Instance) -> Self {
        Self {
            instance,
            first: first_hash(&instance),
            positions: Vec::new(),
            people: HashMap::new(),
            tags: HashMap::new(),
            keys: HashMap::new(),
            missing: BTreeSet::new(),
        }
    }

    /// This installation.
    pub fn instance(&self) -> &Instance {
        &self.instance
    }

    /// The newest position; 0 if there is none.
    pub fn n(&self) -> u64 {
        // A vector holds fewer than 2^64 positions.
        u64::try_from(self.positions.len()).unwrap_or(u64::MAX)
    }

    /// The hash of the newest position.
    pub fn hash(&self) -> Hash {
        self.positions.last().map_or(self.first, |position| position.node)
    }

    /// The row at a position.
    pub fn row(&self, n: u64) -> Option<&Row> {
        self.position(n).map(|position| &position.row)
    }

    fn position(&self, n: u64) -> Option<&Position> {
        let index = usize::try_from(n.checked_sub(1)?).ok()?;
        self.positions.get(index)
    }

    /// Up to `count` rows from a position on, as they travel.
    pub fn rows(&self, from: u64, count: usize) -> Vec<u8> {
        let skipped = usize::try_from(from.saturating_sub(1)).unwrap_or(usize::MAX);
        let rows = self.positions.iter().skip(skipped).take(count);
        rows.flat_map(|position| position.row.to_bytes()).collect()
    }

    /// Appends the next position of the store, at start. Its signatures were verified when it was made.
    ///
    /// # Errors
    /// It does not continue the chain, or its entry is another one.
    pub fn load(&mut self, stored: Stored) -> Result<(), BrokenChain> {
        let n = self.n() + 1;
        if node(&self.hash(), n, &stored.row) != stored.node {
            return Err(BrokenChain { n });
        }
        let entry = match &stored.entry {
            Some(signed) => {
                Some(self.entry_of_row(&stored.row, signed).map_err(|_| BrokenChain { n })?)
            }
            None => None,
        };
        self.push(stored.row, stored.node, entry.as_ref());
        Ok(())
    }

    /// The entry that a row stands for.
    fn entry_of_row(&self, row: &Row, signed: &SignedEntry) -> Result<Entry, Rule> {
        let entry = Entry::parse(&self.instance, &signed.entry).map_err(|_| Rule::Form)?;
        if signed.leaf() != row.leaf || (entry.uid, entry.tag) != (row.uid, row.tag) {
            return Err(Rule::Form);
        }
        Ok(entry)
    }

    fn push(&mut self, row: Row, node: Hash, entry: Option<&Entry>) {
        self.positions.push(Position { row, node });
        let n = self.n();
        self.people.entry(row.uid).or_default().push(n, row.tag, row.leaf, entry);
        // The first one keeps a tag: a second one in a chain that was taken over is an attack, and clients say so.
        self.tags.entry(row.tag).or_insert(row.uid);
        match entry {
            Some(entry) => self.note_keys(entry),
            None => _ = self.missing.insert(n),
        }
    }

    fn note_keys(&mut self, entry: &Entry) {
        for key in [entry.ed_pub, entry.x_pub] {
            self.keys.entry(key).or_insert(entry.uid);
        }
    }

    /// Whether these entries of one person may be appended, one after the other. Nothing is changed. A new name must
    /// have one of the `allowed` tags, or one that the person has had.
    ///
    /// # Errors
    /// The first entry that breaks a rule.
    pub fn check(
        &self,
        uid: Uid,
        allowed: &[Tag],
        entries: &[SignedEntry],
        now_ms: u64,
    ) -> Result<Vec<Checked>, Refusal> {
        let mut person = self.people.get(&uid).cloned().unwrap_or_default();
        let (mut n, mut hash) = (self.n(), self.hash());
        let mut checked = Vec::with_capacity(entries.len());
        for (index, signed) in entries.iter().enumerate() {
            let refused = |reason| Refusal { index, reason };
            let entry = self.check_form(uid, signed).map_err(|rule| refused(rule.into()))?;
            person.check(&entry).map_err(|rule| refused(rule.into()))?;
            self.check_others(&entry, allowed).map_err(|rule| refused(rule.into()))?;
            if entry.time_ms > now_ms.saturating_add(CLOCK_MS) {
                return Err(refused(Reason::Time));
            }
            let old = person.steps().last().and_then(|step| step.known);
            if !is_signed(&entry, signed, old.as_ref()) {
                return Err(refused(Reason::Signature));
            }
            let row = Row { uid, tag: entry.tag, leaf: signed.leaf() };
            n += 1;
            hash = node(&hash, n, &row);
            person.push(n, row.tag, row.leaf, Some(&entry));
            checked.push(Checked { n, row, node: hash, entry, signed: signed.clone() });
        }
        Ok(checked)
    }

    fn check_form(&self, uid: Uid, signed: &SignedEntry) -> Result<Entry, Rule> {
        let entry = Entry::parse(&self.instance, &signed.entry).map_err(|_| Rule::Form)?;
        if entry.uid == uid { Ok(entry) } else { Err(Rule::Actor) }
    }

    /// The rules about what is somebody else's.
    fn check_others(&self, entry: &Entry, allowed: &[Tag]) -> Result<(), Rule> {
        let is_foreign = |owner: Option<&Uid>| owner.is_some_and(|owner| *owner != entry.uid);
        if is_foreign(self.keys.get(&entry.ed_pub)) || is_foreign(self.keys.get(&entry.x_pub)) {
            return Err(Rule::Key);
        }
        let owner = self.tags.get(&entry.tag);
        if owner.is_none() && !allowed.contains(&entry.tag) {
            return Err(Rule::Tag);
        }
        if is_foreign(owner) { Err(Rule::Taken) } else { Ok(()) }
    }

    /// Appends what was checked against this chain.
    ///
    /// # Errors
    /// The chain has gone on since; nothing is appended.
    pub fn append(&mut self, checked: &[Checked]) -> Result<(), BrokenChain> {
        if let Some(first) = checked.first()
            && (first.n != self.n() + 1 || node(&self.hash(), first.n, &first.row) != first.node)
        {
            return Err(BrokenChain { n: first.n });
        }
        for Checked { row, node, entry, .. } in checked {
            self.push(*row, *node, Some(entry));
        }
        Ok(())
    }

    /// The person's newest position.
    pub fn latest_position(&self, uid: Uid) -> Option<u64> {
        self.latest(uid).map(|step| step.n)
    }

    /// The person's newest position with what is in it.
    pub fn latest(&self, uid: Uid) -> Option<&Step> {
        self.steps(uid).last()
    }

    /// All of a person's positions, in order.
    pub fn steps(&self, uid: Uid) -> &[Step] {
        self.people.get(&uid).map_or(&[], |person| person.steps())
    }

    /// One of a person's generations.
    pub fn keys(&self, uid: Uid, generation: u64) -> Option<&Known> {
        self.people.get(&uid)?.keys(generation)
    }

    /// Whose tag this is, for ever.
    pub fn owner_of(&self, tag: &Tag) -> Option<Uid> {
        self.tags.get(tag).copied()
    }

    /// The positions whose entry is missing after a restore, in order.
    pub fn missing(&self) -> impl Iterator<Item = u64> {
        self.missing.iter().copied()
    }

    /// Takes positions back that a restore lost. Their entries are missing until they are filled.
    pub fn append_rows(&mut self, rows: &[Row]) {
        for row in rows {
            let node = node(&self.hash(), self.n() + 1, row);
            self.push(*row, node, None);
        }
    }

    /// Adds the entry that is missing at a position. The signed head vouches for it by its hash.
    ///
    /// # Errors
    /// There is no such position, or it is not the entry of that position.
    pub fn fill(&mut self, n: u64, signed: &SignedEntry) -> Result<Entry, Rule> {
        let row = *self.row(n).ok_or(Rule::Form)?;
        let entry = self.entry_of_row(&row, signed)?;
        if self.missing.remove(&n) {
            self.people.entry(row.uid).or_default().fill(n, &entry);
            self.note_keys(&entry);
        }
        Ok(entry)
    }
}

/// Whether the new key has signed, and in a `rotate`, and nowhere else, the old one.
fn is_signed(entry: &Entry, signed: &SignedEntry, old: Option<&Known>) -> bool {
    let is_by =
        |key: &[u8; 32], signature: &[u8; 64]| verify(key, &signed.entry, signature).is_ok();
    let continues = match (entry.kind, &signed.sig_old, old) {
        (EntryType::Rotate, Some(signature), Some(old)) => is_by(&old.ed_pub, signature),
        (EntryType::Rotate, ..) => false,
        (_, signature, _) => signature.is_none(),
    };
    continues && is_by(&entry.ed_pub, &signed.sig_new)
}

impl DirectoryView for Chain {
    fn hash_at(&self, n: u64) -> Option<Hash> {
        if n == 0 { Some(self.first) } else { self.position(n).map(|position| position.node) }
    }

    fn root(&self, uid: Uid, n: u64) -> Option<Hash> {
        self.people.get(&uid)?.at(n)?.known?.root
    }

    fn generation(&self, uid: Uid, n: u64) -> Option<u64> {
        Some(self.people.get(&uid)?.at(n)?.known?.generation)
    }

    fn ed_key(&self, uid: Uid, generation: u64) -> Option<[u8; 32]> {
        Some(self.keys(uid, generation)?.ed_pub)
    }

    fn keys_changed(&self, uid: Uid, after: u64, n: u64) -> bool {
        self.people.get(&uid).is_some_and(|person| person.changed(after, n))
    }
}
