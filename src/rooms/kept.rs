//! The newest events of a room, kept in memory for those who were away for a moment: a reconnect
//! storm then costs no query. What an event said before its message changed is dropped, so that
//! erased content is never replayed.

use std::collections::VecDeque;

use super::outlet::Payload;
use crate::ids::Mid;
use crate::limits::rooms as limits;

/// A bounded tail of a room's events.
#[derive(Debug)]
pub struct Kept {
    events: VecDeque<(u64, Mid, Payload)>,
    bytes: usize,
    /// Every message whose last change is after this is in `events`.
    complete_after: u64,
}

impl Kept {
    /// Nothing kept; complete from `seq` on.
    pub fn starting_after(seq: u64) -> Self {
        Self { events: VecDeque::new(), bytes: 0, complete_after: seq }
    }

    /// Keeps an event. `is_new` spares the search for what the message said before.
    pub fn push(&mut self, seq: u64, mid: Mid, payload: Payload, is_new: bool) {
        if !is_new {
            self.events.retain(|(_, other, _)| *other != mid);
            self.bytes = self.events.iter().map(|(_, _, payload)| payload.len()).sum();
        }
        self.bytes += payload.len();
        self.events.push_back((seq, mid, payload));
        while self.events.len() > limits::KEPT || self.bytes > limits::KEPT_BYTES {
            let Some((seq, _, payload)) = self.events.pop_front() else { break };
            self.bytes -= payload.len();
            self.complete_after = seq;
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(text: &'static str) -> Payload {
        Payload::from_static(text.as_bytes())
    }

    #[test]
    fn what_is_missing_comes_in_order_and_what_was_dropped_is_admitted() {
        let mut kept = Kept::starting_after(10);
        for seq in 11..=11 + limits::KEPT as u64 {
            kept.push(seq, Mid((u128::from(seq)).to_be_bytes()), payload("x"), true);
        }
        assert_eq!(kept.since(10), None);
        assert_eq!(kept.since(11).map(|events| events.len()), Some(limits::KEPT));
        assert_eq!(kept.since(u64::MAX), Some(vec![]));
    }

    #[test]
    fn an_erased_message_is_never_replayed_with_its_content() {
        let mut kept = Kept::starting_after(0);
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
        let mut kept = Kept::starting_after(0);
        let large = Payload::from(vec![0u8; limits::KEPT_BYTES / 2 + 1]);
        kept.push(1, Mid([1; 16]), large.clone(), true);
        kept.push(2, Mid([2; 16]), large, true);
        assert_eq!(kept.since(0), None);
        assert_eq!(kept.since(1).map(|events| events.len()), Some(1));
    }
}
