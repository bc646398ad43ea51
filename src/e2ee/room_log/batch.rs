//! Batches of entries: all or nothing (`e2ee.md` 6.1).

use super::apply::{Applied, apply};
use super::entry::SignedEntry;
use super::rule::{Refusal, Rule};
use super::state::State;
use crate::base::encryption::EncryptionDetail;
use crate::base::error::Error;
use crate::e2ee::directory::DirectoryView;

/// A valid batch.
#[derive(Debug, Clone)]
pub struct Batch {
    /// The room after it.
    pub state: State,
    /// Its entries.
    pub applied: Vec<Applied>,
}

/// The first entry of a batch that is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchRefusal {
    /// Which one.
    pub index: usize,
    /// Why.
    pub refusal: Refusal,
}

impl BatchRefusal {
    /// That an entry breaks a rule.
    pub fn rule(index: usize, rule: Rule) -> Self {
        Self { index, refusal: Refusal::Rule(rule) }
    }

    /// The error for the client.
    pub fn into_error(self) -> Error {
        let index = self.index;
        Error::with_detail(match self.refusal {
            Refusal::Rule(rule) => EncryptionDetail::BadEntry { index, rule: rule.as_str() },
            Refusal::Signature => EncryptionDetail::BadSignature { index: Some(index) },
        })
    }
}

impl Batch {
    /// A batch that follows this state, without entries yet.
    pub fn after(state: &State) -> Self {
        Self { state: state.clone(), applied: Vec::new() }
    }

    /// Appends an entry.
    ///
    /// # Errors
    /// It is refused; the batch is as before.
    pub fn push(
        &mut self,
        signed: &SignedEntry,
        dir: &impl DirectoryView,
    ) -> Result<(), BatchRefusal> {
        let index = self.applied.len();
        let applied = apply(&mut self.state, signed, dir);
        self.applied.push(applied.map_err(|refusal| BatchRefusal { index, refusal })?);
        Ok(())
    }
}

/// Whether all entries of a batch may be applied, one after the other. The given state stays as it is.
///
/// # Errors
/// The first entry that is refused.
pub fn check(
    state: &State,
    entries: &[SignedEntry],
    dir: &impl DirectoryView,
) -> Result<Batch, BatchRefusal> {
    let mut batch = Batch::after(state);
    for signed in entries {
        batch.push(signed, dir)?;
    }
    Ok(batch)
}
