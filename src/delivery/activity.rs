//! `activity`: what connections of members get about rooms they do not follow.

use std::time::Instant;

use super::shard::Shard;
use crate::base::ids::RoomId;
use crate::base::limits::delivery as limits;
use crate::protocol::event::Event;
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
                Some(activity) => self.send_activity_of(room, &activity),
                None if feed.activity.is_pending() => self.active.push(room),
                None => {}
            }
        }
    }

    fn send_activity_of(&mut self, room: RoomId, activity: &Activity) {
        let encode = |mention| {
            let event = Event::Activity { room, seq: activity.seq, new: activity.new, mention };
            frame::text(&event.encode())
        };
        let (plain, mentioning) = (encode(false), encode(true));
        let Some(feed) = self.feed_mut(room) else { return };
        for slot in feed.member_connections.clone() {
            if self.subscription_of(slot, room).is_some() {
                continue;
            }
            let Some(chat) = self.chat(slot) else { continue };
            let is_mentioned = activity.mentions.contains(&chat.uid);
            self.push(slot, if is_mentioned { &mentioning } else { &plain });
        }
    }
}
