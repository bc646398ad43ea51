//! What an entry of a room's log says: the bodies of `e2ee.md` 6.1.

use crate::base::ids::Uid;
use crate::base::limits::encryption::{KEY_LINKS, PROFILE};
use crate::e2ee::pack::{
    Hash, Malformed, UidText, array, number, pack, parse_number, parse_uid, push_field,
    split_field, unpack,
};

/// An invitation link.
pub type Lid = [u8; 8];

/// A word of a list, as it stands in the bytes.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $word:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name { $($(#[$item])* $variant,)* }

        impl $name {
            /// The word in the bytes.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)* }
            }

            fn parse(word: &[u8]) -> Result<Self, Malformed> {
                $(if word == $word.as_bytes() { return Ok(Self::$variant); })*
                Err(Malformed)
            }
        }
    };
}

words! {
    /// What kind of room it is.
    Kind {
        /// A room with roles.
        Closed = "closed",
        /// A direct chat, in which all are equal.
        Dm = "dm",
    }
}

words! {
    /// What a member may do, from little to much.
    Role {
        /// Reads and writes.
        Member = "member",
        /// Also brings people in and removes them.
        Admin = "admin",
        /// Also gives roles.
        Owner = "owner",
    }
}

words! {
    /// Why somebody goes.
    RemoveReason {
        /// By their own wish.
        Left = "left",
        /// By somebody above them.
        Removed = "removed",
        /// The same, and they cannot come back.
        Banned = "banned",
    }
}

words! {
    /// Why there is a new key; for display only.
    EpochReason {
        /// Somebody went.
        Member = "member",
        /// Somebody's keys changed.
        Keys = "keys",
        /// Somebody's account is shut.
        Shut = "shut",
        /// The key could not be had.
        Repair = "repair",
        /// Somebody asked for it.
        Manual = "manual",
    }
}

/// The key of an earlier epoch, encrypted under that of this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyLink {
    /// The earlier epoch.
    pub epoch: u64,
    /// The nonce.
    pub nonce: [u8; 12],
    /// The encrypted key.
    pub sealed: [u8; 48],
}

impl KeyLink {
    /// Bytes of a link.
    const LENGTH: usize = 68;

    fn to_bytes(self) -> impl Iterator<Item = u8> {
        number(self.epoch).into_iter().chain(self.nonce).chain(self.sealed)
    }

    fn parse(bytes: &[u8; Self::LENGTH]) -> Result<Self, Malformed> {
        let (epoch, rest) = bytes.split_at(8);
        let (nonce, sealed) = rest.split_at(12);
        Ok(Self { epoch: parse_number(epoch)?, nonce: array(nonce)?, sealed: array(sealed)? })
    }
}

/// What an entry does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// The room begins.
    Create {
        /// Makes the room unlike any other.
        nonce: [u8; 16],
        /// The creator's identity.
        root: Hash,
        /// What kind of room.
        kind: Kind,
        /// The number of the last founding entry.
        first: u64,
        /// The commitment to the first key.
        kc: Hash,
    },
    /// Somebody is brought in, or let back in with new keys.
    Add {
        /// Who.
        uid: Uid,
        /// Their identity.
        root: Hash,
        /// As what.
        role: Role,
    },
    /// Somebody goes.
    Remove {
        /// Who.
        uid: Uid,
        /// Why.
        reason: RemoveReason,
    },
    /// Somebody may come back.
    Unban {
        /// Who.
        uid: Uid,
    },
    /// Somebody gets another role.
    Role {
        /// Who.
        uid: Uid,
        /// Which one.
        role: Role,
    },
    /// A new key.
    Epoch {
        /// Its number.
        n: u64,
        /// The commitment to it.
        kc: Hash,
        /// Earlier keys under it, newest first.
        links: Vec<KeyLink>,
        /// Members who do not get it, by number.
        skip: Vec<Uid>,
        /// Why.
        reason: EpochReason,
    },
    /// An invitation link is made.
    Link {
        /// Which one.
        lid: Lid,
        /// The key that joiners sign with.
        ed_pub: [u8; 32],
        /// When it ends, in milliseconds.
        expires_ms: u64,
        /// For how many.
        max_uses: u64,
    },
    /// An invitation link ends.
    Unlink {
        /// Which one.
        lid: Lid,
    },
    /// The actor comes in by a link.
    Join {
        /// Which one.
        lid: Lid,
        /// The actor's identity.
        root: Hash,
        /// By the key of the link.
        link_sig: [u8; 64],
    },
    /// Name and topic, encrypted.
    Profile {
        /// Under which key.
        epoch: u64,
        /// The box.
        sealed: Vec<u8>,
    },
}

