//! What connections say: bytes into frames, frames into commands, and what must wait.
//!
//! A command for a full inbox stops its connection: what follows it stays here, then in the kernel,
//! then with the client. Nothing is read past it, so the order of commands is kept.
//!
//! Frames that are no command (pings, pongs, fragments) cost what a command costs. A connection that sends
//! more of them than its rate is not read until the next second, so TCP slows it down; one that needs that
//! again and again is closed.

use std::io::{ErrorKind, Read};

use super::commands::{Pace, Reaction, accept, react};
use super::connection::{Connection, Phase, Purpose, Until};
use super::shard::Shard;
use crate::base::limits::chat as chat_limits;
use crate::base::limits::delivery as limits;
use crate::protocol::event::Event;
use crate::rooms::publication::ConnRef;
use crate::ws::{Codec, Fault, Limits, Message, Progress, frame};

impl Shard {
    /// Reads and works on what came, a bounded number of times.
    pub(super) fn read(&mut self, slot: usize) {
        let mut scratch = std::mem::take(&mut self.scratch);
        for turn in 0..=limits::READS {
            let Some(connection) = self.connections.get_mut(slot) else { break };
            if let Some(held) = &connection.input {
                if connection.has_ended && held.until != Until::Turn {
                    self.end(slot); // nobody waits for answers any more
                }
                break; // what came before has not been worked on: TCP waits
            }
            if turn == limits::READS {
                self.to_read.push(slot);
                break;
            }
            let has_ended = connection.has_ended;
            match connection.stream.read(&mut scratch) {
                Ok(0) => {
                    self.end(slot);
                    break;
                }
                Ok(count) => {
                    let is_all = count < scratch.len() && !has_ended;
                    if let Some(bytes) = scratch.get_mut(..count) {
                        self.heard(slot);
                        self.feed(slot, bytes);
                    }
                    if is_all {
                        // The socket is empty, or epoll will say (epoll(7)). Of an end that it has
                        // said already it will not speak again, so that is read up to.
                        break;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.drop_connection(slot);
                    break;
                }
            }
        }
        self.scratch = scratch;
    }

    fn heard(&mut self, slot: usize) {
        let now_s = self.now_s();
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.heard_s = now_s;
            connection.is_pinged = false;
        }
    }

    /// Works on bytes of a connection, until they are used up or something must wait.
    fn feed(&mut self, slot: usize, bytes: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.phase != Phase::Open {
            return; // after our close frame nothing is listened to (RFC 6455, 5.5.1)
        }
        let limits = match &connection.role {
            Purpose::Echo(limits) => *limits,
            Purpose::Chat(_) => {
                Limits { message: chat_limits::COMMAND, fragments: limits::FRAGMENTS }
            }
        };
        let mut codec = std::mem::take(&mut connection.codec);
        let mut input = bytes;
        let mut frames = 0;
        let worked = work_off(&mut codec, limits, &mut input, |progress| {
            frames += 1;
            self.take_progress(slot, progress) && frames < limits::FRAMES && self.is_open(slot)
        });
        let until = if frames == limits::FRAMES { Until::Turn } else { Until::Place };
        match worked {
            Ok(has_begun) => {
                let rest = input.to_vec();
                self.put_back(slot, codec, has_begun, rest, until);
            }
            Err(fault) => {
                tracing::debug!(%fault, "a connection broke the protocol");
                self.close(slot, Some(fault.code()), None);
            }
        }
    }

    /// An answer may have been the one too many for a reader that takes nothing.
    fn is_open(&self, slot: usize) -> bool {
        self.connections.get(slot).is_some_and(|connection| connection.phase == Phase::Open)
    }

    fn put_back(
        &mut self,
        slot: usize,
        codec: Codec,
        has_begun: bool,
        rest: Vec<u8>,
        until: Until,
    ) {
        let now_s = self.now_s();
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.phase != Phase::Open {
            return;
        }
        if has_begun {
            connection.unfinished_s = now_s;
        }
        connection.codec = codec;
        if !rest.is_empty() {
            let is_new = connection.input.is_none();
            let held = connection.input.get_or_insert_default();
            held.bytes = rest;
            if is_new {
                held.until = until;
                self.has_rest |= until == Until::Turn;
            }
        }
        if connection.input.as_ref().is_some_and(|held| held.until != Until::Second) {
            self.to_retry.push(slot);
        }
    }

    /// What one frame came to. False: stop reading for now.
    fn take_progress(&mut self, slot: usize, progress: Progress<'_>) -> bool {
        match progress {
            // A command has a rate of its own, which says when to try again.
            Progress::Message(message @ (Message::Text(_) | Message::Binary(_))) => {
                self.take_message(slot, message)
            }
            Progress::Message(message) => self.take_message(slot, message) && self.pace(slot),
            Progress::Fragment => self.pace(slot),
        }
    }

    /// Counts a frame that is no command. False: the connection is not read for now.
    fn pace(&mut self, slot: usize) -> bool {
        let now_ms = self.now_ms();
        let scale = self.settings.rate_limit_scale as f32;
        let Some(connection) = self.connections.get_mut(slot) else { return false };
        let Some(chat) = connection.chat() else { return true };
        match chat.bucket.frame(now_ms, scale) {
            Pace::Good => true,
            Pace::Pause => {
                connection.input.get_or_insert_default().until = Until::Second;
                false
            }
            Pace::Flood => self.end_flood(slot),
        }
    }

    /// Closes a connection that sends too much. False, as it is not read any more.
    fn end_flood(&mut self, slot: usize) -> bool {
        let bye = Event::Bye { code: "limit", retry_ms: Some(10_000) }.encode();
        self.close(slot, Some(1008), Some(&bye));
        false
    }

