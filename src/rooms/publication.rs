//! Publications of a room, and the connections that are answered.

use bytes::Bytes;

use crate::base::ids::{Mid, RoomId};

/// A connection as its shard knows it. Opaque to everybody else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ConnRef {
    /// The shard that owns it.
    pub shard: u16,
    /// Its slot there.
    pub slot: u32,
    /// Distinguishes it from others that have had the same slot.
    pub generation: u32,
}

/// A text frame's payload: complete JSON, without the WebSocket header.
pub type Payload = Bytes;

/// One event of a room, encoded once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LiveEvent {
    /// As those get it who have everything before it.
    pub payload: Payload,
    /// As everybody else gets it, if that is something else: the whole state of the message that has changed.
    pub whole: Option<Payload>,
    /// Who gets it.
    pub audience: Audience,
}

/// Who gets an event of a room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Those who follow the room.
    Followers,
    /// These, and its members on connections that do not follow it.
    Members,
}

impl From<Payload> for LiveEvent {
    /// The same for everybody.
    fn from(payload: Payload) -> Self {
        Self { payload, whole: None, audience: Audience::Followers }
    }
}

/// One or more events of one room, encoded once.
#[derive(Debug)]
pub struct Publication {
    /// The room.
    pub room: RoomId,
    /// Encoded events, in `seq` order.
    pub events: Vec<LiveEvent>,
    /// What changed, for members who do not follow the room; present if the events are durable.
    pub activity: Option<Activity>,
    /// Whether more waits in the inbox of the room and will probably follow within a commit.
    pub more_follows: bool,
}

/// A durable event that somebody has missed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedEvent {
    /// The message it is about. None for what never changes.
    pub mid: Option<Mid>,
    /// The event.
    pub payload: Payload,
}

/// What changed, for members who do not follow the room. The shard coalesces it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Activity {
    /// How many messages are new (not edits, deletions or reactions).
    pub new: u32,
    /// Whether members who follow the room cannot tell from the events how many messages are unread.
    pub recounts: bool,
}
