//! What a shard shares with other threads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// The part of a shard's state that other threads read, and how they wake it.
pub(super) struct ShardShared {
    waker: mio::Waker,
    is_awake: AtomicBool,
    is_stopping: AtomicBool,
    connections: AtomicUsize,
    /// Given to the shard and not yet among its connections.
    adopting: AtomicUsize,
    /// Taken out of the queue and not yet worked on.
    staged: AtomicUsize,
    subscriptions: AtomicUsize,
}

impl ShardShared {
    pub fn new(waker: mio::Waker) -> Self {
        Self {
            waker,
            is_awake: AtomicBool::new(false),
            is_stopping: AtomicBool::new(false),
            connections: AtomicUsize::new(0),
            adopting: AtomicUsize::new(0),
            staged: AtomicUsize::new(0),
            subscriptions: AtomicUsize::new(0),
        }
    }

    /// Makes the shard check its queues; free while it is awake.
    pub fn wake(&self) {
        if !self.is_awake.swap(true, Ordering::SeqCst) {
            // This fails only when the epoll is gone, and the shard with it.
            let _ = self.waker.wake();
        }
    }

    /// Notes whether the shard will check its queues without being woken.
    pub fn set_awake(&self, is_awake: bool) {
        self.is_awake.store(is_awake, Ordering::SeqCst);
    }

    /// Makes the shard stop.
    pub fn stop(&self) {
        self.is_stopping.store(true, Ordering::SeqCst);
        self.set_awake(false);
        self.wake();
    }

    pub fn is_stopping(&self) -> bool {
        self.is_stopping.load(Ordering::SeqCst)
    }

    /// The connections of the shard and those it is about to adopt: in a storm they are many.
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed) + self.adopting.load(Ordering::Relaxed)
    }

    /// A connection is on its way to the shard.
    pub fn begin_adoption(&self) {
        self.adopting.fetch_add(1, Ordering::Relaxed);
    }

    /// The shard could not be given the connection.
    pub fn cancel_adoption(&self) {
        self.adopting.fetch_sub(1, Ordering::Relaxed);
    }

    /// The shard has adopted a connection, which counts at every moment on the way.
    pub fn finish_adoption(&self, connections: usize) {
        self.set_connections(connections);
        self.adopting.fetch_sub(1, Ordering::Relaxed);
    }

    pub fn set_connections(&self, connections: usize) {
        self.connections.store(connections, Ordering::Relaxed);
    }

    pub fn staged(&self) -> usize {
        self.staged.load(Ordering::Relaxed)
    }

    pub fn set_staged(&self, staged: usize) {
        self.staged.store(staged, Ordering::Relaxed);
    }

    pub fn subscriptions(&self) -> usize {
        self.subscriptions.load(Ordering::Relaxed)
    }

    pub fn set_subscriptions(&self, subscriptions: usize) {
        self.subscriptions.store(subscriptions, Ordering::Relaxed);
    }
}
