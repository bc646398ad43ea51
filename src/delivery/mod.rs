//! The delivery plane: threads that own sockets.
//!
//! A shard is one thread with one epoll (`mio`): no task, no lock and no read buffer per
//! connection. It reads into one scratch buffer, parses frames, posts commands to the rooms, and
//! writes what rooms publish. PostgreSQL, HTTP and Argon2 never run here. Everything it is told
//! comes in one ordered queue ([`crate::rooms::publisher`]); everything it asks goes into the inbox of
//! a room, and when that is full the connection is not read until there is room: pressure reaches
//! TCP. Cost per delivery: a share of one vectored write. Cost of an idle connection: about half a
//! kilobyte here, and what the kernel keeps.

mod commands;
mod connection;
mod deliver;
mod endings;
pub mod frame_log;
mod held;
mod input;
mod outbox;
mod relief;
mod replays;
mod room;
mod shard;
mod stats;
mod sweep;

pub use stats::Stats;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc as std_mpsc};
use std::thread::JoinHandle;
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use crate::base::allowance::Allowance;
use crate::base::ids::{RoomId, SessionId, Uid};
use crate::base::limits::delivery as limits;
use crate::base::lock::MutexExt as _;
use crate::protocol::presence::Status;
use crate::rooms::Rooms;
use crate::rooms::delivery::Delivery;
use crate::rooms::publication::Payload;
use crate::rooms::publisher::{Publisher, ShardQueue};
use crate::ws::Limits;
use shard::Shard;

/// A socket on its way to a shard.
pub struct Adoption {
    /// The socket, non-blocking and in a hurry (`TCP_NODELAY`).
    pub stream: std::net::TcpStream,
    /// The head of the 101, not yet written.
    pub head: Vec<u8>,
    /// What was read beyond the request.
    pub input: Bytes,
    /// What the connection is for.
    pub role: Role,
}

/// What a connection is for.
pub enum Role {
    /// Chat, for a user whose session was checked.
    Chat {
        /// Who.
        uid: Uid,
        /// By which login.
        session: SessionId,
        /// When that was looked up.
        asked_at: Instant,
        /// Whether that is an admin of the server.
        admin: bool,
        /// What its commands may do.
        rights: Rights,
        /// What the user chose to be seen as.
        status: Status,
        /// The first frame.
        hello: Payload,
        /// The user's rooms.
        rooms: Vec<RoomId>,
        /// How many of them the first frame names.
        told: usize,
        /// What the user may take over all connections.
        allowance: Arc<Allowance>,
    },
    /// Sends back what it gets, for conformance suites.
    Echo(Limits),
}

/// What the commands of a chat connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// Follow rooms.
    Read,
    /// Everything.
    Write,
}

/// How the shards behave.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Multiplies the command rates; 0 lifts them.
    pub rate_limit_scale: f64,
    /// How many seconds of silence, stalling and the like one second counts for: 1 unless a test
    /// is in a hurry.
    pub haste: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self { rate_limit_scale: 1.0, haste: 1 }
    }
}

/// The state a shard shares with those who talk to it.
struct Door {
    waker: mio::Waker,
    is_awake: AtomicBool,
    is_stopping: AtomicBool,
    connections: AtomicUsize,
    /// Given to the shard and not yet among its connections.
    adopting: AtomicUsize,
    /// Deliveries out of the queue that are not worked on yet.
    taken: AtomicUsize,
    subscriptions: AtomicUsize,
}

impl Door {
    fn new(waker: mio::Waker) -> Self {
        Self {
            waker,
            is_awake: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            adopting: AtomicUsize::new(0),
            taken: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
        }
    }

    /// Makes the shard look at its queues; free while it is awake.
    fn wake(&self) {
        if !self.is_awake.swap(true, Ordering::SeqCst) {
            // Fails only when the epoll is gone, and then nobody listens any more.
            let _ = self.waker.wake();
        }
    }

    /// Connections that are there and those that will be in a moment: in a storm they are many.
    fn held(&self) -> usize {
        self.connections.load(Ordering::Relaxed) + self.adopting.load(Ordering::Relaxed)
    }