impl Body {
    /// The word of the entry's type.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Create { .. } => "create",
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Unban { .. } => "unban",
            Self::Role { .. } => "role",
            Self::Epoch { .. } => "epoch",
            Self::Link { .. } => "link",
            Self::Unlink { .. } => "unlink",
            Self::Join { .. } => "join",
            Self::Profile { .. } => "profile",
        }
    }

    /// Reads the body of an entry of this type.
    ///
    /// # Errors
    /// No such type, or other bytes than it has.
    pub fn parse(word: &[u8], bytes: &[u8]) -> Result<Self, Malformed> {
        match word {
            b"create" => parse_create(bytes),
            b"add" => {
                let [uid, root, role] = unpack("b/add", bytes)?;
                Ok(Self::Add { uid: parse_uid(uid)?, root: array(root)?, role: Role::parse(role)? })
            }
            b"remove" => {
                let [uid, reason] = unpack("b/remove", bytes)?;
                Ok(Self::Remove { uid: parse_uid(uid)?, reason: RemoveReason::parse(reason)? })
            }
            b"unban" => {
                let [uid] = unpack("b/unban", bytes)?;
                Ok(Self::Unban { uid: parse_uid(uid)? })
            }
            b"role" => {
                let [uid, role] = unpack("b/role", bytes)?;
                Ok(Self::Role { uid: parse_uid(uid)?, role: Role::parse(role)? })
            }
            b"epoch" => parse_epoch(bytes),
            b"link" => {
                let [lid, ed_pub, expires, uses] = unpack("b/link", bytes)?;
                let (expires_ms, max_uses) = (parse_number(expires)?, parse_number(uses)?);
                Ok(Self::Link { lid: array(lid)?, ed_pub: array(ed_pub)?, expires_ms, max_uses })
            }
            b"unlink" => {
                let [lid] = unpack("b/unlink", bytes)?;
                Ok(Self::Unlink { lid: array(lid)? })
            }
            b"join" => {
                let [lid, root, link_sig] = unpack("b/join", bytes)?;
                let (lid, root, link_sig) = (array(lid)?, array(root)?, array(link_sig)?);
                Ok(Self::Join { lid, root, link_sig })
            }
            b"profile" => parse_profile(bytes),
            _ => Err(Malformed),
        }
    }

    /// The bytes of the body.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = UidText::default();
        let packed = |fields: &[&[u8]]| pack(&format!("b/{}", self.word()), fields);
        match self {
            Self::Create { nonce, root, kind, first, kc } => {
                let (kind, first, epoch) = (kind.as_str().as_bytes(), number(*first), number(1));
                packed(&[nonce, root, kind, b"all", &first, &epoch, kc])
            }
            Self::Add { uid, root, role } => {
                packed(&[text.of(*uid), root, role.as_str().as_bytes()])
            }
            Self::Remove { uid, reason } => packed(&[text.of(*uid), reason.as_str().as_bytes()]),
            Self::Unban { uid } => packed(&[text.of(*uid)]),
            Self::Role { uid, role } => packed(&[text.of(*uid), role.as_str().as_bytes()]),
            Self::Epoch { n, kc, links, skip, reason } => {
                let links: Vec<u8> = links.iter().flat_map(|link| link.to_bytes()).collect();
                let mut skipped = Vec::new();
                skip.iter().for_each(|uid| push_field(&mut skipped, text.of(*uid)));
                packed(&[&number(*n), kc, &links, &skipped, reason.as_str().as_bytes()])
            }
            Self::Link { lid, ed_pub, expires_ms, max_uses } => {
                packed(&[lid, ed_pub, &number(*expires_ms), &number(*max_uses)])
            }
            Self::Unlink { lid } => packed(&[lid]),
            Self::Join { lid, root, link_sig } => packed(&[lid, root, link_sig]),
            Self::Profile { epoch, sealed } => packed(&[&number(*epoch), sealed]),
        }
    }
}

fn parse_create(bytes: &[u8]) -> Result<Body, Malformed> {
    let [nonce, root, kind, all, first, epoch, kc] = unpack("b/create", bytes)?;
    if all != b"all" || parse_number(epoch)? != 1 {
        return Err(Malformed);
    }
    let (nonce, root, kind) = (array(nonce)?, array(root)?, Kind::parse(kind)?);
    Ok(Body::Create { nonce, root, kind, first: parse_number(first)?, kc: array(kc)? })
}

fn parse_epoch(bytes: &[u8]) -> Result<Body, Malformed> {
    let [n, kc, links, skip, reason] = unpack("b/epoch", bytes)?;
    let n = parse_number(n)?;
    Ok(Body::Epoch {
        n,
        kc: array(kc)?,
        links: parse_links(n, links)?,
        skip: parse_skip(skip)?,
        reason: EpochReason::parse(reason)?,
    })
}

/// One to eight, each to an earlier epoch than the one before it.
fn parse_links(n: u64, bytes: &[u8]) -> Result<Vec<KeyLink>, Malformed> {
    let (links, []) = bytes.as_chunks::<{ KeyLink::LENGTH }>() else { return Err(Malformed) };
    if links.is_empty() || links.len() > KEY_LINKS {
        return Err(Malformed);
    }
    let links: Vec<KeyLink> = links.iter().map(KeyLink::parse).collect::<Result<_, _>>()?;
    let mut above = n;
    for link in &links {
        if link.epoch == 0 || link.epoch >= above {
            return Err(Malformed);
        }
        above = link.epoch;
    }
    Ok(links)
}

/// User ids, as numbers strictly rising.
fn parse_skip(mut bytes: &[u8]) -> Result<Vec<Uid>, Malformed> {
    let mut skip = Vec::new();
    while !bytes.is_empty() {
        let (uid, rest) = split_field(bytes)?;
        let uid = parse_uid(uid)?;
        if skip.last().is_some_and(|last| uid <= *last) {
            return Err(Malformed);
        }
        skip.push(uid);
        bytes = rest;
    }
    Ok(skip)
}

fn parse_profile(bytes: &[u8]) -> Result<Body, Malformed> {
    let [epoch, sealed] = unpack("b/profile", bytes)?;
    if !PROFILE.contains(&sealed.len()) {
        return Err(Malformed);
    }
    Ok(Body::Profile { epoch: parse_number(epoch)?, sealed: sealed.to_vec() })
}
