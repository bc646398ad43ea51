//! What rooms send to a shard, and what that means for its connections.

use std::sync::Arc;
use std::time::Instant;

use super::adoption::Rights;
use super::connection::{Chat, Connection};
use super::shard::Shard;
use crate::base::ids::{RoomId, SessionId, Uid};
use crate::protocol::event::Event;
use crate::protocol::room::ReadState;
use crate::rooms::delivery::{ConnectionsOf, Delivery};
use crate::rooms::publication::{Audience, ConnRef, LiveEvent, Payload, Publication};
use crate::rooms::{ReadStates, Rooms};
use crate::ws::frame;

/// What a member has read of a room and what is unread, as it is now.
fn read_event(rooms: &Rooms, room: RoomId, uid: Uid) -> Option<Payload> {
    let ReadStates { upto, of } = rooms.read_state(room, uid)?;
    let ReadState { read: seq, unread, mentions } = of;
    Some(Event::Read { room, seq, upto, unread, mentions }.encode())
}

impl Shard {
    pub(super) fn deliver(&mut self, delivery: Delivery) {
        match delivery {
            Delivery::Publish(publication) => self.publish(&publication),
            Delivery::Committed(publication, answers) => {
                self.publish(&publication);
                for (conn, answer) in answers {
                    self.reply(conn, &answer);
                }
            }
            Delivery::Reply(conn, payload) => self.reply(conn, &payload),
            Delivery::Subscribed(conn, room) => {
                self.with(conn, |shard, slot| shard.subscribe(slot, room))
            }
            Delivery::Unsubscribed(conn, room, answer) => {
                self.with(conn, |shard, slot| shard.stop_following(slot, room));
                self.reply(conn, &answer);
            }
            Delivery::NotSubscribed(conn, answer) => {
                self.with(conn, Self::subscription_decided);
                self.reply(conn, &answer);
            }
            Delivery::Replayed(conn, room, payloads) => {
                self.with(conn, |shard, slot| shard.queue_replay(slot, room, payloads));
            }
            Delivery::Resume(conn, replay, buffered) => {
                self.with(conn, |shard, slot| shard.queue_missed(slot, *replay, buffered));
            }
            Delivery::Slice(conn, slice) => {
                // It was sent to one shard, so this is the only one.
                if let Some(slice) = Arc::into_inner(slice) {
                    self.with(conn, |shard, slot| shard.queue_slice(slot, slice));
                }
            }
            Delivery::Changed(room, mids) => self.note_changed(room, &mids),
            Delivery::ToUser(uid, payload) => self.push_to_user(uid, || Some(payload)),
            Delivery::ToBrowsers(uid, except, payload) => {
                self.push_to_browsers(uid, except, &payload);
            }
            Delivery::View(uid, room) => {
                let rooms = self.rooms.clone();
                self.push_to_user(uid, || {
                    let view = rooms.view(room, uid).filter(|view| view.role.is_some())?;
                    Some(Event::Room { room: &view }.encode())
                });
            }
            Delivery::ReadState(uid, room) => {
                let rooms = self.rooms.clone();
                self.push_to_user(uid, || read_event(&rooms, room, uid));
            }
            Delivery::Joined(uid, room) => {
                for slot in self.open_slots(uid) {
                    self.join_room(slot, room);
                }
            }
            Delivery::Left(uid, room) => {
                for slot in self.open_slots(uid) {
                    self.leave_room(slot, room);
                }
            }
            Delivery::RoomClosed(room) => self.close_room(room),
            Delivery::Revoke(target, until) => self.revoke(target, until),
        }
    }

    /// Pushes a frame to every connection of a user, which is made if there is one.
    fn push_to_user(&mut self, uid: Uid, payload: impl FnOnce() -> Option<Payload>) {
        let slots = self.open_slots(uid);
        if slots.is_empty() {
            return;
        }
        let Some(payload) = payload() else { return };
        let bytes = frame::text(&payload);
        for slot in slots {
            self.push(slot, &bytes);
        }
    }

    /// Pushes a frame to the connections of a user's browsers, except those of one session.
    fn push_to_browsers(&mut self, uid: Uid, except: Option<SessionId>, payload: &Payload) {
        let mut slots = self.open_slots(uid);
        slots.retain(|slot| {
            let is_meant =
                |chat: &mut Chat| chat.rights == Rights::Full && Some(chat.session) != except;
            self.chat(*slot).is_some_and(is_meant)
        });
        let bytes = frame::text(payload);
        for slot in slots {
            self.push(slot, &bytes);
        }
    }

