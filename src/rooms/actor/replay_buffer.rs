//! The newest events of a room, kept in memory for clients that were away for a moment: a reconnect storm then
//! costs no query. The older events of a message that changes are dropped, so that erased content is never
//! replayed. The buffers of all rooms have a share of the budget of memory; when that is used up a room drops its
//! buffer, and a room in which nothing happens gives its memory back.

use std::collections::VecDeque;
use std::time::Instant;

use crate::base::ids::Mid;
use crate::base::limits::rooms as limits;
use crate::base::memory::{Kind, MemoryBudget};
use crate::rooms::publication::Payload;

/// A bounded tail of a room's events.
#[derive(Debug)]
pub struct ReplayBuffer {
    memory: MemoryBudget,
    events: VecDeque<(u64, Mid, Payload)>,
    bytes: usize,
    /// The bytes the budget of memory is charged with.
    charged: usize,
    /// When the last event was added.
    at: Instant,
    /// Every message whose last change is after this is in `events`.
    complete_after: u64,
}

impl ReplayBuffer {
    /// An empty buffer, which has everything after `seq`.
    pub fn starting_after(seq: u64, memory: MemoryBudget) -> Self {
        let (events, at) = (VecDeque::new(), Instant::now());
        Self { memory, events, bytes: 0, charged: 0, at, complete_after: seq }
    }

    /// Adds an event. `is_new` spares the search for older events of the message.
    pub fn push(&mut self, seq: u64, mid: Mid, payload: Payload, is_new: bool) {
        if !is_new {
            self.events.retain(|(_, other, _)| *other != mid);
            self.bytes = self.events.iter().map(|(_, _, payload)| payload.len()).sum();
        }
        self.bytes += payload.len();
        self.events.push_back((seq, mid, payload));
        self.at = Instant::now();
        while self.events.len() > limits::REPLAY_BUFFER_EVENTS
            || self.bytes > limits::REPLAY_BUFFER_BYTES
        {
            let Some((seq, _, payload)) = self.events.pop_front() else { break };
            self.bytes -= payload.len();
            self.complete_after = seq;
        }
        self.charge();
        if self.memory.excess(Kind::ReplayBuffers) > 0 {
            self.memory.note_refusal(Kind::ReplayBuffers);
            self.clear();
        }
    }

    /// Drops the events if the last one is so old that few clients still need it.
    pub fn trim(&mut self) {
        if self.at.elapsed() >= limits::REPLAY_BUFFER_IDLE {
            self.clear();
        }
    }

    fn clear(&mut self) {
        if let Some((last, _, _)) = self.events.back() {
            self.complete_after = *last;
        }
        (self.events, self.bytes) = (VecDeque::new(), 0);
        self.charge();
    }

    /// Charges the budget with the memory it takes now.
    fn charge(&mut self) {
        let size = self.bytes + self.events.capacity() * size_of::<(u64, Mid, Payload)>();
        self.memory.charge(Kind::ReplayBuffers, size.cast_signed() - self.charged.cast_signed());
        self.charged = size;
    }

    /// Everything after `since`, or `None` if only the store knows it all.
    pub fn since(&self, since: u64) -> Option<Vec<(Mid, Payload)>> {
        if since < self.complete_after {
            return None;
        }
        let first = self.events.partition_point(|(seq, _, _)| *seq <= since);
        Some(self.events.range(first..).map(|(_, mid, event)| (*mid, event.clone())).collect())
    }
}

impl Drop for ReplayBuffer {
    fn drop(&mut self) {
        self.memory.charge(Kind::ReplayBuffers, -self.charged.cast_signed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starting_after(seq: u64) -> ReplayBuffer {
        ReplayBuffer::starting_after(seq, MemoryBudget::default())
    }

    #[test]
    fn a_room_that_finds_the_share_used_up_drops_its_buffer() {
        let memory = MemoryBudget::new(crate::base::limits::memory::BUDGET_MIN);
        let mut rooms: Vec<ReplayBuffer> = Vec::new();
        let large = Payload::from(vec![0u8; limits::REPLAY_BUFFER_BYTES - 1]);
        while memory.usage().all(|usage| usage.refused == 0) {
            let mut buffer = ReplayBuffer::starting_after(0, memory.clone());
            buffer.push(1, Mid([1; 16]), large.clone(), true);
            rooms.push(buffer);
        }
        assert!(rooms.len() > 8 && memory.excess(Kind::ReplayBuffers) == 0);
        let last = rooms.pop().unwrap();
        assert_eq!((last.since(0), last.since(1)), (None, Some(vec![])));
        assert_eq!(rooms[0].since(0).map(|events| events.len()), Some(1), "others keep theirs");
        rooms[0].trim();
        assert!(rooms[0].since(0).is_some(), "it is not old");
        rooms[0].at = Instant::now().checked_sub(limits::REPLAY_BUFFER_IDLE).unwrap();
        rooms[0].trim();
        assert_eq!(rooms[0].since(0), None);
        drop((rooms, last));
        assert_eq!(memory.used(Kind::ReplayBuffers), 0);
    }

    fn payload(text: &'static str) -> Payload {
        Payload::from_static(text.as_bytes())
    }

    #[test]
    fn what_is_missing_comes_in_order_and_nothing_at_all_if_some_of_it_was_dropped() {
        let mut buffer = starting_after(10);
        for seq in 11..=11 + limits::REPLAY_BUFFER_EVENTS as u64 {
            buffer.push(seq, Mid((u128::from(seq)).to_be_bytes()), payload("x"), true);
        }
        assert_eq!(buffer.since(10), None);
        assert_eq!(buffer.since(11).map(|events| events.len()), Some(limits::REPLAY_BUFFER_EVENTS));
        assert_eq!(buffer.since(u64::MAX), Some(vec![]));
    }

    #[test]
    fn an_erased_message_is_never_replayed_with_its_content() {
        let mut buffer = starting_after(0);
        buffer.push(1, Mid([1; 16]), payload("secret"), true);
        buffer.push(2, Mid([2; 16]), payload("other"), true);
        buffer.push(3, Mid([1; 16]), payload("erased"), false);
        assert_eq!(
            buffer.since(0),
            Some(vec![(Mid([2; 16]), payload("other")), (Mid([1; 16]), payload("erased"))])
        );
    }

    #[test]
    fn the_bytes_are_bounded() {
        let mut buffer = starting_after(0);
        let large = Payload::from(vec![0u8; limits::REPLAY_BUFFER_BYTES / 2 + 1]);
        buffer.push(1, Mid([1; 16]), large.clone(), true);
        buffer.push(2, Mid([2; 16]), large, true);
        assert_eq!(buffer.since(0), None);
        assert_eq!(buffer.since(1).map(|events| events.len()), Some(1));
    }
}
