//! What a room publishes: committed changes in order, and after a commit of unknown outcome what the store has.

use std::sync::Arc;

use super::Actor;
use super::staged::Answers;
use crate::base::limits::{chat, rooms as limits};
use crate::rooms::delivery::Delivery;
use crate::rooms::inbox::Input;
use crate::rooms::publication::{
    Activity, Audience, ConnRef, LiveEvent, MissedEvent, Payload, Publication,
};
use crate::rooms::published::Published;
use crate::rooms::recent::{Noted, RecentMessages};
use crate::store::chat::WithLog;

impl Actor {
    /// Publishes committed changes, or reads the store again if one is missing before them; then
    /// answers their authors.
    pub(super) async fn publish_committed(
        &mut self,
        mut changes: Vec<Published>,
        answers: Answers,
    ) {
        changes.sort_unstable_by_key(Published::seq);
        let follows = |published: u64| {
            changes.iter().zip(published + 1..).all(|(change, next)| change.seq() == next)
        };
        if !changes.is_empty() && follows(self.published) {
            let Answers { to_connections, to_callers } = answers;
            self.publish_changes(changes, self.published, to_connections).await;
            return self.send_answers(Answers { to_callers, ..Answers::default() }).await;
        }
        if !changes.is_empty() {
            self.resync().await;
        }
        self.send_answers(answers).await;
    }

    /// Publishes changes by `seq`; messages created after `known` are new.
    async fn publish_changes(
        &mut self,
        changes: Vec<Published>,
        known: u64,
        answers: Vec<(ConnRef, Payload)>,
    ) {
        let Some(seq) = changes.last().map(Published::seq) else { return };
        let mut activity = Activity { new: 0, recounts: false };
        let changed = changes.iter().filter_map(|change| change.changed_after(known));
        let changed: Arc<[_]> = changed.collect();
        if !changed.is_empty() {
            self.broadcast(Delivery::Changed(self.room.id, changed)).await;
        }
        {
            let mut state = self.room.state_mut();
            for message in changes.iter().filter_map(Published::message) {
                let is_new = message.created_seq > known;
                let noted = state.recent.note(message, is_new);
                activity.recounts |= noted == Noted::Recounted;
                activity.new += u32::from(is_new);
            }
            state.row.last_seq = seq;
        }
        self.refill_recent().await;
        let events = changes.iter().map(|change| self.encode(change, known)).collect();
        self.published = seq;
        let more_follows = !self.inbox.is_empty();
        // A log is nothing to be read.
        let activity = changes.iter().any(|change| change.message().is_some()).then_some(activity);
        let publication = Publication { room: self.room.id, events, activity, more_follows };
        // The delivery plane is gone only when the server stops, and then there is nobody to publish to.
        let _ = self.shared.publisher.publish_committed(Arc::new(publication), answers).await;
    }

    /// Encodes a change, and keeps it for those who come back soon.
    fn encode(&mut self, change: &Published, known: u64) -> LiveEvent {
        let event = change.encode(self.room.id);
        let mid = change.message().map(|message| message.mid);
        let is_changed = change.changed_after(known).is_some();
        let payload = event.whole.as_ref().unwrap_or(&event.payload).clone();
        self.replay_buffer.push(change.seq(), MissedEvent { mid, payload }, is_changed);
        event
    }

    /// Reads the newest messages again if so many were deleted that older ones count again.
    async fn refill_recent(&mut self) {
        if !self.room.state().recent.needs_store() {
            return;
        }
        let (store, room) = (self.shared.store.clone(), self.room.id);
        // After a failure the next deletion tries again.
        let Ok(stored) = self.bounded(store.recent(room, chat::RECENT)).await else { return };
        let mut state = self.room.state_mut();
        state.recent = RecentMessages::up_to(state.row.last_seq, stored);
    }

    /// The outcome of a commit is unknown: the store is read again soon.
    pub(super) fn mark_out_of_sync(&mut self) {
        if std::mem::replace(&mut self.is_out_of_sync, true) {
            return;
        }
        let tx = self.room.tx.clone();
        tokio::spawn(async move {
            tokio::time::sleep(limits::RECONNECT).await;
            let _ = tx.send(Input::Resync).await;
        });
    }

    /// Publishes everything the store has above what was published.
    pub(super) async fn resync(&mut self) {
        let known = self.published;
        if self.reread_log().await.is_err() {
            return self.mark_out_of_sync();
        }
        loop {
            let store = self.shared.store.clone();
            let (room, since) = (self.room.id, self.published);
            let log = if self.is_encrypted() { WithLog::Yes } else { WithLog::No };
            let reading = store.missed_within(room, since, chat::REPLAY, chat::PAGE_BYTES, log);
            match self.bounded(reading).await {
                Ok(read) => {
                    let changes = read.changes.into_iter().map(Published::stored).collect();
                    self.publish_changes(changes, known, Vec::new()).await;
                    if !read.has_more {
                        return;
                    }
                }
                Err(_) => return self.mark_out_of_sync(),
            }
        }
    }

    /// Publishes an event that is not durable.
    pub(super) async fn publish(&self, event: Payload) {
        self.publish_to(Audience::Followers, event).await;
    }

    /// Publishes an event that is not durable to these.
    pub(super) async fn publish_to(&self, audience: Audience, event: Payload) {
        let (room, events) = (self.room.id, vec![LiveEvent { audience, ..event.into() }]);
        let publication = Publication { room, events, activity: None, more_follows: false };
        self.broadcast(Delivery::Publish(Arc::new(publication))).await;
    }

    /// Sends to every shard.
    pub(super) async fn broadcast(&self, delivery: Delivery) {
        // The delivery plane is gone only when the server stops.
        let _ = self.shared.publisher.broadcast(delivery).await;
    }

    /// Sends to the shard of a connection.
    pub(super) async fn send(&self, conn: ConnRef, delivery: Delivery) {
        let _ = self.shared.publisher.send_to(conn, delivery).await;
    }
}
