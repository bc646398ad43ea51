//! One WebSocket, owned by its shard for life: no lock, no task, no buffer while idle.
//!
//! What waits for the socket has two sources: the connection's own outbox (answers, replays, bye)
//! and, per subscription, everything since its cursor in the room's log. One vectored write takes
//! both. If a room's frame is cut, its rest goes into the outbox, so a cursor always stands between
//! frames and the next bytes may come from anywhere.

use std::io::{self, ErrorKind, IoSlice, Write};
use std::sync::Arc;
use std::time::Instant;

use mio::net::TcpStream;
use slab::Slab;
use socket2::SockRef;

use super::Rights;
use super::frame_log::{Backlog, Cursor, FrameLog};
use super::outbox::Outbox;
use super::room::{Room, Stage, Subscriber};
use super::stats::wrote;
use crate::base::allowance::Allowance;
use crate::base::ids::{RoomId, SessionId, Uid};
use crate::rooms::Post;
use crate::rooms::publication::Payload;
use crate::ws::{Codec, Limits};

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
    /// How many rooms it follows.
    pub rooms: u32,
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
    /// When that was looked up.
    pub asked_at: Instant,
    pub admin: bool,
    pub rights: Rights,
    /// Rooms whose `activity` it hears.
    pub member_of: Vec<RoomId>,
    /// Rooms that are still to be named, the last one first.
    pub untold: Vec<RoomId>,
    /// Places in the shard's rooms and in their subscribers.
    pub following: Vec<Place>,
    /// Subscriptions that were asked for and that no room has decided about yet.
    pub asked: u16,
    /// Rooms that owe it a replay, each as often as it was asked.
    pub owed: Vec<RoomId>,
    pub bucket: Bucket,
    /// What the user may take over all connections.
    pub allowance: Arc<Allowance>,
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
    pub until: Until,
}

/// What input waits for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// A place: in the inbox of a room, or in the outbox of an echo.
    #[default]
    Place,
    /// The others have had their turn.
    Turn,
    /// The next second: the connection sends frames too fast.
    Second,
}

/// A token bucket of what commands cost.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bucket {
    pub tokens: f32,
    pub at_ms: u32,
    /// Less those accepted since: a flood, of which a few pass, is one however slowly it comes.
    pub refused: u16,
    /// How often it was not read for a moment since there was enough for half a burst.
    pub pauses: u8,
}

/// Rooms whose frames go into one write.
const AT_ONCE: usize = 6;

