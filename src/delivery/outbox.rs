//! What waits for one connection alone: answers, then replays, which wait as shared payloads and
//! become bytes as the socket takes them.

use std::collections::VecDeque;

use super::frame_log::{Cursor, FrameLog};
use crate::ids::RoomId;
use crate::limits::delivery as limits;
use crate::rooms::outlet::Payload;

/// Frames of this connection alone. It exists only while something waits.
#[derive(Default)]
pub(super) struct Outbox {
    pub log: FrameLog,
    pub cursor: Cursor,
    replays: VecDeque<Replay>,
    /// Bytes of the replays.
    replay_bytes: usize,
}

struct Replay {
    room: RoomId,
    /// Whether its end makes the subscription live.
    leads: bool,
    events: VecDeque<Payload>,
}

impl Outbox {
    /// Bytes that the kernel has not taken and that are no replay.
    pub fn waiting(&self) -> usize {
        self.log.backlog(self.cursor.at).bytes
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

    /// Queues a replay behind everything that waits already.
    pub fn push_replay(&mut self, room: RoomId, events: Vec<Payload>, leads: bool) {
        self.replay_bytes += events.iter().map(Payload::len).sum::<usize>();
        self.replays.push_back(Replay { room, leads, events: events.into() });
    }

    /// Nobody waits for the replays of this room any more; their answers still go out.
    pub fn forget_events(&mut self, room: RoomId) {
        for replay in self.replays.iter_mut().filter(|replay| replay.room == room) {
            replay.leads = false;
            let events = replay.events.len().saturating_sub(1);
            let forgotten = replay.events.drain(..events).map(|event| event.len()).sum::<usize>();
            self.replay_bytes -= forgotten;
        }
    }

    /// Drops all replays: what a goodbye may still follow stays.
    pub fn forget_replays(&mut self) {
        self.replays.clear();
        self.replay_bytes = 0;
    }

    /// Makes the next part of the replays ready once all before it is written. The rooms that become
    /// live behind it are added to `live`.
    pub fn refill(&mut self, live: &mut Vec<RoomId>) {
        if !self.log.is_empty() {
            return;
        }
        while let Some(replay) = self.replays.front_mut() {
            if self.log.backlog(self.cursor.at).bytes >= limits::REPLAY_CHUNK {
                return;
            }
            match replay.events.pop_front() {
                Some(event) => {
                    self.replay_bytes -= event.len();
                    self.log.append(&event);
                }
                None => {
                    live.extend(replay.leads.then_some(replay.room));
                    self.replays.pop_front();
                }
            }
        }
    }
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
