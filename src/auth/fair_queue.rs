//! A semaphore that is shared fairly between the networks that wait for it.
//!
//! Networks take turns, so a network with a thousand attempts makes another one wait for one of them and not for all.
//! Known clients have a ring of their own, and the two rings alternate.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use tokio::sync::oneshot;

use crate::base::counter::Counter;
use crate::base::error::{Code, Error, Result};
use crate::base::limits::auth::QUEUE_RETRY_MS;
use crate::base::lock::MutexExt as _;
use crate::base::net::sign_in_networks;

/// A client that waits, as far as its turn depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// The network, as wide as one subscriber can have it.
    pub network: IpAddr,
    /// Whether the client has signed in before, or is signed in.
    pub is_known: bool,
}

impl Client {
    /// A client of whom only the address is known.
    pub fn stranger(peer: IpAddr) -> Self {
        let [address, _, block] = sign_in_networks(peer);
        Self { network: if block.is_ipv6() { block } else { address }, is_known: false }
    }
}

/// How a queue is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QueueLoad {
    /// How many work now.
    pub working: usize,
    /// How many wait.
    pub waiting: usize,
    /// How many were refused since the start.
    pub refused: u64,
}

/// The bounds of one queue.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// How many work at once.
    pub at_once: usize,
    /// How many of one network wait.
    pub waiting_per_network: usize,
    /// How many wait in one ring.
    pub waiting: usize,
}

/// The queue. Permits keep it alive.
pub struct FairQueue {
    bounds: Bounds,
    inner: Mutex<Inner>,
    refused: Counter,
}

struct Inner {
    free: usize,
    known: Ring,
    strangers: Ring,
    /// Whose turn it is when both wait.
    known_next: bool,
}

#[derive(Default)]
struct Ring {
    waiting: usize,
    by_network: HashMap<IpAddr, VecDeque<oneshot::Sender<Permit>>>,
    /// Networks in the order of their turns, each once.
    turns: VecDeque<IpAddr>,
}

/// The right to work; the next one gets it when this is dropped.
pub struct Permit {
    queue: Option<Arc<FairQueue>>,
}

impl FairQueue {
    pub fn new(bounds: Bounds) -> Arc<Self> {
        let inner = Inner {
            free: bounds.at_once,
            known: Ring::default(),
            strangers: Ring::default(),
            known_next: true,
        };
        Arc::new(Self { bounds, inner: Mutex::new(inner), refused: Counter::default() })
    }

    /// Waits for a turn.
    ///
    /// # Errors
    /// `unavailable` if too many wait already, or come meanwhile from networks with fewer.
    pub async fn acquire(self: &Arc<Self>, client: Client) -> Result<Permit> {
        let turn = {
            let mut inner = self.lock();
            if inner.free > 0 {
                inner.free -= 1;
                return Ok(Permit { queue: Some(self.clone()) });
            }
            let ring = if client.is_known { &mut inner.known } else { &mut inner.strangers };
            ring.push(client.network, self.bounds)
        };
        match turn {
            Some(turn) => turn.await.map_err(|_| self.refuse()),
            None => Err(self.refuse()),
        }
    }

    fn refuse(&self) -> Error {
        self.refused.inc();
        Error::new(Code::Unavailable, "Too many people are signing in right now.")
            .retry_after(QUEUE_RETRY_MS)
    }

    /// How it is used now.
    pub fn load(&self) -> QueueLoad {
        let inner = self.lock();
        let working = self.bounds.at_once.saturating_sub(inner.free);
        let waiting = inner.known.waiting + inner.strangers.waiting;
        QueueLoad { working, waiting, refused: self.refused.get() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock_unpoisoned()
    }

    /// Hands a permit on to the next one who still waits.
    fn release(self: Arc<Self>) {
        let mut permit = Permit { queue: Some(self.clone()) };
        loop {
            let next = {
                let mut inner = self.lock();
                let next = inner.next();
                if next.is_none() {
                    inner.free += 1;
                }
                next
            };
            let Some(next) = next else { break };
            match next.send(permit) {
                Ok(()) => return,
                // Nobody waits there any more.
                Err(unused) => permit = unused,
            }
        }
        permit.queue = None;
    }
}

impl Inner {
    fn next(&mut self) -> Option<oneshot::Sender<Permit>> {
        let known_first = self.known_next;
        self.known_next = !known_first;
        let (first, second) = match known_first {
            true => (&mut self.known, &mut self.strangers),
            false => (&mut self.strangers, &mut self.known),
        };
        first.pop().or_else(|| second.pop())
    }
}

impl Ring {
    fn push(&mut self, network: IpAddr, bounds: Bounds) -> Option<oneshot::Receiver<Permit>> {
        let from_here = self.by_network.get(&network).map_or(0, VecDeque::len);
        if from_here >= bounds.waiting_per_network {
            return None;
        }
        if self.waiting >= bounds.waiting && !self.make_room(from_here) {
            return None;
        }
        if from_here == 0 {
            self.turns.push_back(network);
        }
        let (sender, receiver) = oneshot::channel();
        self.by_network.entry(network).or_default().push_back(sender);
        self.waiting += 1;
        Some(receiver)
    }

    /// In a full ring the last one of the network with the most waiting gives way to one with fewer, so
    /// that few networks do not fill it; whether it did.
    fn make_room(&mut self, from_here: usize) -> bool {
        let longest = self.by_network.values_mut().max_by_key(|queue| queue.len());
        let Some(longest) = longest.filter(|queue| queue.len() > from_here + 1) else {
            return false;
        };
        // Dropping the sender ends that wait with an error.
        longest.pop_back();
        self.waiting = self.waiting.saturating_sub(1);
        true
    }

