//! The sweep: one walk over a room's subscribers, one write each.
//!
//! A publication only appends to the room's log and marks the room. The walk then gives every
//! subscriber everything since his cursor; it pauses every [`limits::SWEEP`] members so that the
//! shard reads its sockets and takes more publications, which the rest of the walk carries along.
//! That is why a busy room needs far fewer system calls than deliveries.
//!
//! Nothing a reader needs is forgotten while he is here. A walk parts with those whose socket takes
//! nothing while more piles up than may, and then forgets what all others have. A log that grows
//! faster than its walk ([`SweepQueue::is_full`]) makes the shard finish the walk before it takes
//! more publications, so a burst lengthens the queue to the shard and not the log.

use std::collections::VecDeque;
use std::time::Instant;

use slab::Slab;

use super::connection::{Connection, Flushed, Phase};
use super::frame_log::{Cursor, FrameLog};
use crate::ids::{RoomId, Uid};
use crate::limits::delivery as limits;
use crate::rooms::outlet::Activity;

/// A room on one shard.
pub(super) struct Room {
    pub id: RoomId,
    pub log: FrameLog,
    pub subscribers: Vec<Subscriber>,
    /// Connections of members, for `activity`.
    pub listeners: Vec<usize>,
    walk: Option<Walk>,
    /// Up to here everybody has been offered everything.
    swept: u64,
    pub activity: Option<Activity>,
    pub activity_at: Option<Instant>,
}

/// A connection that follows the room.
pub(super) struct Subscriber {
    pub slot: usize,
    /// Its place in the connection's own list.
    pub index: usize,
    pub cursor: Cursor,
    pub stage: Stage,
}

/// How far a subscription has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// The room reads what was missed. Whatever piles up meanwhile is not the reader's fault.
    Awaiting,
    /// What was missed is being written.
    Replaying,
    /// Everything since the cursor may be written.
    Live,
}

/// A walk under way.
struct Walk {
    /// The next subscriber.
    next: usize,
    /// The end of the log when it began.
    end: u64,
    /// Somebody still needs what follows this.
    least: u64,
}

impl Walk {
    fn over(log: &FrameLog) -> Self {
        Self { next: 0, end: log.end(), least: log.end() }
    }
}

/// The rooms of a shard and those with something to write.
#[derive(Default)]
pub(super) struct SweepQueue {
    rooms: VecDeque<usize>,
    /// The room whose log grew faster than its walk. There is at most one: nothing more is published
    /// until it is swept.
    full: Option<usize>,
}

/// What one turn of the sweep came to.
#[derive(Default)]
pub(super) struct Swept {
    /// Connections whose socket broke.
    pub broken: Vec<usize>,
    /// Connections that do not take what waits for them.
    pub lagging: Vec<usize>,
}

impl Room {
    pub fn new(id: RoomId) -> Self {
        Self {
            id,
            log: FrameLog::default(),
            subscribers: Vec::new(),
            listeners: Vec::new(),
            walk: None,
            swept: 0,
            activity: None,
            activity_at: None,
        }
    }

    /// Nobody on this shard has anything to do with it.
    pub fn is_unused(&self) -> bool {
        self.subscribers.is_empty() && self.listeners.is_empty()
    }

    /// More than may wait for one socket has not been offered to everybody.
    fn is_full(&self) -> bool {
        self.log.backlog(self.swept).is_over()
    }

    /// Merges what members who do not follow the room are to hear.
    pub fn note_activity(&mut self, news: &Activity) {
        let activity =
            self.activity.get_or_insert(Activity { seq: 0, new: 0, mentions: Vec::new() });
        activity.seq = activity.seq.max(news.seq);
        activity.new = activity.new.saturating_add(news.new);
        for uid in &news.mentions {
            if activity.mentions.len() < MENTIONS && !activity.mentions.contains(uid) {
                activity.mentions.push(*uid);
            }
        }
    }

    /// The `activity` that is due now.
    pub fn take_activity(&mut self, now: Instant) -> Option<Activity> {
        let waited = self.activity_at.is_none_or(|at| now.duration_since(at) >= limits::ACTIVITY);
        if !waited || self.activity.is_none() {
            return None;
        }
        self.activity_at = Some(now);
        self.activity.take()
    }
}

/// Users a coalesced `activity` can mention.
const MENTIONS: usize = 1_000;

impl SweepQueue {
    /// The room's log has grown.
    pub fn mark(&mut self, index: usize, rooms: &mut Slab<Room>) {
        let Some(room) = rooms.get_mut(index) else { return };
        if room.is_full() {
            self.full = Some(index);
        }
        if room.walk.is_none() {
            room.walk = Some(Walk::over(&room.log));
            self.rooms.push_back(index);
        }
    }