/// How a flush ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flushed {
    /// Nothing waits.
    All,
    /// The kernel is full.
    Waiting,
    /// The socket is broken.
    Broken,
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
            rooms: 0,
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
        out.log.append_raw(frames);
        matches!(self.role, Purpose::Echo(_)) || !out.is_over()
    }

    /// Queues a replay; if it `leads`, the subscription is live behind it. False: more waits than may.
    #[must_use]
    pub fn push_replay(&mut self, room: RoomId, events: Vec<Payload>, leads: bool) -> bool {
        let out = self.out.get_or_insert_default();
        out.push_replay(room, events, leads);
        !out.is_over()
    }

    /// Bytes of the outbox that the kernel has not taken.
    pub fn waiting(&self) -> usize {
        self.out.as_ref().map_or(0, |out| out.waiting())
    }

    /// Whether everything that could be sent is sent and there is more to be fetched for it.
    pub fn wants_more(&self) -> bool {
        let has_untold = matches!(&self.role, Purpose::Chat(chat) if !chat.untold.is_empty());
        let out = self.out.as_ref();
        self.phase == Phase::Open
            && (has_untold && out.is_none_or(|out| out.log.is_empty())
                || out.is_some_and(|out| out.wants_slice()))
    }

    /// Whether more has piled up, since the socket took no more, than may wait for it.
    pub fn is_over(&self, rooms: &Slab<Room>) -> bool {
        if matches!(self.role, Purpose::Echo(_)) {
            return false; // an echo stops reading instead
        }
        let mut sum = Backlog::default();
        if let Some(out) = &self.out {
            if out.is_over() {
                return true;
            }
            sum += out.cursor.piled_up(&out.log);
        }
        for place in self.following() {
            if let Some((room, subscriber)) = at(*place, rooms)
                && subscriber.stage != Stage::Awaiting
            {
                if subscriber.is_owed_too_much(&room.log) {
                    return true;
                }
                sum += subscriber.cursor.piled_up(&room.log);
            }
        }
        sum.is_over()
    }

    /// The subscriptions that are written to.
    fn following(&self) -> &[Place] {
        match &self.role {
            Purpose::Chat(chat) if self.phase == Phase::Open => &chat.following,
            _ => &[],
        }
    }

    /// Writes what one room has for somebody for whom nothing else waits: nearly every write there is.
    /// `None`: that was not all, or he follows other rooms, too; [`Connection::flush`] knows what to do.
    pub fn write_alone(&mut self, log: &FrameLog, cursor: &mut Cursor) -> Option<Flushed> {
        if self.out.is_some() || self.phase != Phase::Open || self.rooms != 1 {
            return None;
        }
        let bytes = log.since(cursor.at);
        match self.stream.write(bytes) {
            Ok(written) if written == bytes.len() => {
                wrote(written, log.backlog(cursor.at).frames);
                cursor.at = log.end();
                self.blocked_s = None;
                Some(Flushed::All)
            }
            Ok(written) => {
                let (reached, rest) = log.advance(cursor.at, written);
                wrote(written, reach(log, cursor, reached));
                if !rest.is_empty() {
                    self.out.get_or_insert_default().log.append_raw(&rest);
                }
                None
            }
            Err(_) => None,
        }
    }

    /// Writes what waits: the outbox, then everything since the cursors.
    pub fn flush(&mut self, rooms: &mut Slab<Room>) -> Flushed {
        while !self.is_blocked {
            self.refill(rooms);
            match self.write_once(rooms) {
                Ok(Some(0)) => return Flushed::Broken,
                Ok(Some(_)) => self.blocked_s = None,
                Ok(None) => return Flushed::All,
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.block(rooms),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Flushed::Broken,
            }
        }
        Flushed::Waiting
    }

    /// The kernel takes no more. What waits now was not too much a moment ago, unless the reader has
    /// not even taken what waited the last time: one that takes a little now and then does not start
    /// afresh each time, or it could keep any amount waiting.
    fn block(&mut self, rooms: &mut Slab<Room>) {
        self.is_blocked = true;
        let is_through = |place: &Place| {
            let subscriber = at(*place, rooms).map(|(_, subscriber)| subscriber);
            subscriber.is_none_or(|s| s.stage == Stage::Awaiting || s.cursor.is_through())
        };
        if !self.out.as_ref().is_none_or(|out| out.cursor.is_through())
            || !self.following().iter().all(is_through)
        {
            return;
        }
        if let Some(out) = &mut self.out {
            out.cursor.excuse(&out.log);
        }
        for place in self.following() {
            if let Some(room) = rooms.get_mut(place.room)
                && let Some(subscriber) = room.subscribers.get_mut(place.subscriber)
            {
                subscriber.cursor.excuse(&room.log);
            }
        }
    }

    /// Moves replays on; a subscription whose replay is complete becomes live.
    fn refill(&mut self, rooms: &mut Slab<Room>) {
        let Some(out) = self.out.as_mut() else { return };
        let mut live = Vec::new();
        out.refill(&mut live);
        if out.is_empty() {
            self.out = None;
        }
        for room in live {
            self.go_live(room, rooms);
        }
    }

    fn go_live(&mut self, id: RoomId, rooms: &mut Slab<Room>) {
        for place in self.following() {
            if let Some(room) = rooms.get_mut(place.room).filter(|room| room.id == id)
                && let Some(subscriber) = room.subscribers.get_mut(place.subscriber)
                && subscriber.stage == Stage::Replaying
            {
                subscriber.stage = Stage::Live;
                room.behind = room.behind.saturating_sub(1);
                if room.behind == 0 {
                    room.changed.forget();
                }
            }
        }
    }

    /// One vectored write. `None`: nothing waits.
    fn write_once(&mut self, rooms: &mut Slab<Room>) -> io::Result<Option<usize>> {
        // The outbox and the first few rooms; what is left waits for the next turn of the loop.
        let mut slices = [IoSlice::new(&[]); 1 + AT_ONCE];
        let mut behind = [None; AT_ONCE];
        let own = self.waiting();
        let mut filled = 0;
        if let Some(out) = self.out.as_ref().filter(|_| own > 0) {
            slices[0] = IoSlice::new(out.log.since(out.cursor.at));
            filled = 1;
        }
        let mut found = 0;
        for place in self.following() {
            let Some((room, subscriber)) = at(*place, rooms) else { continue };
            if subscriber.stage == Stage::Live && subscriber.cursor.at < room.log.end() {
                if found == behind.len() {
                    break;
                }
                let bytes = room.log.since(subscriber.cursor.at);
                behind[found] = Some((*place, bytes.len()));
                slices[filled] = IoSlice::new(bytes);
                (found, filled) = (found + 1, filled + 1);
            }
        }
        let written = match slices.get(..filled).unwrap_or_default() {
            [] => return Ok(None),
            // send(2) and sendmsg(2) know the way to a socket better than writev(2).
            [bytes] => self.stream.write(bytes)?,
            several => SockRef::from(&self.stream).send_vectored(several)?,
        };
        let (mut rest, mut frames) = (written, 0);
        if let Some(out) = self.out.as_mut() {
            let part = rest.min(own);
            out.written(part);
            rest -= part;
        }
        for (place, total) in behind.into_iter().flatten() {
            let part = rest.min(total);
            rest -= part;
            frames += self.advance(place, part, rooms);
        }
        wrote(written, frames);
        Ok(Some(written))
    }

    /// Moves the cursor of a subscription on; over how many frames.
    fn advance(&mut self, place: Place, written: usize, rooms: &mut Slab<Room>) -> usize {
        let Some(room) = rooms.get_mut(place.room) else { return 0 };
        let Some(subscriber) = room.subscribers.get_mut(place.subscriber) else { return 0 };
        let (reached, rest) = room.log.advance(subscriber.cursor.at, written);
        let frames = reach(&room.log, &mut subscriber.cursor, reached);
        if !rest.is_empty() {
            // What was in the outbox is written, or this room would not have had its turn.
            self.out.get_or_insert_default().log.append_raw(&rest);
        }
        frames
    }
}

/// Moves a cursor on; over how many frames.
fn reach(log: &FrameLog, cursor: &mut Cursor, reached: u64) -> usize {
    let before = std::mem::replace(&mut cursor.at, reached);
    log.backlog(before).frames - log.backlog(reached).frames
}

fn at(place: Place, rooms: &Slab<Room>) -> Option<(&Room, &Subscriber)> {
    let room = rooms.get(place.room)?;
    Some((room, room.subscribers.get(place.subscriber)?))
}
