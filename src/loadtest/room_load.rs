//! A room of the load test, its ledger, and which clients write into it.

use super::ledger::Ledger;
use super::target::Room;

/// A room of the load test, its ledger, and which clients write into it.
pub struct RoomLoad {
    /// Where it is.
    pub room: Room,
    /// What was sent into it and what arrived.
    pub ledger: Ledger,
    /// The clients that write, in turn.
    pub writers: Vec<usize>,
    next_writer: usize,
}

impl RoomLoad {
    /// One without writers.
    pub fn new(room: Room) -> Self {
        Self { ledger: Ledger::at(room.seq), room, writers: Vec::new(), next_writer: 0 }
    }

    /// The next writer in turn for which `is_ready` holds.
    pub fn take_writer(&mut self, is_ready: impl Fn(usize) -> bool) -> Option<usize> {
        for _ in 0..self.writers.len() {
            let writer = self.writers.get(self.next_writer % self.writers.len()).copied();
            self.next_writer = self.next_writer.wrapping_add(1);
            if let Some(writer) = writer.filter(|writer| is_ready(*writer)) {
                return Some(writer);
            }
        }
        None
    }
}
