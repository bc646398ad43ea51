//! What happens once a second: clients that are silent, readers that take nothing, frames that are not
//! finished, and connections whose time to close is over.

use super::connection::{Connection, PauseReason, Phase};
use super::shard::Shard;
use crate::base::limits::delivery as limits;
use crate::ws::frame;

/// What is due for a connection.
enum Due {
    Nothing,
    Ping,
    Drop,
}

impl Shard {
    /// Sends `activity`, and does what is due once a second.
    pub(super) fn run_timers(&mut self) {
        let now_s = self.clock.now_s();
        self.send_activity();
        if now_s == self.last_timers_s {
            return;
        }
        self.last_timers_s = now_s;
        self.sweep.mark_non_empty(&mut self.feeds);
        let subscriptions = self.feeds.iter().map(|(_, feed)| feed.subscribers.len()).sum();
        self.shared.set_subscriptions(subscriptions);
        self.shed_excess_of_users();
        let (mut to_drop, mut to_ping) = (Vec::new(), Vec::new());
        for (slot, connection) in &mut self.connections {
            if let Some(paused) = &mut connection.paused
                && paused.reason == PauseReason::Rate
            {
                paused.reason = PauseReason::Fairness;
                self.to_retry.push(slot);
            }
            match connection.check_timers(now_s) {
                Due::Nothing => {}
                Due::Ping => to_ping.push(slot),
                Due::Drop => to_drop.push(slot),
            }
        }
        for slot in to_drop {
            self.drop_connection(slot);
        }
        for slot in to_ping {
            let Some(connection) = self.connections.get_mut(slot) else { continue };
            if connection.is_tail() {
                self.push_heartbeat(slot);
                continue;
            }
            connection.is_pinged = true;
            self.push(slot, &frame::ping());
        }
    }
}

impl Connection {
    fn check_timers(&mut self, now_s: u32) -> Due {
        if self.paused.is_some() {
            self.last_read_s = now_s; // the client may send, but it is not read
        }
        self.blocked_since_s = self.is_blocked.then(|| self.blocked_since_s.unwrap_or(now_s));
        let silent_s = now_s.saturating_sub(self.last_read_s);
        let partial_s = now_s.saturating_sub(self.partial_since_s);
        let blocked_s = self.blocked_since_s.map_or(0, |since_s| now_s.saturating_sub(since_s));
        let is_overdue = match self.phase {
            Phase::Closing { until_s } | Phase::Shut { until_s } => now_s >= until_s,
            Phase::Open => {
                (silent_s >= limits::SILENT_S && !self.is_tail())
                    || (self.codec.is_partial() && partial_s >= limits::UNFINISHED_S)
                    || blocked_s >= limits::STALLED_S
            }
        };
        if is_overdue {
            Due::Drop
        } else if silent_s >= limits::PING_AFTER_S && !self.is_pinged {
            Due::Ping
        } else {
            Due::Nothing
        }
    }
}
