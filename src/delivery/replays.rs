//! Catching up: further rooms, and slices of replays, fetched for connections that have taken what came
//! before. Why nothing is missed, sent twice or out of order: [`crate::rooms::replay`].

use super::connection::Connection;
use super::room_feed::Stage;
use super::send_queue::SendQueue;
use super::shard::Shard;
use crate::base::ids::{Mid, RoomId};
use crate::base::limits::chat as limits;
use crate::protocol::event::Event;
use crate::rooms::publication::{ConnRef, MissedEvent, Payload};
use crate::rooms::replay::{Replay, Slice, SliceEvents, SliceRequest};
use crate::ws::frame;

/// A tail brings messages and nothing else.
fn is_about_message(event: &MissedEvent) -> bool {
    event.mid.is_some()
}

impl Shard {
    /// One of the replays that the room was to send has arrived. True: no other is to come.
    pub(super) fn replay_arrived(&mut self, slot: usize, room: RoomId) -> bool {
        let Some(chat) = self.chat(slot) else { return true };
        if let Some(index) = chat.pending_replays.iter().position(|other| *other == room) {
            chat.pending_replays.swap_remove(index);
        }
        !chat.pending_replays.contains(&room)
    }

    /// Queues what was missed. A connection that has subscribed twice may get the replays in either order
    /// (one from memory, one from the store), so the subscription is live only behind the last one.
    pub(super) fn queue_replay(&mut self, slot: usize, room: RoomId, mut events: Vec<Payload>) {
        let is_last = self.replay_arrived(slot, room);
        if self.subscription_of(slot, room).is_none() {
            // The subscription has ended meanwhile: only the answer is sent.
            events.drain(..events.len().saturating_sub(1));
        } else if is_last {
            self.set_stage(slot, room, Stage::Replaying);
        }
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.push_replay(room, events, is_last) {
            self.schedule_write(slot);
        } else {
            self.flush_or_close_lagging(slot);
        }
    }

    /// Queues what was missed and is to be read from the store, unless the room had it in memory.
    pub(super) fn queue_missed(
        &mut self,
        slot: usize,
        mut replay: Replay,
        buffered: Option<Vec<MissedEvent>>,
    ) {
        let room = replay.room;
        let is_last = self.replay_arrived(slot, room);
        let is_wanted = is_last && self.subscription_of(slot, room).is_some();
        let buffered = if is_wanted {
            let stage = if buffered.is_some() { Stage::Replaying } else { Stage::Awaiting };
            self.set_stage(slot, room, stage);
            buffered
        } else {
            // The subscription has begun anew, or ended: only the answer is sent.
            replay.truncate();
            Some(Vec::new())
        };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let mut buffered = buffered;
        if let Some(events) = buffered.as_mut().filter(|_| connection.is_tail()) {
            events.retain(is_about_message);
        }
        connection.send_queue().push_missed(replay, buffered, is_last);
        self.schedule_write(slot);
    }

    /// A subscription that is not live has come this far.
    fn set_stage(&mut self, slot: usize, room: RoomId, stage: Stage) {
        let Some(index) = self.subscription_of(slot, room) else { return };
        if let Some((log, subscriber)) = index.get_mut(&mut self.feeds)
            && subscriber.stage != Stage::Live
        {
            subscriber.stage = stage;
            // What has piled up until now waited for a slice, and so not for the reader.
            subscriber.cursor.reset_lag_baseline(log);
        }
    }

    /// Everything that could be sent is sent: gets the next part of the rooms, or of a replay.
    pub(super) fn fetch_more(&mut self, slot: usize) {
        if self.connections.get(slot).and_then(Connection::tail).is_some_and(|tail| tail.is_cut) {
            return self.close_cut_tail(slot);
        }
        let has_unnamed = self.chat(slot).is_some_and(|chat| !chat.unnamed_rooms.is_empty());
        if has_unnamed {
            self.send_next_rooms(slot);
        } else {
            self.request_slice(slot);
        }
    }

