//! What is left of a replay, and the slices it is read in.
//!
//! A delivery thread requests the next slice of a replay when its reader has taken the one before, so what
//! a replay holds is one slice, however much was missed. Slices are read by a bounded number of tasks at a
//! time, users in turn, and each is accounted for from before it is read until it is written.
//!
//! # Why every change arrives once and in order
//!
//! A subscription is a mark in the order of publications: what has a `seq` of at most `upto` was published
//! before it, and everything later reaches the subscription through the room's log. The replay delivers what
//! is in `(since, upto]`. In the store a message stands at the `seq` of its last change, and a change only
//! ever moves it behind `upto`. So
//!
//! * a slice reads the messages of `(since, upto]` in the order of `seq` and the next one goes on after the
//!   last: no message is read twice, and what was not there before cannot appear in between;
//! * a message that changes before its slice is read is no longer in the interval. Its new state is in the
//!   log, which the reader gets after the replay: nothing is missed, and no older state follows a newer one;
//! * a message that changes *while* its slice is on its way is dropped from the slice (the room announces
//!   which messages change before it publishes them, in the same queue): what was deleted is not sent any
//!   more. Its new state, again, is in the log;
//! * the end of a subscription (unsubscribed, removed, subscribed anew) drops the replay, and the slice that
//!   is on its way is recognised by its number and dropped, too.

use super::publication::{ConnRef, MissedEvent, Payload};
use super::published::encode_log;
use crate::base::encryption::LogHead;
use crate::base::error::Result;
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::{chat, rooms as limits};
use crate::base::memory::Reservation;
use crate::protocol::answer::OkAnswer;
use crate::protocol::event::Event;
use crate::protocol::room::ReadState;
use crate::store::chat::{Missed, MissedChange};

/// What is left of a replay.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The room.
    pub room: RoomId,
    /// The reader has everything up to this `seq`, or it is on its way.
    pub(super) since: u64,
    /// Later changes are live.
    upto: u64,
    /// The `id` of the command that is answered at the end.
    pub(super) id: Option<String>,
    /// Messages it may still bring.
    messages: usize,
    /// Their bytes.
    bytes: usize,
    /// Rows worth asking for next.
    rows: usize,
    is_truncated: bool,
    /// What the reader has read of everything up to `upto`.
    read_state: ReadState,
    /// The log up to there, if the room is encrypted.
    log: Option<LogHead>,
}

impl Replay {
    /// Of everything in `(since, upto]`.
    pub fn new(
        room: RoomId,
        since: u64,
        upto: u64,
        id: Option<String>,
        read_state: ReadState,
    ) -> Self {
        Self {
            room,
            since,
            upto,
            id,
            messages: chat::REPLAY,
            bytes: limits::REPLAY_BYTES,
            rows: limits::SLICE_ROWS_FIRST,
            is_truncated: false,
            read_state,
            log: None,
        }
    }

    /// The same of an encrypted room, whose log goes so far.
    #[must_use]
    pub fn with_log(self, log: Option<LogHead>) -> Self {
        Self { log, ..self }
    }

    /// Whether the room has a log, whose batches stand among its messages.
    pub(super) fn has_log(&self) -> bool {
        self.log.is_some()
    }

    /// It ends here; what is missing must be read from the history.
    pub fn truncate(&mut self) {
        self.is_truncated |= self.since < self.upto;
        self.since = self.upto;
    }

    /// Whether nothing is left but its answer.
    pub fn is_over(&self) -> bool {
        self.since >= self.upto
    }

    /// Whether more was missed than it brings.
    pub fn is_truncated(&self) -> bool {
        self.is_truncated
    }

    /// The answer to the command.
    pub fn answer(&self) -> Payload {
        let ok = OkAnswer::to(self.id.as_deref()).seq(self.upto).truncated(self.is_truncated);
        ok.read_state(self.read_state).log(self.log).encode()
    }

    /// How many rows the next slice requests.
    pub(super) fn rows(&self) -> usize {
        // One row more than may come shows whether it must be truncated.
        self.rows.min(self.messages + 1)
    }

