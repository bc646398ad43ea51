//! Writing to sockets: what one write takes, and which connections are written to at the end of a turn.
//!
//! One vectored write takes the send queue and what the rooms have. If the kernel cuts a frame of a room,
//! the rest of that frame goes into the send queue: a cursor always stands between frames, so the next
//! bytes may come from anywhere.

use std::io::{self, ErrorKind, IoSlice};

use slab::Slab;

use super::connection::{Connection, Flushed, Phase};
use super::counters::count_write;
use super::frame_log::{Cursor, FrameLog};
use super::room_feed::{RoomFeed, Stage, SubscriptionIndex};
use super::shard::Shard;
use crate::base::ids::RoomId;
use crate::base::limits::delivery as limits;
use crate::ws::frame;

impl Connection {
    /// Writes what one room has for a connection for which nothing else waits: nearly every write there is.
    /// `None`: that was not all, or it follows other rooms, too; [`Connection::flush`] goes on.
    pub fn write_one_feed(&mut self, log: &FrameLog, cursor: &mut Cursor) -> Option<Flushed> {
        if self.send_queue.is_some()
            || !self.is_open()
            || self.subscription_count != 1
            || self.transport.has_unsent()
        {
            return None;
        }
        let bytes = log.since(cursor.at);
        match self.transport.write(bytes) {
            Ok(written) if written == bytes.len() => {
                count_write(written, log.frames_since(cursor.at));
                cursor.at = log.end();
                if self.transport.has_unsent() {
                    return None;
                }
                self.blocked_since_s = None;
                Some(Flushed::All)
            }
            Ok(written) => {
                let (reached, rest) = log.advance(cursor.at, written);
                count_write(written, move_cursor(log, cursor, reached));
                if !rest.is_empty() {
                    self.send_queue().log.append_raw(&rest);
                }
                None
            }
            Err(_) => None,
        }
    }

    /// Writes what waits: the send queue, then everything since the cursors.
    pub fn flush(&mut self, feeds: &mut Slab<RoomFeed>) -> Flushed {
        while !self.is_blocked {
            self.refill(feeds);
            match self.write_once(feeds) {
                Ok(Some(0)) => return Flushed::Broken,
                Ok(Some(_)) => self.blocked_since_s = None,
                Ok(None) if self.is_closing() && self.transport.announce_end() => {}
                Ok(None) => return Flushed::All,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.block(feeds),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Broken,
            }
        }
        Flushed::Blocked
    }

    /// The kernel takes no more. What waits now was not too much a moment ago, so it does not count as lag,
    /// unless the reader has not even taken what waited the last time: one that takes a little now and then
    /// must not keep any amount waiting.
    fn block(&mut self, feeds: &mut Slab<RoomFeed>) {
        self.is_blocked = true;
        let has_passed = |index: &SubscriptionIndex| {
            index.get(feeds).is_none_or(|(_, subscriber)| {
                subscriber.stage == Stage::Awaiting || subscriber.cursor.has_passed_baseline()
            })
        };
        if !self.send_queue.as_ref().is_none_or(|queue| queue.cursor.has_passed_baseline())
            || !self.written_subscriptions().iter().all(has_passed)
        {
            return;
        }
        if let Some(queue) = &mut self.send_queue {
            queue.cursor.reset_lag_baseline(&queue.log);
        }
        for index in self.written_subscriptions() {
            if let Some((log, subscriber)) = index.get_mut(feeds) {
                subscriber.cursor.reset_lag_baseline(log);
            }
        }
    }

    /// Moves replays on; a subscription whose replay is complete becomes live.
    fn refill(&mut self, feeds: &mut Slab<RoomFeed>) {
        self.refill_replays(feeds);
        if self.is_tail() {
            self.refill_lines(feeds);
        }
    }

    fn refill_replays(&mut self, feeds: &mut Slab<RoomFeed>) {
        let Some(queue) = self.send_queue.as_mut() else { return };
        let mut live = Vec::new();
        queue.refill(&mut live);
        if queue.is_empty() {
            self.send_queue = None;
        }
        for room in live {
            self.go_live(room, feeds);
        }
    }

    fn go_live(&mut self, room: RoomId, feeds: &mut Slab<RoomFeed>) {
        for index in self.written_subscriptions() {
            if let Some(feed) = feeds.get_mut(index.feed).filter(|feed| feed.id == room)
                && let Some(subscriber) = feed.subscribers.get_mut(index.subscriber)
                && subscriber.stage == Stage::Replaying
            {
                subscriber.stage = Stage::Live;
                feed.one_less_behind();
            }
        }
    }

