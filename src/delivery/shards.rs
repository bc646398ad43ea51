//! All shards together: how they start, get their connections, and stop.

use std::sync::{Arc, Mutex, mpsc as std_mpsc};
use std::thread::JoinHandle;

use tokio::sync::mpsc;

use super::adoption::Adoption;
use super::counters::Counters;
use super::shard::{self, Settings, Shard};
use super::shared::ShardShared;
use crate::base::limits::delivery as limits;
use crate::base::lock::MutexExt as _;
use crate::rooms::Rooms;
use crate::rooms::delivery::Delivery;
use crate::rooms::publisher::{Publisher, ShardQueue};

/// Shards whose queues exist and whose threads have not started: rooms need the queues, and the threads
/// need the rooms.
pub struct PreparedShards {
    shards: Vec<PreparedShard>,
}

struct PreparedShard {
    poll: mio::Poll,
    shared: Arc<ShardShared>,
    deliveries: mpsc::Receiver<Delivery>,
}

/// Makes the queues of `count` shards.
///
/// # Errors
/// The kernel refused an epoll.
pub fn prepare(count: usize) -> std::io::Result<(Publisher, PreparedShards)> {
    let mut links = Vec::new();
    let mut shards = Vec::new();
    for _ in 0..count.max(1) {
        let poll = mio::Poll::new()?;
        let shared = Arc::new(ShardShared::new(mio::Waker::new(poll.registry(), shard::WAKE)?));
        let (tx, deliveries) = mpsc::channel(limits::QUEUE);
        let to_wake = shared.clone();
        links.push(ShardQueue::new(tx, Arc::new(move || to_wake.wake())));
        shards.push(PreparedShard { poll, shared, deliveries });
    }
    Ok((Publisher::new(links), PreparedShards { shards }))
}

impl PreparedShards {
    /// Starts the threads.
    ///
    /// # Errors
    /// The kernel refused a thread.
    pub fn start(self, rooms: Rooms, settings: Settings) -> std::io::Result<Shards> {
        let counters = Arc::new(Counters::default());
        let mut links = Vec::new();
        let mut threads = Vec::new();
        for (number, prepared) in self.shards.into_iter().enumerate() {
            let PreparedShard { poll, shared, deliveries } = prepared;
            let (tx, adoptions) = std_mpsc::sync_channel(limits::ADOPTIONS);
            links.push((shared.clone(), tx));
            let parts = shard::Parts {
                number,
                poll,
                shared,
                deliveries,
                adoptions,
                rooms: rooms.clone(),
                settings,
                counters: counters.clone(),
            };
            let (name, shard) = (format!("shard-{number}"), Shard::new(parts));
            threads.push(std::thread::Builder::new().name(name).spawn(move || shard.run())?);
        }
        let inner = Inner { links, threads: Mutex::new(threads), counters };
        Ok(Shards { inner: Arc::new(inner) })
    }
}

type AdoptionSender = std_mpsc::SyncSender<Adoption>;

struct Inner {
    links: Vec<(Arc<ShardShared>, AdoptionSender)>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    counters: Arc<Counters>,
}

/// How much a shard has to do.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections it owns.
    pub connections: usize,
    /// Subscriptions over them, as of the last second.
    pub subscriptions: usize,
    /// Deliveries it has taken out of its queue and not worked on.
    pub staged: usize,
}

/// The running shards. Cheap to clone.
#[derive(Clone)]
pub struct Shards {
    inner: Arc<Inner>,
}

impl Shards {
    /// Gives a socket to the shard with the fewest connections, without waiting. False: the queue to that
    /// shard is full and the socket is closed; its client will connect again.
    pub fn adopt(&self, adoption: Adoption) -> bool {
        let connections = |(shared, _): &&(Arc<ShardShared>, _)| shared.connections();
        let Some((shared, tx)) = self.inner.links.iter().min_by_key(connections) else {
            return false;
        };
        shared.begin_adoption();
        match tx.try_send(adoption) {
            Ok(()) => {
                shared.wake();
                true
            }
            Err(_) => {
                shared.cancel_adoption();
                self.inner.counters.not_adopted.inc();
                tracing::warn!("a shard has too many connections waiting; one is dropped");
                false
            }
        }
    }

    /// Open connections, and those a shard is about to adopt.
    pub fn connections(&self) -> usize {
        self.inner.links.iter().map(|(shared, _)| shared.connections()).sum()
    }

    /// How much each shard has to do, in their order.
    pub fn loads(&self) -> Vec<Load> {
        let load = |(shared, _): &(Arc<ShardShared>, _)| Load {
            connections: shared.connections(),
            subscriptions: shared.subscriptions(),
            staged: shared.staged(),
        };
        self.inner.links.iter().map(load).collect()
    }

    /// The counters of all shards together.
    pub fn counters(&self) -> &Counters {
        &self.inner.counters
    }

    /// Sends `bye restart` to all clients, closes with 1001 and ends the threads. Blocks, at most
    /// somewhat longer than [`limits::STOP`].
    pub fn stop(&self) {
        for (shared, _) in &self.inner.links {
            shared.stop();
        }
        let mut threads = self.inner.threads.lock_unpoisoned();
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a shard had panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;
    use std::net::{TcpListener, TcpStream};

    use bytes::Bytes;

    use crate::base::established::Established;
    use crate::delivery::adoption::ConnectionKind;
    use crate::ws::Limits;

    #[test]
    fn a_connection_that_finds_the_queue_to_its_shard_full_is_closed_and_does_not_hang() {
        let poll = mio::Poll::new().unwrap();
        let waker = mio::Waker::new(poll.registry(), shard::WAKE).unwrap();
        let shared = Arc::new(ShardShared::new(waker));
        // No shard takes anything out of this queue.
        let (tx, waiting) = std_mpsc::sync_channel(2);
        let (threads, counters) = (Mutex::new(Vec::new()), Arc::new(Counters::default()));
        let inner = Inner { links: vec![(shared, tx)], threads, counters };
        let shards = Shards { inner: Arc::new(inner) };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connect = || {
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let stream = listener.accept().unwrap().0;
            let kind = ConnectionKind::Echo(Limits { message: 1, fragments: 1 });
            let stream = Established::Plain(stream);
            let adoption = Adoption { stream, head: Vec::new(), input: Bytes::new(), kind };
            (near, shards.adopt(adoption))
        };
        let fitting = [connect(), connect()];
        let (mut beyond, is_adopted) = connect();
        assert!(fitting.iter().all(|(_, is_adopted)| *is_adopted) && !is_adopted);
        assert_eq!(beyond.read(&mut [0; 1]).unwrap(), 0, "closed");
        assert_eq!((shards.connections(), shards.counters().not_adopted.get()), (2, 1));
        assert_eq!(waiting.try_iter().count(), 2, "the others still wait to be adopted");
    }
}
