//! Encoded frames, end to end, for readers that are not up to date: the recent events of a room on one
//! shard, or what one connection alone is sent.
//!
//! The frames lie in one piece of memory with absolute offsets, so "everything since the cursor" is
//! one slice and one write, whatever the number of frames. Nothing is forgotten by itself: the owner of
//! the log forgets what every reader has, and closes a reader that needs too much of it. Memory of
//! forgotten frames is reused later, when it is at least as much as what is left: each byte moves at
//! most once.

use std::collections::VecDeque;

use super::memory;
use crate::base::limits::delivery as limits;
use crate::base::memory::Kind;
use crate::ws::frame;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// The frames.
#[derive(Debug)]
pub struct FrameLog {
    bytes: Vec<u8>,
    /// How many of them, at the beginning, are forgotten.
    forgotten: usize,
    /// Absolute offset of the first byte that is not forgotten.
    start: u64,
    /// Absolute offsets of the ends of the frames held.
    ends: VecDeque<u64>,
    header: Vec<u8>,
    kind: Kind,
    /// Bytes of memory that are recorded.
    recorded: usize,
}

impl Default for FrameLog {
    fn default() -> Self {
        Self::of(Kind::SendQueues)
    }
}

impl Drop for FrameLog {
    fn drop(&mut self) {
        memory::record(self.kind, -self.recorded.cast_signed());
    }
}

/// How far one reader is in a log.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    /// What the socket has taken ends here.
    pub at: u64,
    /// What was there when the socket took no more ends here. How much that was is not the reader's
    /// fault; what piles up behind it is lag.
    lag_baseline: u64,
}

/// Bytes and frames that wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Bytes.
    pub bytes: usize,
    /// Frames, the one that is being written too.
    pub frames: usize,
}

impl FrameLog {
    /// An empty log whose memory is charged to this kind.
    pub fn of(kind: Kind) -> Self {
        let (bytes, ends, header) = (Vec::new(), VecDeque::new(), Vec::new());
        Self { bytes, forgotten: 0, start: 0, ends, header, kind, recorded: 0 }
    }

    /// Bytes of memory it takes.
    pub fn size(&self) -> usize {
        self.bytes.capacity() + self.ends.capacity() * size_of::<u64>()
    }

    /// Where the next frame will begin: the cursor of a reader that has everything.
    #[inline]
    pub fn end(&self) -> u64 {
        self.start + (self.bytes.len() - self.forgotten) as u64
    }

    /// Adds a text frame.
    pub fn append(&mut self, payload: &[u8]) {
        self.header.clear();
        frame::header(OpCode::Data(Data::Text), payload.len(), &mut self.header);
        self.make_space(self.header.len() + payload.len());
        self.bytes.extend_from_slice(&self.header);
        self.bytes.extend_from_slice(payload);
        self.ends.push_back(self.end());
        self.record_size();
    }

    /// Adds a line.
    pub fn append_line(&mut self, payload: &[u8]) {
        self.make_space(payload.len() + 1);
        self.bytes.extend_from_slice(payload);
        self.bytes.push(b'\n');
        self.ends.push_back(self.end());
        self.record_size();
    }

    /// The payload of the frame that begins at an offset, and where it ends.
    pub fn frame_at(&self, offset: u64) -> Option<(&[u8], u64)> {
        let index = self.ends.partition_point(|end| *end <= offset);
        let end = self.ends.get(index).copied()?;
        let frame = self.bytes.get(self.index_of(offset)..self.index_of(end))?;
        Some((frame::payload(frame)?, end))
    }

    /// Adds a frame that has its header, or the rest of one; an unwritten handshake counts as one.
    pub fn append_raw(&mut self, frame: &[u8]) {
        self.make_space(frame.len());
        self.bytes.extend_from_slice(frame);
        self.ends.push_back(self.end());
        self.record_size();
    }

    /// Everything since an offset.
    #[inline]
    pub fn since(&self, offset: u64) -> &[u8] {
        self.bytes.get(self.index_of(offset)..).unwrap_or_default()
    }

    /// After `written` bytes since `offset`: the end of the frame that this reached, and the rest of
    /// that frame if it was cut.
    pub fn advance(&self, offset: u64, written: usize) -> (u64, Vec<u8>) {
        let reached = offset + written as u64;
        if reached == self.end() {
            return (reached, Vec::new());
        }
        let begun = self.ends.partition_point(|end| *end <= reached);
        let before = begun.checked_sub(1).and_then(|n| self.ends.get(n)).copied();
        if before.unwrap_or(self.start) == reached || reached == offset {
            return (reached, Vec::new());
        }
        let end = self.ends.get(begun).copied().unwrap_or_else(|| self.end());
        let rest = self.bytes.get(self.index_of(reached)..self.index_of(end)).unwrap_or_default();
        (end, rest.to_vec())
    }