    /// One of them has come; it is not missed for a moment in between.
    fn has_adopted(&self, connections: usize) {
        self.connections.store(connections, Ordering::Relaxed);
        self.adopting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Shards with open doors whose threads have not started: rooms need the publisher, shards the rooms.
pub struct Seeds {
    seeds: Vec<Seed>,
}

struct Seed {
    poll: mio::Poll,
    door: Arc<Door>,
    queue: mpsc::Receiver<Delivery>,
}

/// Makes the queues of `count` shards.
///
/// # Errors
/// The kernel refused an epoll.
pub fn prepare(count: usize) -> std::io::Result<(Publisher, Seeds)> {
    let mut links = Vec::new();
    let mut seeds = Vec::new();
    for _ in 0..count.max(1) {
        let poll = mio::Poll::new()?;
        let door = Arc::new(Door::new(mio::Waker::new(poll.registry(), shard::WAKE)?));
        let (tx, queue) = mpsc::channel(limits::QUEUE);
        let to_wake = door.clone();
        links.push(ShardQueue::new(tx, Arc::new(move || to_wake.wake())));
        seeds.push(Seed { poll, door, queue });
    }
    Ok((Publisher::new(links), Seeds { seeds }))
}

impl Seeds {
    /// Starts the threads.
    ///
    /// # Errors
    /// The kernel refused a thread.
    pub fn start(self, rooms: Rooms, settings: Settings) -> std::io::Result<Shards> {
        let stats = Arc::new(Stats::default());
        let mut doors = Vec::new();
        let mut threads = Vec::new();
        for (number, seed) in self.seeds.into_iter().enumerate() {
            let (tx, adoptions) = std_mpsc::sync_channel(limits::ADOPTIONS);
            let shard = Shard::new(number, seed, adoptions, rooms.clone(), settings, stats.clone());
            doors.push((shard.door(), tx));
            let name = format!("shard-{number}");
            threads.push(std::thread::Builder::new().name(name).spawn(move || shard.run())?);
        }
        let inner = Inner { doors, threads: Mutex::new(threads), stats };
        Ok(Shards { inner: Arc::new(inner) })
    }
}

struct Inner {
    doors: Vec<(Arc<Door>, std_mpsc::SyncSender<Adoption>)>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    stats: Arc<Stats>,
}

/// What a shard has in hand.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Connections it owns.
    pub connections: usize,
    /// Rooms followed over them, as of the last second.
    pub subscriptions: usize,
    /// Deliveries it has taken out of its queue and not worked on.
    pub taken: usize,
}

/// The running shards. Cheap to clone.
#[derive(Clone)]
pub struct Shards {
    inner: Arc<Inner>,
}

impl Shards {
    /// Gives a socket to the shard with the fewest. Never waits; a shard too busy to take it
    /// drops it (false), and the client comes back.
    pub fn adopt(&self, adoption: Adoption) -> bool {
        let fewest = |(door, _): &&(Arc<Door>, _)| door.held();
        let Some((door, tx)) = self.inner.doors.iter().min_by_key(fewest) else { return false };
        door.adopting.fetch_add(1, Ordering::Relaxed);
        match tx.try_send(adoption) {
            Ok(()) => {
                door.wake();
                true
            }
            Err(_) => {
                door.adopting.fetch_sub(1, Ordering::Relaxed);
                self.inner.stats.not_adopted.inc();
                tracing::warn!("a shard has too many connections waiting; one is dropped");
                false
            }
        }
    }

    /// Open connections, and those a shard is about to take.
    pub fn connections(&self) -> usize {
        self.inner.doors.iter().map(|(door, _)| door.held()).sum()
    }

    /// What each shard has in hand, in their order.
    pub fn loads(&self) -> Vec<Load> {
        let load = |(door, _): &(Arc<Door>, _)| Load {
            connections: door.held(),
            subscriptions: door.subscriptions.load(Ordering::Relaxed),
            taken: door.taken.load(Ordering::Relaxed),
        };
        self.inner.doors.iter().map(load).collect()
    }

    /// What the shards count.
    pub fn stats(&self) -> &Stats {
        &self.inner.stats
    }

    /// Says `bye restart` to everybody, closes with 1001 and ends the threads. Blocks, at most
    /// somewhat longer than [`limits::STOP`].
    pub fn stop(&self) {
        for (door, _) in &self.inner.doors {
            door.is_stopping.store(true, Ordering::SeqCst);
            door.is_awake.store(false, Ordering::SeqCst);
            door.wake();
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

    #[test]
    fn who_finds_the_queue_to_a_shard_full_is_closed_and_does_not_hang() {
        let poll = mio::Poll::new().unwrap();
        let waker = mio::Waker::new(poll.registry(), shard::WAKE).unwrap();
        let door = Arc::new(Door::new(waker));
        // A shard that takes nobody out of its queue.
        let (tx, waiting) = std_mpsc::sync_channel(2);
        let (threads, stats) = (Mutex::new(Vec::new()), Arc::new(Stats::default()));
        let shards = Shards { inner: Arc::new(Inner { doors: vec![(door, tx)], threads, stats }) };
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let come = || {
            let near = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let stream = listener.accept().unwrap().0;
            let role = Role::Echo(Limits { message: 1, fragments: 1 });
            let adoption = Adoption { stream, head: Vec::new(), input: Bytes::new(), role };
            (near, shards.adopt(adoption))
        };
        let fits = [come(), come()];
        let (mut beyond, is_in) = come();
        assert!(fits.iter().all(|(_, is_in)| *is_in) && !is_in);
        assert_eq!(beyond.read(&mut [0; 1]).unwrap(), 0, "closed");
        assert_eq!((shards.connections(), shards.stats().not_adopted.get()), (2, 1));
        assert_eq!(waiting.try_iter().count(), 2, "who fitted is still waited for");
    }
}
