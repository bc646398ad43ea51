//! The border between the rooms and the delivery plane.
//!
//! A room speaks to every shard through a [`ShardLink`]: one ordered, bounded queue per shard.
//! Order is the whole contract: what a room puts in first, a shard does first. So a
//! [`Delivery::Subscribed`] put between the publications of `seq` 41 and 42 makes a subscription
//! that starts with exactly 42.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::replays::{Replay, Slice};
use crate::base::ids::{Mid, RoomId, SessionId, Uid};

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

/// The way to one shard.
#[derive(Clone)]
pub struct ShardLink {
    tx: mpsc::Sender<Delivery>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

/// The shard is gone: the server is stopping.
#[derive(Debug, thiserror::Error)]
#[error("the delivery plane is gone")]
pub struct ShardGone;

impl ShardLink {
    /// `wake` makes the shard look at its queue; it must be cheap when the shard is awake.
    pub fn new(tx: mpsc::Sender<Delivery>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { tx, wake }
    }

    /// Waits for a place in the shard's queue, so that a shard that falls behind slows the room.
    pub async fn send(&self, delivery: Delivery) -> Result<(), ShardGone> {
        self.tx.send(delivery).await.map_err(|_| ShardGone)?;
        (self.wake)();
        Ok(())
    }
}

/// All shards. A [`ConnRef`] names its own.
#[derive(Clone)]
pub struct Outlet {
    links: Arc<[ShardLink]>,
}

impl Outlet {
    /// From the links, in shard order.
    pub fn new(links: Vec<ShardLink>) -> Self {
        Self { links: links.into() }
    }

    /// What waits in the queue of each shard.
    pub fn waiting(&self) -> impl Iterator<Item = usize> + '_ {
        self.links.iter().map(|link| link.tx.max_capacity() - link.tx.capacity())
    }

    /// To every shard.
    pub async fn broadcast(&self, delivery: Delivery) -> Result<(), ShardGone> {
        for link in self.links.iter() {
            link.send(delivery.clone()).await?;
        }
        Ok(())
    }

    /// A publication to every shard, and the answers to the shards that own their connections.
    pub async fn commit(
        &self,
        publication: &Arc<Publication>,
        answers: Vec<(ConnRef, Payload)>,
    ) -> Result<(), ShardGone> {
        let mut by_shard = vec![Vec::new(); self.links.len()];
        for (conn, answer) in answers {
            if let Some(own) = by_shard.get_mut(usize::from(conn.shard)) {
                own.push((conn, answer));
            }
        }
        for (link, answers) in self.links.iter().zip(by_shard) {
            link.send(Delivery::Committed(publication.clone(), answers)).await?;
        }
        Ok(())
    }

    /// To the shard that owns `conn`.
    pub async fn to(&self, conn: ConnRef, delivery: Delivery) -> Result<(), ShardGone> {
        match self.links.get(usize::from(conn.shard)) {
            Some(link) => link.send(delivery).await,
            None => Err(ShardGone),
        }
    }
}