    /// What waits for a reader that has everything before `offset`.
    pub fn backlog(&self, offset: u64) -> Backlog {
        let bytes = self.bytes.len() - self.index_of(offset);
        Backlog { bytes, frames: self.frames_since(offset) }
    }

    /// How many frames end behind an offset. Nearly every reader stands where the log begins, so nothing is searched.
    #[inline]
    pub fn frames_since(&self, offset: u64) -> usize {
        if offset <= self.start {
            return self.ends.len();
        }
        self.ends.len() - self.ends.partition_point(|end| *end <= offset)
    }

    /// All readers have what comes before `offset`: forgets the frames that end there or earlier.
    pub fn forget(&mut self, offset: u64) {
        let count = self.ends.partition_point(|end| *end <= offset);
        let Some(end) = count.checked_sub(1).and_then(|last| self.ends.get(last)).copied() else {
            return;
        };
        self.forgotten = self.index_of(end);
        self.ends.drain(..count);
        self.start = end;
        if self.is_empty() {
            self.clear();
        } else if self.forgotten >= self.bytes.len() - self.forgotten {
            self.bytes.drain(..self.forgotten);
            self.forgotten = 0;
            self.shrink();
        }
    }

    /// Bytes behind the next frame to be written at `offset`: those that [`cut`](Self::cut) would forget.
    pub fn behind_next(&self, offset: u64) -> usize {
        let whole = self.ends.partition_point(|end| *end <= offset);
        let next = self.ends.get(whole).copied().unwrap_or_else(|| self.end());
        self.bytes.len() - self.index_of(next)
    }

    /// Forgets what follows the next frame to be written at `offset`. That one may be the rest of a frame
    /// that has been begun, so it is kept.
    pub fn cut(&mut self, offset: u64) {
        let whole = self.ends.partition_point(|end| *end <= offset);
        self.ends.truncate(whole + 1);
        let end = self.ends.back().copied().unwrap_or(self.start);
        self.bytes.truncate(self.index_of(end));
        self.shrink();
    }

    fn clear(&mut self) {
        self.forgotten = 0;
        if self.size() > limits::LOG_SPARE {
            self.bytes = Vec::new();
            self.ends = VecDeque::new();
            self.record_size();
        } else {
            self.bytes.clear();
        }
    }

    /// Gives memory back that a burst has left behind.
    fn shrink(&mut self) {
        if self.size() > limits::LOG_SPARE && self.bytes.capacity() / 4 > self.bytes.len() {
            self.bytes.shrink_to(2 * self.bytes.len());
            self.ends.shrink_to(2 * self.ends.len());
            self.record_size();
        }
    }

    /// A large log grows by a quarter: many that double at the same moment would take twice what they hold.
    fn make_space(&mut self, more: usize) {
        let free = self.bytes.capacity() - self.bytes.len();
        if self.bytes.len() > limits::LOG_LARGE && free < more {
            self.bytes.reserve_exact(more.max(self.bytes.len() / 4));
        }
    }

    /// Records how much memory it takes now.
    fn record_size(&mut self) {
        let size = self.size();
        if size != self.recorded {
            memory::record(self.kind, size.cast_signed() - self.recorded.cast_signed());
            self.recorded = size;
        }
    }

    /// Whether it holds nothing.
    pub fn is_empty(&self) -> bool {
        self.forgotten == self.bytes.len()
    }

    /// An absolute offset as an index of `bytes`.
    #[inline]
    fn index_of(&self, offset: u64) -> usize {
        let index = usize::try_from(offset.saturating_sub(self.start)).unwrap_or(usize::MAX);
        index.saturating_add(self.forgotten).min(self.bytes.len())
    }
}

impl Cursor {
    /// The cursor of a reader that has everything.
    pub fn at_end(log: &FrameLog) -> Self {
        Self { at: log.end(), lag_baseline: log.end() }
    }

    /// From now on only what is appended later counts as lag.
    pub fn reset_lag_baseline(&mut self, log: &FrameLog) {
        self.lag_baseline = log.end();
    }

    /// Whether the socket has taken what was there when it took no more the last time.
    pub fn has_passed_baseline(&self) -> bool {
        self.at >= self.lag_baseline
    }

    /// What has piled up since the socket took no more.
    pub fn piled_up(&self, log: &FrameLog) -> Backlog {
        log.backlog(self.at.max(self.lag_baseline))
    }
}

impl Backlog {
    /// Whether this is more than may wait for a socket that takes nothing.
    pub fn exceeds_limit(self) -> bool {
        self.bytes > limits::WAITING_BYTES || self.frames > limits::WAITING_FRAMES
    }
}

