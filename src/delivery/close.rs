//! How connections end: a `bye`, a close frame, and TCP soon after, whatever the other side does.

use std::time::Instant;

use mio::Events;

use super::connection::Phase;
use super::shard::Shard;
use crate::base::limits::delivery as limits;
use crate::base::random;
use crate::protocol::event::Event;
use crate::ws::{Codec, frame};

impl Shard {
    /// Sends `bye` (if given) and a close frame, or to a tail `bye` as its last line; TCP ends within [`limits::CLOSE_S`].
    pub(super) fn close(&mut self, slot: usize, code: Option<u16>, bye: Option<&[u8]>) {
        self.close_within(slot, limits::CLOSE_S, code, bye);
    }

    /// Closes a reader that could not keep up; its client comes back with `since`.
    pub(super) fn close_lagging(&mut self, slot: usize) {
        if !self.connections.get(slot).is_some_and(|connection| connection.is_open()) {
            return;
        }
        let retry_ms = Some(jitter(limits::LAGGING_MS));
        let bye = Event::Bye { code: "lagging", retry_ms }.encode();
        self.counters.lagging.inc();
        // It takes nothing just now, so it would not get the `bye` in the time that others have.
        self.close_within(slot, limits::LAGGING_S, Some(1013), Some(&bye));
    }

    fn close_within(&mut self, slot: usize, time_s: u32, code: Option<u16>, bye: Option<&[u8]>) {
        let until_s = self.clock.now_s() + time_s;
        if !self.connections.get(slot).is_some_and(|connection| connection.is_open()) {
            return;
        }
        self.detach(slot);
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if let Some(queue) = &mut connection.send_queue {
            queue.forget_replays();
        }
        if connection.paused.take().is_some() {
            // Unread bytes would end TCP with a reset, which may overtake the close frame.
            self.to_read.push(slot);
        }
        connection.codec = Codec::default();
        if connection.is_tail() {
            let queue = connection.send_queue();
            queue.log.append_line(bye.unwrap_or_default());
        } else {
            if let Some(bye) = bye {
                let _ = connection.push(&frame::text(bye));
            }
            let _ = connection.push(&frame::close(code));
        }
        connection.phase = Phase::Closing { until_s };
        self.schedule_write(slot);
    }

    /// The other side has ended its half of TCP: what is ready for it is still sent.
    pub(super) fn finish(&mut self, slot: usize) {
        self.flush(slot);
        self.drop_connection(slot);
    }

    /// Closes the socket at once.
    pub(super) fn drop_connection(&mut self, slot: usize) {
        let Some(connection) = self.connections.get(slot) else { return };
        if connection.is_open() {
            self.detach(slot);
        }
        let connection = self.connections.remove(slot);
        connection.transport.close(self.poll.registry());
    }

    /// Sends `bye restart` to all clients; what waits is written as far as the kernel takes it.
    pub(super) fn shut_down(&mut self, events: &mut Events) {
        let until = Instant::now() + limits::STOP;
        self.handle_deliveries();
        while self.has_deliveries() && Instant::now() < until {
            self.run_sweep_step();
            self.handle_deliveries();
        }
        let slots: Vec<_> = self.connections.iter().map(|(slot, _)| slot).collect();
        for slot in slots {
            self.flush(slot);
            let retry_ms = Some(jitter(limits::RESTART_MS));
            let bye = Event::Bye { code: "restart", retry_ms };
            self.close(slot, Some(1001), Some(&bye.encode()));
        }
        while !self.connections.is_empty() && Instant::now() < until {
            let _ = self.poll.poll(events, Some(limits::STOP_POLL));
            for event in events.iter() {
                self.handle_event(event);
            }
            for slot in std::mem::take(&mut self.to_read) {
                self.read(slot);
            }
            self.write_scheduled();
            self.run_timers();
        }
    }
}

/// A wait between two bounds, different for each client, so that they do not all come back at once.
fn jitter((least, most): (u32, u32)) -> u32 {
    least + random::number() % (most - least).max(1)
}
