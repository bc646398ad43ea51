//! Replays from the store, a slice at a time.
//!
//! A delivery thread asks for the next slice of a replay when its reader has taken the one before, so what
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

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::actor::stopping;
use super::outlet::{ConnRef, Delivery, Payload};
use super::registry::Shared;
use crate::base::error::Result;
use crate::base::ids::{Mid, RoomId, Uid};
use crate::base::limits::{chat, rooms as limits};
use crate::base::memory::{Holder, Kind, Reservation};
use crate::protocol::answer::{self, OkAnswer};
use crate::protocol::event::Event;
use crate::protocol::message::MessageState;

/// What is left of a replay.
#[derive(Debug, Clone)]
pub struct Replay {
    /// The room.
    pub room: RoomId,
    /// The reader has everything up to this `seq`, or it is on its way.
    since: u64,
    /// Later changes are live.
    upto: u64,
    /// The `id` of the command that is answered at the end.
    id: Option<String>,
    /// Messages it may still bring.
    messages: usize,
    /// Their bytes.
    bytes: usize,
    /// Rows worth asking for next.
    rows: usize,
    is_truncated: bool,
}

impl Replay {
    /// Of everything in `(since, upto]`.
    pub fn new(room: RoomId, since: u64, upto: u64, id: Option<String>) -> Self {
        Self {
            room,
            since,
            upto,
            id,
            messages: chat::REPLAY,
            bytes: limits::REPLAY_BYTES,
            rows: FIRST_ROWS,
            is_truncated: false,
        }
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

    /// The answer to the command.
    pub fn answer(&self) -> Payload {
        OkAnswer::to(self.id.as_deref()).seq(self.upto).truncated(self.is_truncated).encode()
    }

    fn rows(&self) -> usize {
        // One more than may come tells whether it must be truncated.
        self.rows.min(self.messages + 1)
    }

    /// Takes what was read, in the order of `seq`; `more`: it may not be all.
    fn take(&mut self, read: &[MessageState], more: bool) -> Vec<(Mid, Payload)> {
        let mut events = Vec::with_capacity(read.len());
        for msg in read {
            if msg.seq > self.upto {
                self.since = self.upto;
                return events;
            }
            let event = Event::Msg { room: self.room, seq: msg.seq, at: msg.at, msg }.encode();
            if self.messages == 0 || event.len() > self.bytes {
                self.truncate();
                return events;
            }
            self.messages -= 1;
            self.bytes -= event.len();
            self.since = msg.seq;
            events.push((msg.mid, event));
        }
        // What is read in vain is read again, so a slice that was cut asks for less.
        let was_cut = read.len() < self.rows();
        self.rows =
            if was_cut { 2 * read.len() } else { 2 * self.rows }.clamp(FEWEST, limits::SLICE_ROWS);
        if !more {
            self.since = self.upto;
        }
        events
    }
}

/// Rows the first slice asks for: nearly all replays are short.
const FIRST_ROWS: usize = 64;
/// Rows a slice asks for at least, however large the messages are.
const FEWEST: usize = 8;

/// A delivery thread wants the next slice.
#[derive(Debug)]
pub struct Request {
    /// For whom.
    pub conn: ConnRef,
    /// Whose connection that is.
    pub uid: Uid,
    /// How the thread knows the slice again.
    pub number: u64,
    /// What is left.
    pub replay: Replay,
}

/// The next slice of a replay.
#[derive(Debug)]
pub struct Slice {
    /// Of the request.
    pub number: u64,
    /// The room.
    pub room: RoomId,
    /// What was read, or the answer if it could not be.
    pub read: Result<Read, Payload>,
}

/// What was read.
#[derive(Debug)]
pub struct Read {
    /// Events and the messages they are about, in order.
    pub events: Vec<(Mid, Payload)>,
    /// What is left after them.
    pub rest: Replay,
    /// Their bytes, held until they are written.
    pub held: Reservation,
}

/// The way to the readers.
#[derive(Debug, Clone)]
pub struct Replays {
    /// Not bounded by itself: of a connection only the newest request waits.
    tx: mpsc::UnboundedSender<Request>,
}

impl Replays {
    pub(super) fn new() -> (Self, mpsc::UnboundedReceiver<Request>) {
        let (tx, requests) = mpsc::unbounded_channel();
        (Self { tx }, requests)
    }

