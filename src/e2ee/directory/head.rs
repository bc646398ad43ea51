//! The chain's bytes: rows, node hashes and the signed head (`e2ee.md` 5.1, 13.2).

use super::entry::{Instance, Tag};
use crate::base::ids::Uid;
use crate::e2ee::pack::{
    Hash, MAX_NUMBER, Malformed, UidText, array, hash, number, pack, parse_number, uid_number,
};
use crate::e2ee::signature::{SigningKey, verify};

/// H_0: the hash of an empty directory.
pub fn first_hash(instance: &Instance) -> Hash {
    hash("dir-root", &[instance])
}

/// H_n, from the hash before it.
pub fn node(previous: &Hash, n: u64, row: &Row) -> Hash {
    let mut uid = UidText::default();
    hash("dir-node", &[previous, &number(n), uid.of(row.uid), &row.tag, &row.leaf])
}

/// The form in which positions travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Whose entry.
    pub uid: Uid,
    /// The name in it.
    pub tag: Tag,
    /// Its hash.
    pub leaf: Hash,
}

impl Row {
    /// Bytes of a row.
    pub const LENGTH: usize = 56;

    /// `u64(uid) || tag || leaf`
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let parts = number(uid_number(self.uid)).into_iter().chain(self.tag).chain(self.leaf);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Reads a row.
    ///
    /// # Errors
    /// Another length, or a user id that is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let bytes: [u8; Self::LENGTH] = array(bytes)?;
        let (uid, rest) = bytes.split_at(8);
        let (tag, leaf) = rest.split_at(16);
        let uid = i64::try_from(parse_number(uid)?).map_err(|_| Malformed)?;
        if uid == 0 {
            return Err(Malformed);
        }
        Ok(Self { uid: Uid(uid), tag: array(tag)?, leaf: array(leaf)? })
    }

    /// Reads rows that follow each other.
    ///
    /// # Errors
    /// The bytes are not rows and nothing else.
    pub fn parse_all(bytes: &[u8]) -> Result<Vec<Self>, Malformed> {
        let (rows, []) = bytes.as_chunks::<{ Self::LENGTH }>() else { return Err(Malformed) };
        rows.iter().map(|row| Self::parse(row)).collect()
    }
}

/// What the server signs: how far the directory goes and with which hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedHead {
    /// The newest position.
    pub n: u64,
    /// Its hash.
    pub h: Hash,
    /// When it was signed, in milliseconds.
    pub t: u64,
    /// By the key of the installation.
    pub sig: [u8; 64],
}

impl SignedHead {
    /// Bytes of a head.
    pub const LENGTH: usize = 112;

    /// Signs a head with the key of the installation.
    pub fn sign(key: &SigningKey, instance: &Instance, n: u64, h: Hash, t: u64) -> Self {
        Self { n, h, t, sig: key.sign(&head_message(instance, n, &h, t)) }
    }

    /// Whether the installation with this key has signed it.
    pub fn is_by(&self, public: &[u8; 32], instance: &Instance) -> bool {
        let message = head_message(instance, self.n, &self.h, self.t);
        self.n <= MAX_NUMBER && self.t <= MAX_NUMBER && verify(public, &message, &self.sig).is_ok()
    }

    /// `u64(n) || h || u64(t) || sig`
    pub fn to_bytes(&self) -> [u8; Self::LENGTH] {
        let mut bytes = [0; Self::LENGTH];
        let parts = number(self.n).into_iter().chain(self.h).chain(number(self.t)).chain(self.sig);
        bytes.iter_mut().zip(parts).for_each(|(to, from)| *to = from);
        bytes
    }

    /// Reads a head; whether it is signed is another question.
    ///
    /// # Errors
    /// Another length, or a number that is too large.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let bytes: [u8; Self::LENGTH] = array(bytes)?;
        let (n, rest) = bytes.split_at(8);
        let (h, rest) = rest.split_at(32);
        let (t, sig) = rest.split_at(8);
        Ok(Self { n: parse_number(n)?, h: array(h)?, t: parse_number(t)?, sig: array(sig)? })
    }
}

/// What a head's signature is made of.
pub fn head_message(instance: &Instance, n: u64, h: &Hash, t: u64) -> Vec<u8> {
    pack("dir-head", &[instance, &number(n), h, &number(t)])
}
