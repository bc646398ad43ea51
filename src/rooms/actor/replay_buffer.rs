//! The newest events of a room, kept in memory for clients that were away for a moment: a reconnect storm then
//! costs no query. The older events of a message that changes are dropped, so that erased content is never
//! replayed. The buffers of all rooms have a share of the budget of memory; when that is used up a room drops its
//! buffer, and a room in which nothing happens gives its memory back.

use std::collections::VecDeque;
use std::time::Instant;

use crate::base::limits::rooms as limits;
use crate::base::memory::{Kind, MemoryBudget};
use crate::rooms::publication::MissedEvent;

/// A bounded tail of a room's events.
#[derive(Debug)]
pub struct ReplayBuffer {
    memory: MemoryBudget,
    events: VecDeque<(u64, MissedEvent)>,
    /// Bytes of events that it may hold.
    most: usize,
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
    pub fn starting_after(seq: u64, most: usize, memory: MemoryBudget) -> Self {
        let (events, at) = (VecDeque::new(), Instant::now());
        Self { memory, events, most, bytes: 0, charged: 0, at, complete_after: seq }
    }

    /// Adds an event. If it is about a message that `is_changed`, older events about that are dropped.
    pub fn push(&mut self, seq: u64, event: MissedEvent, is_changed: bool) {
        if is_changed {
            self.events.retain(|(_, other)| other.mid != event.mid);
            self.bytes = self.events.iter().map(|(_, other)| other.payload.len()).sum();
        }
        self.bytes += event.payload.len();
        self.events.push_back((seq, event));
        self.at = Instant::now();
        while self.events.len() > limits::REPLAY_BUFFER_EVENTS || self.bytes > self.most {
            let Some((seq, event)) = self.events.pop_front() else { break };
            self.bytes -= event.payload.len();
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
        if let Some((last, _)) = self.events.back() {
            self.complete_after = *last;
        }
        (self.events, self.bytes) = (VecDeque::new(), 0);
        self.charge();
    }

    /// Charges the budget with the memory it takes now.
    fn charge(&mut self) {
        let size = self.bytes + self.events.capacity() * size_of::<(u64, MissedEvent)>();
        self.memory.charge(Kind::ReplayBuffers, size.cast_signed() - self.charged.cast_signed());
        self.charged = size;
    }

    /// Everything after `since`, or `None` if only the store knows it all.
    pub fn since(&self, since: u64) -> Option<Vec<MissedEvent>> {
        if since < self.complete_after {
            return None;
        }
        let first = self.events.partition_point(|(seq, _)| *seq <= since);
        Some(self.events.range(first..).map(|(_, event)| event.clone()).collect())
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
    use crate::base::ids::Mid;
    use crate::rooms::publication::Payload;

    const MOST: usize = limits::REPLAY_BUFFER_BYTES;

    fn starting_after(seq: u64) -> ReplayBuffer {
        ReplayBuffer::starting_after(seq, MOST, MemoryBudget::default())
    }

    #[test]
    fn a_room_that_finds_the_share_used_up_drops_its_buffer() {
        let memory = MemoryBudget::new(crate::base::limits::memory::BUDGET_MIN);
        let mut rooms: Vec<ReplayBuffer> = Vec::new();
        let large = Payload::from(vec![0u8; limits::REPLAY_BUFFER_BYTES - 1]);
        while memory.usage().all(|usage| usage.refused == 0) {
            let mut buffer = ReplayBuffer::starting_after(0, MOST, memory.clone());
            buffer.push(1, event(1, large.clone()), false);
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

    fn event(mid: u64, payload: Payload) -> MissedEvent {
        MissedEvent { mid: Some(Mid(u128::from(mid).to_be_bytes())), payload }
    }

    fn payload(text: &'static str) -> Payload {
        Payload::from_static(text.as_bytes())
    }

    #[test]
    fn what_is_missing_comes_in_order_and_nothing_at_all_if_some_of_it_was_dropped() {
        let mut buffer = starting_after(10);
        for seq in 11..=11 + limits::REPLAY_BUFFER_EVENTS as u64 {
            buffer.push(seq, event(seq, payload("x")), false);
        }
        assert_eq!(buffer.since(10), None);
        assert_eq!(buffer.since(11).map(|events| events.len()), Some(limits::REPLAY_BUFFER_EVENTS));
        assert_eq!(buffer.since(u64::MAX), Some(vec![]));
    }

    #[test]
    fn an_erased_message_is_never_replayed_with_its_content() {
        let mut buffer = starting_after(0);
        buffer.push(1, event(1, payload("secret")), false);
        buffer.push(2, event(2, payload("other")), false);
        buffer.push(3, event(1, payload("erased")), true);
        assert_eq!(
            buffer.since(0),
            Some(vec![event(2, payload("other")), event(1, payload("erased"))])
        );
    }

    #[test]
    fn the_bytes_are_bounded() {
        for most in [limits::REPLAY_BUFFER_BYTES, limits::SEALED_REPLAY_BUFFER_BYTES] {
            let mut buffer = ReplayBuffer::starting_after(0, most, MemoryBudget::default());
            let half = |bytes| Payload::from(vec![0u8; most / 2 + bytes]);
            buffer.push(1, event(1, half(0)), false);
            buffer.push(2, event(2, half(0)), false);
            assert_eq!(buffer.since(0).map(|events| events.len()), Some(2));
            buffer.push(3, event(3, half(1)), false);
            assert_eq!(buffer.since(1), None);
            assert_eq!(buffer.since(2).map(|events| events.len()), Some(1));
        }
    }

    #[test]
    fn what_belongs_to_no_message_stays_whatever_changes() {
        let mut buffer = starting_after(0);
        let log = MissedEvent { mid: None, payload: payload("log") };
        buffer.push(1, log.clone(), false);
        buffer.push(2, event(1, payload("said")), false);
        buffer.push(3, event(1, payload("edited")), true);
        assert_eq!(buffer.since(0), Some(vec![log, event(1, payload("edited"))]));
    }
}
