//! What waits for one connection alone: answers, then replays. A replay is read a slice at a time, and the
//! events of a slice wait as shared payloads that become bytes as the socket takes them.

use std::collections::VecDeque;

use super::frame_log::{Cursor, FrameLog};
use super::held;
use crate::base::ids::{Mid, RoomId};
use crate::base::limits::delivery as limits;
use crate::base::memory::{Kind, Reservation};
use crate::rooms::publication::Payload;
use crate::rooms::replay::Replay;

/// Frames of this connection alone. It exists only while something waits.
#[derive(Default)]
pub(super) struct Outbox {
    pub log: FrameLog,
    pub cursor: Cursor,
    replays: VecDeque<Queued>,
    /// Bytes of replays that nobody has reserved.
    replay_bytes: usize,
}

/// A replay in the order of their answers.
struct Queued {
    room: RoomId,
    /// Whether its end makes the subscription live.
    leads: bool,
    events: VecDeque<Event>,
    /// What is not read yet.
    rest: Option<Rest>,
    /// The events are accounted for by this.
    held: Option<Reservation>,
}

/// An event of a replay, or its answer.
struct Event {
    /// The message it is about.
    mid: Option<Mid>,
    payload: Payload,
}

/// What is left of a replay.
struct Rest {
    replay: Replay,
    /// The slice that was asked for, and how many changes the room had announced by then.
    asked: Option<(u64, u64)>,
}

impl Outbox {
    /// Bytes that the kernel has not taken and that are no replay.
    pub fn waiting(&self) -> usize {
        self.log.backlog(self.cursor.at).bytes
    }

    /// Bytes it would give back if it were cut, without what is reserved elsewhere.
    pub fn can_give_up(&self) -> usize {
        self.log.behind_next(self.cursor.at) + self.replay_bytes
    }

