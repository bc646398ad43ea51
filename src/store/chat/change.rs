//! The changes that the journal makes durable, and what becomes of them.

use crate::base::encryption::LogHead;
use crate::base::ids::{FileId, Mid, RoomId, Uid};
use crate::protocol::encryption::PostedWrap;
use crate::protocol::room::Role;

/// One change to be made durable.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The room.
    pub room: RoomId,
    /// What changes there.
    pub change: Change,
}

/// A change of one room.
#[derive(Debug, Clone)]
pub enum Change {
    /// A message with an unused `mid`.
    New {
        /// Its id.
        mid: Mid,
        /// Its author.
        author: Uid,
        /// Its content, as JSON.
        body: String,
        /// The files in it: complete ones of its author that are in no message yet, or nothing is added.
        files: Vec<FileId>,
    },
    /// New content of an existing message.
    Edit {
        /// Its id.
        mid: Mid,
        /// The revision to reach; the row must be at `rev - 1`.
        rev: u32,
        /// The new content, as JSON.
        body: String,
        /// Digest of the content it replaces, unless that cannot be read.
        replaced: Option<[u8; 32]>,
        /// The files that stay in it; the others are erased.
        files: Vec<FileId>,
    },
    /// Erases a message, everything it ever contained, its files, and the reactions to it.
    Delete {
        /// Its id.
        mid: Mid,
        /// The revision to reach.
        rev: u32,
        /// The envelope that says so, in an encrypted room, as JSON.
        body: Option<String>,
    },
    /// A reaction; the target moves to the same `seq`.
    React {
        /// The reaction's id, unused before.
        mid: Mid,
        /// Its author.
        author: Uid,
        /// The message reacted to.
        target: Mid,
        /// `{"e":…}` or, in an encrypted room, an envelope; as JSON.
        body: String,
    },
    /// Withdraws a reaction; the target moves to the same `seq`.
    Unreact {
        /// The reaction's id.
        mid: Mid,
        /// The message reacted to.
        target: Mid,
        /// The envelope that says so, in an encrypted room, as JSON.
        body: Option<String>,
    },
    /// Entries for the log of an encrypted room, with all that follows from them.
    Log(Box<LogChange>),
    /// Moves a read position forward, never back. Takes no `seq`.
    Read {
        /// Whose.
        uid: Uid,
        /// Read up to here.
        seq: u64,
    },
}

/// Entries for the log of an encrypted room: a batch. They are appended to exactly one head, or not at all.
#[derive(Debug, Clone)]
pub struct LogChange {
    /// The head they follow.
    pub after: LogHead,
    /// The head they make.
    pub head: LogHead,
    /// The number of the key after them.
    pub epoch: u64,
    /// The entries, in order.
    pub entries: Vec<LoggedEntry>,
    /// Who becomes a member by them, or is one otherwise than before.
    pub members: Vec<LoggedMember>,
    /// Who is no member any more.
    pub left: Vec<Uid>,
    /// Keys of the room for its members.
    pub wraps: Vec<PostedWrap>,
    /// Who sends the batch.
    pub poster: Uid,
    /// What is kept of the keys of each member, if there is a new one.
    pub kept: Vec<KeptWraps>,
}

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoggedEntry {
    /// Its bytes.
    pub entry: Vec<u8>,
    /// The signature over them.
    pub signature: [u8; 64],
    /// Its hash.
    pub hash: [u8; 32],
}

/// A member as the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoggedMember {
    /// The user.
    pub uid: Uid,
    /// The role.
    pub role: Role,
    /// The identity that was let in.
    pub root: [u8; 32],
    /// The entry by which the member is in.
    pub since_seq: u64,
    /// The position of the directory that it cites.
    pub since_dn: u64,
}

/// What is kept of the keys that a room's server holds for a member (`e2ee.md` 7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptWraps {
    /// The member.
    pub uid: Uid,
    /// The key under which the member was last seen to write; 0 for never.
    pub sent_epoch: u64,
    /// Those of older keys than this go; of the others, the newest stay.
    pub from_epoch: u64,
    /// The generation of the member's keys: what has been encrypted for it is not kept for earlier ones.
    pub generation: u64,
}

/// What became of an [`Entry`] in a committed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk, as change number `seq` of its room (0 for a read position).
    Done {
        /// The `seq` it took.
        seq: u64,
    },
    /// Nothing changed: the `mid` is in use, the `rev` or the log has moved on, or the room is gone.
    Refused,
}
