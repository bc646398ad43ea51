//! Keeping to the budget of memory: when a share is used up, the readers that hold most of it are closed,
//! and come back with `since` when they can read. A reader that takes what is sent holds nothing.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::time::Instant;

use slab::Slab;

use super::adoption::ConnectionKind;
use super::connection::Connection;
use super::memory;
use super::room_feed::RoomFeed;
use super::shard::Shard;
use crate::base::ids::Uid;
use crate::base::limits::delivery as limits;
use crate::base::memory::{Holder, Kind};

/// The memory that closing one connection would free.
#[derive(Clone, Copy, Default)]
struct Holding {
    /// Bytes in its send queue.
    queued: usize,
    /// Bytes in the logs of its rooms that it has not taken.
    in_logs: usize,
}

/// Which of them are to be found.
#[derive(Clone, Copy)]
struct Wanted {
    queued: bool,
    in_logs: bool,
}

impl Shard {
    /// The end of a turn: charges what this thread holds, and closes readers if it is too much.
    pub(super) fn shed_excess(&mut self) {
        if !memory::charge(self.rooms.memory()) {
            return;
        }
        if self.shed_at.is_some_and(|at| at.elapsed() < limits::SHEDDING_INTERVAL) {
            return;
        }
        self.shed_at = Some(Instant::now());
        let budget = self.rooms.memory().clone();
        let mut queued = budget.excess(Kind::SendQueues) + budget.excess(Kind::Replays);
        let mut in_logs = budget.excess(Kind::RoomLogs);
        let wanted = Wanted { queued: queued > 0, in_logs: in_logs > 0 };
        for (slot, holding) in self.largest_first(wanted) {
            if queued == 0 && in_logs == 0 {
                break;
            }
            budget.note_refusal(if queued > 0 { Kind::SendQueues } else { Kind::RoomLogs });
            self.shed(slot);
            queued = queued.saturating_sub(holding.queued);
            in_logs = in_logs.saturating_sub(holding.in_logs);
        }
        self.sweep.mark_non_empty(&mut self.feeds);
        memory::charge(&budget);
    }

    /// Once a second: no user holds more than one may, over all connections.
    pub(super) fn shed_excess_of_users(&mut self) {
        let budget = self.rooms.memory().clone();
        let mut sums: HashMap<Uid, usize> = HashMap::new();
        let largest_first = self.largest_first(Wanted { queued: true, in_logs: false });
        // The smallest come first, so that the largest are closed.
        for (slot, holding) in largest_first.into_iter().rev() {
            let Some(uid) = self.chat(slot).map(|chat| chat.uid) else { continue };
            let most = budget.most_of_one(Kind::SendQueues, Holder::User(uid));
            let sum = sums.entry(uid).or_default();
            *sum += holding.queued;
            if *sum > (most / self.shard_count).max(limits::USER_QUEUES) {
                budget.note_refusal(Kind::SendQueues);
                self.shed(slot);
            }
        }
    }

    /// Connections that hold enough to matter: those of the user who holds most come first, and of these
    /// the one that holds most.
    fn largest_first(&mut self, wanted: Wanted) -> Vec<(usize, Holding)> {
        let mut sums: HashMap<Uid, usize> = HashMap::new();
        let mut found = Vec::new();
        for (slot, connection) in &mut self.connections {
            // One that closes may still hold what is sealed for it.
            if !connection.is_open() && !connection.transport.has_unsent() {
                continue;
            }
            let holding = Holding {
                queued: if wanted.queued { queued_bytes(connection) } else { 0 },
                in_logs: if wanted.in_logs { bytes_in_logs(connection, &self.feeds) } else { 0 },
            };
            let sum = holding.queued + holding.in_logs;
            if sum < limits::SHED_FROM {
                continue;
            }
            if let Some(chat) = connection.chat() {
                *sums.entry(chat.uid).or_default() += sum;
                found.push((chat.uid, slot, holding));
            }
        }
        found.sort_unstable_by_key(|(uid, slot, holding)| {
            let of_user = sums.get(uid).copied().unwrap_or(0);
            (Reverse((of_user, *uid, holding.queued + holding.in_logs)), *slot)
        });
        found.into_iter().map(|(_, slot, holding)| (slot, holding)).collect()
    }

    /// Closes a reader as lagging and frees at once what it holds.
    fn shed(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if let Some(queue) = connection.send_queue.as_mut() {
            queue.cut();
        }
        let is_sealed = connection.transport.has_unsent();
        self.close_lagging(slot);
        if is_sealed {
            self.drop_connection(slot); // a `bye` behind that would come too late to free it
        }
    }
}

fn queued_bytes(connection: &Connection) -> usize {
    let queue = connection.send_queue.as_ref().map_or(0, |queue| queue.releasable_bytes());
    queue + connection.transport.unsent()
}

fn bytes_in_logs(connection: &Connection, feeds: &Slab<RoomFeed>) -> usize {
    let chat = match &connection.kind {
        ConnectionKind::Chat(chat) => chat,
        ConnectionKind::Tail(tail) => &tail.reader,
        ConnectionKind::Echo(_) => return 0,
    };
    let bytes = chat.subscriptions.iter().map(|index| {
        let (feed, subscriber) = index.get(feeds)?;
        usize::try_from(feed.log.end() - subscriber.cursor.at).ok()
    });
    bytes.flatten().sum()
}
