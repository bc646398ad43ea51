//! What was sent, what arrived, how often, in which order and how late.
//!
//! One record per message and room, not per delivery: a delivery costs a comparison with the line's
//! next number, one decrement and one histogram bucket, so that the books do not become what is
//! measured.

use std::collections::VecDeque;

use hdrhistogram::Histogram;

/// Longest latency told apart, in microseconds; longer ones count as this.
const LATENCY_MAX_US: u64 = 120_000_000;
/// Missing numbers remembered per line, to tell a late delivery from a doubled one.
const MISSING: usize = 10_000;

/// What happened over a whole scenario.
pub struct Tally {
    /// Deliveries that arrived, each once.
    pub deliveries: u64,
    /// Arrived again.
    pub doubled: u64,
    /// Arrived after a later one.
    pub out_of_order: u64,
    /// Commands that were refused, and frames that were broken.
    pub errors: u64,
    /// The first refusal, in the server's words.
    pub first_error: Option<String>,
    /// Messages sent.
    pub sent: u64,
    /// Messages the server has acknowledged.
    pub acknowledged: u64,
    /// From send to delivery, in microseconds.
    pub latency: Histogram<u64>,
    /// From send to acknowledgement, in microseconds.
    pub answered: Histogram<u64>,
}

/// An empty histogram of microseconds.
pub fn histogram() -> Histogram<u64> {
    let mut latency = Histogram::new(3).unwrap_or_else(|error| unreachable!("{error}"));
    latency.auto(true);
    latency
}

/// Counts one latency, given in nanoseconds.
pub fn record(histogram: &mut Histogram<u64>, ns: u64) {
    // An automatic histogram takes any value up to its type's.
    let _ = histogram.record((ns / 1_000).min(LATENCY_MAX_US));
}

/// How far one line is in its room.
#[derive(Debug, Default)]
pub struct Place {
    /// The number it must get next.
    pub expected: u64,
    missing: Vec<u64>,
}

/// A room's books.
#[derive(Debug, Default)]
pub struct Books {
    /// Open lines that follow it.
    pub followers: u32,
    /// The newest number seen.
    pub newest: u64,
    /// What was sent and is not finished; the first is `sent_first`.
    sent: VecDeque<Sent>,
    sent_first: u64,
    /// Deliveries that are awaited, by the room's own numbers; the first is `slot_first`.
    slots: VecDeque<Slot>,
    slot_first: u64,
    /// Sent and neither refused nor delivered to everybody.
    pub in_flight: usize,
}

/// One message of ours.
#[derive(Debug, Clone, Copy)]
struct Sent {
    at_ns: u64,
    is_answered: bool,
    is_delivered: bool,
    is_finished: bool,
}

/// One number of the room.
#[derive(Debug, Clone, Copy, Default)]
struct Slot {
    is_seen: bool,
    /// Our message, unless somebody else wrote it.
    message: Option<u64>,
    left: u32,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            deliveries: 0,
            doubled: 0,
            out_of_order: 0,
            errors: 0,
            first_error: None,
            sent: 0,
            acknowledged: 0,
            latency: histogram(),
            answered: histogram(),
        }
    }
}

impl Tally {
    /// Something was refused.
    pub fn refuse(&mut self, sentence: &str) {
        self.errors += 1;
        self.first_error.get_or_insert_with(|| sentence.to_owned());
    }
}

impl Books {
    /// Of a room whose newest number is known, with nobody in it.
    pub fn at(newest: u64) -> Self {
        Self { newest, slot_first: newest + 1, ..Self::default() }
    }

    /// Notes a message of ours; its own number, from 0.
    pub fn send(&mut self, now_ns: u64, needs_answer: bool) -> u64 {
        let followers = self.followers;
        self.sent.push_back(Sent {
            at_ns: now_ns,
            is_answered: !needs_answer,
            is_delivered: followers == 0,
            is_finished: false,
        });
        self.in_flight += 1;
        self.sent_first + self.sent.len() as u64 - 1
    }

    /// The server has answered our message `number`. False: it had done so before.
    pub fn answer(&mut self, number: u64, now_ns: u64, tally: &mut Tally) -> bool {
        let Some(sent) = self.sent(number).filter(|sent| !sent.is_answered) else { return false };
        sent.is_answered = true;
        record(&mut tally.answered, now_ns.saturating_sub(sent.at_ns));
        tally.acknowledged += 1;
        self.finish(number);
        true
    }

    /// The server has refused our message `number`: nobody waits for it.
    pub fn forget(&mut self, number: u64) {
        if let Some(sent) = self.sent(number) {
            sent.is_answered = true;
            sent.is_delivered = true;
            self.finish(number);
        }
    }

    /// Our messages without an answer.
    pub fn unanswered(&self) -> Vec<u64> {
        let numbered = self.sent.iter().zip(self.sent_first..);
        numbered.filter(|(sent, _)| !sent.is_answered).map(|(_, number)| number).collect()
    }