    fn pop(&mut self) -> Option<oneshot::Sender<Permit>> {
        let network = self.turns.pop_front()?;
        let queue = self.by_network.get_mut(&network)?;
        let next = queue.pop_front();
        match queue.is_empty() {
            true => drop(self.by_network.remove(&network)),
            false => self.turns.push_back(network),
        }
        self.waiting = self.waiting.saturating_sub(usize::from(next.is_some()));
        next
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(queue) = self.queue.take() {
            queue.release();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { at_once: 1, waiting_per_network: 3, waiting: 5 };

    fn client(network: u8, is_known: bool) -> Client {
        Client { network: [10, 0, 0, network].into(), is_known }
    }

    fn load(queue: &FairQueue) -> (usize, usize, u64) {
        let QueueLoad { working, waiting, refused } = queue.load();
        (working, waiting, refused)
    }

    /// Lets everything that can go on go on.
    async fn settle() {
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn networks_take_turns_and_known_clients_every_other_one() {
        let queue = FairQueue::new(BOUNDS);
        let first = queue.acquire(client(1, false)).await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        let waiting =
            [(1, false, "a"), (1, false, "b"), (1, false, "c"), (2, false, "d"), (3, true, "e")];
        for (network, is_known, name) in waiting {
            let (queue, order) = (queue.clone(), order.clone());
            tasks.push(tokio::spawn(async move {
                let _permit = queue.acquire(client(network, is_known)).await.unwrap();
                order.lock().unwrap().push(name);
            }));
            settle().await;
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), ["e", "a", "d", "b", "c"]);
        assert_eq!(load(&queue), (0, 0, 0));
    }

    #[tokio::test]
    async fn so_many_of_a_network_and_of_all_wait_and_known_clients_have_their_own_ring() {
        let queue = FairQueue::new(BOUNDS);
        let first = queue.acquire(client(1, false)).await.unwrap();
        let wait = |who| {
            let queue = queue.clone();
            tokio::spawn(async move { queue.acquire(who).await.map(drop).map_err(|e| e.code()) })
        };
        let mut tasks: Vec<_> = (0..3).map(|_| wait(client(1, false))).collect();
        settle().await;
        assert_eq!(wait(client(1, false)).await.unwrap(), Err(Code::Unavailable), "of one network");
        tasks.extend([2, 2].map(|network| wait(client(network, false))));
        settle().await;
        assert_eq!(wait(client(2, false)).await.unwrap(), Err(Code::Unavailable), "of all");
        tasks.push(wait(client(9, true)));
        settle().await;
        assert_eq!(load(&queue), (1, 6, 2));
        // The last one of those who are most gives way to somebody from elsewhere.
        tasks.push(wait(client(3, false)));
        settle().await;
        assert_eq!(tasks.remove(2).await.unwrap(), Err(Code::Unavailable));
        assert_eq!(load(&queue), (1, 6, 3));
        drop(first);
        for task in tasks {
            assert_eq!(task.await.unwrap(), Ok(()));
        }
    }

    /// As many as fit of those who come, `from_each` of every network.
    async fn fill(bounds: Bounds, from_each: usize) -> usize {
        let queue = FairQueue::new(bounds);
        let mut held = Vec::new();
        loop {
            let network = IpAddr::V4(((held.len() / from_each) as u32).into());
            let mut next = Box::pin({
                let queue = queue.clone();
                async move { queue.acquire(Client { network, is_known: false }).await }
            });
            let polled =
                std::future::poll_fn(|context| std::task::Poll::Ready(next.as_mut().poll(context)));
            match polled.await {
                std::task::Poll::Ready(Err(error)) => {
                    assert_eq!(error.retry_ms(), Some(QUEUE_RETRY_MS));
                    return held.len();
                }
                std::task::Poll::Ready(Ok(permit)) => held.push((next, Some(permit))),
                std::task::Poll::Pending => held.push((next, None)),
            }
        }
    }

    #[tokio::test]
    async fn as_many_sign_ins_and_lookups_wait_as_the_bounds_say() {
        use crate::base::limits::auth as limits;
        for (at_once, waiting, waiting_per_network) in [
            (2, limits::HASHES_WAITING, limits::HASHES_WAITING_PER_NETWORK),
            (limits::LOOKUPS, limits::LOOKUPS_WAITING, limits::LOOKUPS_WAITING_PER_NETWORK),
        ] {
            let bounds = Bounds { at_once, waiting_per_network, waiting };
            assert_eq!(fill(bounds, usize::MAX).await, at_once + waiting_per_network);
            assert_eq!(fill(bounds, 1).await, at_once + waiting);
        }
    }

    #[tokio::test]
    async fn a_client_that_gave_up_waiting_holds_nobody_up() {
        let queue = FairQueue::new(BOUNDS);
        let first = queue.acquire(client(1, false)).await.unwrap();
        let gone = tokio::spawn({
            let queue = queue.clone();
            async move { queue.acquire(client(1, false)).await.map(drop) }
        });
        settle().await;
        gone.abort();
        settle().await;
        drop(first);
        drop(queue.acquire(client(2, false)).await.unwrap());
        assert_eq!(load(&queue), (0, 0, 0));
    }
}
