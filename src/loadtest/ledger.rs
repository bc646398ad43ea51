//! The ledger of a room: what was sent, what arrived, how often, in which order and how late.
//!
//! It has one record per message and room, not per delivery. A delivery costs a comparison with the next
//! number of its client, one decrement and one histogram bucket, so that the ledger does not become what
//! is measured.

use std::collections::VecDeque;

use super::tally::{Tally, record};
use crate::base::limits::loadtest as limits;

/// What one client has received of its room.
#[derive(Debug, Default)]
pub struct RoomCursor {
    /// The sequence number it must get next.
    pub expected: u64,
    missing: Vec<u64>,
}

/// The ledger of a room.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Connected clients that follow it.
    pub followers: u32,
    /// The newest sequence number that was delivered.
    pub newest: u64,
    /// Messages that were sent and are not finished; the first has the number `sent_first`.
    sent: VecDeque<Sent>,
    sent_first: u64,
    /// Deliveries that are awaited, by sequence number; the first has `slot_first`.
    slots: VecDeque<Slot>,
    slot_first: u64,
    /// Messages that were sent and neither refused nor delivered to all followers.
    pub in_flight: usize,
}

/// One message of ours.
#[derive(Debug, Clone, Copy)]
struct Sent {
    at_ns: u64,
    is_acknowledged: bool,
    is_delivered: bool,
    is_finished: bool,
}

/// One sequence number of the room.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    is_known: bool,
    /// Our message, unless another program wrote it.
    message: Option<u64>,
    left: u32,
}

/// Whether a server acknowledges messages. A plain peer does not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acknowledgement {
    /// It does.
    Awaited,
    /// It does not.
    None,
}

impl Ledger {
    /// Of a room with this newest sequence number and no followers.
    pub fn at(newest: u64) -> Self {
        Self { newest, slot_first: newest + 1, ..Self::default() }
    }

    /// Records a message that is sent; its number, from 0.
    pub fn send(&mut self, now_ns: u64, acknowledgement: Acknowledgement) -> u64 {
        let followers = self.followers;
        self.sent.push_back(Sent {
            at_ns: now_ns,
            is_acknowledged: acknowledgement == Acknowledgement::None,
            is_delivered: followers == 0,
            is_finished: false,
        });
        self.in_flight += 1;
        self.sent_first + self.sent.len() as u64 - 1
    }

    /// Records the acknowledgement of message `number`. False: it was acknowledged before.
    pub fn acknowledge(&mut self, number: u64, now_ns: u64, tally: &mut Tally) -> bool {
        let Some(sent) = self.sent(number).filter(|sent| !sent.is_acknowledged) else {
            return false;
        };
        sent.is_acknowledged = true;
        record(&mut tally.acknowledged_after, now_ns.saturating_sub(sent.at_ns));
        tally.acknowledged += 1;
        self.finish(number);
        true
    }

    /// Records that message `number` was refused: it is not awaited any more.
    pub fn refuse(&mut self, number: u64) {
        if let Some(sent) = self.sent(number) {
            sent.is_acknowledged = true;
            sent.is_delivered = true;
            self.finish(number);
        }
    }

    /// Messages that are not acknowledged.
    pub fn unacknowledged(&self) -> Vec<u64> {
        let numbered = self.sent.iter().zip(self.sent_first..);
        numbered.filter(|(sent, _)| !sent.is_acknowledged).map(|(_, number)| number).collect()
    }

    /// Records that a client got sequence number `seq`. `message` says which message of ours it is, and is
    /// called once for each sequence number.
    pub fn deliver(
        &mut self,
        seq: u64,
        cursor: &mut RoomCursor,
        now_ns: u64,
        tally: &mut Tally,
        message: impl FnOnce() -> Option<u64>,
    ) {
        if !cursor.take(seq, tally) {
            return;
        }
        tally.deliveries += 1;
        self.newest = self.newest.max(seq);
        let followers = self.followers;
        let Some(index) = seq.checked_sub(self.slot_first) else { return };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        while self.slots.len() <= index && self.slots.len() < limits::MISSING {
            self.slots.push_back(Slot { left: followers, ..Slot::default() });
        }
        let Some(slot) = self.slots.get_mut(index) else { return };
        if !slot.is_known {
            slot.is_known = true;
            slot.message = message();
        }
        slot.left = slot.left.saturating_sub(1);
        let (ours, is_last) = (slot.message, slot.left == 0);
        if let Some(number) = ours
            && let Some(sent) = self.sent(number)
        {
            record(&mut tally.latency, now_ns.saturating_sub(sent.at_ns));
        }
        if is_last {
            self.complete(ours);
        }
    }

    /// A follower does not come back: what it has not got is not awaited any more.
    pub fn remove_follower(&mut self, cursor: &RoomCursor) {
        self.followers = self.followers.saturating_sub(1);
        let mut done = Vec::new();
        for (slot, seq) in self.slots.iter_mut().zip(self.slot_first..) {
            if slot.left > 0 && (seq >= cursor.expected || cursor.missing.contains(&seq)) {
                slot.left -= 1;
                if slot.left == 0 {
                    done.push(slot.message);
                }
            }
        }
        done.into_iter().for_each(|message| self.complete(message));
    }