    /// One vectored write. `None`: nothing waits.
    fn write_once(&mut self, feeds: &mut Slab<RoomFeed>) -> io::Result<Option<usize>> {
        if self.transport.has_unsent() {
            return self.transport.send_sealed().map(Some);
        }
        // The send queue and the first few rooms; the others follow with the next write.
        let mut slices = [IoSlice::new(&[]); 1 + limits::FEEDS_PER_WRITE];
        let mut taken = [None; limits::FEEDS_PER_WRITE];
        let own = self.waiting_bytes();
        let mut filled = 0;
        if let Some(queue) = self.send_queue.as_ref().filter(|_| own > 0) {
            slices[0] = IoSlice::new(queue.log.since(queue.cursor.at));
            filled = 1;
        }
        let mut found = 0;
        // The log of a tail's room was moved into its send queue.
        let direct = if self.is_tail() { &[] } else { self.written_subscriptions() };
        for index in direct {
            let Some((feed, subscriber)) = index.get(feeds) else { continue };
            if subscriber.stage == Stage::Live && subscriber.cursor.at < feed.log.end() {
                if found == taken.len() {
                    break;
                }
                let bytes = feed.log.since(subscriber.cursor.at);
                taken[found] = Some((*index, bytes.len()));
                slices[filled] = IoSlice::new(bytes);
                (found, filled) = (found + 1, filled + 1);
            }
        }
        let written = match slices.get(..filled).unwrap_or_default() {
            [] => return Ok(None),
            [bytes] => self.transport.write(bytes)?,
            several => self.transport.write_vectored(several)?,
        };
        let (mut rest, mut frames) = (written, 0);
        if let Some(queue) = self.send_queue.as_mut() {
            let part = rest.min(own);
            queue.written(part);
            rest -= part;
        }
        for (index, total) in taken.into_iter().flatten() {
            let part = rest.min(total);
            rest -= part;
            frames += self.advance(index, part, feeds);
        }
        count_write(written, frames);
        Ok(Some(written))
    }

    /// Moves the cursor of a subscription on; over how many frames.
    fn advance(
        &mut self,
        index: SubscriptionIndex,
        written: usize,
        feeds: &mut Slab<RoomFeed>,
    ) -> usize {
        let Some((log, subscriber)) = index.get_mut(feeds) else { return 0 };
        let (reached, rest) = log.advance(subscriber.cursor.at, written);
        let frames = move_cursor(log, &mut subscriber.cursor, reached);
        if !rest.is_empty() {
            // The send queue is empty now, or nothing of this room would have been written.
            self.send_queue().log.append_raw(&rest);
        }
        frames
    }
}

/// Moves a cursor on; over how many frames.
fn move_cursor(log: &FrameLog, cursor: &mut Cursor, reached: u64) -> usize {
    let before = std::mem::replace(&mut cursor.at, reached);
    log.frames_since(before) - log.frames_since(reached)
}

impl Shard {
    /// Answers a command. For a tail that is the end: it has sent one, to follow its room, and may not.
    pub(super) fn push_answer(&mut self, slot: usize, payload: &[u8]) {
        if self.connections.get(slot).is_some_and(Connection::is_tail) {
            self.close(slot, None, Some(payload));
        } else {
            self.push(slot, &frame::text(payload));
        }
    }

    /// Puts whole frames into the send queue of a connection; it is written at the end of the turn.
    pub(super) fn push(&mut self, slot: usize, frames: &[u8]) {
        // A tail gets no frames but those of messages, which are moved into its queue.
        let gets_frames =
            |connection: &&mut Connection| connection.is_open() && !connection.is_tail();
        let Some(connection) = self.connections.get_mut(slot).filter(gets_frames) else {
            return;
        };
        if connection.push(frames) {
            self.schedule_write(slot);
        } else {
            self.flush_or_close_lagging(slot);
        }
    }

    /// More waits than may: the socket is tried once more before its reader is closed as lagging.
    pub(super) fn flush_or_close_lagging(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        connection.is_blocked = false;
        self.flush(slot);
        if self.connections.get(slot).is_some_and(|connection| connection.is_lagging(&self.feeds)) {
            self.close_lagging(slot);
        }
    }

    pub(super) fn schedule_write(&mut self, slot: usize) {
        if let Some(connection) = self.connections.get_mut(slot)
            && !std::mem::replace(&mut connection.is_scheduled, true)
        {
            self.to_write.push(slot);
        }
    }

    pub(super) fn write_scheduled(&mut self) {
        for slot in std::mem::take(&mut self.to_write) {
            if let Some(connection) = self.connections.get_mut(slot) {
                connection.is_scheduled = false;
                self.flush(slot);
            }
        }
    }

    pub(super) fn flush(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        match connection.flush(&mut self.feeds) {
            Flushed::Broken => self.drop_connection(slot),
            Flushed::Blocked => {}
            Flushed::All => {
                if let Phase::Closing { until_s } = connection.phase {
                    // Our close frame is sent; the other side ends TCP, or the timers do.
                    connection.transport.shut_down_write();
                    let until_s = until_s.min(self.clock.now_s() + limits::CLOSE_S);
                    connection.phase = Phase::Shut { until_s };
                }
                let wants_more = connection.wants_more();
                if connection.paused.as_ref().is_some_and(|paused| paused.command.is_none()) {
                    self.to_retry.push(slot);
                }
                if wants_more {
                    self.fetch_more(slot);
                }
            }
        }
    }
}
