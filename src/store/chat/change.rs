//! The changes that the journal makes durable, and what becomes of them.

use crate::base::ids::{Mid, RoomId, Uid};

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
    },
    /// Erases a message, everything it ever contained, and the reactions to it.
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
    /// Moves a read position forward, never back. Takes no `seq`.
    Read {
        /// Whose.
        uid: Uid,
        /// Read up to here.
        seq: u64,
    },
}

/// What became of an [`Entry`] in a committed batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is on disk, as change number `seq` of its room (0 for a read position).
    Done {
        /// The `seq` it took.
        seq: u64,
    },
    /// Nothing changed: the `mid` is in use, the `rev` has moved on, or the room is gone.
    Refused,
}