    /// Asks for a slice; it comes as [`Delivery::Slice`].
    pub fn request(&self, request: Request) {
        // The readers are gone only when the server stops, and then nobody waits for long.
        let _ = self.tx.send(request);
    }
}

/// Requests of one user.
#[derive(Default)]
struct Queue {
    waiting: VecDeque<(Instant, Request)>,
    running: usize,
}

impl Queue {
    /// A connection waits for the slice it asked for last: whoever subscribes and unsubscribes without
    /// pause while the store is slow has one request in here, and not one for each time.
    fn push(&mut self, request: Request) {
        self.waiting.retain(|(_, waiting)| waiting.conn != request.conn);
        self.waiting.push_back((Instant::now(), request));
    }
}

/// Users in turn, each with its own queue.
pub(super) struct Readers {
    shared: Arc<Shared>,
    queues: HashMap<Uid, Queue>,
    /// Users whose queue is not empty, in the order of their turns.
    turns: VecDeque<Uid>,
    running: JoinSet<Uid>,
}

/// Between two looks at a reservation that was refused.
const AGAIN: Duration = Duration::from_millis(100);

impl Readers {
    pub fn new(shared: Arc<Shared>) -> Self {
        let (queues, turns) = (HashMap::new(), VecDeque::new());
        Self { shared, queues, turns, running: JoinSet::new() }
    }

    /// Works until the server stops.
    pub async fn run(
        mut self,
        mut requests: mpsc::UnboundedReceiver<Request>,
        mut stop: watch::Receiver<bool>,
    ) {
        loop {
            let is_refused = self.start();
            tokio::select! {
                request = requests.recv() => match request {
                    Some(request) => self.push(request),
                    None => return,
                },
                Some(ended) = self.running.join_next(), if !self.running.is_empty() => {
                    if let Ok(uid) = ended {
                        self.ended(uid);
                    }
                }
                () = tokio::time::sleep(AGAIN), if is_refused => {}
                () = stopping(&mut stop) => return,
            }
        }
    }

    fn push(&mut self, request: Request) {
        let uid = request.uid;
        let queue = self.queues.entry(uid).or_default();
        if queue.waiting.is_empty() {
            self.turns.push_back(uid);
        }
        queue.push(request);
    }

    fn ended(&mut self, uid: Uid) {
        let Some(queue) = self.queues.get_mut(&uid) else { return };
        queue.running -= 1;
        if queue.running == 0 && queue.waiting.is_empty() {
            self.queues.remove(&uid);
            if self.queues.is_empty() {
                (self.queues, self.turns) = (HashMap::new(), VecDeque::new());
            }
        }
    }