    /// Whether more has piled up than may.
    pub fn is_over(&self) -> bool {
        self.cursor.piled_up(&self.log).is_over() || self.replay_bytes > limits::REPLAYS_WAITING
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
    pub fn push_replay(&mut self, room: RoomId, events: Vec<Payload>, leads: bool) {
        let events: VecDeque<_> =
            events.into_iter().map(|payload| Event { mid: None, payload }).collect();
        self.count(bytes_of(&events).cast_signed());
        self.replays.push_back(Queued { room, leads, events, rest: None, held: None });
    }

    /// Queues a replay that is to be read, or that the room had in memory. What does not fit is read
    /// when its turn comes.
    pub fn push_missed(&mut self, replay: Replay, kept: Option<Vec<(Mid, Payload)>>, leads: bool) {
        let room = replay.room;
        let size = |kept: &Vec<(Mid, Payload)>| kept.iter().map(|(_, event)| event.len()).sum();
        let fits = |bytes: usize| self.replay_bytes + bytes <= limits::REPLAYS_WAITING;
        let queued = match kept.filter(|kept| fits(size(kept))) {
            Some(kept) => {
                let event = |(mid, payload)| Event { mid: Some(mid), payload };
                let mut events: VecDeque<_> = kept.into_iter().map(event).collect();
                events.push_back(Event { mid: None, payload: replay.answer() });
                self.count(bytes_of(&events).cast_signed());
                Queued { room, leads, events, rest: None, held: None }
            }
            None => {
                let rest = Some(Rest { replay, asked: None });
                Queued { room, leads, events: VecDeque::new(), rest, held: None }
            }
        };
        self.replays.push_back(queued);
    }

    /// Whether the next slice of a replay may be asked for: everything before it is written.
    pub fn wants_slice(&self) -> bool {
        let next = self.replays.front().filter(|next| next.events.is_empty());
        let rest = next.and_then(|next| next.rest.as_ref());
        self.log.is_empty() && rest.is_some_and(|rest| rest.asked.is_none())
    }

    /// The replay of which a slice is wanted; it is asked for from now on, by this number.
    pub fn ask(&mut self, number: u64, changes: impl Fn(RoomId) -> u64) -> Option<Replay> {
        let next = self.replays.front_mut()?;
        next.held = None;
        let changes = changes(next.room);
        let rest = next.rest.as_mut()?;
        rest.asked = Some((number, changes));
        Some(rest.replay.clone())
    }

    /// The slice that was asked for by this number; how many changes had been announced by then.
    pub fn asked(&self, number: u64) -> Option<u64> {
        let (asked, changes) = self.replays.front()?.rest.as_ref()?.asked?;
        (asked == number).then_some(changes)
    }

    /// The slice is here. `None` for what is left: ask again.
    pub fn push_slice(
        &mut self,
        events: impl Iterator<Item = (Mid, Payload)>,
        left: Replay,
        held: Reservation,
    ) {
        let Some(next) = self.replays.front_mut() else { return };
        next.events = events.map(|(mid, payload)| Event { mid: Some(mid), payload }).collect();
        next.held = Some(held);
        if left.is_over() {
            next.rest = None;
            next.events.push_back(Event { mid: None, payload: left.answer() });
        } else {
            next.rest = Some(Rest { replay: left, asked: None });
        }
    }

    /// What was asked for last must be read again.
    pub fn ask_again(&mut self) {
        if let Some(rest) = self.replays.front_mut().and_then(|next| next.rest.as_mut()) {
            rest.asked = None;
        }
    }

    /// The replay that was asked for cannot be read: this is said instead.
    pub fn fail_slice(&mut self, payload: Payload) {
        let Some(next) = self.replays.front_mut() else { return };
        (next.leads, next.rest) = (false, None);
        let bytes = next.counted(payload.len());
        next.events.push_back(Event { mid: None, payload });
        self.count(bytes.cast_signed());
    }

    /// These messages have changed: what they said before is not sent any more.
    pub fn forget_messages(&mut self, room: RoomId, changed: &[Mid]) {
        let mut forgotten = 0;
        for queued in self.replays.iter_mut().filter(|queued| queued.room == room) {
            let before = bytes_of(&queued.events);
            queued.events.retain(|event| event.mid.is_none_or(|mid| !changed.contains(&mid)));
            forgotten += queued.counted(before - bytes_of(&queued.events));
        }
        self.count(-forgotten.cast_signed());
    }

    /// Nobody waits for the replays of this room any more; their answers still go out.
    pub fn forget_events(&mut self, room: RoomId) {
        let mut forgotten = 0;
        for queued in self.replays.iter_mut().filter(|queued| queued.room == room) {
            queued.leads = false;
            if let Some(Rest { mut replay, .. }) = queued.rest.take() {
                replay.truncate();
                queued.events.push_back(Event { mid: None, payload: replay.answer() });
                forgotten -= queued.counted(replay.answer().len()).cast_signed();
            }
            let events = queued.events.len().saturating_sub(1);
            let bytes = queued.events.drain(..events).map(|event| event.payload.len()).sum();
            forgotten += queued.counted(bytes).cast_signed();
        }
        self.count(-forgotten);
    }

    /// Drops all replays: what a goodbye may still follow stays.
    pub fn forget_replays(&mut self) {
        self.replays = VecDeque::new();
        self.count(-self.replay_bytes.cast_signed());
    }

    /// Drops everything but the frame that is being written.
    pub fn cut(&mut self) {
        self.forget_replays();
        self.log.cut(self.cursor.at);
    }

    /// Makes the next part of the replays ready once all before it is written. The rooms that become
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
                    self.log.append(&event.payload);
                    self.count(-bytes.cast_signed());
                }
                None if next.rest.is_some() => return,
                None => {
                    live.extend(next.leads.then_some(next.room));
                    self.replays.pop_front();
                }
            }
        }
    }

    fn count(&mut self, difference: isize) {
        self.replay_bytes = self.replay_bytes.saturating_add_signed(difference);
        held::changed(Kind::Replays, difference);
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.count(-self.replay_bytes.cast_signed());
    }
}

impl Queued {
    /// Bytes that count here: none if they are reserved.
    fn counted(&self, bytes: usize) -> usize {
        if self.held.is_some() { 0 } else { bytes }
    }
}

fn bytes_of(events: &VecDeque<Event>) -> usize {
    events.iter().map(|event| event.payload.len()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_counts_no_more_even_if_something_always_waits() {
        let mut out = Outbox::default();
        for _ in 0..10 {
            for _ in 0..limits::WAITING_FRAMES {
                out.log.append(b"an answer");
            }
            out.cursor.excuse(&out.log);
            assert!(!out.is_over());
            out.written(out.waiting() - 1);
            assert!(!out.is_empty());
        }
    }

    #[test]
    fn a_forgotten_replay_keeps_its_answer_and_makes_nothing_live() {
        let mut out = Outbox::default();
        let payload = |text: &'static str| Payload::from_static(text.as_bytes());
        out.push_replay(RoomId(1), vec![payload("one"), payload("ok")], true);
        out.push_replay(RoomId(2), vec![payload("two"), payload("ok")], true);
        out.forget_events(RoomId(1));
        let mut live = Vec::new();
        out.refill(&mut live);
        assert_eq!(live, [RoomId(2)]);
        assert_eq!(out.log.since(0), b"\x81\x02ok\x81\x03two\x81\x02ok");
        assert_eq!(out.replay_bytes, 0);
    }
}