impl std::ops::AddAssign for Backlog {
    fn add_assign(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.frames += more.frames;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn flat(log: &FrameLog, offset: u64) -> Vec<u8> {
        log.since(offset).to_vec()
    }

    #[test]
    fn everything_since_the_cursor_and_nothing_else() {
        let mut log = FrameLog::default();
        log.append(b"one");
        let cursor = log.end();
        log.append(b"two");
        assert_eq!(flat(&log, cursor), b"\x81\x03two");
        assert_eq!(log.backlog(cursor), Backlog { bytes: 5, frames: 1 });
        assert_eq!(flat(&log, log.end()), b"");
    }

    #[test]
    fn frames_are_found_by_where_they_begin_whatever_their_length() {
        let payloads = [0, 1, 125, 126, 65_535, 65_536].map(|length| vec![b'x'; length]);
        let mut log = FrameLog::default();
        payloads.iter().for_each(|payload| log.append(payload));
        let mut at = 0;
        for payload in &payloads {
            let (found, end) = log.frame_at(at).unwrap();
            assert!(found == payload.as_slice(), "{} bytes", payload.len());
            log.forget(at);
            at = end;
        }
        assert_eq!((log.frame_at(at), at), (None, log.end()));
    }

    #[test]
    fn a_cut_frame_hands_out_its_rest_and_the_cursor_stands_behind_it() {
        let mut log = FrameLog::default();
        log.append(b"one");
        log.append(b"two");
        assert_eq!(log.advance(0, 0), (0, vec![]));
        assert_eq!(log.advance(0, 2), (5, b"one".to_vec()));
        assert_eq!(log.advance(0, 5), (5, vec![]));
        assert_eq!(log.advance(0, 9), (10, b"o".to_vec()));
        assert_eq!(log.advance(0, 10), (10, vec![]));
    }

    #[test]
    fn a_burst_of_any_size_is_kept_until_it_is_forgotten() {
        let mut log = FrameLog::default();
        for _ in 0..5 * limits::WAITING_FRAMES {
            log.append(&[b'x'; 1_000]);
        }
        let frames = 5 * limits::WAITING_FRAMES;
        assert_eq!(log.backlog(0), Backlog { bytes: frames * 1_004, frames });
        log.forget(1_004 + 1_003);
        assert_eq!(log.backlog(0).frames, frames - 1, "only what is whole is forgotten");
        assert_eq!(flat(&log, 2 * 1_004).len(), (frames - 2) * 1_004);
        log.forget(log.end());
        assert!(log.is_empty());
        assert_eq!(log.end(), frames as u64 * 1_004, "offsets go on");
    }

    #[test]
    fn only_what_piles_up_after_the_socket_took_no_more_counts_against_a_reader() {
        let mut log = FrameLog::default();
        let mut cursor = Cursor::at_end(&log);
        let publish = |log: &mut FrameLog, frames: usize| {
            (0..frames).for_each(|_| log.append(b"x"));
        };
        publish(&mut log, 3 * limits::WAITING_FRAMES);
        cursor.reset_lag_baseline(&log);
        publish(&mut log, limits::WAITING_FRAMES);
        assert!(!cursor.has_passed_baseline() && !cursor.piled_up(&log).exceeds_limit());
        publish(&mut log, 1);
        assert!(cursor.piled_up(&log).exceeds_limit());
        cursor.at = log.end() - 6;
        assert!(cursor.has_passed_baseline() && !cursor.piled_up(&log).exceeds_limit());
    }

    #[test]
    fn what_is_cut_off_begins_behind_the_next_frame_to_be_written() {
        for (offset, left) in [(0, 5), (2, 5), (5, 10), (6, 10), (15, 15)] {
            let mut log = FrameLog::default();
            ["one", "two", "six"].iter().for_each(|text| log.append(text.as_bytes()));
            assert_eq!(log.behind_next(offset) as u64, 15 - left);
            log.cut(offset);
            assert_eq!(log.end(), left, "at {offset}");
            log.append(b"bye");
            assert!(flat(&log, left) == b"\x81\x03bye", "at {offset}");
        }
    }

    #[test]
    fn a_burst_that_is_over_leaves_no_memory_behind() {
        let mut log = FrameLog::default();
        (0..1_000).for_each(|_| log.append(&[b'x'; 1_000]));
        log.append(b"still to be written");
        log.forget(log.end() - 21);
        assert!(log.size() <= limits::LOG_SPARE, "{}", log.size());
        assert_eq!(flat(&log, log.end() - 21), b"\x81\x13still to be written");
        log.forget(log.end());
        assert!(log.size() <= limits::LOG_SPARE);
    }

    proptest! {
        #[test]
        fn any_sequence_of_cut_writes_delivers_the_same_bytes(
            frames in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..20),
            cuts in prop::collection::vec(0usize..300, 1..60),
        ) {
            let mut log = FrameLog::default();
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
