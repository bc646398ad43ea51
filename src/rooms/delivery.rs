//! Commands to a shard.
//!
//! Every shard has one ordered, bounded queue of these ([`publisher`](super::publisher)). Order is the
//! whole contract: what a room puts in first, a shard does first. So a [`Delivery::Subscribed`] put between
//! the publications of `seq` 41 and 42 makes a subscription that starts with exactly 42.

use std::sync::Arc;
use std::time::Instant;

use super::publication::{ConnRef, MissedEvent, Payload, Publication};
use super::replay::{Replay, Slice};
use crate::base::ids::{Mid, RoomId, SessionId, Uid};

/// A command to a shard.
#[derive(Debug, Clone)]
pub enum Delivery {
    /// Frames for every subscription of a room, in order; the same for all shards.
    Publish(Arc<Publication>),
    /// Frames for every subscription of a room, and the answers to those of their authors that are connected to
    /// this shard. In one piece, so that an author gets the message and its `ok` by one write.
    Committed(Arc<Publication>, Vec<(ConnRef, Payload)>),
    /// An answer (or several) to one connection.
    Reply(ConnRef, Payload),
    /// The subscription starts here in the order of publications, but nothing is sent to it before
    /// [`Delivery::Resume`] or [`Delivery::Replayed`] arrives and is written.
    Subscribed(ConnRef, RoomId),
    /// What was missed, then the `ok`; from here on the subscription is live.
    Replayed(ConnRef, RoomId, Vec<Payload>),
    /// What was missed, to be read slice by slice; or all of it, if the replay buffer of the room still has it.
    Resume(ConnRef, Box<Replay>, Option<Vec<MissedEvent>>),
    /// A slice that was requested.
    Slice(ConnRef, Arc<Slice>),
    /// These messages change by the next publication of the room: their former contents are sent to nobody any
    /// more.
    Changed(RoomId, Arc<[Mid]>),
    /// The room refuses a subscription before it begins: this is the answer.
    NotSubscribed(ConnRef, Payload),
    /// The connection has unsubscribed.
    Unsubscribed(ConnRef, RoomId, Payload),
    /// To every connection of a user.
    ToUser(Uid, Payload),
    /// To every connection of a user's browsers, except those of this session: news of the account itself, which
    /// tokens and tails are not told.
    ToBrowsers(Uid, Option<SessionId>, Payload),
    /// To every connection of a member: the room as they see it. The shard reads the room when it sends this, as it
    /// does for everything that has unread counts, so that no counts follow newer ones.
    View(Uid, RoomId),
    /// To every connection of a member: how far they have read, and what is unread.
    ReadState(Uid, RoomId),
    /// From now on the user's connections get `activity` of this room.
    Joined(Uid, RoomId),
    /// Drops the user's subscriptions of this room and its `activity`, at once.
    Left(Uid, RoomId),
    /// Everybody's subscriptions of this room end (it was removed).
    RoomClosed(RoomId),
    /// Closes connections with `bye` and 1008 whose session was checked no later than this. The bound is needed
    /// because a connection may arrive before the revocation of those before it, and one of a later sign-in must not
    /// be closed by it.
    Revoke(ConnectionsOf, Instant),
}

/// Whose connections are closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionsOf {
    /// All of a user's.
    User(Uid),
    /// Those of one login.
    Session(SessionId),
}