    /// Starts what may be started. True: there is a request that waits for memory.
    fn start(&mut self) -> bool {
        let mut is_refused = false;
        for _ in 0..self.turns.len() {
            if self.running.len() >= limits::REPLAYS {
                break;
            }
            let Some(uid) = self.turns.pop_front() else { break };
            let Some(queue) = self.queues.get_mut(&uid) else { continue };
            if queue.running < limits::REPLAYS_PER_USER
                && let Some((since, request)) = queue.waiting.pop_front()
            {
                let memory = &self.shared.memory;
                let held = memory.reserve(Kind::Replays, Holder::User(uid), limits::SLICE_BYTES);
                match held {
                    Err(_) if since.elapsed() < limits::LOOKUP => {
                        queue.waiting.push_front((since, request));
                        is_refused = true;
                    }
                    held => {
                        queue.running += 1;
                        let held = held.map_err(Into::into);
                        self.running.spawn(answer(self.shared.clone(), request, held));
                    }
                }
            }
            if !queue.waiting.is_empty() {
                self.turns.push_back(uid);
            }
        }
        is_refused
    }
}

async fn answer(shared: Arc<Shared>, request: Request, held: Result<Reservation>) -> Uid {
    let Request { conn, uid, number, replay } = request;
    let (room, id) = (replay.room, replay.id.clone());
    let read = match held {
        Ok(held) => read(&shared, replay, held).await,
        Err(error) => Err(error),
    };
    let read = read.map_err(|error| {
        shared.refused.inc(error.code());
        answer::error(id.as_deref(), &error)
    });
    let slice = Slice { number, room, read };
    let _ = shared.outlet.to(conn, Delivery::Slice(conn, Arc::new(slice))).await;
    uid
}

async fn read(shared: &Shared, mut replay: Replay, mut held: Reservation) -> Result<Read> {
    let (room, since, rows) = (replay.room, replay.since, replay.rows());
    let read = shared.store.changed_within(room, since, rows, limits::SLICE_BYTES);
    let (missed, more) = read.await?;
    let events = replay.take(&missed, more);
    held.resize(events.iter().map(|(_, event)| event.len()).sum());
    Ok(Read { events, rest: replay, held })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::message::Content;
    use proptest::prelude::*;

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
        fn read(&self, since: u64, limit: usize, most: usize) -> (Vec<MessageState>, bool) {
            let missed = self.seqs.iter().enumerate().filter(|(_, seq)| **seq > since);
            let mut missed: Vec<_> = missed.map(|(n, seq)| state(n, *seq)).collect();
            missed.sort_unstable_by_key(|message| message.seq);
            let found = missed.len().min(limit);
            missed.truncate(found.min(most.max(1)));
            let more = missed.len() < found || missed.len() >= limit;
            (missed, more)
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

    /// What the reader is told of which message, with the `seq`.
    fn told(event: &(Mid, Payload)) -> (Mid, u64) {
        let event_json: serde_json::Value = serde_json::from_slice(&event.1).unwrap();
        (event.0, event_json["seq"].as_u64().unwrap())
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
            let mut replay = Replay::new(RoomId(1), since, upto, None);
            let mut live = Vec::new();
            let mut heard: Vec<(Mid, u64)> = Vec::new();
            let endless = std::iter::repeat((Vec::new(), Vec::new(), 40));
            for (earlier, meanwhile, most) in steps.into_iter().chain(endless) {
                if replay.is_over() {
                    break;
                }
                live.extend(earlier.into_iter().map(|message| store.change(message)));
                let (read, more) = store.read(replay.since, replay.rows(), most);
                // Announced while the slice is on its way.
                let meanwhile: Vec<_> =
                    meanwhile.into_iter().map(|message| store.change(message)).collect();
                let outdated = |m: &Mid| meanwhile.iter().any(|(n, _)| mid(*n) == *m);
                let events = replay.take(&read, more);
                heard.extend(events.iter().filter(|(mid, _)| !outdated(mid)).map(told));
                live.extend(meanwhile);
            }
            prop_assert!(!replay.is_truncated);
            prop_assert!(heard.iter().all(|(_, seq)| (since + 1..=upto).contains(seq)));
            heard.extend(live.iter().map(|(n, seq)| (mid(*n), *seq)));
            prop_assert!(heard.is_sorted_by(|a, b| a.1 < b.1), "{heard:?}");
            for (n, seq) in store.seqs.iter().enumerate().filter(|(_, seq)| **seq > since) {
                let last = heard.iter().rev().find(|(heard, _)| *heard == mid(n));
                prop_assert_eq!(last, Some(&(mid(n), *seq)), "the newest state of each");
            }
            // What nobody touched meanwhile was in the replay.
            let untouched = at_first.iter().zip(&store.seqs).filter(|(then, now)| then == now);
            let missed = untouched.filter(|(seq, _)| **seq > since).count();
            prop_assert!(heard.len() - live.len() >= missed);
        }
    }

    #[test]
    fn of_a_connection_only_the_newest_request_waits() {
        let mut queue = Queue::default();
        let conn = |slot| ConnRef { shard: 0, slot, generation: 1 };
        for number in 0..1_000 {
            let replay = Replay::new(RoomId(1), 0, 9, None);
            queue.push(Request { conn: conn(number as u32 % 2), uid: Uid(1), number, replay });
        }
        let waiting: Vec<_> = queue.waiting.iter().map(|(_, request)| request.number).collect();
        assert_eq!(waiting, [998, 999]);
    }

    #[test]
    fn a_replay_ends_at_its_bounds_and_says_so() {
        let mut store = Store::default();
        (0..=chat::REPLAY).for_each(|message| {
            store.change(message);
        });
        let mut largest = 0;
        let mut replayed = |since: u64| {
            let mut replay = Replay::new(RoomId(1), since, store.last, Some("r".to_owned()));
            let mut events = 0;
            while !replay.is_over() {
                largest = largest.max(replay.rows());
                let (read, more) = store.read(replay.since, replay.rows(), usize::MAX);
                events += replay.take(&read, more).len();
            }
            (events, replay.answer())
        };
        let (events, answer) = replayed(0);
        assert_eq!(events, chat::REPLAY);
        assert_eq!(answer, r#"{"op":"ok","id":"r","seq":1001,"truncated":true}"#);
        let (events, answer) = replayed(1);
        assert_eq!(events, chat::REPLAY);
        assert_eq!(answer, r#"{"op":"ok","id":"r","seq":1001}"#);
        assert_eq!(largest, limits::SLICE_ROWS);
        let mut dropped = Replay::new(RoomId(1), 1, 2, None);
        dropped.truncate();
        assert_eq!(dropped.answer(), r#"{"op":"ok","seq":2,"truncated":true}"#);
    }
}
