//! What rooms tell a shard, and what that means for its connections.

use std::sync::Arc;
use std::time::Instant;

use super::connection::{Connection, Phase, Place};
use super::frame_log::Cursor;
use super::room::{Room, Stage, Subscriber};
use super::shard::Shard;
use super::stats::Stats;
use super::sweep::{open_slots, unsubscribe};
use crate::base::ids::{RoomId, Uid};
use crate::base::limits::delivery as limits;
use crate::protocol::event::Event;
use crate::rooms::delivery::{ConnectionsOf, Delivery};
use crate::rooms::publication::{ConnRef, Payload, Publication};
use crate::ws::frame;

impl Shard {
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Publish(publication) => self.publish(&publication),
            Delivery::Committed(publication, answers) => {
                self.publish(&publication);
                for (conn, answer) in answers {
                    if let Some(slot) = self.find(conn) {
                        self.push(slot, &frame::text(&answer));
                    }
                }
            }
            Delivery::Reply(conn, payload) => {
                if let Some(slot) = self.find(conn) {
                    self.push(slot, &frame::text(&payload));
                }
            }
            Delivery::Subscribed(conn, room) => self.subscribed(conn, room),
            Delivery::Replayed(conn, room, payloads) => {
                if let Some(slot) = self.find(conn) {
                    self.replayed(slot, room, payloads);
                }
            }
            Delivery::Resume(conn, replay, kept) => {
                if let Some(slot) = self.find(conn) {
                    self.resumes(slot, *replay, kept);
                }
            }
            Delivery::Slice(conn, slice) => {
                // It was sent to one shard, so this is the only one.
                if let (Some(slot), Some(slice)) = (self.find(conn), Arc::into_inner(slice)) {
                    self.slice(slot, slice);
                }
            }
            Delivery::Changed(room, mids) => self.changed(room, &mids),
            Delivery::NotSubscribed(conn, payload) => {
                if let Some(slot) = self.find(conn) {
                    self.asked_no_more(slot);
                    self.push(slot, &frame::text(&payload));
                }
            }
            Delivery::Unsubscribed(conn, room, payload) => {
                if let Some(slot) = self.find(conn) {
                    self.unfollow(slot, room);
                    self.push(slot, &frame::text(&payload));
                }
            }
            Delivery::ToUser(uid, payload) => {
                let bytes = frame::text(&payload);
                for slot in open_slots(&self.users, &self.connections, uid) {
                    self.push(slot, &bytes);
                }
            }
            Delivery::Joined(uid, room) => {
                for slot in open_slots(&self.users, &self.connections, uid) {
                    self.join(slot, room);
                }
            }
            Delivery::Left(uid, room) => {
                for slot in open_slots(&self.users, &self.connections, uid) {
                    self.leave(slot, room);
                }
            }
            Delivery::RoomClosed(room) => self.close_room(room),
            Delivery::Revoke(target, until) => self.revoke(target, until),
        }
    }

    fn publish(&mut self, publication: &Publication) {
        let Some(&index) = self.room_index.get(&publication.room) else { return };
        let Some(room) = self.rooms.get_mut(index) else { return };
        if let Some(news) = &publication.activity
            && room.listeners.len() > room.subscribers.len()
        {
            if room.activity.is_none() {
                self.active.push(publication.room);
            }
            room.note_activity(news);
        }
        if room.subscribers.is_empty() {
            return;
        }
        for event in &publication.events {
            room.log.append(event);
        }
        room.more_follows = publication.more_follows;
        self.sweep.mark(index, &mut self.rooms);
    }

    fn subscribed(&mut self, conn: ConnRef, id: RoomId) {
        let Some(slot) = self.find(conn) else { return };
        self.asked_no_more(slot);
        // A second subscription of the same room starts over.
        self.unfollow(slot, id);
        let index = self.room(id);
        let Some(room) = self.rooms.get_mut(index) else { return };
        let Some(chat) = self.connections.get_mut(slot).and_then(Connection::chat) else { return };
        let subscriber = Subscriber {
            slot,
            index: chat.following.len(),
            cursor: Cursor::at_end(&room.log),
            stage: Stage::Awaiting,
        };
        chat.owed.push(id);
        chat.following.push(Place { room: index, subscriber: room.subscribers.len() });
        room.subscribers.push(subscriber);
        room.behind += 1;
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.rooms += 1;
        }
    }

    /// A room has decided about one of the subscriptions that were asked of it.
    fn asked_no_more(&mut self, slot: usize) {
        if let Some(chat) = self.connections.get_mut(slot).and_then(Connection::chat) {
            chat.asked = chat.asked.saturating_sub(1);
        }
    }

    /// One of the replays that the room owes the connection is here. True: no other is to come.
    pub(super) fn settle(&mut self, slot: usize, id: RoomId) -> bool {
        let Some(chat) = self.connections.get_mut(slot).and_then(Connection::chat) else {
            return true;
        };
        if let Some(place) = chat.owed.iter().position(|room| *room == id) {
            chat.owed.swap_remove(place);
        }
        !chat.owed.contains(&id)
    }

    /// What was missed is here. Who has subscribed twice may get the replays in either order (one
    /// from memory, one from the store), so only behind the last one the subscription is live.
    fn replayed(&mut self, slot: usize, id: RoomId, mut events: Vec<Payload>) {
        let is_last = self.settle(slot, id);
        if !self.follows(slot, id) {
            // He left or was removed meanwhile: only the answer is still his.
            events.drain(..events.len().saturating_sub(1));
        } else if is_last {
            self.catches_up(slot, id, Stage::Replaying);
        }
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.push_replay(id, events, is_last) {
            self.list(slot);
        } else {
            self.offer_again(slot);
        }
    }

    pub(super) fn unfollow(&mut self, slot: usize, id: RoomId) {
        let Some(&room) = self.room_index.get(&id) else { return };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if let Some(out) = &mut connection.out {
            out.forget_events(id);
        }
        let Some(chat) = connection.chat() else { return };
        if let Some(index) = chat.following.iter().position(|place| place.room == room) {
            unsubscribe(slot, index, &mut self.rooms, &mut self.connections);
            self.forget_unused(id);
        }
    }

    /// The room's place on this shard; made if need be.
    fn room(&mut self, id: RoomId) -> usize {
        *self.room_index.entry(id).or_insert_with(|| self.rooms.insert(Room::new(id)))
    }

    fn forget_unused(&mut self, id: RoomId) {
        if let Some(&index) = self.room_index.get(&id)
            && self.rooms.get(index).is_some_and(Room::is_unused)
        {
            self.rooms.remove(index);
            self.room_index.remove(&id);
        }
    }

    pub(super) fn listen(&mut self, id: RoomId, slot: usize) {
        let index = self.room(id);
        if let Some(room) = self.rooms.get_mut(index) {
            room.listeners.insert(slot);
        }
    }

    fn unlisten(&mut self, id: RoomId, slot: usize) {
        let Some(room) = self.room_index.get(&id).and_then(|index| self.rooms.get_mut(*index))
        else {
            return;
        };
        room.listeners.remove(&slot);
        self.forget_unused(id);
    }

    fn join(&mut self, slot: usize, id: RoomId) {
        let Some(chat) = self.connections.get_mut(slot).and_then(Connection::chat) else { return };
        if !chat.member_of.contains(&id) {
            chat.member_of.push(id);
            self.listen(id, slot);
        }
    }

    fn leave(&mut self, slot: usize, id: RoomId) {
        self.unfollow(slot, id);
        let Some(chat) = self.connections.get_mut(slot).and_then(Connection::chat) else { return };
        if let Some(place) = chat.member_of.iter().position(|room| *room == id) {
            chat.member_of.swap_remove(place);
            self.unlisten(id, slot);
        }
    }

    fn close_room(&mut self, id: RoomId) {
        let Some(room) = self.room_index.get(&id).and_then(|index| self.rooms.get(*index)) else {
            return;
        };
        let followers = room.subscribers.iter().map(|subscriber| subscriber.slot);
        let slots: Vec<_> = followers.chain(room.listeners.iter().copied()).collect();
        for slot in slots {
            self.leave(slot, id);
        }
    }

    fn revoke(&mut self, target: ConnectionsOf, until: Instant) {
        let mut slots: Vec<usize> = match target {
            ConnectionsOf::User(uid) => open_slots(&self.users, &self.connections, uid),
            ConnectionsOf::Session(session) => {
                let is_his = |connection: &mut Connection| {
                    connection.chat().is_some_and(|chat| chat.session == session)
                };
                let all = self.connections.iter_mut();
                all.filter_map(|(slot, connection)| is_his(connection).then_some(slot)).collect()
            }
        };
        slots.retain(|slot| {
            let chat = self.connections.get_mut(*slot).and_then(Connection::chat);
            chat.is_some_and(|chat| chat.asked_at <= until)
        });
        let bye = Event::Bye { code: "revoked", retry_ms: None }.encode();
        Stats::add(&self.stats.revoked, slots.len() as u64);
        for slot in slots {
            self.close(slot, Some(1008), Some(&bye));
        }
    }

    /// Takes a connection out of everything but its socket.
    pub(super) fn detach(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let generation = connection.generation;
        let Some(chat) = connection.chat() else { return };
        let uid: Uid = chat.uid;
        let member_of = std::mem::take(&mut chat.member_of);
        while let Some(chat) = self.connections.get_mut(slot).and_then(Connection::chat) {
            let Some(last) = chat.following.len().checked_sub(1) else { break };
            let room = chat.following.get(last).and_then(|place| self.rooms.get(place.room));
            let id = room.map(|room| room.id);
            unsubscribe(slot, last, &mut self.rooms, &mut self.connections);
            if let Some(id) = id {
                self.forget_unused(id);
            }
        }
        for room in member_of {
            self.unlisten(room, slot);
        }
        if let Some(slots) = self.users.get_mut(&uid) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.users.remove(&uid);
            }
        }
        let conn = ConnRef { shard: self.number, slot: slot as u32, generation };
        self.hub.presence().disconnected(uid, conn);
    }

    /// Tells members who do not follow a room what happened there, at most once a second and room.
    pub(super) fn tell_activity(&mut self) {
        let now = Instant::now();
        if self.active.is_empty() || now.duration_since(self.told_at) < limits::ACTIVITY_TICK {
            return;
        }
        self.told_at = now;
        for id in std::mem::take(&mut self.active) {
            let Some(room) = self.room_index.get(&id).and_then(|index| self.rooms.get_mut(*index))
            else {
                continue;
            };
            let Some(activity) = room.take_activity(now) else {
                if room.activity.is_some() {
                    self.active.push(id);
                }
                continue;
            };
            let event = |mention| {
                let event =
                    Event::Activity { room: id, seq: activity.seq, new: activity.new, mention };
                frame::text(&event.encode())
            };
            let (plain, mention) = (event(false), event(true));
            for slot in room.listeners.clone() {
                let Some(connection) = self.connections.get_mut(slot) else { continue };
                let is_open = connection.phase == Phase::Open;
                let Some(chat) = connection.chat() else { continue };
                let index = self.room_index.get(&id).copied();
                let follows = chat.following.iter().any(|place| Some(place.room) == index);
                if is_open && !follows {
                    let mentioned = activity.mentions.contains(&chat.uid);
                    self.push(slot, if mentioned { &mention } else { &plain });
                }
            }
        }
    }
}
