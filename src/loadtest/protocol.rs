//! What the clients of a swarm do with the bytes they get: the upgrade, frames, and the ledgers that are
//! kept of them.

use super::client::Phase;
use super::ledger::{Acknowledgement, Ledger};
use super::server_frame::{ServerFrame, number_after, parse};
use super::swarm::Swarm;
use super::tally::{Tally, record};
use super::target::Dialect;
use crate::ws::client::{self, Frame};

/// The `id` of every subscribe command; those of messages are numbers.
const SUBSCRIBE: &str = "s";
/// The status of a server whose limits are reached.
const TOO_MANY_REQUESTS: u16 = 429;

impl Swarm {
    /// Handles bytes that a client has received.
    ///
    /// # Errors
    /// Why its connection ends.
    pub(super) fn handle_bytes(&mut self, index: usize, bytes: &[u8]) -> Result<(), String> {
        let now = self.now_ns();
        let Some(client) = self.clients.get_mut(index) else { return Ok(()) };
        let mut partial = std::mem::take(&mut client.partial);
        let mut input = bytes;
        if !partial.is_empty() {
            partial.extend_from_slice(bytes);
            input = &partial;
        }
        if client.phase == Phase::Upgrading {
            match client::parse_answer(input) {
                Ok(None) => {
                    client.partial = input.to_vec();
                    return Ok(());
                }
                Ok(Some(length)) => {
                    input = input.get(length..).unwrap_or_default();
                    client.phase = Phase::AwaitingHello;
                    if self.target.dialect == Dialect::Plain {
                        self.on_hello(index, now)?;
                    }
                }
                Err(status) => return Err(self.upgrade_refused(status)),
            }
        }
        while let Some(frame) = client::next(&mut input).map_err(|broken| broken.to_string())? {
            match frame {
                Frame::Text(payload) => self.handle_text(index, payload, now)?,
                Frame::Ping(payload) => {
                    let mut pong = Vec::new();
                    client::pong(payload, self.author.mask(), &mut pong);
                    self.send(index, &pong)?;
                }
                Frame::Close(code) => {
                    let code = code.map_or("no code".to_owned(), |code| code.to_string());
                    return Err(format!("the server closed with {code}"));
                }
                Frame::Other => {}
            }
        }
        if !input.is_empty()
            && let Some(client) = self.clients.get_mut(index)
        {
            client.partial = input.to_vec();
        }
        Ok(())
    }

    /// Why the upgrade was refused. With a status of 4xx further attempts are useless.
    fn upgrade_refused(&mut self, status: u16) -> String {
        let mut why = format!("the upgrade was refused with {status}");
        if status == TOO_MANY_REQUESTS && self.target.dialect == Dialect::Impulse {
            why.push_str("; run the server with IMPULSE_RATE_LIMIT_SCALE=0, or be more users");
        }
        if (400..500).contains(&status) {
            self.denied.get_or_insert_with(|| why.clone());
        }
        why
    }

    fn send(&mut self, index: usize, bytes: &[u8]) -> Result<(), String> {
        let Some(client) = self.clients.get_mut(index) else { return Ok(()) };
        client.write(bytes).map_err(|error| error.to_string())
    }

    fn handle_text(&mut self, index: usize, payload: &[u8], now: u64) -> Result<(), String> {
        if self.target.dialect == Dialect::Plain {
            if let Some(number) = number_after(payload, br#""n":"#) {
                self.on_delivery(index, number, now, payload);
            }
            return Ok(());
        }
        match parse(payload) {
            ServerFrame::Message { seq } => self.on_delivery(index, seq, now, payload),
            ServerFrame::Hello => return self.on_hello(index, now),
            ServerFrame::Ok { id, truncated } if id == SUBSCRIBE => {
                if truncated {
                    self.tally.count_error("more was missed than the server replays at once");
                }
                self.on_subscribed(index);
            }
            ServerFrame::Ok { id, .. } => {
                if let (Ok(number), Some((ledger, tally))) = (id.parse(), self.ledger_of(index)) {
                    ledger.acknowledge(number, now, tally);
                }
            }
            ServerFrame::Err { id, sentence } => {
                self.tally.count_error(&sentence);
                if id == SUBSCRIBE {
                    return Err(sentence);
                }
                if let (Ok(number), Some((ledger, _))) = (id.parse(), self.ledger_of(index)) {
                    ledger.refuse(number);
                }
            }
            ServerFrame::Other => {}
        }
        Ok(())
    }