    /// Looks at every room that keeps something: readers who have caught up need it no more, and
    /// readers who have not may be too far behind.
    pub fn mark_kept(&mut self, rooms: &mut Slab<Room>) {
        let kept = rooms.iter().filter(|(_, room)| !room.log.is_empty());
        for index in kept.map(|(index, _)| index).collect::<Vec<_>>() {
            self.mark(index, rooms);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
    }

    /// Whether a log must be swept before anything more is published.
    pub fn is_full(&mut self, rooms: &Slab<Room>) -> bool {
        let is_full = |index: &usize| rooms.get(*index).is_some_and(Room::is_full);
        self.full = self.full.filter(is_full);
        self.full.is_some()
    }

    /// Writes to the next [`limits::SWEEP`] subscribers.
    pub fn turn(&mut self, rooms: &mut Slab<Room>, connections: &mut Slab<Connection>) -> Swept {
        let mut swept = Swept::default();
        let mut left = limits::SWEEP;
        while left > 0 {
            let Some(index) = self.rooms.pop_front() else { break };
            if Self::walk(index, &mut left, rooms, connections, &mut swept) {
                self.rooms.push_back(index);
            }
        }
        swept
    }

    /// Goes on with one room. True: there is more to do.
    fn walk(
        index: usize,
        left: &mut usize,
        rooms: &mut Slab<Room>,
        connections: &mut Slab<Connection>,
        swept: &mut Swept,
    ) -> bool {
        let Some(mut walk) = rooms.get_mut(index).and_then(|room| room.walk.take()) else {
            return false;
        };
        while *left > 0 {
            let Some(room) = rooms.get(index) else { return false };
            let Some(subscriber) = room.subscribers.get(walk.next) else { break };
            let place = walk.next;
            walk.next += 1;
            if subscriber.cursor.at == room.log.end() {
                continue;
            }
            *left -= 1;
            visit(index, place, rooms, connections, swept);
            let subscriber = rooms.get(index).and_then(|room| room.subscribers.get(place));
            walk.least = subscriber.map_or(walk.least, |s| walk.least.min(s.cursor.at));
        }
        let Some(room) = rooms.get_mut(index) else { return false };
        if walk.next < room.subscribers.len() {
            room.walk = Some(walk);
            return true;
        }
        room.log.forget(walk.least);
        room.swept = walk.end;
        if room.log.end() > walk.end {
            // More came while we walked: whoever we passed early has not got it.
            room.walk = Some(Walk::over(&room.log));
            return true;
        }
        false
    }
}

/// Gives one subscriber what he is behind, if his socket takes it.
fn visit(
    index: usize,
    place: usize,
    rooms: &mut Slab<Room>,
    connections: &mut Slab<Connection>,
    swept: &mut Swept,
) {
    let Some(room) = rooms.get(index) else { return };
    let Some(subscriber) = room.subscribers.get(place) else { return };
    let slot = subscriber.slot;
    let Some(connection) = connections.get_mut(slot) else { return };
    if subscriber.stage == Stage::Awaiting {
        if room.log.end() - subscriber.cursor.at > limits::OWED_BYTES {
            swept.lagging.push(slot);
        }
        return;
    }
    if connection.is_blocked && !connection.is_over(rooms) {
        return;
    }
    // A socket that was blocked is asked once more before its reader is called slow.
    connection.is_blocked = false;
    let room = rooms.get_mut(index);
    let alone = room.and_then(|room| {
        let subscriber = room.subscribers.get_mut(place)?;
        let is_live = subscriber.stage == Stage::Live;
        is_live.then(|| connection.write_alone(&room.log, &mut subscriber.cursor))?
    });
    match alone.unwrap_or_else(|| connection.flush(rooms)) {
        Flushed::All => {}
        Flushed::Waiting if connection.is_over(rooms) => swept.lagging.push(slot),
        Flushed::Waiting => {}
        Flushed::Broken => swept.broken.push(slot),
    }
}

/// Ends the subscription at a place; whoever moves into it learns his new place.
pub(super) fn unsubscribe(
    slot: usize,
    index: usize,
    rooms: &mut Slab<Room>,
    connections: &mut Slab<Connection>,
) {
    let Some(chat) = connections.get_mut(slot).and_then(Connection::chat) else { return };
    if index >= chat.following.len() {
        return;
    }
    let place = chat.following.swap_remove(index);
    let moved = chat.following.get(index).copied();
    if let Some(connection) = connections.get_mut(slot) {
        connection.rooms -= 1;
    }
    if let Some(moved) = moved
        && let Some(subscriber) =
            rooms.get_mut(moved.room).and_then(|room| room.subscribers.get_mut(moved.subscriber))
    {
        subscriber.index = index;
    }
    let Some(room) = rooms.get_mut(place.room) else { return };
    if place.subscriber < room.subscribers.len() {
        room.subscribers.swap_remove(place.subscriber);
    }
    if room.subscribers.is_empty() {
        room.log.forget(room.log.end());
    }
    if let Some(moved) = room.subscribers.get(place.subscriber)
        && let Some(chat) = connections.get_mut(moved.slot).and_then(Connection::chat)
        && let Some(own) = chat.following.get_mut(moved.index)
    {
        own.subscriber = place.subscriber;
    }
    // A walk that had passed the last place has passed the one that moved, too: it came from the
    // end, so it is looked at again by starting over.
    if let Some(walk) = &mut room.walk {
        walk.next = walk.next.min(place.subscriber);
    }
}

/// The connections of a user on this shard that are open.
pub(super) fn open_slots(
    users: &std::collections::HashMap<Uid, Vec<usize>>,
    connections: &Slab<Connection>,
    uid: Uid,
) -> Vec<usize> {
    let slots = users.get(&uid).cloned().unwrap_or_default();
    let open = |slot: &usize| connections.get(*slot).is_some_and(|c| c.phase == Phase::Open);
    slots.into_iter().filter(open).collect()
}
