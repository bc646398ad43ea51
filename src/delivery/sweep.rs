//! The sweep: one walk over a room's subscribers, one write each.
//!
//! A publication only appends to the room's log and marks the room. The walk then gives every
//! subscriber everything since his cursor; it pauses every [`limits::SWEEP`] members so that the
//! shard reads its sockets and takes more publications, which the rest of the walk carries along.
//! That is why a busy room needs far fewer system calls than deliveries.
//!
//! A walk of a large room costs milliseconds of system calls, whether it carries one frame or
//! twenty. So if more of the room is about to come out of the journal, it waits for that, a third of
//! its own cost at most ([`limits::GATHER`]): what was sent together is delivered by one walk. A room
//! that is walked in one turn never waits.
//!
//! Nothing a reader needs is forgotten while he is here. A walk parts with those whose socket takes
//! nothing while more piles up than may, and then forgets what all others have. A log that grows
//! faster than its walk ([`SweepQueue::is_full`]) makes the shard finish the walk before it takes
//! more publications, so a burst lengthens the queue to the shard and not the log.

use std::collections::VecDeque;
use std::time::Instant;

use slab::Slab;

use super::connection::{Connection, Flushed, Phase};
use super::room::{Room, Stage, Walk};
use crate::base::ids::Uid;
use crate::base::limits::delivery as limits;

/// The rooms of a shard and those with something to write.
#[derive(Default)]
pub(super) struct SweepQueue {
    rooms: VecDeque<usize>,
    /// Rooms whose walk waits for more to carry.
    gathering: Vec<usize>,
    /// The room whose log grew faster than its walk. There is at most one: nothing more is published
    /// until it is swept.
    full: Option<usize>,
}

/// How far a walk has come.
enum Walked {
    /// Everybody has been offered everything.
    Everybody,
    /// There is more to walk.
    Some,
    /// Who was passed early needs another walk.
    Again,
}

/// What one turn of the sweep came to.
#[derive(Default)]
pub(super) struct Swept {
    /// Connections whose socket broke.
    pub broken: Vec<usize>,
    /// Connections that do not take what waits for them.
    pub lagging: Vec<usize>,
    /// Connections that have taken everything and are to get more.
    pub wanting: Vec<usize>,
}

impl SweepQueue {
    /// The room's log has grown.
    pub fn mark(&mut self, index: usize, rooms: &mut Slab<Room>) {
        let Some(room) = rooms.get_mut(index) else { return };
        if room.is_full() {
            self.full = Some(index);
        }
        if room.walk.is_none() {
            self.begin(index, rooms);
        }
    }

    /// Begins a walk, unless it waits for more to carry.
    fn begin(&mut self, index: usize, rooms: &mut Slab<Room>) {
        let Some(room) = rooms.get_mut(index) else { return };
        if !room.gathers() {
            room.gathers_until = None;
            room.walk = Some(Walk::over(&room.log));
            self.rooms.push_back(index);
        } else if !self.gathering.contains(&index) {
            self.gathering.push(index);
        }
    }

    /// Begins the walks that have waited long enough; says until when the others wait.
    pub fn begin_due(&mut self, rooms: &mut Slab<Room>) -> Option<Instant> {
        for index in std::mem::take(&mut self.gathering) {
            if rooms.get(index).is_some_and(|room| room.walk.is_none() && !room.log.is_empty()) {
                self.begin(index, rooms);
            }
        }
        let until = |index: &usize| rooms.get(*index).and_then(|room| room.gathers_until);
        self.gathering.iter().filter_map(until).min()
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
            match Self::walk(index, &mut left, rooms, connections, &mut swept) {
                Walked::Everybody => {}
                Walked::Some => self.rooms.push_back(index),
                Walked::Again => self.begin(index, rooms),
            }
        }
        swept
    }

    /// Goes on with one room.
    fn walk(
        index: usize,
        left: &mut usize,
        rooms: &mut Slab<Room>,
        connections: &mut Slab<Connection>,
        swept: &mut Swept,
    ) -> Walked {
        let Some(mut walk) = rooms.get_mut(index).and_then(|room| room.walk.take()) else {
            return Walked::Everybody;
        };
        while *left > 0 {
            let Some(room) = rooms.get(index) else { return Walked::Everybody };
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
        let Some(room) = rooms.get_mut(index) else { return Walked::Everybody };
        if walk.next < room.subscribers.len() {
            room.walk = Some(walk);
            return Walked::Some;
        }
        room.log.forget(walk.least);
        room.swept = walk.end;
        // More came while we walked: whoever we passed early has not got it.
        if room.log.end() > walk.end { Walked::Again } else { Walked::Everybody }
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
        if subscriber.is_owed_too_much(&room.log) {
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
        Flushed::All if connection.wants_more() => swept.wanting.push(slot),
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
        let gone = room.subscribers.swap_remove(place.subscriber);
        room.behind = room.behind.saturating_sub(usize::from(gone.stage != Stage::Live));
        if room.behind == 0 {
            room.changed.forget();
        }
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

#[cfg(test)]
mod tests {
    use super::super::frame_log::Cursor;
    use super::super::room::Subscriber;
    use super::*;
    use crate::base::ids::RoomId;

    fn rooms_of(members: usize) -> (Slab<Room>, usize) {
        let mut room = Room::new(RoomId(1));
        room.log.append(b"what was said");
        let cursor = Cursor::default();
        let subscriber = |slot| Subscriber { slot, index: 0, cursor, stage: Stage::Live };
        room.subscribers = (0..members).map(subscriber).collect();
        let mut rooms = Slab::new();
        let index = rooms.insert(room);
        (rooms, index)
    }

    #[test]
    fn a_walk_of_many_turns_waits_for_what_is_being_committed_and_not_for_ever() {
        let (mut rooms, index) = rooms_of(limits::SWEEP + 1);
        let mut sweep = SweepQueue::default();
        rooms[index].more_follows = true;
        sweep.mark(index, &mut rooms);
        assert!(sweep.is_empty(), "it waits");
        let until = rooms[index].gathers_until.unwrap();
        assert!(until <= Instant::now() + limits::GATHER * (limits::SWEEP as u32 + 1));
        while Instant::now() < until {
            std::thread::yield_now();
        }
        assert_eq!(sweep.begin_due(&mut rooms), None);
        assert!(!sweep.is_empty(), "it has waited long enough");
    }

    #[test]
    fn a_walk_begins_at_once_when_nothing_follows_any_more() {
        let (mut rooms, index) = rooms_of(limits::SWEEP + 1);
        let mut sweep = SweepQueue::default();
        for more_follows in [true, false] {
            rooms[index].more_follows = more_follows;
            sweep.mark(index, &mut rooms);
            assert_eq!(sweep.is_empty(), more_follows);
        }
    }

    #[test]
    fn a_walk_of_one_turn_never_waits() {
        let (mut rooms, index) = rooms_of(limits::SWEEP);
        let mut sweep = SweepQueue::default();
        rooms[index].more_follows = true;
        sweep.mark(index, &mut rooms);
        assert!(!sweep.is_empty());
    }
}
