//! What a room says to the shards: committed changes in order, replays, and the look into the
//! store after a commit whose outcome is unknown.

use std::sync::Arc;

use super::actor::Actor;
use super::outlet::{Activity, ConnRef, Delivery, Payload, Publication};
use super::replays::Replay;
use super::room::Input;
use crate::base::ids::Uid;
use crate::base::limits::{chat, rooms as limits};
use crate::protocol::answer::OkAnswer;
use crate::protocol::event::Event;
use crate::protocol::message::MessageState;

impl Actor {
    /// Publishes committed changes, or reads the store again if one is missing before them; then
    /// answers their authors.
    pub(super) async fn announce(
        &mut self,
        mut fresh: Vec<MessageState>,
        answers: Vec<(ConnRef, Payload)>,
    ) {
        fresh.sort_unstable_by_key(|message| message.seq);
        let follows = |published: u64| {
            fresh.iter().zip(published + 1..).all(|(message, next)| message.seq == next)
        };
        if !fresh.is_empty() && follows(self.published) {
            return self.publish_messages(fresh, self.published, answers).await;
        }
        if !fresh.is_empty() {
            self.resync().await;
        }
        for (conn, answer) in answers {
            self.tell(conn, Delivery::Reply(conn, answer)).await;
        }
    }

    /// Publishes messages by `seq`; those created after `known` are new.
    async fn publish_messages(
        &mut self,
        fresh: Vec<MessageState>,
        known: u64,
        answers: Vec<(ConnRef, Payload)>,
    ) {
        let Some(last) = fresh.last() else { return };
        let mut activity = Activity { seq: last.seq, new: 0, mentions: Vec::new() };
        let mut events = Vec::with_capacity(fresh.len());
        let is_new = |message: &MessageState| message.created_seq > known;
        let changed = fresh.iter().filter(|message| !is_new(message)).map(|message| message.mid);
        let changed: Arc<[_]> = changed.collect();
        if !changed.is_empty() {
            self.broadcast(Delivery::Changed(self.room.id, changed)).await;
        }
        for message in &fresh {
            let is_new = is_new(message);
            self.room.state_mut().note(message, is_new);
            let event =
                Event::Msg { room: self.room.id, seq: message.seq, at: message.at, msg: message };
            let payload = event.encode();
            self.kept.push(message.seq, message.mid, payload.clone(), is_new);
            events.push(payload);
            if is_new {
                activity.new += 1;
                let mentions = message.content.mentions().iter();
                let hears = |uid: &&Uid| !self.shared.blocks.has(**uid, message.by);
                activity.mentions.extend(mentions.filter(hears));
            }
        }
        self.published = activity.seq;
        self.room.state_mut().row.last_seq = activity.seq;
        let more_follows = !self.inbox.is_empty();
        let activity = Some(activity);
        let publication = Publication { room: self.room.id, events, activity, more_follows };
        // The delivery plane is gone only when the server stops: nobody is left to tell.
        let _ = self.shared.outlet.commit(&Arc::new(publication), answers).await;
    }

    /// What happened cannot be told now: look again soon.
    pub(super) fn doubt(&mut self) {
        if std::mem::replace(&mut self.suspect, true) {
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
        loop {
            let store = self.shared.store.clone();
            let (room, since) = (self.room.id, self.published);
            let reading = store.changed_within(room, since, chat::REPLAY, chat::PAGE_BYTES);
            match self.bounded(reading).await {
                Ok((messages, more)) => {
                    self.publish_messages(messages, known, Vec::new()).await;
                    if !more {
                        return;
                    }
                }
                Err(_) => return self.doubt(),
            }
        }
    }

    pub(super) async fn subscribe(&mut self, conn: ConnRef, id: Option<String>, since: u64) {
        let room = self.room.id;
        self.tell(conn, Delivery::Subscribed(conn, room)).await;
        let upto = self.published;
        if since > upto {
            // The client knows a future this database does not have: it must read afresh.
            let ok = OkAnswer::to(id.as_deref()).seq(upto);
            let replay = vec![ok.truncated(true).encode()];
            return self.tell(conn, Delivery::Replayed(conn, room, replay)).await;
        }
        let replay = Box::new(Replay::new(room, since, upto, id));
        self.tell(conn, Delivery::Resume(conn, replay, self.kept.since(since))).await;
    }

    pub(super) async fn publish(&self, events: Vec<Payload>, activity: Option<Activity>) {
        if events.is_empty() {
            return;
        }
        let more_follows = false;
        let publication = Publication { room: self.room.id, events, activity, more_follows };
        self.broadcast(Delivery::Publish(Arc::new(publication))).await;
    }

    pub(super) async fn broadcast(&self, delivery: Delivery) {
        // The delivery plane is gone only when the server stops: nobody is left to tell.
        let _ = self.shared.outlet.broadcast(delivery).await;
    }
}
