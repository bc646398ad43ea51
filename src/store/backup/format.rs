//! The format of a backup file, byte by byte. No I/O.

use std::collections::BTreeMap;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::base::limits::backup as limits;

/// The first bytes of every backup.
pub(super) const MAGIC: &[u8] = b"IMPULSE BACKUP ";
/// What follows in this format.
pub(super) const VERSION: &[u8] = b"2\n";
/// The format before there were files of people in a backup.
pub(super) const BEFORE_FILES: &[u8] = b"1\n";
/// Kind and length.
pub(super) const HEAD: usize = 5;
/// A SHA-256.
pub(super) const HASH: usize = 32;

/// What a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Kind {
    Header = b'H',
    Rows = b'R',
    File = b'F',
    Sent = b'S',
    End = b'E',
}

impl Kind {
    pub fn of(byte: u8) -> Option<Self> {
        [Self::Header, Self::Rows, Self::File, Self::Sent, Self::End]
            .into_iter()
            .find(|kind| *kind as u8 == byte)
    }
}

/// The beginning of a section.
pub(super) fn head(kind: Kind, length: u32) -> [u8; HEAD] {
    let [a, b, c, d] = length.to_be_bytes();
    [kind as u8, a, b, c, d]
}

/// The hash at the end of a section.
pub(super) fn chained(before: &[u8; HASH], head: &[u8; HEAD], payload: &[u8]) -> [u8; HASH] {
    let mut hash = Sha256::new();
    hash.update(before);
    hash.update(head);
    hash.update(payload);
    hash.finalize().into()
}

/// What a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// When its first snapshot was taken, in milliseconds.
    pub made_at: i64,
    /// The version of the program that made it.
    pub version: String,
    /// The epoch of the rooms then, as text.
    pub epoch: String,
    /// Whether both stores are of one moment; otherwise the accounts are of a later one.
    pub is_one_snapshot: bool,
    /// The schemas.
    pub stores: Vec<StoreHeader>,
    /// The tables, in the order of their rows.
    pub tables: Vec<TableHeader>,
}

/// A schema as it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoreHeader {
    /// Its name.
    pub name: String,
    /// The SHA-256 of each migration, by number from 1 on, in hexadecimal.
    pub migrations: Vec<String>,
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableHeader {
    /// Its schema.
    pub store: String,
    /// Its name.
    pub name: String,
    /// Its columns, in the order of the rows' fields.
    pub columns: Vec<String>,
}

/// The last section: what must have been read by then.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Rows of each table, in the order of the header.
    pub rows: Vec<u64>,
    /// The last number given in each numbered table, as `schema.table`.
    pub numbers: BTreeMap<String, i64>,
    /// The sums of the checks.
    pub checks: Vec<Sum>,
    /// How many files that people have sent.
    #[serde(default)]
    pub sent: u64,
    /// How many of them were erased while the backup was made, or are missing on the disk.
    #[serde(default)]
    pub sent_missing: u64,
    /// How many of the missing ones were not erased: the disk has lost them.
    #[serde(default)]
    pub sent_lost: u64,
}

/// What a check has found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// Which check.
    pub name: String,
    /// Its rows.
    pub rows: u64,
    /// The SHA-256 of these, in hexadecimal.
    pub sha256: String,
}

/// An identifier of the database that needs no quotes.
pub(super) fn is_plain(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 63
        && bytes.next().is_some_and(|byte| byte.is_ascii_lowercase() || byte == b'_')
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The path of a file in the data directory: a folder and a name, nothing that leads elsewhere.
pub(super) fn is_path(path: &str) -> bool {
    let parts: Vec<_> = path.split('/').collect();
    let plain = |part: &&str| {
        !part.is_empty()
            && part.len() <= 255
            && !part.starts_with('.')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-@+".contains(&byte))
    };
    matches!(parts.as_slice(), ["tls", rest @ ..] if (1..=3).contains(&rest.len()))
        && parts.iter().all(plain)
}

pub(super) fn compress(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = DeflateEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// At most a chunk, whatever the bytes say.
pub(super) fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let most = limits::CHUNK as u64 + 1;
    DeflateDecoder::new(bytes).take(most).read_to_end(&mut plain).ok()?;
    (plain.len() <= limits::CHUNK).then_some(plain)
}

/// Rows in a piece of `COPY` text: a line break within a value is written as `\n`.
pub(super) fn count_rows(copied: &[u8]) -> u64 {
    memchr::memchr_iter(b'\n', copied).count() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_from_a_file_reach_the_database_and_the_disk_only_if_they_are_plain() {
        for right in ["rooms", "auth_slots", "_a1"] {
            assert!(is_plain(right), "{right}");
        }
        for wrong in ["", "Rooms", "a b", "a\"b", "1a", "a;b", "ä", &"a".repeat(64)] {
            assert!(!is_plain(wrong), "{wrong}");
        }
        for right in ["tls/ca.key", "tls/acme/chat.example.org.pem"] {
            assert!(is_path(right), "{right}");
        }
        for wrong in [
            "tls",
            "tls/",
            "/tls/a",
            "tls/../a",
            "tls/.a",
            "lock",
            "tls/a/b/c/d",
            "tls/a b",
            "tls//a",
        ] {
            assert!(!is_path(wrong), "{wrong}");
        }
    }

    #[test]
    fn a_chunk_comes_back_and_no_more_than_a_chunk_is_unpacked() {
        let chunk = vec![b'a'; limits::CHUNK];
        assert_eq!(decompress(&compress(&chunk).unwrap()), Some(chunk));
        let bomb = compress(&vec![0; limits::CHUNK + 1]).unwrap();
        assert_eq!(decompress(&bomb), None);
        assert_eq!(decompress(b"no deflate"), None);
    }
}
