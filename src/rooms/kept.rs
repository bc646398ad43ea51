//! The newest events of a room, kept in memory for those who were away for a moment: a reconnect
//! storm then costs no query. What an event said before its message changed is dropped, so that
//! erased content is never replayed. What all rooms keep has a share of the budget of memory; when that is
//! used up a room keeps nothing for a while, and a room in which nothing happens gives back what it has.

use std::collections::VecDeque;
use std::time::Instant;

use super::outlet::Payload;
use crate::base::ids::Mid;
use crate::base::limits::rooms as limits;
use crate::base::memory::{Kind, MemoryBudget};

/// A bounded tail of a room's events.
#[derive(Debug)]
pub struct Kept {
    memory: MemoryBudget,
    events: VecDeque<(u64, Mid, Payload)>,
    bytes: usize,
    /// What is accounted for.
    counted: usize,
    /// When the last event came.
    at: Instant,
    /// Every message whose last change is after this is in `events`.
    complete_after: u64,
}

impl Kept {
    /// Nothing kept; complete from `seq` on.
    pub fn starting_after(seq: u64, memory: MemoryBudget) -> Self {
        let (events, at) = (VecDeque::new(), Instant::now());
        Self { memory, events, bytes: 0, counted: 0, at, complete_after: seq }
    }

    /// Keeps an event. `is_new` spares the search for what the message said before.
    pub fn push(&mut self, seq: u64, mid: Mid, payload: Payload, is_new: bool) {
        if !is_new {
            self.events.retain(|(_, other, _)| *other != mid);
            self.bytes = self.events.iter().map(|(_, _, payload)| payload.len()).sum();
        }
        self.bytes += payload.len();
        self.events.push_back((seq, mid, payload));
        self.at = Instant::now();
        while self.events.len() > limits::KEPT || self.bytes > limits::KEPT_BYTES {
            let Some((seq, _, payload)) = self.events.pop_front() else { break };
            self.bytes -= payload.len();
            self.complete_after = seq;
        }
        self.count();
        if self.memory.excess(Kind::Kept) > 0 {
            self.memory.note_refusal(Kind::Kept);
            self.forget();
        }
    }

    /// Gives back what has been kept for so long that few come back for it.
    pub fn forget_old(&mut self) {
        if self.at.elapsed() >= limits::KEPT_FOR {
            self.forget();
        }
    }

    fn forget(&mut self) {
        if let Some((last, _, _)) = self.events.back() {
            self.complete_after = *last;
        }
        (self.events, self.bytes) = (VecDeque::new(), 0);
        self.count();
    }

    /// Notes how much memory it takes now.
    fn count(&mut self) {
        let size = self.bytes + self.events.capacity() * size_of::<(u64, Mid, Payload)>();
        self.memory.charge(Kind::Kept, size.cast_signed() - self.counted.cast_signed());
        self.counted = size;
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

impl Drop for Kept {
    fn drop(&mut self) {
        self.memory.charge(Kind::Kept, -self.counted.cast_signed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn starting_after(seq: u64) -> Kept {
        Kept::starting_after(seq, MemoryBudget::default())
    }

    #[test]
    fn a_room_that_finds_the_share_used_up_keeps_nothing_and_gives_back_what_it_had() {
        let memory = MemoryBudget::new(crate::base::limits::memory::BUDGET_MIN);
        let mut rooms: Vec<Kept> = Vec::new();
        let large = Payload::from(vec![0u8; limits::KEPT_BYTES - 1]);
        while memory.usage().all(|usage| usage.refused == 0) {
            let mut kept = Kept::starting_after(0, memory.clone());
            kept.push(1, Mid([1; 16]), large.clone(), true);
            rooms.push(kept);
        }
        assert!(rooms.len() > 8 && memory.excess(Kind::Kept) == 0);
        let last = rooms.pop().unwrap();
        assert_eq!((last.since(0), last.since(1)), (None, Some(vec![])));
        assert_eq!(rooms[0].since(0).map(|events| events.len()), Some(1), "others keep theirs");
        rooms[0].forget_old();
        assert!(rooms[0].since(0).is_some(), "it is not old");
        rooms[0].at = Instant::now().checked_sub(limits::KEPT_FOR).unwrap();
        rooms[0].forget_old();
        assert_eq!(rooms[0].since(0), None);
        drop((rooms, last));
        assert_eq!(memory.used(Kind::Kept), 0);
    }

    fn payload(text: &'static str) -> Payload {
        Payload::from_static(text.as_bytes())
    }

    #[test]
    fn what_is_missing_comes_in_order_and_what_was_dropped_is_admitted() {
        let mut kept = starting_after(10);
        for seq in 11..=11 + limits::KEPT as u64 {
            kept.push(seq, Mid((u128::from(seq)).to_be_bytes()), payload("x"), true);
        }
        assert_eq!(kept.since(10), None);
        assert_eq!(kept.since(11).map(|events| events.len()), Some(limits::KEPT));
        assert_eq!(kept.since(u64::MAX), Some(vec![]));
    }

    #[test]
    fn an_erased_message_is_never_replayed_with_its_content() {
        let mut kept = starting_after(0);
        kept.push(1, Mid([1; 16]), payload("secret"), true);
        kept.push(2, Mid([2; 16]), payload("other"), true);
        kept.push(3, Mid([1; 16]), payload("erased"), false);
        assert_eq!(
            kept.since(0),
            Some(vec![(Mid([2; 16]), payload("other")), (Mid([1; 16]), payload("erased"))])
        );
    }

    #[test]
    fn the_bytes_are_bounded() {
        let mut kept = starting_after(0);
        let large = Payload::from(vec![0u8; limits::KEPT_BYTES / 2 + 1]);
        kept.push(1, Mid([1; 16]), large.clone(), true);
        kept.push(2, Mid([2; 16]), large, true);
        assert_eq!(kept.since(0), None);
        assert_eq!(kept.since(1).map(|events| events.len()), Some(1));
    }
}
