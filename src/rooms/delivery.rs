//! What the rooms ask of a shard.
//!
//! Every shard has one ordered, bounded queue of these ([`publisher`](super::publisher)). Order is the
//! whole contract: what a room puts in first, a shard does first. So a [`Delivery::Subscribed`] put between
//! the publications of `seq` 41 and 42 makes a subscription that starts with exactly 42.

use std::sync::Arc;
use std::time::Instant;

use super::publication::{ConnRef, Payload, Publication};
use super::replay::{Replay, Slice};
use crate::base::ids::{Mid, RoomId, SessionId, Uid};

/// What a room or the presence service asks of a shard.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// Frames for every subscription of a room, in order; the same for all shards.
    Publish(Arc<Publication>),
    /// Frames for every subscription of a room, and what this shard's authors of them are told. In one
    /// piece, so that an author gets his message and its `ok` by one write.
    Committed(Arc<Publication>, Vec<(ConnRef, Payload)>),
    /// An answer (or several) to one connection.
    Reply(ConnRef, Payload),
    /// The subscription starts here in the order of publications, but stays silent until
    /// [`Delivery::Resume`] or [`Delivery::Replayed`] arrives and is written.
    Subscribed(ConnRef, RoomId),
    /// What was missed, then the `ok`; from here on the subscription is live.
    Replayed(ConnRef, RoomId, Vec<Payload>),
    /// What was missed, to be read slice by slice; or all of it, if the room still has it in memory.
    Resume(ConnRef, Box<Replay>, Option<Vec<(Mid, Payload)>>),
    /// A slice that was asked for.
    Slice(ConnRef, Arc<Slice>),
    /// These messages change by the next publication of the room: what they said before is sent to nobody
    /// any more.
    Changed(RoomId, Arc<[Mid]>),
    /// The replay failed: drop the silent subscription, say this instead.
    SubscribeFailed(ConnRef, RoomId, Payload),
    /// The room refuses a subscription before it begins: say this.
    NotSubscribed(ConnRef, Payload),
    /// The connection asked to stop following.
    Unsubscribed(ConnRef, RoomId, Payload),
    /// To every connection of a user (read positions, rooms joined elsewhere).
    ToUser(Uid, Payload),
    /// From now on the user's connections hear `activity` of this room.
    Joined(Uid, RoomId),
    /// Drops the user's subscriptions of this room and its `activity`, at once.
    Left(Uid, RoomId),
    /// Everybody's subscriptions of this room end (it was removed).
    RoomClosed(RoomId),
    /// `bye` with this code and close 1008: everything of a user, or of one session, that was looked up
    /// no later than this. A connection may be quicker than what is said about those before it, and who
    /// was let in again must not be turned away for the time before.
    Revoke(Target, Instant),
}

/// Whose connections end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// All of a user's.
    User(Uid),
    /// Those of one login.
    Session(SessionId),
}
