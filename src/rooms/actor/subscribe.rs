//! The beginning of a subscription.

use super::Actor;
use crate::base::ids::Epoch;
use crate::protocol::answer::OkAnswer;
use crate::rooms::delivery::Delivery;
use crate::rooms::inbox::{ReplyTo, Sender};
use crate::rooms::replay::Replay;

impl Actor {
    /// Everything that was published before is replayed, everything later is live.
    pub(super) async fn subscribe(&mut self, sender: Sender, since: u64, epoch: Option<Epoch>) {
        let Sender { uid, reply_to: ReplyTo::Connection { conn, id }, .. } = sender else { return };
        let room = self.room.id;
        // It counts up to the `seq` of the answer.
        let (read_state, log) = {
            let state = self.room.state();
            let log = state.row.encryption.map(|encryption| encryption.log);
            (state.read_state(uid).unwrap_or_default(), log)
        };
        self.send(conn, Delivery::Subscribed(conn, room)).await;
        let upto = self.published;
        let now = self.shared.epoch;
        if since > upto || epoch.is_some_and(|epoch| epoch != now) {
            // The client knows another history than this database has: it must read the history again.
            let ok = OkAnswer::to(id.as_deref()).seq(upto).truncated(true).epoch(now);
            let replay = vec![ok.read_state(read_state).log(log).encode()];
            return self.send(conn, Delivery::Replayed(conn, room, replay)).await;
        }
        let replay = Box::new(Replay::new(room, since, upto, id, read_state).with_log(log));
        self.send(conn, Delivery::Resume(conn, replay, self.replay_buffer.since(since))).await;
    }
}
