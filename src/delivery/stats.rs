//! What the shards count, for `/metrics`. Plain atomics, written once per turn, not per frame.
//!
//! What is written to sockets is counted where it is written, in a number of the thread's own: a shard
//! is a thread, so nothing has to be handed down to get there. The end of the turn adds it up.

use std::cell::Cell;
use std::sync::atomic::Ordering;

use super::shard::Shard;
use crate::base::counter::Counter;
use crate::protocol::command::Command;

/// Counters over all shards, since the start.
#[derive(Debug, Default)]
pub struct Stats {
    /// Frames of rooms handed to the kernel.
    pub deliveries: Counter,
    /// Writes that took them; deliveries per write is the coalescing factor.
    pub writes: Counter,
    /// Bytes the kernel took, answers and goodbyes among them.
    pub bytes: Counter,
    /// Commands that found the inbox of their room full and had to wait.
    pub inbox_full: Counter,
    /// Connections closed because they could not keep up.
    pub lagging: Counter,
    /// Connections closed because their login, or their user, was no longer welcome.
    pub revoked: Counter,
    /// Connections adopted.
    pub adopted: Counter,
    /// Connections dropped because too many waited to be adopted.
    pub not_adopted: Counter,
    commands: [Counter; OPS.len()],
}

/// The `op` of every command, and what is none.
const OPS: [&str; 8] = [
    "invalid",
    "room.subscribe",
    "room.unsubscribe",
    "msg.send",
    "typing",
    "read",
    "presence",
    "ping",
];

impl Stats {
    pub(super) fn add(counter: &Counter, more: u64) {
        if more > 0 {
            counter.add(more);
        }
    }

    /// A text frame was read: this command, or none.
    pub(super) fn command(&self, command: Option<&Command>) {
        let place = match command {
            None => 0,
            Some(Command::Subscribe { .. }) => 1,
            Some(Command::Unsubscribe { .. }) => 2,
            Some(Command::Send { .. } | Command::SendEnvelope { .. }) => 3,
            Some(Command::Typing { .. }) => 4,
            Some(Command::Read { .. }) => 5,
            Some(Command::Presence { .. }) => 6,
            Some(Command::Ping) => 7,
        };
        if let Some(count) = self.commands.get(place) {
            count.inc();
        }
    }

    /// Commands read, by `op`.
    pub fn commands(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        OPS.into_iter().zip(&self.commands).map(|(op, count)| (op, count.get()))
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Written {
    bytes: u64,
    frames: u64,
    writes: u64,
}

thread_local! {
    static WRITTEN: Cell<Written> = const { Cell::new(Written { bytes: 0, frames: 0, writes: 0 }) };
}

/// One write of this thread's shard: the bytes that the kernel took, and frames of rooms among them.
pub(super) fn wrote(bytes: usize, frames: usize) {
    let mut written = WRITTEN.get();
    written.bytes += bytes as u64;
    written.frames += frames as u64;
    written.writes += u64::from(frames > 0);
    WRITTEN.set(written);
}

impl Shard {
    /// The end of a turn: what others may know of this shard.
    pub(super) fn tell_door(&self) {
        self.door.connections.store(self.connections.len(), Ordering::Relaxed);
        self.door.taken.store(self.taken.len(), Ordering::Relaxed);
        let written = WRITTEN.take();
        Stats::add(&self.stats.bytes, written.bytes);
        Stats::add(&self.stats.deliveries, written.frames);
        Stats::add(&self.stats.writes, written.writes);
    }

    /// The same once a second, for what has to be added up.
    pub(super) fn tell_door_subscriptions(&self) {
        let subscriptions = self.rooms.iter().map(|(_, room)| room.subscribers.len()).sum();
        self.door.subscriptions.store(subscriptions, Ordering::Relaxed);
    }
}
