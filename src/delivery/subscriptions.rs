//! Which connection follows which room, and which gets its `activity`.

use super::connection::Connection;
use super::frame_log::Cursor;
use super::room_feed::{RoomFeed, Stage, Subscriber, SubscriptionIndex};
use super::shard::Shard;
use crate::base::ids::RoomId;
use crate::rooms::publication::ConnRef;

impl Shard {
    /// The index of the room on this shard, which is added if need be.
    fn feed_of(&mut self, room: RoomId) -> usize {
        *self.feed_index.entry(room).or_insert_with(|| self.feeds.insert(RoomFeed::new(room)))
    }

    /// The room on this shard, if a connection has to do with it.
    pub(super) fn feed_mut(&mut self, room: RoomId) -> Option<&mut RoomFeed> {
        self.feed_index.get(&room).and_then(|index| self.feeds.get_mut(*index))
    }

    fn remove_feed_if_unused(&mut self, room: RoomId) {
        if let Some(&index) = self.feed_index.get(&room)
            && self.feeds.get(index).is_some_and(RoomFeed::is_unused)
        {
            self.feeds.remove(index);
            self.feed_index.remove(&room);
        }
    }

    /// Where the connection's subscription of the room is, if there is one.
    pub(super) fn subscription_of(
        &mut self,
        slot: usize,
        room: RoomId,
    ) -> Option<SubscriptionIndex> {
        let feed = *self.feed_index.get(&room)?;
        self.chat(slot)?.subscriptions.iter().find(|index| index.feed == feed).copied()
    }

    /// The subscription begins here in the order of publications; a replay precedes it.
    pub(super) fn subscribe(&mut self, slot: usize, room: RoomId) {
        self.subscription_decided(slot);
        // A second subscription of the same room starts over.
        self.unsubscribe(slot, room);
        let index = self.feed_of(room);
        let Some(feed) = self.feeds.get_mut(index) else { return };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let Some(chat) = connection.chat() else { return };
        let subscriber = Subscriber {
            slot,
            index: chat.subscriptions.len(),
            cursor: Cursor::at_end(&feed.log),
            stage: Stage::Awaiting,
        };
        let subscription = SubscriptionIndex { feed: index, subscriber: feed.subscribers.len() };
        chat.pending_replays.push(room);
        chat.subscriptions.push(subscription);
        feed.add_subscriber(subscriber);
        connection.subscription_count += u32::from(!connection.is_tail());
    }

    /// A room has decided about one of the subscriptions that were requested.
    pub(super) fn subscription_decided(&mut self, slot: usize) {
        if let Some(chat) = self.chat(slot) {
            chat.pending_subscriptions = chat.pending_subscriptions.saturating_sub(1);
        }
    }

    /// Ends the subscription of a room, if there is one; what is left of its replay is dropped.
    pub(super) fn unsubscribe(&mut self, slot: usize, room: RoomId) {
        let Some(&feed) = self.feed_index.get(&room) else { return };
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if let Some(queue) = &mut connection.send_queue {
            queue.forget_events(room);
        }
        let Some(chat) = connection.chat() else { return };
        if let Some(index) = chat.subscriptions.iter().position(|index| index.feed == feed) {
            self.remove_subscription(slot, index);
            self.remove_feed_if_unused(room);
        }
    }

    /// Removes a subscription by its index in the list of its connection. The last one of that list and the
    /// last subscriber of the room move to the indexes that become free, so both references to them are updated.
    fn remove_subscription(&mut self, slot: usize, index: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let Some(chat) = connection.chat() else { return };
        if index >= chat.subscriptions.len() {
            return;
        }
        let removed = chat.subscriptions.swap_remove(index);
        let moved = chat.subscriptions.get(index).copied();
        connection.subscription_count -= u32::from(!connection.is_tail());
        if let Some((_, subscriber)) = moved.and_then(|moved| moved.get_mut(&mut self.feeds)) {
            subscriber.index = index;
        }
        let Some(feed) = self.feeds.get_mut(removed.feed) else { return };
        if removed.subscriber < feed.subscribers.len() {
            let subscriber = feed.subscribers.swap_remove(removed.subscriber);
            if subscriber.stage != Stage::Live {
                feed.one_less_behind();
            }
        }
        if feed.subscribers.is_empty() {
            feed.log.forget(feed.log.end());
        }
        // The last subscriber is now at the free index. A pass beyond that index goes back to it, or the
        // subscriber would be left out.
        if let Some(pass) = &mut feed.pass {
            pass.next = pass.next.min(removed.subscriber);
        }
        if let Some(moved) = feed.subscribers.get(removed.subscriber)
            && let Some(chat) = self.connections.get_mut(moved.slot).and_then(Connection::chat)
            && let Some(own) = chat.subscriptions.get_mut(moved.index)
        {
            own.subscriber = removed.subscriber;
        }
    }

    /// The connection belongs to a member of the room.
    pub(super) fn add_member_connection(&mut self, room: RoomId, slot: usize) {
        let index = self.feed_of(room);
        if let Some(feed) = self.feeds.get_mut(index) {
            feed.member_connections.insert(slot);
        }
    }

    fn remove_member_connection(&mut self, room: RoomId, slot: usize) {
        if let Some(feed) = self.feed_mut(room) {
            feed.member_connections.remove(&slot);
            self.remove_feed_if_unused(room);
        }
    }

    /// The user of the connection has become a member of the room.
    pub(super) fn join_room(&mut self, slot: usize, room: RoomId) {
        let Some(chat) = self.chat(slot) else { return };
        if !chat.member_of.contains(&room) {
            chat.member_of.push(room);
            self.add_member_connection(room, slot);
        }
    }

    /// The user of the connection is a member of the room no more.
    pub(super) fn leave_room(&mut self, slot: usize, room: RoomId) {
        if self.is_tail_of(slot, room) {
            return self.close_tail_of_gone(slot);
        }
        self.unsubscribe(slot, room);
        let Some(chat) = self.chat(slot) else { return };
        if let Some(index) = chat.member_of.iter().position(|other| *other == room) {
            chat.member_of.swap_remove(index);
            self.remove_member_connection(room, slot);
        }
    }

    /// Takes a connection out of everything but its socket.
    pub(super) fn detach(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let (generation, is_tail) = (connection.generation, connection.is_tail());
        let Some(chat) = connection.chat() else { return };
        let (uid, member_of) = (chat.uid, std::mem::take(&mut chat.member_of));
        while let Some(chat) = self.chat(slot) {
            let Some(last) = chat.subscriptions.last().copied() else { break };
            let index = chat.subscriptions.len() - 1;
            let room = self.feeds.get(last.feed).map(|feed| feed.id);
            self.remove_subscription(slot, index);
            if let Some(room) = room {
                self.remove_feed_if_unused(room);
            }
        }
        for room in member_of {
            self.remove_member_connection(room, slot);
        }
        if let Some(slots) = self.users.get_mut(&uid) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.users.remove(&uid);
            }
        }
        if is_tail {
            // It has never made its user look online.
            return self.rooms.presence().release(uid);
        }
        let conn = ConnRef { shard: self.number, slot: slot as u32, generation };
        self.rooms.presence().disconnected(uid, conn);
    }
}