    /// Deliveries of acknowledged messages that have not arrived.
    pub fn lost(&self) -> u64 {
        let seen: u64 = self.slots.iter().map(|slot| u64::from(slot.left)).sum();
        let ours: Vec<_> = self.slots.iter().filter_map(|slot| slot.message).collect();
        let unseen = self.sent.iter().zip(self.sent_first..).filter(|(sent, number)| {
            sent.is_acknowledged && !sent.is_delivered && !ours.contains(number)
        });
        seen + unseen.count() as u64 * u64::from(self.followers)
    }

    fn complete(&mut self, message: Option<u64>) {
        while self.slots.front().is_some_and(|slot| slot.is_known && slot.left == 0) {
            self.slots.pop_front();
            self.slot_first += 1;
        }
        if let Some(number) = message {
            if let Some(sent) = self.sent(number) {
                sent.is_delivered = true;
            }
            self.finish(number);
        }
    }

    fn finish(&mut self, number: u64) {
        let Some(sent) = self.sent(number) else { return };
        if sent.is_acknowledged && sent.is_delivered && !sent.is_finished {
            sent.is_finished = true;
            self.in_flight = self.in_flight.saturating_sub(1);
        }
        while self.sent.front().is_some_and(|sent| sent.is_finished) {
            self.sent.pop_front();
            self.sent_first += 1;
        }
    }

    fn sent(&mut self, number: u64) -> Option<&mut Sent> {
        let index = usize::try_from(number.checked_sub(self.sent_first)?).ok()?;
        self.sent.get_mut(index)
    }
}

impl RoomCursor {
    /// Takes a sequence number. False: the client has it already.
    fn take(&mut self, seq: u64, tally: &mut Tally) -> bool {
        if seq == self.expected {
            self.expected += 1;
            return true;
        }
        if seq > self.expected {
            let room = limits::MISSING.saturating_sub(self.missing.len());
            self.missing.extend((self.expected..seq).take(room));
            self.expected = seq + 1;
            return true;
        }
        if let Some(index) = self.missing.iter().position(|missing| *missing == seq) {
            self.missing.swap_remove(index);
            tally.out_of_order += 1;
            return true;
        }
        tally.doubled += 1;
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A room with two followers and one message on its way.
    fn two() -> (Ledger, [RoomCursor; 2], Tally) {
        let mut ledger = Ledger { followers: 2, ..Ledger::at(10) };
        assert_eq!(ledger.send(1_000, Acknowledgement::Awaited), 0);
        let cursor = || RoomCursor { expected: 11, ..RoomCursor::default() };
        (ledger, [cursor(), cursor()], Tally::default())
    }

    #[test]
    fn a_message_is_finished_when_it_is_acknowledged_and_delivered_to_all() {
        let (mut ledger, [mut a, mut b], mut tally) = two();
        ledger.deliver(11, &mut a, 3_000, &mut tally, || Some(0));
        assert!(ledger.acknowledge(0, 4_000, &mut tally));
        assert!(!ledger.acknowledge(0, 5_000, &mut tally), "an acknowledgement counts once");
        assert_eq!((ledger.in_flight, ledger.lost()), (1, 1));
        ledger.deliver(11, &mut b, 5_000, &mut tally, || unreachable!("called once"));
        assert_eq!((ledger.in_flight, ledger.lost(), tally.deliveries), (0, 0, 2));
        assert_eq!((tally.latency.min(), tally.latency.max()), (2, 4));
        assert_eq!(tally.acknowledged, 1);
    }

    #[test]
    fn lost_doubled_and_late_deliveries_are_distinguished() {
        let (mut ledger, [mut a, _], mut tally) = two();
        ledger.send(1_000, Acknowledgement::Awaited);
        ledger.send(1_000, Acknowledgement::Awaited);
        for seq in [12, 11, 12, 13] {
            ledger.deliver(seq, &mut a, 2_000, &mut tally, || Some(seq - 11));
        }
        assert_eq!((tally.deliveries, tally.out_of_order, tally.doubled), (3, 1, 1));
        assert_eq!(ledger.lost(), 3, "the other follower has none of the three");
    }

    #[test]
    fn an_acknowledged_message_that_no_client_got_is_lost_to_all() {
        let (mut ledger, _, mut tally) = two();
        assert_eq!(ledger.lost(), 0, "nothing is promised before the acknowledgement");
        ledger.acknowledge(0, 2_000, &mut tally);
        assert_eq!(ledger.lost(), 2);
    }

    #[test]
    fn what_a_former_follower_lacks_and_what_was_refused_is_not_awaited() {
        let (mut ledger, [mut a, b], mut tally) = two();
        ledger.deliver(11, &mut a, 3_000, &mut tally, || Some(0));
        ledger.acknowledge(0, 4_000, &mut tally);
        ledger.remove_follower(&b);
        assert_eq!((ledger.in_flight, ledger.lost()), (0, 0));
        let number = ledger.send(5_000, Acknowledgement::Awaited);
        assert_eq!(ledger.unacknowledged(), [number]);
        ledger.refuse(number);
        assert_eq!((ledger.in_flight, ledger.lost()), (0, 0));
        assert_eq!(ledger.unacknowledged(), [0u64; 0]);
    }

    #[test]
    fn messages_of_other_programs_count_as_delivered_and_have_no_latency() {
        let (mut ledger, [mut a, mut b], mut tally) = two();
        ledger.deliver(11, &mut a, 2_000, &mut tally, || None);
        ledger.deliver(11, &mut b, 2_000, &mut tally, || None);
        assert_eq!((ledger.in_flight, tally.deliveries, tally.latency.len()), (1, 2, 0));
    }
}
