//! The send queue of one connection: frames for it alone (answers, `bye`), then replays. A replay is read a
//! slice at a time, and the events of a slice wait as shared payloads that become bytes as the socket takes
//! them.

use std::collections::VecDeque;

use super::frame_log::{Cursor, FrameLog};
use super::memory;
use crate::base::ids::{Mid, RoomId};
use crate::base::limits::delivery as limits;
use crate::base::memory::{Kind, Reservation};
use crate::rooms::publication::{MissedEvent, Payload};
use crate::rooms::replay::Replay;

/// How payloads are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Form {
    /// As WebSocket frames.
    #[default]
    Frames,
    /// Each with a line feed, to a tail.
    Lines,
}

/// What waits for one connection alone. It exists only while something waits.
#[derive(Default)]
pub(super) struct SendQueue {
    pub log: FrameLog,
    pub cursor: Cursor,
    form: Form,
    replays: VecDeque<QueuedReplay>,
    /// Bytes of replays that no reservation covers.
    replay_bytes: usize,
}

/// A replay that waits.
struct QueuedReplay {
    room: RoomId,
    /// Whether its end makes the subscription live.
    goes_live: bool,
    events: VecDeque<MissedEvent>,
    /// What is not read from the store yet.
    rest: Option<UnreadRest>,
    /// The reservation that covers the events.
    reservation: Option<Reservation>,
}

/// A slice that was requested.
struct SliceRequest {
    number: u64,
    /// How many messages of the room had changed by then.
    changes: u64,
}

/// The part of a replay that is not read yet.
struct UnreadRest {
    replay: Replay,
    requested: Option<SliceRequest>,
}

impl SendQueue {
    pub fn of(form: Form) -> Self {
        let mut queue = Self::default();
        queue.form = form;
        queue
    }

    /// Bytes that the kernel has not taken and that are no replay.
    pub fn waiting_bytes(&self) -> usize {
        self.log.backlog(self.cursor.at).bytes
    }

    /// Bytes that [`cut`](Self::cut) would free, without what reservations cover.
    pub fn releasable_bytes(&self) -> usize {
        self.log.behind_next(self.cursor.at) + self.replay_bytes
    }

    /// Whether more has piled up than may.
    pub fn exceeds_limit(&self) -> bool {
        self.cursor.piled_up(&self.log).exceeds_limit()
            || self.replay_bytes > limits::REPLAYS_WAITING
    }

    /// The kernel took this much.
    pub fn written(&mut self, bytes: usize) {
        self.cursor.at += bytes as u64;
        self.log.forget(self.cursor.at);
    }

    /// Whether nothing waits at all.
    pub fn is_empty(&self) -> bool {
        self.log.is_empty() && self.replays.is_empty()
    }

    /// Queues a whole replay behind everything that waits already.
    pub fn push_replay(&mut self, room: RoomId, events: Vec<Payload>, goes_live: bool) {
        let events: VecDeque<_> = events.into_iter().map(answer).collect();
        self.add_replay_bytes(bytes_of(&events).cast_signed());
        self.replays.push_back(QueuedReplay {
            room,
            goes_live,
            events,
            rest: None,
            reservation: None,
        });
    }

    /// Queues a replay that is to be read from the store, or that the room had in memory. What does not fit
    /// is read when the socket has taken everything before it.
    pub fn push_missed(
        &mut self,
        replay: Replay,
        buffered: Option<Vec<MissedEvent>>,
        goes_live: bool,
    ) {
        let room = replay.room;
        let fits = |bytes: usize| self.replay_bytes + bytes <= limits::REPLAYS_WAITING;
        let queued = match buffered.filter(|buffered| fits(bytes_of(buffered))) {
            Some(buffered) => {
                let mut events = VecDeque::from(buffered);
                events.push_back(answer(replay.answer()));
                self.add_replay_bytes(bytes_of(&events).cast_signed());
                QueuedReplay { room, goes_live, events, rest: None, reservation: None }
            }
            None => {
                let rest = Some(UnreadRest { replay, requested: None });
                QueuedReplay { room, goes_live, events: VecDeque::new(), rest, reservation: None }
            }
        };
        self.replays.push_back(queued);
    }

    /// Whether the next slice of a replay may be requested: everything before it is written.
    pub fn wants_slice(&self) -> bool {
        let next = self.replays.front().filter(|next| next.events.is_empty());
        let rest = next.and_then(|next| next.rest.as_ref());
        self.log.is_empty() && rest.is_some_and(|rest| rest.requested.is_none())
    }

    /// The replay whose next slice is requested now, under this number.
    pub fn request_slice(
        &mut self,
        number: u64,
        changes: impl Fn(RoomId) -> u64,
    ) -> Option<Replay> {
        let next = self.replays.front_mut()?;
        next.reservation = None;
        let changes = changes(next.room);
        let rest = next.rest.as_mut()?;
        rest.requested = Some(SliceRequest { number, changes });
        Some(rest.replay.clone())
    }

    /// How many messages of the room had changed when the slice of this number was requested; `None` if
    /// that slice is not awaited any more.
    pub fn changes_at_request(&self, number: u64) -> Option<u64> {
        let requested = self.replays.front()?.rest.as_ref()?.requested.as_ref()?;
        (requested.number == number).then_some(requested.changes)
    }

