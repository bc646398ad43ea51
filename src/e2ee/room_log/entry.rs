//! An entry of a room's log (`e2ee.md` 6.1).

use serde::{Deserialize, Serialize};

use super::body::Body;
use crate::base::base64url;
use crate::base::ids::Uid;
use crate::e2ee::pack::{
    Hash, Malformed, UidText, array, hash, number, optional_array, pack, parse_number, parse_uid,
    unpack,
};

/// E: what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The room; none in its first entry, whose hash it is.
    pub rid: Option<Hash>,
    /// Counts the entries of the room from 0.
    pub seq: u64,
    /// The hash of the entry before it.
    pub prev_hash: Option<Hash>,
    /// Who does it.
    pub actor: Uid,
    /// By which of the actor's keys.
    pub actor_generation: u64,
    /// The actor's clock, in milliseconds.
    pub time_ms: u64,
    /// The newest position of the directory that the actor has verified.
    pub dn: u64,
    /// Its hash.
    pub dh: Hash,
    /// What it does.
    pub body: Body,
}

impl Entry {
    /// Reads an entry.
    ///
    /// # Errors
    /// The bytes are none.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let [rid, seq, prev_hash, word, actor, generation, time, dn, dh, body] =
            unpack("log", bytes)?;
        Ok(Self {
            rid: optional_array(rid)?,
            seq: parse_number(seq)?,
            prev_hash: optional_array(prev_hash)?,
            actor: parse_uid(actor)?,
            actor_generation: parse_number(generation)?,
            time_ms: parse_number(time)?,
            dn: parse_number(dn)?,
            dh: array(dh)?,
            body: Body::parse(word, body)?,
        })
    }

    /// The bytes that are signed.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut actor = UidText::default();
        let fields: [&[u8]; 10] = [
            self.rid.as_ref().map_or(&[], |rid| rid),
            &number(self.seq),
            self.prev_hash.as_ref().map_or(&[], |hash| hash),
            self.body.word().as_bytes(),
            actor.of(self.actor),
            &number(self.actor_generation),
            &number(self.time_ms),
            &number(self.dn),
            &self.dh,
            &self.body.to_bytes(),
        ];
        pack("log", &fields)
    }
}

/// An entry as it travels and is stored: `{"e":…,"s":…}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedEntry {
    /// E.
    #[serde(rename = "e", with = "base64url::bytes")]
    pub entry: Vec<u8>,
    /// By the actor's key.
    #[serde(rename = "s", with = "base64url::array")]
    pub sig: [u8; 64],
}

impl SignedEntry {
    /// The hash that the next entry names.
    pub fn hash(&self) -> Hash {
        hash("log-hash", &[&self.entry, &self.sig])
    }
}
