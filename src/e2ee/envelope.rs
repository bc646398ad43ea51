//! Envelopes: encrypted messages as the server takes them (`e2ee.md` 8.1 to 8.3). Whether one may be sent is decided
//! by the room; here are its form and what its signature covers.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::pack::{Hash, MAX_NUMBER, UidText, number, pack, uid_number};
use super::padding::bucket;
use super::signature::{Refused, verify};
use crate::base::base64url;
use crate::base::error::{Error, Result};
use crate::base::ids::{Mid, Uid};
use crate::base::limits::encryption::{BLOBS, CONTENT};

/// Bytes that AES-GCM adds.
const TAG: usize = 16;

/// What an envelope is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A message, or an edit of one.
    Msg,
    /// A deletion.
    Del,
    /// A reaction.
    React,
}

impl Kind {
    /// The word in JSON and in the bytes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Msg => "msg",
            Self::Del => "del",
            Self::React => "react",
        }
    }
}

/// An encrypted file.
pub type Bid = [u8; 16];

/// An encrypted message, its deletion, or a reaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Wire", into = "Wire")]
pub struct Envelope {
    /// The message.
    pub mid: Mid,
    /// Its revision.
    pub rev: u64,
    /// What it is.
    pub kind: Kind,
    /// The message that a reaction is to.
    pub reference: Option<Mid>,
    /// The key of the room.
    pub epoch: u64,
    /// The author.
    pub by: Uid,
    /// Which of the author's keys has signed.
    pub generation: u64,
    /// The author's clock, in milliseconds.
    pub ts: u64,
    /// The newest log entry that the author has verified.
    pub ls: u64,
    /// Its hash.
    pub lh: Hash,
    /// The newest position of the directory that the author has verified.
    pub dn: u64,
    /// Its hash.
    pub dh: Hash,
    /// The files of the message and their thumbnails.
    pub blobs: Vec<Bid>,
    /// Nonce and encrypted content; a deletion has none.
    pub content: Option<Content>,
    /// The author's signature.
    pub s: [u8; 64],
}

/// What only members can read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The nonce.
    pub n: [u8; 12],
    /// The encrypted bytes.
    pub c: Vec<u8>,
}

impl Envelope {
    /// Reads the JSON of 8.3. Fields that it does not know are refused, so nothing rides along in plain words.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn parse(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(refused)
    }

    /// The same of JSON that has been parsed.
    ///
    /// # Errors
    /// `bad_request`.
    pub fn from_json(json: &serde_json::Value) -> Result<Self> {
        Self::deserialize(json).map_err(refused)
    }

    /// A: what the content is bound to.
    pub fn aad(&self, rid: &Hash, kc: &Hash) -> Vec<u8> {
        let mut by = UidText::default();
        let fields: [&[u8]; 15] = [
            rid,
            &self.mid.0,
            &number(self.rev),
            self.kind.as_str().as_bytes(),
            self.reference.as_ref().map_or(&[], |mid| &mid.0),
            &number(self.epoch),
            kc,
            by.of(self.by),
            &number(self.generation),
            &number(self.ts),
            &number(self.ls),
            &self.lh,
            &number(self.dn),
            &self.dh,
            self.blobs.as_flattened(),
        ];
        pack("env", &fields)
    }

    /// What the author signs.
    pub fn signed_bytes(&self, rid: &Hash, kc: &Hash) -> Vec<u8> {
        let (n, c): (&[u8], &[u8]) = match &self.content {
            Some(content) => (&content.n, &content.c),
            None => (&[], &[]),
        };
        pack("env-sig", &[&self.aad(rid, kc), n, c])
    }

    /// Whether this key has signed it, in the room `rid` and under the key that `kc` commits to. It takes about 40 µs.
    ///
    /// # Errors
    /// It has not.
    pub fn verify(&self, rid: &Hash, kc: &Hash, ed_pub: &[u8; 32]) -> Result<(), Refused> {
        verify(ed_pub, &self.signed_bytes(rid, kc), &self.s)
    }

    /// What two sendings of the same envelope have in common: the hash of what is signed, and of the signature.
    pub fn digest(&self, rid: &Hash, kc: &Hash) -> Hash {
        Sha256::new()
            .chain_update(self.signed_bytes(rid, kc))
            .chain_update(self.s)
            .finalize()
            .into()
    }

    /// Why it is none, or nothing.
    fn fault(&self) -> Option<&'static str> {
        let numbers = [self.rev, self.epoch, self.generation, self.ts, self.ls, self.dn];
        if numbers.iter().any(|number| *number > MAX_NUMBER) {
            return Some("has a number above 2^53 - 1");
        }
        if uid_number(self.by) > MAX_NUMBER {
            return Some("has no author");
        }
        if self.epoch == 0 || self.generation == 0 {
            return Some("counts epochs and generations from 1");
        }
        if self.reference.is_some() != (self.kind == Kind::React) {
            return Some("has a ref exactly as a reaction");
        }
        if self.content.is_none() != (self.kind == Kind::Del) {
            return Some("has n and c, but as a deletion");
        }
        if self.kind == Kind::Del && self.rev == 0 {
            return Some("cannot delete what there is not");
        }
        if !self.blobs.is_empty() && self.kind != Kind::Msg {
            return Some("has blobs only as a message");
        }
        if self.blobs.len() > BLOBS {
            return Some("has too many blobs");
        }
        self.content.as_ref().and_then(Content::fault)
    }
}

