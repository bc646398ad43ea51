//! One person's positions in the directory, and the rules that hold from one to the next (`e2ee.md` 5.1).

use super::entry::{Entry, EntryType, Tag};
use super::rule::Rule;
use crate::base::ids::Uid;
use crate::e2ee::pack::Hash;
use crate::e2ee::signature::{check_ed_public, check_x_public};

/// A position of this person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which one.
    pub n: u64,
    /// The name in it.
    pub tag: Tag,
    /// Its hash.
    pub leaf: Hash,
    /// What the entry says; nothing while it is missing after a restore.
    pub known: Option<Known>,
}

/// What an entry says about keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// What it does.
    pub kind: EntryType,
    /// Which keys these are.
    pub generation: u64,
    /// The signing key.
    pub ed_pub: [u8; 32],
    /// The key that others encrypt to.
    pub x_pub: [u8; 32],
    /// The identity that the person has with it; nothing if an entry before it is missing.
    pub root: Option<Hash>,
}

/// All positions of a person, in order.
#[derive(Debug, Clone, Default)]
pub struct Person {
    steps: Vec<Step>,
}

impl Person {
    /// Its positions.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Appends a position.
    pub fn push(&mut self, n: u64, tag: Tag, leaf: Hash, entry: Option<&Entry>) {
        // Nearly everybody has one position or two; a vector would take room for four.
        self.steps.reserve_exact(1);
        self.steps.push(Step { n, tag, leaf, known: entry.map(known) });
        self.find_roots();
    }

    /// Adds the entry that was missing at a position.
    pub fn fill(&mut self, n: u64, entry: &Entry) {
        if let Some(step) = self.steps.iter_mut().find(|step| step.n == n) {
            step.known = Some(known(entry));
        }
        self.find_roots();
    }

    fn find_roots(&mut self) {
        let mut root = None;
        for Step { leaf, known, .. } in &mut self.steps {
            root = match known {
                Some(known) if known.kind.makes_root() => Some(*leaf),
                Some(_) => root,
                None => None,
            };
            if let Some(known) = known {
                known.root = root;
            }
        }
    }

    /// The newest position up to `n`.
    pub fn at(&self, n: u64) -> Option<&Step> {
        let after = self.steps.partition_point(|step| step.n <= n);
        after.checked_sub(1).and_then(|last| self.steps.get(last))
    }

    /// The keys of a generation.
    pub fn keys(&self, generation: u64) -> Option<&Known> {
        let mut known = self.steps.iter().rev().filter_map(|step| step.known.as_ref());
        known.find(|known| known.generation == generation)
    }

    /// Whether there is a `rotate` or `reset` at a position p with `after` < p ≤ `n`.
    pub fn changed(&self, after: u64, n: u64) -> bool {
        let newer = self.steps.iter().rev().take_while(|step| step.n > after);
        newer
            .filter(|step| step.n <= n)
            .filter_map(|step| step.known)
            .any(|known| matches!(known.kind, EntryType::Rotate | EntryType::Reset))
    }

    /// Whether an entry may follow: all rules of 5.1 that need nobody else.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn check(&self, entry: &Entry) -> Result<(), Rule> {
        let Some(latest) = self.steps.last() else { return check_first(entry) };
        if entry.kind == EntryType::Create {
            return Err(Rule::Type);
        }
        // While the latest entry is missing, nobody can say what may follow.
        let known = latest.known.ok_or(Rule::Prev)?;
        if entry.prev_leaf != Some(latest.leaf) {
            return Err(Rule::Prev);
        }
        let is_rename = entry.kind == EntryType::Rename;
        if entry.generation != known.generation + u64::from(!is_rename) {
            return Err(Rule::Generation);
        }
        check_keys(entry)?;
        let keys_fit = if is_rename {
            (entry.ed_pub, entry.x_pub) == (known.ed_pub, known.x_pub)
        } else {
            self.keys_are_new(entry)
        };
        if !keys_fit {
            return Err(Rule::Key);
        }
        if is_rename == (entry.tag == latest.tag) { Err(Rule::Tag) } else { Ok(()) }
    }

    fn keys_are_new(&self, entry: &Entry) -> bool {
        let mut known = self.steps.iter().filter_map(|step| step.known.as_ref());
        known.all(|known| known.ed_pub != entry.ed_pub && known.x_pub != entry.x_pub)
    }
}

fn known(entry: &Entry) -> Known {
    let Entry { kind, generation, ed_pub, x_pub, .. } = *entry;
    Known { kind, generation, ed_pub, x_pub, root: None }
}

fn check_first(entry: &Entry) -> Result<(), Rule> {
    if entry.kind != EntryType::Create {
        return Err(Rule::Type);
    }
    if entry.prev_leaf.is_some() {
        return Err(Rule::Prev);
    }
    if entry.generation != 1 {
        return Err(Rule::Generation);
    }
    check_keys(entry)
}

fn check_keys(entry: &Entry) -> Result<(), Rule> {
    check_ed_public(&entry.ed_pub).map_err(|_| Rule::Key)?;
    check_x_public(&entry.x_pub).map_err(|_| Rule::Key)
}

/// Whose steps these are, for maps.
pub type People = std::collections::HashMap<Uid, Person>;
