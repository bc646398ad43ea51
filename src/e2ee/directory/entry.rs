//! The bytes of an entry of the directory (`e2ee.md` 5.1).

use serde::{Deserialize, Serialize};

use crate::base::ids::Uid;
use crate::base::{base64url, names};
use crate::e2ee::pack::{
    Hash, Malformed, UidText, array, hash, number, optional_array, pack, parse_number, parse_uid,
    unpack,
};

/// This installation.
pub type Instance = [u8; 16];

/// A user name in the directory.
pub type Tag = [u8; 16];

/// The tag of a user name.
pub fn tag(instance: &Instance, username: &str) -> Tag {
    let hash = hash("dir-name", &[instance, names::key(username).as_bytes()]);
    let mut tag = [0; 16];
    tag.iter_mut().zip(hash).for_each(|(to, from)| *to = from);
    tag
}

/// What an entry does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EntryType {
    /// The first keys of a person.
    Create,
    /// New keys, vouched for by the old ones.
    Rotate,
    /// Another name.
    Rename,
    /// New keys that nothing vouches for.
    Reset,
}

impl EntryType {
    /// The word in the bytes.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Rotate => "rotate",
            Self::Rename => "rename",
            Self::Reset => "reset",
        }
    }

    fn parse(word: &[u8]) -> Result<Self, Malformed> {
        let all = [Self::Create, Self::Rotate, Self::Rename, Self::Reset];
        all.into_iter().find(|kind| kind.as_str().as_bytes() == word).ok_or(Malformed)
    }

    /// Whether a person begins anew with it: its leaf is then their root.
    pub fn makes_root(self) -> bool {
        matches!(self, Self::Create | Self::Reset)
    }
}

/// DE: what is signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Whose.
    pub uid: Uid,
    /// The person's name.
    pub tag: Tag,
    /// What it does.
    pub kind: EntryType,
    /// Counts the person's keys from 1.
    pub generation: u64,
    /// The signing key.
    pub ed_pub: [u8; 32],
    /// The key that others encrypt to.
    pub x_pub: [u8; 32],
    /// The person's latest leaf before it, none in a `create`.
    pub prev_leaf: Option<Hash>,
    /// The person's clock, in milliseconds.
    pub time_ms: u64,
}

impl Entry {
    /// Reads an entry of this installation.
    ///
    /// # Errors
    /// The bytes are no such entry.
    pub fn parse(instance: &Instance, bytes: &[u8]) -> Result<Self, Malformed> {
        let [found, uid, tag, kind, generation, ed_pub, x_pub, prev_leaf, time] =
            unpack("dir-entry", bytes)?;
        if found != instance {
            return Err(Malformed);
        }
        Ok(Self {
            uid: parse_uid(uid)?,
            tag: array(tag)?,
            kind: EntryType::parse(kind)?,
            generation: parse_number(generation)?,
            ed_pub: array(ed_pub)?,
            x_pub: array(x_pub)?,
            prev_leaf: optional_array(prev_leaf)?,
            time_ms: parse_number(time)?,
        })
    }

    /// The bytes that are signed.
    pub fn to_bytes(&self, instance: &Instance) -> Vec<u8> {
        let mut uid = UidText::default();
        let fields: [&[u8]; 9] = [
            instance,
            uid.of(self.uid),
            &self.tag,
            self.kind.as_str().as_bytes(),
            &number(self.generation),
            &self.ed_pub,
            &self.x_pub,
            self.prev_leaf.as_ref().map_or(&[], |leaf| leaf),
            &number(self.time_ms),
        ];
        pack("dir-entry", &fields)
    }
}

/// An entry as it travels and is stored: `{"e":…,"sn":…,"so":…}`, without `so` where there is none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedEntry {
    /// DE.
    #[serde(rename = "e", with = "base64url::bytes")]
    pub entry: Vec<u8>,
    /// By the key of this entry.
    #[serde(rename = "sn", with = "base64url::array")]
    pub sig_new: [u8; 64],
    /// By the key of the generation before, in a `rotate`.
    #[serde(rename = "so", default, with = "old", skip_serializing_if = "Option::is_none")]
    pub sig_old: Option<[u8; 64]>,
}

impl SignedEntry {
    /// The hash that stands in the chain.
    pub fn leaf(&self) -> Hash {
        let sig_old: &[u8] = self.sig_old.as_ref().map_or(&[], |signature| signature);
        hash("dir-leaf", &[&self.entry, &self.sig_new, sig_old])
    }
}

/// A signature that may be missing; an empty text is none, too.
mod old {
    use std::borrow::Cow;

    use serde::{Deserialize as _, Deserializer, Serializer, de};

    use crate::base::base64url;

    pub fn serialize<S: Serializer>(
        signature: &Option<[u8; 64]>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let text = signature.map(|signature| base64url::encode(&signature));
        serializer.serialize_str(&text.unwrap_or_default())
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<[u8; 64]>, D::Error> {
        let text = <Cow<'de, str>>::deserialize(deserializer)?;
        if text.is_empty() {
            return Ok(None);
        }
        let signature = base64url::decode_array(&text);
        signature.map(Some).ok_or_else(|| de::Error::custom("must be 64 bytes as base64url"))
    }
}