    /// Names the next rooms of a user who is in very many.
    fn send_next_rooms(&mut self, slot: usize) {
        let Some(chat) = self.connections.get_mut(slot).and_then(Connection::chat) else { return };
        let views = self.rooms.take_views(chat.uid, &mut chat.unnamed_rooms, limits::ROOMS_BYTES);
        let more = !chat.unnamed_rooms.is_empty();
        if !more {
            chat.unnamed_rooms = Vec::new();
        }
        self.push(slot, &frame::text(&Event::Rooms { rooms: &views, more }.encode()));
    }

    /// Everything before it is written: requests the next slice of a replay.
    fn request_slice(&mut self, slot: usize) {
        let (shard, number) = (self.number, self.last_slice + 1);
        let (feeds, index) = (&self.feeds, &self.feed_index);
        let changes = |room: RoomId| {
            let feed = index.get(&room).and_then(|index| feeds.get(*index));
            feed.map_or(0, |feed| feed.changed.count())
        };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let conn = ConnRef { shard, slot: slot as u32, generation: connection.generation };
        let queue = connection.send_queue.as_mut().filter(|queue| queue.wants_slice());
        let Some(replay) = queue.and_then(|queue| queue.request_slice(number, changes)) else {
            return;
        };
        let Some(chat) = connection.chat() else { return };
        let (uid, room) = (chat.uid, replay.room);
        self.last_slice = number;
        self.rooms.replay_readers().request(SliceRequest { conn, uid, number, replay });
        self.set_stage(slot, room, Stage::Awaiting);
    }

    /// A slice has arrived; it is dropped if the connection does not wait for it any more.
    pub(super) fn queue_slice(&mut self, slot: usize, slice: Slice) {
        let Slice { number, room, read } = slice;
        let Some(changes) =
            self.send_queue_of(slot).and_then(|queue| queue.changes_at_request(number))
        else {
            return;
        };
        let changed = self.feed_mut(room).and_then(|feed| feed.changed.since(changes));
        match (read, changed) {
            (Ok(SliceEvents { events, rest, held }), Some(changed)) => {
                let is_tail = self.connections.get(slot).is_some_and(Connection::is_tail);
                let Some(queue) = self.send_queue_of(slot) else { return };
                let is_valid = |event: &MissedEvent| {
                    let is_current = event.mid.is_none_or(|mid| !changed.contains(&mid));
                    is_current && (!is_tail || is_about_message(event))
                };
                let valid = events.into_iter().filter(is_valid);
                let is_cut = rest.is_truncated();
                queue.push_slice(valid, rest, held);
                if let Some(tail) = self.connections.get_mut(slot).and_then(Connection::tail_mut) {
                    tail.is_cut = is_cut;
                }
                self.set_stage(slot, room, Stage::Replaying);
            }
            (Ok(_), None) => {
                if let Some(queue) = self.send_queue_of(slot) {
                    queue.reset_request();
                }
            }
            (Err(answer), _) if self.connections.get(slot).is_some_and(Connection::is_tail) => {
                return self.push_answer(slot, &answer);
            }
            (Err(answer), _) => {
                let Some(queue) = self.send_queue_of(slot) else { return };
                queue.fail_slice(answer);
                self.stop_following(slot, room);
            }
        }
        self.schedule_write(slot);
    }

    fn send_queue_of(&mut self, slot: usize) -> Option<&mut SendQueue> {
        self.connections.get_mut(slot)?.send_queue.as_deref_mut()
    }

    /// Messages of a room change by what is published next: replays must not send their former state.
    pub(super) fn note_changed(&mut self, room: RoomId, mids: &[Mid]) {
        let index = self.feed_index.get(&room);
        let Some(feed) = index.and_then(|index| self.feeds.get_mut(*index)) else { return };
        if !feed.has_subscribers_behind() {
            return;
        }
        feed.changed.add(mids);
        for subscriber in feed.subscribers.iter().filter(|one| one.stage != Stage::Live) {
            let connection = self.connections.get_mut(subscriber.slot);
            if let Some(queue) = connection.and_then(|connection| connection.send_queue.as_mut()) {
                queue.forget_messages(room, mids);
            }
        }
    }
}
