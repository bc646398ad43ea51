//! One WebSocket, owned by its shard for life: no lock, no task, no buffer while idle.
//!
//! What waits for the socket has two sources: the connection's own outbox (answers, replays, bye)
//! and, per subscription, everything since its cursor in the room's log. One vectored write takes
//! both. If a room's frame is cut, its rest goes into the outbox, so a cursor always stands between
//! frames and the next bytes may come from anywhere.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Write};

use mio::net::TcpStream;
use slab::Slab;

use super::sweep::Room;
use crate::ids::{RoomId, SessionId, Uid};
use crate::limits::delivery as limits;
use crate::rooms::Post;
use crate::rooms::outlet::Payload;
use crate::ws::{Codec, Limits, frame};

/// A connection and what it is for.
pub(super) struct Connection {
    pub stream: TcpStream,
    pub generation: u32,
    pub codec: Codec,
    pub out: Option<Box<Outbox>>,
    pub input: Option<Box<Held>>,
    pub role: Purpose,
    pub phase: Phase,
    /// The kernel takes no more; it will say when it does.
    pub is_blocked: bool,
    /// The other side has said its last word (FIN). What it said before may still be unread.
    pub has_ended: bool,
    /// In the shard's list of connections to write to.
    pub is_listed: bool,
    pub is_pinged: bool,
    /// Seconds of the shard's clock.
    pub heard_s: u32,
    pub unfinished_s: u32,
    /// Since when the kernel takes nothing, as the tick saw it.
    pub blocked_s: Option<u32>,
}

/// What the connection is for.
pub(super) enum Purpose {
    Chat(Box<Chat>),
    Echo(Limits),
}

/// A signed-in user's connection.
pub(super) struct Chat {
    pub uid: Uid,
    pub session: SessionId,
    pub admin: bool,
    /// Rooms whose `activity` it hears.
    pub member_of: Vec<RoomId>,
    /// Places in the shard's rooms and in their subscribers.
    pub following: Vec<Place>,
    pub bucket: Bucket,
}

/// Where a subscription stands: the room on this shard, and the place among its subscribers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub room: usize,
    pub subscriber: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// A close frame is in the outbox; TCP ends at this second at the latest.
    Closing {
        until_s: u32,
    },
    /// Everything is written and our side is shut; only the end of the other side is awaited.
    Shut {
        until_s: u32,
    },
}

/// Input that could not be worked on yet.
#[derive(Default)]
pub(super) struct Held {
    pub bytes: Vec<u8>,
    pub post: Option<(RoomId, Post)>,
}

/// Frames of this connection alone.
#[derive(Default)]
pub(super) struct Outbox {
    bytes: Vec<u8>,
    written: usize,
    frames: usize,
    /// Replays wait as shared payloads and become bytes as the socket takes them.
    replays: VecDeque<Replay>,
}

struct Replay {
    room: RoomId,
    events: VecDeque<Payload>,
}

/// A token bucket: commands, not bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    pub tokens: f32,
    pub at_ms: u32,
    pub refused: u16,
}

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing waits.
    All,
    /// The kernel is full, or a cursor must be looked at.
    Waiting,
    /// The socket is broken.
    Broken,
}

impl Outbox {
    fn waiting(&self) -> &[u8] {
        self.bytes.get(self.written..).unwrap_or_default()
    }

    fn is_over(&self) -> bool {
        self.waiting().len() > limits::LOG_BYTES || self.frames > limits::OUT_FRAMES
    }

    /// Makes the next part of a replay ready; the room whose replay ended with it.
    fn refill(&mut self) -> Option<RoomId> {
        let replay = self.replays.front_mut()?;
        while self.bytes.len() < limits::REPLAY_CHUNK {
            match replay.events.pop_front() {
                Some(event) => self.bytes.extend_from_slice(&frame::text(&event)),
                None => {
                    let room = replay.room;
                    self.replays.pop_front();
                    return Some(room);
                }
            }
        }
        None
    }
}

impl Connection {
    pub fn new(stream: TcpStream, generation: u32, role: Purpose, now_s: u32) -> Self {
        Self {
            stream,
            generation,
            codec: Codec::default(),
            out: None,
            input: None,
            role,
            phase: Phase::Open,
            is_blocked: false,
            has_ended: false,
            is_listed: false,
            is_pinged: false,
            heard_s: now_s,
            unfinished_s: now_s,
            blocked_s: None,
        }
    }

    pub fn chat(&mut self) -> Option<&mut Chat> {
        match &mut self.role {
            Purpose::Chat(chat) => Some(chat),
            Purpose::Echo(_) => None,
        }
    }

