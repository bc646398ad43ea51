//! Hands the publications of rooms to the shards and to every further sink.
//!
//! Each of them has one ordered, bounded queue. A room waits for space in it, so a consumer that falls behind slows
//! the rooms and misses nothing.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::delivery::Delivery;
use super::publication::{ConnRef, Payload, Publication};

/// The queue of one shard.
#[derive(Clone)]
pub struct ShardQueue {
    tx: mpsc::Sender<Delivery>,
    wake: Arc<dyn Fn() + Send + Sync>,
}

/// A consumer of everything that is committed, in the order of each room's `seq`. It gets what the shards get,
/// once for all of them, and nothing that is not durable.
pub type Sink = mpsc::Sender<Arc<Publication>>;

/// The shard is gone: the server is stopping.
#[derive(Debug, thiserror::Error)]
#[error("the delivery plane is gone")]
pub struct ShardGone;

impl ShardQueue {
    /// `wake` makes the shard read its queue; it must be cheap when the shard is awake.
    pub fn new(tx: mpsc::Sender<Delivery>, wake: Arc<dyn Fn() + Send + Sync>) -> Self {
        Self { tx, wake }
    }

    /// Waits for space in the queue, so that a shard that falls behind slows the room.
    pub async fn send(&self, delivery: Delivery) -> Result<(), ShardGone> {
        self.tx.send(delivery).await.map_err(|_| ShardGone)?;
        (self.wake)();
        Ok(())
    }
}

/// The way out of the rooms. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    /// In their order: a [`ConnRef`] names its own.
    shards: Arc<[ShardQueue]>,
    sinks: Arc<[Sink]>,
}

impl Publisher {
    /// To these shards, in their order.
    pub fn new(shards: Vec<ShardQueue>) -> Self {
        Self { shards: shards.into(), sinks: Arc::default() }
    }

    /// The same with one sink more, which gets each publication after the shards.
    #[must_use]
    pub fn with_sink(self, sink: Sink) -> Self {
        let sinks = self.sinks.iter().cloned().chain([sink]).collect();
        Self { sinks, ..self }
    }

    /// How many deliveries wait in the queue of each shard.
    pub fn waiting(&self) -> impl Iterator<Item = usize> + '_ {
        self.shards.iter().map(|shard| shard.tx.max_capacity() - shard.tx.capacity())
    }

    /// Sends a delivery to every shard.
    ///
    /// # Errors
    /// [`ShardGone`].
    pub async fn broadcast(&self, delivery: Delivery) -> Result<(), ShardGone> {
        for shard in self.shards.iter() {
            shard.send(delivery.clone()).await?;
        }
        Ok(())
    }

    /// Sends a delivery to the shard that owns `conn`.
    ///
    /// # Errors
    /// [`ShardGone`].
    pub async fn send_to(&self, conn: ConnRef, delivery: Delivery) -> Result<(), ShardGone> {
        match self.shards.get(usize::from(conn.shard)) {
            Some(shard) => shard.send(delivery).await,
            None => Err(ShardGone),
        }
    }

    /// Publishes what a room has committed: to every shard together with the answers to its own connections,
    /// then to every sink.
    ///
    /// # Errors
    /// [`ShardGone`]. A sink that has ended is passed over.
    pub async fn publish_committed(
        &self,
        publication: Arc<Publication>,
        answers: Vec<(ConnRef, Payload)>,
    ) -> Result<(), ShardGone> {
        let mut by_shard = vec![Vec::new(); self.shards.len()];
        for (conn, answer) in answers {
            if let Some(own) = by_shard.get_mut(usize::from(conn.shard)) {
                own.push((conn, answer));
            }
        }
        for (shard, answers) in self.shards.iter().zip(by_shard) {
            shard.send(Delivery::Committed(publication.clone(), answers)).await?;
        }
        for sink in self.sinks.iter() {
            let _ = sink.send(publication.clone()).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::RoomId;

    fn shard() -> (ShardQueue, mpsc::Receiver<Delivery>) {
        let (tx, queue) = mpsc::channel(8);
        (ShardQueue::new(tx, Arc::new(|| ())), queue)
    }

    fn publication(room: i64) -> Arc<Publication> {
        let (events, activity) = (vec![Payload::from_static(b"{}").into()], None);
        Arc::new(Publication { room: RoomId(room), events, activity, more_follows: false })
    }

    #[tokio::test]
    async fn each_shard_gets_the_publication_with_the_answers_to_its_own_connections() {
        let ((one, mut first), (two, mut second)) = (shard(), shard());
        let publisher = Publisher::new(vec![one, two]);
        let conn = ConnRef { shard: 1, slot: 7, generation: 1 };
        let answers = vec![(conn, Payload::from_static(b"ok"))];
        publisher.publish_committed(publication(1), answers).await.unwrap();
        let Some(Delivery::Committed(_, of_first)) = first.recv().await else { panic!() };
        let Some(Delivery::Committed(_, of_second)) = second.recv().await else { panic!() };
        assert!(of_first.is_empty());
        assert_eq!(of_second[0].0, conn);
        assert_eq!(publisher.waiting().collect::<Vec<_>>(), [0, 0]);
    }

    #[tokio::test]
    async fn sinks_get_what_is_committed_in_order_and_nothing_else_and_one_that_has_ended_stops_nobody()
     {
        let (queue, mut shard) = shard();
        let (ended, _) = mpsc::channel(1);
        let (sink, mut committed) = mpsc::channel(8);
        let publisher = Publisher::new(vec![queue]).with_sink(ended).with_sink(sink);
        for room in 1..=3 {
            publisher.publish_committed(publication(room), Vec::new()).await.unwrap();
            publisher.broadcast(Delivery::Publish(publication(9))).await.unwrap();
        }
        drop(publisher);
        let mut rooms = Vec::new();
        while let Some(publication) = committed.recv().await {
            rooms.push(publication.room.0);
        }
        assert_eq!(rooms, [1, 2, 3]);
        let mut deliveries = 0;
        while shard.recv().await.is_some() {
            deliveries += 1;
        }
        assert_eq!(deliveries, 6);
    }
}