    fn ledger_of(&mut self, index: usize) -> Option<(&mut Ledger, &mut Tally)> {
        let room = self.clients.get(index)?.assignment.room;
        Some((&mut self.rooms.get_mut(room)?.ledger, &mut self.tally))
    }

    fn on_delivery(&mut self, index: usize, seq: u64, now: u64, payload: &[u8]) {
        let Some(client) = self.clients.get_mut(index) else { return };
        let Some(load) = self.rooms.get_mut(client.assignment.room) else { return };
        let author = &self.author;
        let message = || author.number(payload);
        self.tally.bytes += payload.len() as u64;
        load.ledger.deliver(seq, &mut client.cursor, now, &mut self.tally, message);
    }

    /// The first frame has arrived: a client that follows a room subscribes, any other is ready.
    fn on_hello(&mut self, index: usize, now: u64) -> Result<(), String> {
        let Some(client) = self.clients.get_mut(index) else { return Ok(()) };
        record(&mut self.connects, now.saturating_sub(client.began_ns));
        let load = self.rooms.get(client.assignment.room).filter(|_| client.assignment.follows);
        let Some(load) = load else {
            self.on_ready(index);
            return Ok(());
        };
        let is_first_time = client.cursor.expected == 0;
        if is_first_time {
            client.cursor.expected = load.ledger.newest + 1;
        }
        if self.target.dialect == Dialect::Plain {
            self.on_subscribed(index);
            return Ok(());
        }
        client.phase = Phase::Subscribing;
        let since = client.cursor.expected - 1;
        let id = &load.room.id;
        let text = format!(
            r#"{{"op":"room.subscribe","id":"{SUBSCRIBE}","room":"{id}","since":{since}}}"#
        );
        let mut frame = Vec::new();
        client::text(text.as_bytes(), self.author.mask(), &mut frame);
        self.send(index, &frame)
    }

    fn on_subscribed(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else { return };
        if let Some(load) = self.rooms.get_mut(client.assignment.room)
            && !client.is_counted
            && client.assignment.reads
        {
            client.is_counted = true;
            load.ledger.followers += 1;
        }
        self.on_ready(index);
    }

    fn on_ready(&mut self, index: usize) {
        let Some(client) = self.clients.get_mut(index) else { return };
        client.phase = Phase::Ready;
        self.ready += 1;
        self.connecting = self.connecting.saturating_sub(1);
        let room = client.assignment.room;
        let Some(load) = self.rooms.get(room).filter(|load| load.writers.contains(&index)) else {
            return;
        };
        // The same messages again: the server recognizes them by their mid and repeats its answers.
        for number in load.ledger.unacknowledged() {
            let _ = self.write_message(room, index, number);
        }
    }

    /// Sends the next message into a room. False: no client that may write is ready.
    pub fn send_message(&mut self, room: usize) -> bool {
        let now = self.now_ns();
        let Some(load) = self.rooms.get_mut(room) else { return false };
        let clients = &self.clients;
        let is_ready = |index: usize| clients.get(index).is_some_and(|c| c.phase == Phase::Ready);
        let Some(writer) = load.take_writer(is_ready) else { return false };
        let acknowledgement = match self.target.dialect {
            Dialect::Impulse => Acknowledgement::Awaited,
            Dialect::Plain => Acknowledgement::None,
        };
        let number = load.ledger.send(now, acknowledgement);
        self.tally.sent += 1;
        if let Err(reason) = self.write_message(room, writer, number) {
            self.disconnect(writer, &reason);
        }
        true
    }

    fn write_message(&mut self, room: usize, writer: usize, number: u64) -> Result<(), String> {
        let Some(load) = self.rooms.get(room) else { return Ok(()) };
        let frame = self.author.frame(room, &load.room, number);
        self.send(writer, &frame)
    }
}