    /// The events of what was read.
    pub(super) fn advance(&mut self, read: &Missed) -> Vec<MissedEvent> {
        let mut events = Vec::with_capacity(read.changes.len());
        for change in &read.changes {
            if change.seq() > self.upto {
                self.since = self.upto;
                return events;
            }
            let (mid, event) = match change {
                MissedChange::Message(msg) => {
                    let event = Event::Msg { room: self.room, seq: msg.seq, at: msg.at, msg };
                    (Some(msg.mid), event.encode())
                }
                MissedChange::Log(batch) => (None, encode_log(self.room, batch)),
            };
            if self.messages == 0 || event.len() > self.bytes {
                self.truncate();
                return events;
            }
            self.messages -= 1;
            self.bytes -= event.len();
            self.since = change.seq();
            events.push(MissedEvent { mid, payload: event });
        }
        // Rows beyond the bytes of a slice are read in vain, so after one that was cut the next one requests fewer.
        let count = read.changes.len();
        let rows = if count < self.rows() { count } else { self.rows };
        self.rows = (2 * rows).clamp(limits::SLICE_ROWS_MIN, limits::SLICE_ROWS);
        if !read.has_more {
            self.since = self.upto;
        }
        events
    }
}

/// A delivery thread's request for the next slice.
#[derive(Debug)]
pub struct SliceRequest {
    /// The connection it is for.
    pub conn: ConnRef,
    /// Whose connection that is.
    pub uid: Uid,
    /// How the thread recognises the slice.
    pub number: u64,
    /// What is left of the replay.
    pub replay: Replay,
}

/// The next slice of a replay.
#[derive(Debug)]
pub struct Slice {
    /// That of the request.
    pub number: u64,
    /// The room.
    pub room: RoomId,
    /// The events, or the answer if they could not be read.
    pub read: Result<SliceEvents, Payload>,
}

/// The events of a slice.
#[derive(Debug)]
pub struct SliceEvents {
    /// Events, in order.
    pub events: Vec<MissedEvent>,
    /// What is left of the replay after them.
    pub rest: Replay,
    /// The memory of their bytes, held until they are written.
    pub held: Reservation,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids::Mid;
    use crate::protocol::message::{Content, MessageState};
    use proptest::prelude::*;

    const READ: ReadState = ReadState { read: 7, unread: 3, mentions: 1 };

    /// A room's messages: each stands at the `seq` of its last change.
    #[derive(Default)]
    struct Store {
        /// By message.
        seqs: Vec<u64>,
        last: u64,
    }

    impl Store {
        fn change(&mut self, message: usize) -> (usize, u64) {
            self.last += 1;
            if message < self.seqs.len() {
                self.seqs[message] = self.last;
                (message, self.last)
            } else {
                self.seqs.push(self.last);
                (self.seqs.len() - 1, self.last)
            }
        }

        /// As `changed_within`, cut after `most` for their bytes.
        fn read(&self, since: u64, limit: usize, most: usize) -> Missed {
            let missed = self.seqs.iter().enumerate().filter(|(_, seq)| **seq > since);
            let mut missed: Vec<_> = missed.map(|(n, seq)| state(n, *seq)).collect();
            missed.sort_unstable_by_key(|message| message.seq);
            let found = missed.len().min(limit);
            missed.truncate(found.min(most.max(1)));
            let has_more = missed.len() < found || missed.len() >= limit;
            Missed { changes: missed.into_iter().map(MissedChange::Message).collect(), has_more }
        }
    }

    fn mid(n: usize) -> Mid {
        Mid((n as u128).to_be_bytes())
    }

    fn state(n: usize, seq: u64) -> MessageState {
        MessageState {
            mid: mid(n),
            rev: 0,
            by: Uid(1),
            seq,
            at: 0,
            created_seq: 1,
            created_at: 0,
            edited_at: None,
            content: Content::Deleted,
            reactions: Vec::new(),
        }
    }

    /// Which message an event is about, and its `seq`.
    fn parse(event: &MissedEvent) -> (Mid, u64) {
        let event_json: serde_json::Value = serde_json::from_slice(&event.payload).unwrap();
        (event.mid.unwrap(), event_json["seq"].as_u64().unwrap())
    }

