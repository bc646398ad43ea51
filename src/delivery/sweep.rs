//! The sweep: one walk over a room's subscribers, one write each.
//!
//! A publication only appends to the room's log and marks the room. The walk then gives every
//! subscriber everything since his cursor; it pauses every [`limits::SWEEP`] members so that the
//! shard reads its sockets and takes more publications, which the rest of the walk carries along.
//! That is why a busy room needs far fewer system calls than deliveries.

use std::collections::VecDeque;
use std::time::Instant;

use slab::Slab;

use super::connection::{Connection, Flushed, Phase};
use super::room_log::RoomLog;
use crate::ids::{RoomId, Uid};
use crate::limits::delivery as limits;
use crate::rooms::outlet::Activity;

/// A room on one shard.
pub(super) struct Room {
    pub id: RoomId,
    pub log: RoomLog,
    pub subscribers: Vec<Subscriber>,
    /// Connections of members, for `activity`.
    pub listeners: Vec<usize>,
    /// The walk under way: the next subscriber, and the end of the log when it began.
    walk: Option<Walk>,
    pub activity: Option<Activity>,
    pub activity_at: Option<Instant>,
}

/// A connection that follows the room.
pub(super) struct Subscriber {
    pub slot: usize,
    /// Its place in the connection's own list.
    pub index: usize,
    pub cursor: u64,
    /// False while its replay is not written.
    pub is_live: bool,
}

struct Walk {
    next: usize,
    end: u64,
    behind: usize,
}

/// The rooms of a shard and those with something to write.
#[derive(Default)]
pub(super) struct SweepQueue {
    rooms: VecDeque<usize>,
}

/// What one turn of the sweep came to.
#[derive(Default)]
pub(super) struct Swept {
    /// Connections whose socket broke.
    pub broken: Vec<usize>,
    /// Connections whose cursor fell off the log.
    pub lost: Vec<usize>,
    /// Frames handed to the kernel, and writes that took them.
    pub frames: u64,
    pub writes: u64,
}

impl Room {
    pub fn new(id: RoomId) -> Self {
        Self {
            id,
            log: RoomLog::default(),
            subscribers: Vec::new(),
            listeners: Vec::new(),
            walk: None,
            activity: None,
            activity_at: None,
        }
    }

    /// Nobody on this shard has anything to do with it.
    pub fn is_unused(&self) -> bool {
        self.subscribers.is_empty() && self.listeners.is_empty() && self.walk.is_none()
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
        if let Some(room) = rooms.get_mut(index)
            && room.walk.is_none()
        {
            room.walk = Some(Walk { next: 0, end: room.log.end(), behind: 0 });
            self.rooms.push_back(index);
        }
    }

    pub fn is_empty(&self) -> bool {
        self.rooms.is_empty()
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
            walk.next += 1;
            if !subscriber.is_live || subscriber.cursor == room.log.end() {
                walk.behind += usize::from(!subscriber.is_live);
                continue;
            }
            *left -= 1;
            let slot = subscriber.slot;
            if room.log.is_lost(subscriber.cursor) {
                swept.lost.push(slot);
                continue;
            }
            let frames = room.log.frames_since(subscriber.cursor) as u64;
            let Some(connection) = connections.get_mut(slot) else { continue };
            if connection.is_blocked {
                walk.behind += 1;
                continue;
            }
            match connection.flush(rooms) {
                Flushed::All => {}
                Flushed::Waiting => walk.behind += 1,
                Flushed::Broken => swept.broken.push(slot),
            }
            swept.frames += frames;
            swept.writes += 1;
        }
        let Some(room) = rooms.get_mut(index) else { return false };
        if walk.next < room.subscribers.len() {
            room.walk = Some(walk);
            return true;
        }
        if room.log.end() > walk.end {
            // More came while we walked: whoever we passed early has not got it.
            room.walk = Some(Walk { next: 0, end: room.log.end(), behind: 0 });
            return true;
        }
        if walk.behind == 0 {
            room.log.clear();
        }
        false
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
    if let Some(moved) = chat.following.get(index).copied()
        && let Some(subscriber) =
            rooms.get_mut(moved.room).and_then(|room| room.subscribers.get_mut(moved.subscriber))
    {
        subscriber.index = index;
    }
    let Some(room) = rooms.get_mut(place.room) else { return };
    if place.subscriber < room.subscribers.len() {
        room.subscribers.swap_remove(place.subscriber);
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
