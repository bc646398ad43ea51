//! Keeping to the budget of memory: when a share is used up, the readers that hold most of it are cut, and
//! come back with `since` when they can read. Nobody who takes what is sent holds anything.

use std::collections::HashMap;
use std::time::Instant;

use slab::Slab;

use super::connection::{Connection, Phase, Purpose};
use super::held;
use super::room::Room;
use super::shard::Shard;
use crate::base::ids::Uid;
use crate::base::limits::delivery as limits;
use crate::base::memory::{Holder, Kind};

/// What one connection keeps the server from giving back.
#[derive(Clone, Copy, Default)]
struct Holding {
    /// Frames of its own.
    own: usize,
    /// Frames of rooms it has not taken.
    owed: usize,
}

impl Shard {
    /// The end of a turn: what this thread holds is accounted for, and given up if it is too much.
    pub(super) fn keep_to_budget(&mut self) {
        if !held::charge(self.hub.memory()) {
            return;
        }
        if self.relieved_at.is_some_and(|at| at.elapsed() < limits::RELIEF) {
            return;
        }
        self.relieved_at = Some(Instant::now());
        let memory = self.hub.memory().clone();
        let excess = |kind| memory.excess(kind);
        let mut own = excess(Kind::SendQueues) + excess(Kind::Replays);
        let mut owed = excess(Kind::RoomLogs);
        for (slot, holding) in self.most_first(own > 0, owed > 0) {
            if own == 0 && owed == 0 {
                break;
            }
            memory.note_refusal(if own > 0 { Kind::SendQueues } else { Kind::RoomLogs });
            self.part_with(slot);
            own = own.saturating_sub(holding.own);
            owed = owed.saturating_sub(holding.owed);
        }
        self.sweep.mark_kept(&mut self.rooms);
        held::charge(&memory);
    }

    /// Once a second: no user holds more than one may, however many connections that takes.
    pub(super) fn keep_users_to_budget(&mut self) {
        let memory = self.hub.memory().clone();
        let mut sums: HashMap<Uid, usize> = HashMap::new();
        let most_first = self.most_first(true, false);
        for (slot, holding) in most_first.into_iter().rev() {
            let Some(uid) = self.connections.get_mut(slot).and_then(uid_of) else { continue };
            let most = memory.most_of_one(Kind::SendQueues, Holder::User(uid));
            let sum = sums.entry(uid).or_default();
            *sum += holding.own;
            // Those that hold least come first, so those that hold most are cut.
            if *sum > (most / self.shards).max(4 * limits::WAITING_BYTES) {
                memory.note_refusal(Kind::SendQueues);
                self.part_with(slot);
            }
        }
    }

    /// Connections that hold something worth the trouble: those of the user who holds most come first, and
    /// of these the one that holds most.
    fn most_first(&mut self, own: bool, owed: bool) -> Vec<(usize, Holding)> {
        let mut users: HashMap<Uid, usize> = HashMap::new();
        let mut found = Vec::new();
        for (slot, connection) in &mut self.connections {
            if connection.phase != Phase::Open {
                continue;
            }
            let holding = Holding {
                own: if own { own_bytes(connection) } else { 0 },
                owed: if owed { owed_bytes(connection, &self.rooms) } else { 0 },
            };
            let sum = holding.own + holding.owed;
            if sum < limits::REPLAY_CHUNK {
                continue;
            }
            if let Some(uid) = uid_of(connection) {
                *users.entry(uid).or_default() += sum;
                found.push((uid, slot, holding));
            }
        }
        found.sort_unstable_by_key(|(uid, slot, holding)| {
            let of_user = users.get(uid).copied().unwrap_or(0);
            (std::cmp::Reverse((of_user, *uid, holding.own + holding.owed)), *slot)
        });
        found.into_iter().map(|(_, slot, holding)| (slot, holding)).collect()
    }

    /// Cuts a reader and gives back at once what it holds.
    fn part_with(&mut self, slot: usize) {
        if let Some(out) = self.connections.get_mut(slot).and_then(|c| c.out.as_mut()) {
            out.cut();
        }
        self.lag(slot);
    }
}

fn uid_of(connection: &mut Connection) -> Option<Uid> {
    connection.chat().map(|chat| chat.uid)
}

fn own_bytes(connection: &Connection) -> usize {
    connection.out.as_ref().map_or(0, |out| out.can_give_up())
}

fn owed_bytes(connection: &Connection, rooms: &Slab<Room>) -> usize {
    let Purpose::Chat(chat) = &connection.role else { return 0 };
    let owed = chat.following.iter().map(|place| {
        let room = rooms.get(place.room)?;
        let subscriber = room.subscribers.get(place.subscriber)?;
        usize::try_from(room.log.end() - subscriber.cursor.at).ok()
    });
    owed.flatten().sum()
}
