//! How connections end: a goodbye, a close frame, and TCP soon after, whatever the other side does.

use std::time::{Duration, Instant};

use mio::Events;

use super::connection::{Phase, Until};
use super::shard::Shard;
use super::stats::Stats;
use crate::base::limits::delivery as limits;
use crate::base::random;
use crate::protocol::event::Event;
use crate::ws::{Codec, frame};

impl Shard {
    /// Says `bye` (if given) and a close frame; TCP follows within [`limits::CLOSE_S`].
    pub(super) fn close(&mut self, slot: usize, code: Option<u16>, bye: Option<&[u8]>) {
        let until_s = self.now_s() + limits::CLOSE_S;
        if !self.connections.get(slot).is_some_and(|c| c.phase == Phase::Open) {
            return;
        }
        self.detach(slot);
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if let Some(out) = &mut connection.out {
            out.forget_replays();
        }
        if connection.input.take().is_some() {
            // Unread bytes would end TCP with a reset, which may overtake the goodbye.
            self.to_read.push(slot);
        }
        connection.codec = Codec::default();
        if let Some(bye) = bye {
            let _ = connection.push(&frame::text(bye));
        }
        let _ = connection.push(&frame::close(code));
        connection.phase = Phase::Closing { until_s };
        self.list(slot);
    }

    /// The reader could not keep up: it is told, and comes back with `since`.
    pub(super) fn lag(&mut self, slot: usize) {
        if !self.connections.get(slot).is_some_and(|c| c.phase == Phase::Open) {
            return;
        }
        let bye =
            Event::Bye { code: "lagging", retry_ms: Some(jitter(limits::LAGGING_MS)) }.encode();
        Stats::add(&self.stats.lagging, 1);
        self.close(slot, Some(1013), Some(&bye));
        // It takes nothing just now, so in the time others get it would not hear why.
        let until_s = self.now_s() + limits::LAGGING_S;
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.phase = Phase::Closing { until_s };
        }
    }

    /// The other side has ended TCP, if only its half: what is ready for it still goes out.
    pub(super) fn end(&mut self, slot: usize) {
        self.flush(slot);
        self.drop_connection(slot);
    }

    pub(super) fn drop_connection(&mut self, slot: usize) {
        if !self.connections.contains(slot) {
            return;
        }
        if self.connections.get(slot).is_some_and(|c| c.phase == Phase::Open) {
            self.detach(slot);
        }
        let mut connection = self.connections.remove(slot);
        // The descriptor closes with the stream; an error here changes nothing.
        let _ = self.poll.registry().deregister(&mut connection.stream);
    }

    /// Once a second: silence, stalled readers, unfinished frames, overdue goodbyes.
    pub(super) fn tick(&mut self) {
        let now_s = self.now_s();
        self.tell_activity();
        if now_s == self.last_tick_s {
            return;
        }
        self.last_tick_s = now_s;
        self.sweep.mark_kept(&mut self.rooms);
        self.tell_door_subscriptions();
        self.keep_users_to_budget();
        let mut overdue = Vec::new();
        let mut silent = Vec::new();
        for (slot, connection) in &mut self.connections {
            if let Some(held) = &mut connection.input {
                connection.heard_s = now_s; // it is we who do not listen
                if held.until == Until::Second {
                    held.until = Until::Turn;
                    self.to_retry.push(slot);
                }
            }
            let quiet_s = now_s.saturating_sub(connection.heard_s);
            let unfinished_s = now_s.saturating_sub(connection.unfinished_s);
            let since_s = connection.blocked_s.unwrap_or(now_s);
            connection.blocked_s = connection.is_blocked.then_some(since_s);
            let blocked_s = connection.blocked_s.map_or(0, |since_s| now_s.saturating_sub(since_s));
            let is_over = match connection.phase {
                Phase::Closing { until_s } | Phase::Shut { until_s } => now_s >= until_s,
                Phase::Open => {
                    quiet_s >= limits::SILENT_S
                        || (connection.codec.is_partial() && unfinished_s >= limits::UNFINISHED_S)
                        || blocked_s >= limits::STALLED_S
                }
            };
            if is_over {
                overdue.push(slot);
            } else if quiet_s >= limits::PING_AFTER_S && !connection.is_pinged {
                silent.push(slot);
            }
        }
        for slot in overdue {
            self.drop_connection(slot);
        }
        for slot in silent {
            if let Some(connection) = self.connections.get_mut(slot) {
                connection.is_pinged = true;
            }
            self.push(slot, &frame::ping());
        }
    }

    /// Everybody hears `bye restart`; what waits is written as far as the kernel takes it.
    pub(super) fn say_goodbye(&mut self, events: &mut Events) {
        let until = Instant::now() + limits::STOP;
        self.take_deliveries();
        while self.has_deliveries() && Instant::now() < until {
            self.sweep_turn();
            self.take_deliveries();
        }
        let open: Vec<_> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in open {
            self.flush(slot);
            let bye = Event::Bye { code: "restart", retry_ms: Some(jitter(limits::RESTART_MS)) };
            self.close(slot, Some(1001), Some(&bye.encode()));
        }
        while !self.connections.is_empty() && Instant::now() < until {
            let _ = self.poll.poll(events, Some(Duration::from_millis(50)));
            for event in events.iter() {
                self.ready(event);
            }
            for slot in std::mem::take(&mut self.to_read) {
                self.read(slot);
            }
            self.write_listed();
            self.tick();
        }
    }
}

/// A wait spread between two bounds, so that clients do not come back all at once.
fn jitter((least, most): (u32, u32)) -> u32 {
    least + random::number() % (most - least).max(1)
}
