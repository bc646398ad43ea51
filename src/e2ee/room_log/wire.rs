//! The binary form in which a log is fetched (`e2ee.md` 13.2): for each entry
//! `u64(batch) || u64(at) || lp(E) || sig`.

use super::entry::SignedEntry;
use crate::e2ee::pack::{Malformed, array, number, parse_number, push_field, split_field};

/// An entry with its place among the room's messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The room's `seq` of its batch.
    pub batch: u64,
    /// When the batch came, in milliseconds.
    pub at: u64,
    /// The entry.
    pub signed: SignedEntry,
}

impl Record {
    /// Appends the record to an answer.
    pub fn write(&self, out: &mut Vec<u8>) {
        write(out, self.batch, self.at, &self.signed.entry, &self.signed.sig);
    }

    /// Reads records that follow each other.
    ///
    /// # Errors
    /// The bytes are not records and nothing else.
    pub fn parse_all(mut bytes: &[u8]) -> Result<Vec<Self>, Malformed> {
        let mut records = Vec::new();
        while !bytes.is_empty() {
            let (head, rest) = bytes.split_at_checked(16).ok_or(Malformed)?;
            let (batch, at) = head.split_at(8);
            let (entry, rest) = split_field(rest)?;
            let (sig, rest) = rest.split_at_checked(64).ok_or(Malformed)?;
            let signed = SignedEntry { entry: entry.to_vec(), sig: array(sig)? };
            records.push(Self { batch: parse_number(batch)?, at: parse_number(at)?, signed });
            bytes = rest;
        }
        Ok(records)
    }
}

/// Appends a record that is not put together first.
pub fn write(out: &mut Vec<u8>, batch: u64, at: u64, entry: &[u8], sig: &[u8; 64]) {
    out.extend_from_slice(&number(batch));
    out.extend_from_slice(&number(at));
    push_field(out, entry);
    out.extend_from_slice(sig);
}
