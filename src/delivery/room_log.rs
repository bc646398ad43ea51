//! One room's recent frames on one shard, for everybody there who is not up to date.
//!
//! The frames lie end to end in one ring of bytes with absolute offsets, so "everything since the
//! cursor" is one or two slices, and one vectored write, whatever the number of frames. A cursor is
//! an offset and always stands between two frames. When nobody is behind, the log is empty.

use std::collections::VecDeque;
use std::io::IoSlice;

use crate::limits::delivery as limits;
use crate::ws::frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// The frames.
#[derive(Debug, Default)]
pub struct RoomLog {
    bytes: VecDeque<u8>,
    /// Absolute offset of the first byte held.
    start: u64,
    /// Absolute offsets of the ends of the frames held.
    ends: VecDeque<u64>,
    header: Vec<u8>,
}

/// An empty log larger than this gives its memory back.
const SPARE: usize = 16 * 1024;

impl RoomLog {
    /// Where the next frame will begin: the cursor of somebody who has everything.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// Adds a text frame. The oldest frames fall off beyond the bounds.
    pub fn append(&mut self, payload: &[u8]) {
        self.header.clear();
        frame::header(OpCode::Data(Data::Text), payload.len(), &mut self.header);
        self.bytes.extend(&self.header);
        self.bytes.extend(payload);
        self.ends.push_back(self.end());
        while self.ends.len() > limits::LOG_FRAMES || self.bytes.len() > limits::LOG_BYTES {
            let Some(end) = self.ends.pop_front() else { break };
            self.bytes.drain(..self.held(end));
            self.start = end;
        }
    }

    /// Whether what follows this cursor has fallen off.
    pub fn is_lost(&self, cursor: u64) -> bool {
        cursor < self.start
    }

    /// Everything since the cursor, as slices for one write.
    pub fn since(&self, cursor: u64) -> [IoSlice<'_>; 2] {
        let (front, back) = self.bytes.as_slices();
        let skip = self.held(cursor);
        let in_back = skip.saturating_sub(front.len());
        let (front, back) = (front.get(skip..), back.get(in_back..));
        [IoSlice::new(front.unwrap_or_default()), IoSlice::new(back.unwrap_or_default())]
    }

    /// After `written` bytes since `cursor`: the new cursor, and the rest of a frame that was cut.
    pub fn advance(&self, cursor: u64, written: usize) -> (u64, Vec<u8>) {
        let reached = cursor + written as u64;
        if reached == self.end() {
            return (reached, Vec::new());
        }
        let begun = self.ends.partition_point(|end| *end <= reached);
        let before = begun.checked_sub(1).and_then(|n| self.ends.get(n)).copied();
        if before.unwrap_or(self.start) == reached || reached == cursor {
            return (reached, Vec::new());
        }
        let end = self.ends.get(begun).copied().unwrap_or_else(|| self.end());
        let rest = self.bytes.range(self.held(reached)..self.held(end)).copied().collect();
        (end, rest)
    }

    /// How many frames follow the cursor.
    pub fn frames_since(&self, cursor: u64) -> usize {
        self.ends.len() - self.ends.partition_point(|end| *end <= cursor)
    }

    /// Nobody is behind: forget everything.
    pub fn clear(&mut self) {
        self.start = self.end();
        self.bytes.clear();
        self.ends.clear();
        if self.bytes.capacity() > SPARE {
            self.bytes = VecDeque::new();
            self.ends = VecDeque::new();
        }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// An absolute offset as a place in `bytes`.
    fn held(&self, offset: u64) -> usize {
        let place = offset.saturating_sub(self.start);
        usize::try_from(place).unwrap_or(usize::MAX).min(self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(log: &RoomLog, cursor: u64) -> Vec<u8> {
        log.since(cursor).iter().flat_map(|slice| slice.to_vec()).collect()
    }

    #[test]
    fn everything_since_the_cursor_and_nothing_else() {
        let mut log = RoomLog::default();
        log.append(b"one");
        let cursor = log.end();
        log.append(b"two");
        assert_eq!(flat(&log, cursor), [b"\x81\x03two".as_slice()].concat());
        assert_eq!(log.frames_since(cursor), 1);
        assert_eq!(flat(&log, log.end()), b"");
    }

    #[test]
    fn a_cut_frame_hands_out_its_rest_and_the_cursor_stands_behind_it() {
        let mut log = RoomLog::default();
        log.append(b"one");
        log.append(b"two");
        assert_eq!(log.advance(0, 0), (0, vec![]));
        assert_eq!(log.advance(0, 2), (5, b"one".to_vec()));
        assert_eq!(log.advance(0, 5), (5, vec![]));
        assert_eq!(log.advance(0, 9), (10, b"o".to_vec()));
        assert_eq!(log.advance(0, 10), (10, vec![]));
    }

    #[test]
    fn the_bounds_hold_and_a_lost_cursor_is_known() {
        let mut log = RoomLog::default();
        for _ in 0..=limits::LOG_FRAMES {
            log.append(b"x");
        }
        assert!(log.is_lost(0));
        assert!(!log.is_lost(3));
        assert_eq!(log.frames_since(3), limits::LOG_FRAMES);
        let large = vec![b'x'; limits::LOG_BYTES];
        log.append(&large);
        assert!(log.is_empty(), "a frame larger than the log is lost to all, and said so");
    }

    proptest! {
        #[test]
        fn any_sequence_of_cut_writes_delivers_the_same_bytes(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
            cuts in prop::collection::vec(0usize..300, 1..60),
        ) {
            let mut log = RoomLog::default();
            let mut expected = Vec::new();
            for payload in &frames {
                log.append(payload);
                expected.extend(frame::text(payload));
            }
            let (mut cursor, mut written) = (0, Vec::new());
            for cut in cuts.into_iter().chain(std::iter::repeat_n(usize::MAX, 1)) {
                let waiting = flat(&log, cursor);
                let count = cut.min(waiting.len());
                written.extend_from_slice(&waiting[..count]);
                let (next, rest) = log.advance(cursor, count);
                written.extend(rest);
                cursor = next;
            }
            prop_assert_eq!(written, expected);
        }
    }
}