    /// One message or control frame. False: stop reading for now.
    fn take_message(&mut self, slot: usize, message: Message<'_>) -> bool {
        match message {
            Message::Text(text) => return self.take_text(slot, &text),
            Message::Binary(data) => {
                let is_echo =
                    self.connections.get(slot).is_some_and(|c| matches!(c.role, Purpose::Echo(_)));
                if !is_echo {
                    self.close(slot, Some(1003), None);
                    return false;
                }
                return self.echo(slot, &frame::binary(&data));
            }
            Message::Ping(payload) => {
                // A peer that pings but does not read gets one answer, not a queue of them.
                let waiting = self.connections.get(slot).map_or(0, Connection::waiting);
                if waiting < limits::REPLAY_CHUNK {
                    self.push(slot, &frame::pong(&payload));
                }
            }
            Message::Pong => {}
            Message::Close(code) => {
                self.close(slot, code, None);
                return false;
            }
        }
        true
    }

    fn take_text(&mut self, slot: usize, text: &str) -> bool {
        let (number, now_ms) = (self.number, self.now_ms());
        let scale = self.settings.rate_limit_scale as f32;
        let Some(connection) = self.connections.get_mut(slot) else { return false };
        if matches!(connection.role, Purpose::Echo(_)) {
            return self.echo(slot, &frame::text(text.as_bytes()));
        }
        let conn = ConnRef { shard: number, slot: slot as u32, generation: connection.generation };
        let reaction = react(text, conn, connection, &self.hub, &self.stats, now_ms, scale);
        self.follow(slot, reaction)
    }

    fn follow(&mut self, slot: usize, reaction: Reaction) -> bool {
        match reaction {
            Reaction::Accepted(accepted) => {
                self.accepted.push(*accepted);
                if self.accepted.len() == limits::HAND_OVER {
                    self.hand_over();
                }
                true
            }
            Reaction::Answer(payload) => {
                self.push(slot, &frame::text(&payload));
                true
            }
            Reaction::Full(waiting) => {
                if let Some(connection) = self.connections.get_mut(slot) {
                    connection.input.get_or_insert_default().post = Some(*waiting);
                }
                false
            }
            Reaction::Flood => self.end_flood(slot),
        }
    }

    /// Sends a frame back; the other side is not read while too much waits for it.
    fn echo(&mut self, slot: usize, bytes: &[u8]) -> bool {
        self.push(slot, bytes);
        self.flush(slot);
        let waiting = self.connections.get(slot).map_or(0, Connection::waiting);
        if waiting > limits::WAITING_BYTES
            && let Some(connection) = self.connections.get_mut(slot)
        {
            connection.input.get_or_insert_default();
            return false;
        }
        self.connections.contains(slot)
    }

    /// Goes on with what had to wait: a command for a full inbox, then the bytes behind it.
    pub(super) fn retry(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        let is_echo = matches!(connection.role, Purpose::Echo(_));
        if is_echo && connection.waiting() > limits::WAITING_BYTES {
            return; // the flush that empties the outbox lists it again
        }
        if connection.input.as_ref().is_some_and(|held| held.until == Until::Second) {
            return; // the tick lists it again
        }
        let Some(mut held) = connection.input.take() else { return };
        if let Some((room, post)) = held.post.take() {
            let reaction = accept(room, post, &self.hub);
            if !self.follow(slot, reaction) {
                if let Some(connection) = self.connections.get_mut(slot)
                    && let Some(input) = connection.input.as_mut()
                {
                    input.bytes = held.bytes;
                    self.to_retry.push(slot);
                }
                return;
            }
        }
        self.feed(slot, &mut held.bytes);
        // Edge-triggered: what came while we did not read has been announced already.
        if self.connections.get(slot).is_some_and(|connection| connection.input.is_none()) {
            self.to_read.push(slot);
        }
    }
}

/// Takes frame after frame out of `input` until `take` says stop. True: something unfinished has begun in
/// it; what was unfinished before and still is has not.
fn work_off<'a>(
    codec: &mut Codec,
    limits: Limits,
    input: &mut &'a mut [u8],
    mut take: impl FnMut(Progress<'a>) -> bool,
) -> Result<bool, Fault> {
    let mut is_old = codec.is_partial();
    while let Some(progress) = codec.advance(limits, input)? {
        // A control frame inside a message in fragments finishes nothing.
        is_old &= codec.is_partial();
        if !take(progress) {
            break;
        }
    }
    Ok(codec.is_partial() && !is_old)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { message: 1_000, fragments: 10 };

    /// A frame with a mask of zeros.
    fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
        [&[first, 0x80 | payload.len() as u8, 0, 0, 0, 0], payload].concat()
    }

    #[test]
    fn a_frame_is_unfinished_since_its_own_first_byte() {
        let (text, part, ping) = (masked(0x81, b"text"), masked(0x01, b"te"), masked(0x89, b""));
        let mut codec = Codec::default();
        let mut has_begun = |pieces: &[&[u8]]| {
            let mut bytes = pieces.concat();
            work_off(&mut codec, LIMITS, &mut bytes.as_mut_slice(), |_| true)
        };
        assert_eq!(has_begun(&[&text]), Ok(false));
        assert_eq!(has_begun(&[&text, &text[..3]]), Ok(true));
        assert_eq!(has_begun(&[&text[3..5]]), Ok(false), "the same frame");
        assert_eq!(has_begun(&[&text[5..], &text[..8]]), Ok(true), "the next one");
        assert_eq!(has_begun(&[&text[8..]]), Ok(false));
        assert_eq!(has_begun(&[&part]), Ok(true));
        assert_eq!(has_begun(&[&ping, &ping[..1]]), Ok(false), "still the same message");
    }
}
