//! What the shards count, for `/metrics`. Plain atomics, written once per turn, not per frame.
//!
//! What is written to sockets is counted where it is written, in a variable of the thread: a shard is one
//! thread, so nothing has to be passed down to get there. The end of the turn adds it up.

use std::cell::Cell;

use crate::base::counter::Counter;
use crate::protocol::command::Command;

/// Counters over all shards, since the start.
#[derive(Debug, Default)]
pub struct Counters {
    /// Frames of rooms that the kernel took.
    pub deliveries: Counter,
    /// Writes that took them; deliveries per write is the coalescing factor.
    pub writes: Counter,
    /// Bytes the kernel took, answers and goodbyes among them.
    pub bytes: Counter,
    /// Commands that found the inbox of their room full and had to wait.
    pub inbox_full: Counter,
    /// Connections closed because they could not keep up.
    pub lagging: Counter,
    /// Connections closed because their session, or their user, may no longer sign in.
    pub revoked: Counter,
    /// Connections adopted.
    pub adopted: Counter,
    /// Connections dropped because too many waited to be adopted.
    pub not_adopted: Counter,
    commands: [Counter; OPS.len()],
}

/// The `op` of every command, and the name for what is no command.
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

impl Counters {
    /// A text frame was read: this command, or none.
    pub(super) fn count_command(&self, command: Option<&Command>) {
        let index = match command {
            None => 0,
            Some(Command::Subscribe { .. }) => 1,
            Some(Command::Unsubscribe { .. }) => 2,
            Some(Command::Send { .. } | Command::SendEnvelope { .. }) => 3,
            Some(Command::Typing { .. }) => 4,
            Some(Command::Read { .. }) => 5,
            Some(Command::Presence { .. }) => 6,
            Some(Command::Ping) => 7,
        };
        if let Some(counter) = self.commands.get(index) {
            counter.inc();
        }
    }

    /// Commands read, by `op`.
    pub fn commands(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        OPS.into_iter().zip(&self.commands).map(|(op, counter)| (op, counter.get()))
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
pub(super) fn count_write(bytes: usize, frames: usize) {
    let mut written = WRITTEN.get();
    written.bytes += bytes as u64;
    written.frames += frames as u64;
    written.writes += u64::from(frames > 0);
    WRITTEN.set(written);
}

/// Adds what this thread has written since the last call.
pub(super) fn add_writes(counters: &Counters) {
    let written = WRITTEN.take();
    for (counter, count) in [
        (&counters.bytes, written.bytes),
        (&counters.deliveries, written.frames),
        (&counters.writes, written.writes),
    ] {
        if count > 0 {
            counter.add(count);
        }
    }
}
