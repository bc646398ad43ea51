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
    pub fn push_replay(&mut self, room: RoomId, events: Vec<Payload>) {
        self.replay_bytes += events.iter().map(Payload::len).sum::<usize>();
        self.replays.push_back(Replay { room, events: events.into() });
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
                    live.push(replay.room);
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
}