    /// Puts bytes of whole frames into the outbox. False: more waits than may.
    #[must_use]
    pub fn push(&mut self, frames: &[u8]) -> bool {
        let out = self.out.get_or_insert_default();
        if out.written > limits::REPLAY_CHUNK {
            out.bytes.drain(..out.written);
            out.written = 0;
        }
        out.bytes.extend_from_slice(frames);
        out.frames += 1;
        matches!(self.role, Purpose::Echo(_)) || !out.is_over()
    }

    /// Queues a replay behind everything that waits already.
    pub fn push_replay(&mut self, room: RoomId, events: Vec<Payload>) {
        let out = self.out.get_or_insert_default();
        out.replays.push_back(Replay { room, events: events.into() });
    }

    /// Bytes of the outbox that the kernel has not taken.
    pub fn waiting(&self) -> usize {
        self.out.as_ref().map_or(0, |out| out.waiting().len())
    }

    /// The outbox without its replays: what a goodbye may still follow.
    pub fn forget_replays(&mut self) {
        if let Some(out) = &mut self.out {
            out.replays.clear();
        }
    }

    /// Writes what waits: the outbox, then everything since the cursors.
    pub fn flush(&mut self, rooms: &mut Slab<Room>) -> Flushed {
        while !self.is_blocked {
            self.refill(rooms);
            match self.write_once(rooms) {
                Ok(Some(0)) => return Flushed::Broken,
                Ok(Some(_)) => {}
                Ok(None) => return Flushed::All,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.is_blocked = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Broken,
            }
        }
        Flushed::Waiting
    }

    /// Moves replays on; a subscription whose replay is complete becomes live.
    fn refill(&mut self, rooms: &mut Slab<Room>) {
        let Some(out) = self.out.as_mut() else { return };
        if out.waiting().is_empty() {
            out.bytes.clear();
            (out.written, out.frames) = (0, 0);
            let mut ended = Vec::new();
            while out.bytes.len() < limits::REPLAY_CHUNK && !out.replays.is_empty() {
                ended.extend(out.refill());
            }
            if out.bytes.is_empty() && out.replays.is_empty() {
                self.out = None;
            }
            for room in ended {
                self.go_live(room, rooms);
            }
        }
    }

    fn go_live(&mut self, id: RoomId, rooms: &mut Slab<Room>) {
        let Purpose::Chat(chat) = &self.role else { return };
        for place in &chat.following {
            if let Some(room) = rooms.get_mut(place.room).filter(|room| room.id == id)
                && let Some(subscriber) = room.subscribers.get_mut(place.subscriber)
            {
                subscriber.is_live = true;
            }
        }
    }

    /// One vectored write. `None`: nothing waits.
    fn write_once(&mut self, rooms: &mut Slab<Room>) -> io::Result<Option<usize>> {
        let following: &[Place] = match &self.role {
            Purpose::Chat(chat) if self.phase == Phase::Open => &chat.following,
            _ => &[],
        };
        // The outbox and the first few rooms; what is left waits for the next turn of the loop.
        let mut slices = [IoSlice::new(&[]); 8];
        let mut filled = 0;
        let mut own = 0;
        if let Some(out) = &self.out {
            own = out.waiting().len();
            slices[0] = IoSlice::new(out.waiting());
            filled = 1;
        }
        let mut behind = [None; 3];
        let mut found = 0;
        for place in following {
            let Some(room) = rooms.get(place.room) else { continue };
            let Some(subscriber) = room.subscribers.get(place.subscriber) else { continue };
            if subscriber.is_live
                && subscriber.cursor < room.log.end()
                && !room.log.is_lost(subscriber.cursor)
            {
                let [front, back] = room.log.since(subscriber.cursor);
                if found == behind.len() {
                    break;
                }
                behind[found] = Some((*place, front.len() + back.len()));
                (slices[filled], slices[filled + 1]) = (front, back);
                (found, filled) = (found + 1, filled + 2);
            }
        }
        if own == 0 && found == 0 {
            return Ok(None);
        }
        let written = self.stream.write_vectored(slices.get(..filled).unwrap_or_default())?;
        let mut rest = written;
        if let Some(out) = self.out.as_mut() {
            let part = rest.min(own);
            out.written += part;
            rest -= part;
        }
        for (place, total) in behind.into_iter().flatten() {
            let part = rest.min(total);
            rest -= part;
            self.advance(place, part, rooms);
        }
        Ok(Some(written))
    }

    fn advance(&mut self, place: Place, written: usize, rooms: &mut Slab<Room>) {
        let Some(room) = rooms.get_mut(place.room) else { return };
        let Some(subscriber) = room.subscribers.get_mut(place.subscriber) else { return };
        let (cursor, rest) = room.log.advance(subscriber.cursor, written);
        subscriber.cursor = cursor;
        if !rest.is_empty() {
            // The outbox was written completely, or this room would not have had its turn.
            let out = self.out.get_or_insert_default();
            out.bytes.clear();
            out.bytes.extend_from_slice(&rest);
            (out.written, out.frames) = (0, 1);
        }
    }
}