impl Content {
    fn fault(&self) -> Option<&'static str> {
        let padded = self.c.len().checked_sub(TAG);
        if padded.is_none_or(|padded| padded == 0 || bucket(padded) != padded) {
            return Some("has a content of no padded length");
        }
        (self.c.len() > CONTENT).then_some("has a content that is too long")
    }
}

fn refused(cause: serde_json::Error) -> Error {
    Error::field("env", "is not an encrypted message of this version").because(cause)
}

/// The envelope in JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire {
    v: u64,
    mid: Mid,
    rev: u64,
    kind: Kind,
    #[serde(
        rename = "ref",
        default,
        deserialize_with = "present",
        skip_serializing_if = "Option::is_none"
    )]
    reference: Option<Mid>,
    epoch: u64,
    by: Uid,
    #[serde(rename = "gen")]
    generation: u64,
    ts: u64,
    ls: u64,
    #[serde(with = "base64url::array")]
    lh: Hash,
    dn: u64,
    #[serde(with = "base64url::array")]
    dh: Hash,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    blobs: Option<Vec<Blob>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    n: Option<Nonce>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    c: Option<Sealed>,
    #[serde(with = "base64url::array")]
    s: [u8; 64],
}

#[derive(Serialize, Deserialize)]
struct Blob(#[serde(with = "base64url::array")] Bid);

#[derive(Serialize, Deserialize)]
struct Nonce(#[serde(with = "base64url::array")] [u8; 12]);

#[derive(Serialize, Deserialize)]
struct Sealed(#[serde(with = "base64url::bytes")] Vec<u8>);

/// A field that is left out when there is nothing: `null` is not the same.
fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

impl TryFrom<Wire> for Envelope {
    type Error = Cow<'static, str>;

    fn try_from(wire: Wire) -> Result<Self, Self::Error> {
        if wire.v != 1 {
            return Err("another version".into());
        }
        let content = match (wire.n, wire.c) {
            (Some(Nonce(n)), Some(Sealed(c))) => Some(Content { n, c }),
            (None, None) => None,
            _ => return Err("n without c, or c without n".into()),
        };
        if wire.blobs.as_ref().is_some_and(Vec::is_empty) {
            return Err("an empty list of blobs".into());
        }
        let envelope = Self {
            mid: wire.mid,
            rev: wire.rev,
            kind: wire.kind,
            reference: wire.reference,
            epoch: wire.epoch,
            by: wire.by,
            generation: wire.generation,
            ts: wire.ts,
            ls: wire.ls,
            lh: wire.lh,
            dn: wire.dn,
            dh: wire.dh,
            blobs: wire.blobs.into_iter().flatten().map(|Blob(bid)| bid).collect(),
            content,
            s: wire.s,
        };
        match envelope.fault() {
            Some(fault) => Err(fault.into()),
            None => Ok(envelope),
        }
    }
}

impl From<Envelope> for Wire {
    fn from(envelope: Envelope) -> Self {
        let (n, c) = match envelope.content {
            Some(Content { n, c }) => (Some(Nonce(n)), Some(Sealed(c))),
            None => (None, None),
        };
        let blobs: Vec<Blob> = envelope.blobs.into_iter().map(Blob).collect();
        Self {
            v: 1,
            mid: envelope.mid,
            rev: envelope.rev,
            kind: envelope.kind,
            reference: envelope.reference,
            epoch: envelope.epoch,
            by: envelope.by,
            generation: envelope.generation,
            ts: envelope.ts,
            ls: envelope.ls,
            lh: envelope.lh,
            dn: envelope.dn,
            dh: envelope.dh,
            blobs: (!blobs.is_empty()).then_some(blobs),
            n,
            c,
            s: envelope.s,
        }
    }
}
