//! `activity`: what connections of members get about rooms they do not follow, and those that follow a room about
//! what they cannot count.

use std::time::Instant;

use super::shard::Shard;
use crate::base::ids::RoomId;
use crate::base::limits::delivery as limits;
use crate::protocol::event::Event;
use crate::protocol::room::ReadState;
use crate::rooms::ReadStates;
use crate::rooms::publication::Activity;
use crate::ws::frame;

impl Shard {
    /// Sends the `activity` that waits, of all rooms together, and of each at most once a second.
    pub(super) fn send_activity(&mut self) {
        let now = Instant::now();
        if self.active.is_empty()
            || now.duration_since(self.activity_sent_at) < limits::ACTIVITY_TICK
        {
            return;
        }
        self.activity_sent_at = now;
        for room in std::mem::take(&mut self.active) {
            let Some(feed) = self.feed_mut(room) else { continue };
            match feed.activity.take_due(now) {
                Some(activity) => self.send_activity_of(room, activity),
                None if feed.activity.is_pending() => self.active.push(room),
                None => {}
            }
        }
    }

    /// Every number is the reader's own and absolute, as the room is now. Who follows the room counts its new
    /// messages, and gets the numbers when they have changed in another way.
    fn send_activity_of(&mut self, room: RoomId, activity: Activity) {
        let Some(feed) = self.feed_mut(room) else { return };
        let slots: Vec<_> = feed.member_connections.iter().copied().collect();
        let mut readers = Vec::with_capacity(slots.len());
        for slot in slots {
            let follows = self.subscription_of(slot, room).is_some();
            if (activity.recounts || !follows)
                && let Some(chat) = self.chat(slot)
            {
                readers.push((chat.uid, slot, follows));
            }
        }
        let uids: Vec<_> = readers.iter().map(|(uid, ..)| *uid).collect();
        let ReadStates { upto, of } = self.rooms.read_states(room, &uids);
        for ((_, slot, follows), state) in readers.into_iter().zip(of) {
            // Whoever is no member any more will be told so next.
            let Some(ReadState { read, unread, mentions }) = state else { continue };
            let event = match follows {
                true => Event::Read { room, seq: read, upto, unread, mentions },
                false => Event::Activity { room, seq: upto, new: activity.new, unread, mentions },
            };
            self.push(slot, &frame::text(&event.encode()));
        }
    }
}