    /// The connection does not follow the room any more. Events that the sweep has not written are lost with the
    /// subscription, so what they came to is sent.
    pub(super) fn stop_following(&mut self, slot: usize, room: RoomId) {
        if self.subscription_of(slot, room).is_none() {
            return;
        }
        self.unsubscribe(slot, room);
        let Some(uid) = self.chat(slot).map(|chat| chat.uid) else { return };
        if let Some(event) = read_event(&self.rooms, room, uid) {
            self.push(slot, &frame::text(&event));
        }
    }

    /// Does something with the connection that `conn` names, if it is still open.
    fn with(&mut self, conn: ConnRef, change: impl FnOnce(&mut Self, usize)) {
        if let Some(slot) = self.find(conn) {
            change(self, slot);
        }
    }

    /// Appends the events of a room to its log, and marks it for the sweep.
    fn publish(&mut self, publication: &Publication) {
        let Some(&index) = self.feed_index.get(&publication.room) else { return };
        let Some(feed) = self.feeds.get_mut(index) else { return };
        if let Some(activity) = &publication.activity
            && (activity.recounts || feed.member_connections.len() > feed.subscribers.len())
        {
            if !feed.activity.is_pending() {
                self.active.push(publication.room);
            }
            feed.activity.merge(*activity);
        }
        let to_all = publication.events.iter().filter(|event| event.audience == Audience::Members);
        let frames: Vec<_> = to_all.map(|event| frame::text(&event.payload)).collect();
        if !frames.is_empty() {
            self.push_to_members_elsewhere(publication.room, &frames);
        }
        let Some(feed) = self.feeds.get_mut(index).filter(|feed| !feed.subscribers.is_empty())
        else {
            return;
        };
        // What somebody has not got yet may have moved to this change, and comes with it.
        let is_behind = feed.has_subscribers_behind();
        for LiveEvent { payload, whole, .. } in &publication.events {
            feed.log.append(whole.as_ref().filter(|_| is_behind).unwrap_or(payload));
        }
        feed.more_follows = publication.more_follows;
        self.sweep.mark(index, &mut self.feeds);
    }

    /// Pushes frames to the members' connections that do not follow the room; the others get them by its log.
    fn push_to_members_elsewhere(&mut self, room: RoomId, frames: &[Vec<u8>]) {
        let Some(feed) = self.feed_mut(room) else { return };
        let slots: Vec<_> = feed.member_connections.iter().copied().collect();
        for slot in slots {
            if self.subscription_of(slot, room).is_none() {
                for frame in frames {
                    self.push(slot, frame);
                }
            }
        }
    }

    fn reply(&mut self, conn: ConnRef, payload: &Payload) {
        self.with(conn, |shard, slot| shard.push_answer(slot, payload));
    }

    fn close_room(&mut self, room: RoomId) {
        let index = self.feed_index.get(&room);
        let Some(feed) = index.and_then(|index| self.feeds.get(*index)) else { return };
        let followers = feed.subscribers.iter().map(|subscriber| subscriber.slot);
        let slots: Vec<_> = followers.chain(feed.member_connections.iter().copied()).collect();
        for slot in slots {
            self.leave_room(slot, room);
        }
    }

    /// Closes what was let in by a check no later than `until`.
    fn revoke(&mut self, target: ConnectionsOf, until: Instant) {
        let mut slots: Vec<usize> = match target {
            ConnectionsOf::User(uid) => self.open_slots(uid),
            ConnectionsOf::Session(session) => {
                let is_of_session = |chat: &mut Chat| chat.session == session;
                let connections = self.connections.iter_mut();
                let found = connections.filter_map(|(slot, connection): (_, &mut Connection)| {
                    connection.chat().is_some_and(is_of_session).then_some(slot)
                });
                found.collect()
            }
        };
        slots.retain(|slot| self.chat(*slot).is_some_and(|chat| chat.checked_at <= until));
        let bye = Event::Bye { code: "revoked", retry_ms: None }.encode();
        self.counters.revoked.add(slots.len() as u64);
        for slot in slots {
            self.close(slot, Some(1008), Some(&bye));
        }
    }
}