    proptest! {
        /// A subscription in the middle of anything: slices of any size, changes before, between and
        /// during them.
        #[test]
        fn every_change_arrives_once_in_order_and_nothing_outdated_after_it_has_changed(
            before in prop::collection::vec(0usize..40, 0..300),
            since in 0u64..50,
            steps in prop::collection::vec(
                (prop::collection::vec(0usize..40, 0..6), prop::collection::vec(0usize..40, 0..6), 1usize..40),
                0..40,
            ),
        ) {
            let mut store = Store::default();
            for message in before {
                store.change(message);
            }
            let (upto, since) = (store.last, since.min(store.last));
            let at_first = store.seqs.clone();
            let mut replay = Replay::new(RoomId(1), since, upto, None, ReadState::default());
            let mut live = Vec::new();
            let mut received: Vec<(Mid, u64)> = Vec::new();
            let endless = std::iter::repeat((Vec::new(), Vec::new(), 40));
            for (earlier, meanwhile, most) in steps.into_iter().chain(endless) {
                if replay.is_over() {
                    break;
                }
                live.extend(earlier.into_iter().map(|message| store.change(message)));
                let read = store.read(replay.since, replay.rows(), most);
                // Announced while the slice is on its way.
                let meanwhile: Vec<_> =
                    meanwhile.into_iter().map(|message| store.change(message)).collect();
                let outdated = |m: &Mid| meanwhile.iter().any(|(n, _)| mid(*n) == *m);
                let events = replay.advance(&read);
                let valid = events.iter().filter(|event| !outdated(&event.mid.unwrap()));
                received.extend(valid.map(parse));
                live.extend(meanwhile);
            }
            prop_assert!(!replay.is_truncated);
            prop_assert!(received.iter().all(|(_, seq)| (since + 1..=upto).contains(seq)));
            received.extend(live.iter().map(|(n, seq)| (mid(*n), *seq)));
            prop_assert!(received.is_sorted_by(|a, b| a.1 < b.1), "{received:?}");
            for (n, seq) in store.seqs.iter().enumerate().filter(|(_, seq)| **seq > since) {
                let last = received.iter().rev().find(|(received, _)| *received == mid(n));
                prop_assert_eq!(last, Some(&(mid(n), *seq)), "the newest state of each");
            }
            // What nobody touched meanwhile was in the replay.
            let untouched = at_first.iter().zip(&store.seqs).filter(|(then, now)| then == now);
            let missed = untouched.filter(|(seq, _)| **seq > since).count();
            prop_assert!(received.len() - live.len() >= missed);
        }
    }

    #[test]
    fn a_replay_ends_at_its_bounds_and_says_so() {
        let mut store = Store::default();
        (0..=chat::REPLAY).for_each(|message| {
            store.change(message);
        });
        let mut largest = 0;
        let mut replayed = |since: u64| {
            let mut replay = Replay::new(RoomId(1), since, store.last, Some("r".to_owned()), READ);
            let mut events = 0;
            while !replay.is_over() {
                largest = largest.max(replay.rows());
                let read = store.read(replay.since, replay.rows(), usize::MAX);
                events += replay.advance(&read).len();
            }
            (events, replay.answer())
        };
        let (events, answer) = replayed(0);
        assert_eq!(events, chat::REPLAY);
        assert_eq!(
            answer,
            r#"{"op":"ok","id":"r","seq":1001,"truncated":true,"read":7,"unread":3,"mentions":1}"#
        );
        let (events, answer) = replayed(1);
        assert_eq!(events, chat::REPLAY);
        assert_eq!(answer, r#"{"op":"ok","id":"r","seq":1001,"read":7,"unread":3,"mentions":1}"#);
        assert_eq!(largest, limits::SLICE_ROWS);
        let mut dropped = Replay::new(RoomId(1), 1, 2, None, READ);
        dropped.truncate();
        assert_eq!(
            dropped.answer(),
            r#"{"op":"ok","seq":2,"truncated":true,"read":7,"unread":3,"mentions":1}"#
        );
    }

    #[test]
    fn a_slice_asks_for_more_after_a_full_one_and_for_less_after_one_that_was_cut() {
        let mut store = Store::default();
        (0..chat::REPLAY).for_each(|message| {
            store.change(message);
        });
        let mut replay = Replay::new(RoomId(1), 0, store.last, None, READ);
        let mut rows_after = |most| {
            let rows = replay.rows();
            replay.advance(&store.read(replay.since, rows, most));
            (rows, replay.rows())
        };
        let first = limits::SLICE_ROWS_FIRST;
        assert_eq!(rows_after(usize::MAX), (first, 2 * first));
        assert_eq!(rows_after(10), (2 * first, 20));
        assert_eq!(rows_after(1), (20, limits::SLICE_ROWS_MIN));
    }
}
