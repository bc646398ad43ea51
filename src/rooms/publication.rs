//! What a room publishes, and whom it answers.

use bytes::Bytes;

use crate::base::ids::{RoomId, Uid};

/// A connection as its shard knows it. Opaque to everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnRef {
    /// The shard that owns it.
    pub shard: u16,
    /// Its place there.
    pub slot: u32,
    /// Guards against a reused place.
    pub generation: u32,
}

/// A text frame's payload: complete JSON, without the WebSocket header.
pub type Payload = Bytes;

/// One or more events of one room, encoded once.
#[derive(Debug)]
pub struct Publication {
    /// The room.
    pub room: RoomId,
    /// Encoded events, in `seq` order.
    pub events: Vec<Payload>,
    /// Set when durable messages are among them: what members who do not follow the room hear.
    pub activity: Option<Activity>,
    /// More of this room is in its inbox and follows within a commit. A hint: it may be refused yet.
    pub more_follows: bool,
}

/// What changed, for members who do not follow the room. Coalesced by the shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activity {
    /// The room's newest `seq`.
    pub seq: u64,
    /// How many messages are new (not edits, deletions or reactions).
    pub new: u32,
    /// Users mentioned by them.
    pub mentions: Vec<Uid>,
}