    /// The slice has arrived; what is left of the replay can be requested next.
    pub fn push_slice(
        &mut self,
        events: impl Iterator<Item = MissedEvent>,
        left: Replay,
        reservation: Reservation,
    ) {
        let Some(next) = self.replays.front_mut() else { return };
        next.events = events.collect();
        next.reservation = Some(reservation);
        if left.is_over() {
            next.rest = None;
            if self.form == Form::Lines && left.is_truncated() {
                // A tail has no gaps: it ends here instead of going on at the present.
                next.goes_live = false;
            } else {
                next.events.push_back(answer(left.answer()));
            }
        } else {
            next.rest = Some(UnreadRest { replay: left, requested: None });
        }
    }

    /// The slice must be requested again.
    pub fn reset_request(&mut self) {
        if let Some(rest) = self.replays.front_mut().and_then(|next| next.rest.as_mut()) {
            rest.requested = None;
        }
    }

    /// The slice cannot be read: this answer ends the replay.
    pub fn fail_slice(&mut self, payload: Payload) {
        let Some(next) = self.replays.front_mut() else { return };
        (next.goes_live, next.rest) = (false, None);
        let bytes = next.counted(payload.len());
        next.events.push_back(answer(payload));
        self.add_replay_bytes(bytes.cast_signed());
    }

    /// These messages have changed: their former state is not sent any more.
    pub fn forget_messages(&mut self, room: RoomId, changed: &[Mid]) {
        let mut forgotten = 0;
        for queued in self.replays.iter_mut().filter(|queued| queued.room == room) {
            let before = bytes_of(&queued.events);
            queued.events.retain(|event| event.mid.is_none_or(|mid| !changed.contains(&mid)));
            forgotten += queued.counted(before - bytes_of(&queued.events));
        }
        self.add_replay_bytes(-forgotten.cast_signed());
    }

    /// The connection does not follow the room any more: only the answers of its replays are still sent.
    pub fn forget_events(&mut self, room: RoomId) {
        let mut forgotten = 0;
        for queued in self.replays.iter_mut().filter(|queued| queued.room == room) {
            queued.goes_live = false;
            if let Some(UnreadRest { mut replay, .. }) = queued.rest.take() {
                replay.truncate();
                queued.events.push_back(answer(replay.answer()));
                forgotten -= queued.counted(replay.answer().len()).cast_signed();
            }
            let events = queued.events.len().saturating_sub(1);
            let bytes = queued.events.drain(..events).map(|event| event.payload.len()).sum();
            forgotten += queued.counted(bytes).cast_signed();
        }
        self.add_replay_bytes(-forgotten);
    }

    /// Drops all replays. Frames stay, and a `bye` may follow them.
    pub fn forget_replays(&mut self) {
        self.replays = VecDeque::new();
        self.add_replay_bytes(-self.replay_bytes.cast_signed());
    }

    /// Drops everything but the frame that is being written.
    pub fn cut(&mut self) {
        self.forget_replays();
        self.log.cut(self.cursor.at);
    }

    /// Encodes the next part of the replays once everything before it is written. The rooms that become
    /// live behind it are added to `live`.
    pub fn refill(&mut self, live: &mut Vec<RoomId>) {
        if !self.log.is_empty() {
            return;
        }
        while let Some(next) = self.replays.front_mut() {
            if self.log.backlog(self.cursor.at).bytes >= limits::REPLAY_CHUNK {
                return;
            }
            match next.events.pop_front() {
                Some(event) => {
                    let bytes = next.counted(event.payload.len());
                    match self.form {
                        Form::Frames => self.log.append(&event.payload),
                        Form::Lines => self.log.append_line(&event.payload),
                    }
                    self.add_replay_bytes(-bytes.cast_signed());
                }
                None if next.rest.is_some() => return,
                None => {
                    live.extend(next.goes_live.then_some(next.room));
                    self.replays.pop_front();
                }
            }
        }
    }

    fn add_replay_bytes(&mut self, difference: isize) {
        self.replay_bytes = self.replay_bytes.saturating_add_signed(difference);
        memory::record(Kind::Replays, difference);
    }
}

impl Drop for SendQueue {
    fn drop(&mut self) {
        self.add_replay_bytes(-self.replay_bytes.cast_signed());
    }
}

impl QueuedReplay {
    /// Bytes that count here: none if they are reserved.
    fn counted(&self, bytes: usize) -> usize {
        if self.reservation.is_some() { 0 } else { bytes }
    }
}

/// What is sent in any case, whatever changes meanwhile.
fn answer(payload: Payload) -> MissedEvent {
    MissedEvent { mid: None, payload }
}

fn bytes_of<'a>(events: impl IntoIterator<Item = &'a MissedEvent>) -> usize {
    events.into_iter().map(|event| event.payload.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_counts_no_more_even_if_something_always_waits() {
        let mut queue = SendQueue::default();
        for _ in 0..10 {
            for _ in 0..limits::WAITING_FRAMES {
                queue.log.append(b"an answer");
            }
            queue.cursor.reset_lag_baseline(&queue.log);
            assert!(!queue.exceeds_limit());
            queue.written(queue.waiting_bytes() - 1);
            assert!(!queue.is_empty());
        }
    }

    #[test]
    fn a_forgotten_replay_keeps_its_answer_and_makes_nothing_live() {
        let mut queue = SendQueue::default();
        let payload = |text: &'static str| Payload::from_static(text.as_bytes());
        queue.push_replay(RoomId(1), vec![payload("one"), payload("ok")], true);
        queue.push_replay(RoomId(2), vec![payload("two"), payload("ok")], true);
        queue.forget_events(RoomId(1));
        let mut live = Vec::new();
        queue.refill(&mut live);
        assert_eq!(live, [RoomId(2)]);
        assert_eq!(queue.log.since(0), b"\x81\x02ok\x81\x03two\x81\x02ok");
        assert_eq!(queue.replay_bytes, 0);
    }
}