    /// A line got the room's number `seq`; `message` reads which of ours it is, and is asked once.
    pub fn deliver(
        &mut self,
        seq: u64,
        place: &mut Place,
        now_ns: u64,
        tally: &mut Tally,
        message: impl FnOnce() -> Option<u64>,
    ) {
        if !place.take(seq, tally) {
            return;
        }
        tally.deliveries += 1;
        self.newest = self.newest.max(seq);
        let followers = self.followers;
        let Some(index) = seq.checked_sub(self.slot_first) else { return };
        let index = usize::try_from(index).unwrap_or(usize::MAX);
        while self.slots.len() <= index && self.slots.len() < MISSING {
            self.slots.push_back(Slot { left: followers, ..Slot::default() });
        }
        let Some(slot) = self.slots.get_mut(index) else { return };
        if !slot.is_seen {
            slot.is_seen = true;
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

    /// A follower has gone for good: nothing it has not got is awaited.
    pub fn leave(&mut self, place: &Place) {
        self.followers = self.followers.saturating_sub(1);
        let mut done = Vec::new();
        for (slot, seq) in self.slots.iter_mut().zip(self.slot_first..) {
            if slot.left > 0 && (seq >= place.expected || place.missing.contains(&seq)) {
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
            sent.is_answered && !sent.is_delivered && !ours.contains(number)
        });
        seen + unseen.count() as u64 * u64::from(self.followers)
    }

    fn complete(&mut self, message: Option<u64>) {
        while self.slots.front().is_some_and(|slot| slot.is_seen && slot.left == 0) {
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
        if sent.is_answered && sent.is_delivered && !sent.is_finished {
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

impl Place {
    /// Takes a number. False: it was here before.
    fn take(&mut self, seq: u64, tally: &mut Tally) -> bool {
        if seq == self.expected {
            self.expected += 1;
            return true;
        }
        if seq > self.expected {
            let room = MISSING.saturating_sub(self.missing.len());
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
    fn two() -> (Books, [Place; 2], Tally) {
        let mut books = Books { followers: 2, ..Books::at(10) };
        assert_eq!(books.send(1_000, true), 0);
        let place = || Place { expected: 11, ..Place::default() };
        (books, [place(), place()], Tally::default())
    }

    #[test]
    fn a_message_is_over_when_it_is_answered_and_everybody_has_it() {
        let (mut books, [mut a, mut b], mut tally) = two();
        books.deliver(11, &mut a, 3_000, &mut tally, || Some(0));
        assert!(books.answer(0, 4_000, &mut tally));
        assert!(!books.answer(0, 5_000, &mut tally), "an answer counts once");
        assert_eq!((books.in_flight, books.lost()), (1, 1));
        books.deliver(11, &mut b, 5_000, &mut tally, || unreachable!("asked once"));
        assert_eq!((books.in_flight, books.lost(), tally.deliveries), (0, 0, 2));
        assert_eq!((tally.latency.min(), tally.latency.max()), (2, 4));
        assert_eq!(tally.acknowledged, 1);
    }

    #[test]
    fn lost_doubled_and_late_deliveries_are_told_apart() {
        let (mut books, [mut a, _], mut tally) = two();
        books.send(1_000, true);
        books.send(1_000, true);
        for seq in [12, 11, 12, 13] {
            books.deliver(seq, &mut a, 2_000, &mut tally, || Some(seq - 11));
        }
        assert_eq!((tally.deliveries, tally.out_of_order, tally.doubled), (3, 1, 1));
        assert_eq!(books.lost(), 3, "the other follower has none of the three");
    }

    #[test]
    fn an_acknowledged_message_that_nobody_saw_is_lost_to_everybody() {
        let (mut books, _, mut tally) = two();
        assert_eq!(books.lost(), 0, "without an answer nothing was promised");
        books.answer(0, 2_000, &mut tally);
        assert_eq!(books.lost(), 2);
    }

    #[test]
    fn nobody_waits_for_who_has_gone_or_for_what_was_refused() {
        let (mut books, [mut a, b], mut tally) = two();
        books.deliver(11, &mut a, 3_000, &mut tally, || Some(0));
        books.answer(0, 4_000, &mut tally);
        books.leave(&b);
        assert_eq!((books.in_flight, books.lost()), (0, 0));
        let number = books.send(5_000, true);
        assert_eq!(books.unanswered(), [number]);
        books.forget(number);
        assert_eq!((books.in_flight, books.lost()), (0, 0));
        assert_eq!(books.unanswered(), [0u64; 0]);
    }

    #[test]
    fn what_others_write_counts_as_delivered_and_not_as_ours() {
        let (mut books, [mut a, mut b], mut tally) = two();
        books.deliver(11, &mut a, 2_000, &mut tally, || None);
        books.deliver(11, &mut b, 2_000, &mut tally, || None);
        assert_eq!((books.in_flight, tally.deliveries, tally.latency.len()), (1, 2, 0));
    }
}
