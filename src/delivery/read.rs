//! Reading from sockets: bytes into frames, frames into commands, and what must wait.
//!
//! A command that finds the inbox of its room full pauses its connection: what follows the command stays
//! here, then in the kernel, then with the client. Nothing is read past it, so commands keep their order.
//!
//! Frames that are no command (pings, pongs, fragments) cost what a command costs. A connection that sends
//! more of them than its rate allows is not read until the next second, so TCP slows it down; one that needs
//! that again and again is closed.

use std::io::ErrorKind;

use super::adoption::ConnectionKind;
use super::command_rate::FrameVerdict;
use super::commands::{CommandOutcome, reserve_permit};
use super::connection::{Connection, PauseReason};
use super::received::Received;
use super::shard::Shard;
use crate::base::limits::chat as chat_limits;
use crate::base::limits::delivery as limits;
use crate::protocol::event::Event;
use crate::ws::{Codec, Fault, Limits, Message, Progress, frame};

/// Whether the shard goes on with the input of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Input {
    Continue,
    /// It is paused, or the connection closes.
    Stop,
}

impl Shard {
    /// Reads what came and works on it, a bounded number of times.
    pub(super) fn read(&mut self, slot: usize) {
        let mut scratch = std::mem::take(&mut self.scratch);
        for count in 0..=limits::READS {
            let Some(connection) = self.connections.get_mut(slot) else { break };
            if let Some(paused) = &connection.paused {
                if connection.has_ended && paused.reason != PauseReason::Fairness {
                    self.finish(slot); // no client waits for answers any more
                }
                break; // what came before has not been worked on: TCP waits
            }
            if count == limits::READS {
                self.to_read.push(slot);
                break;
            }
            let has_ended = connection.has_ended;
            match connection.transport.read(&mut scratch) {
                Ok(Received { count: 0, .. }) => {
                    self.finish(slot);
                    break;
                }
                Ok(Received { count, is_drained }) => {
                    if let Some(bytes) = scratch.get_mut(..count) {
                        self.note_read(slot);
                        self.handle_bytes(slot, bytes);
                    }
                    if is_drained && !has_ended {
                        // Epoll has reported the end of the stream once and will not again, so that is read up to.
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
        if self.connections.get(slot).is_some_and(|connection| connection.transport.has_unsent()) {
            self.schedule_write(slot); // TLS answers some messages by itself
        }
    }

    /// Something was read, so the client counts as alive again.
    fn note_read(&mut self, slot: usize) {
        let now_s = self.clock.now_s();
        if let Some(connection) = self.connections.get_mut(slot) {
            connection.last_read_s = now_s;
            connection.is_pinged = false;
        }
    }

    /// Works on bytes of a connection, until they are used up or something must wait.
    fn handle_bytes(&mut self, slot: usize, bytes: &mut [u8]) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if !connection.is_open() {
            return; // after our close frame nothing is read any more (RFC 6455, 5.5.1)
        }
        let limits = match &connection.kind {
            ConnectionKind::Tail(_) => return self.drop_input_of_tail(slot, bytes.len()),
            ConnectionKind::Echo(limits) => *limits,
            ConnectionKind::Chat(_) => {
                Limits { message: chat_limits::COMMAND, fragments: limits::FRAGMENTS }
            }
        };
        let mut codec = std::mem::take(&mut connection.codec);
        let mut input = bytes;
        let mut frames = 0;
        let result = decode_frames(&mut codec, limits, &mut input, |progress| {
            frames += 1;
            match self.handle_progress(slot, progress) {
                // An answer may have been one too many for a reader that takes nothing.
                Input::Continue if frames < limits::FRAMES && self.is_open(slot) => Input::Continue,
                _ => Input::Stop,
            }
        });
        match result {
            Ok(partial) => {
                let is_fair_share = frames == limits::FRAMES;
                let reason =
                    if is_fair_share { PauseReason::Fairness } else { PauseReason::Capacity };
                self.keep_input(slot, codec, partial, input.to_vec(), reason);
            }
            Err(fault) => {
                tracing::debug!(%fault, "a connection broke the protocol");
                self.close(slot, Some(fault.code()), None);
            }
        }
    }

    fn is_open(&self, slot: usize) -> bool {
        self.connections.get(slot).is_some_and(Connection::is_open)
    }

    /// Keeps what a connection needs to go on: the state of its codec, and bytes that must wait.
    fn keep_input(
        &mut self,
        slot: usize,
        codec: Codec,
        partial: Partial,
        rest: Vec<u8>,
        reason: PauseReason,
    ) {
        let now_s = self.clock.now_s();
        let Some(connection) = self.connections.get_mut(slot).filter(|c| c.is_open()) else {
            return;
        };
        if partial == Partial::Begun {
            connection.partial_since_s = now_s;
        }
        connection.codec = codec;
        if !rest.is_empty() {
            let is_new = connection.paused.is_none();
            let paused = connection.paused.get_or_insert_default();
            paused.bytes = rest;
            if is_new {
                paused.reason = reason;
                self.has_unfinished_input |= reason == PauseReason::Fairness;
            }
        }
        if connection.paused.as_ref().is_some_and(|paused| paused.reason != PauseReason::Rate) {
            self.to_retry.push(slot);
        }
    }

    /// Handles one frame.
    fn handle_progress(&mut self, slot: usize, progress: Progress<'_>) -> Input {
        match progress {
            // A command has a rate of its own, which says when to try again.
            Progress::Message(message @ (Message::Text(_) | Message::Binary(_))) => {
                self.handle_message(slot, message)
            }
            Progress::Message(message) => match self.handle_message(slot, message) {
                Input::Continue => self.count_frame(slot),
                Input::Stop => Input::Stop,
            },
            Progress::Fragment => self.count_frame(slot),
        }
    }

    /// Counts a frame that is no command against the rate of its connection.
    fn count_frame(&mut self, slot: usize) -> Input {
        let now_ms = self.clock.now_ms();
        let Some(connection) = self.connections.get_mut(slot) else { return Input::Stop };
        let Some(chat) = connection.chat() else { return Input::Continue };
        match chat.rate.count_frame(now_ms) {
            FrameVerdict::Accept => Input::Continue,
            FrameVerdict::Pause => {
                connection.paused.get_or_insert_default().reason = PauseReason::Rate;
                Input::Stop
            }
            FrameVerdict::Flood => self.close_flooding(slot),
        }
    }

    /// Closes a connection that sends too much.
    fn close_flooding(&mut self, slot: usize) -> Input {
        let bye = Event::Bye { code: "limit", retry_ms: Some(limits::FLOOD_RETRY_MS) }.encode();
        self.close(slot, Some(1008), Some(&bye));
        Input::Stop
    }

    /// Handles one message or control frame.
    fn handle_message(&mut self, slot: usize, message: Message<'_>) -> Input {
        let is_echo = self.connections.get(slot).is_some_and(Connection::is_echo);
        match message {
            Message::Text(text) if is_echo => self.echo(slot, &frame::text(text.as_bytes())),
            Message::Text(text) => {
                let outcome = self.handle_text(slot, &text);
                self.apply_outcome(slot, outcome)
            }
            Message::Binary(data) if is_echo => self.echo(slot, &frame::binary(&data)),
            Message::Binary(_) => {
                self.close(slot, Some(1003), None);
                Input::Stop
            }
            Message::Ping(payload) => {
                // A client that pings but does not read gets one answer, not a queue of them.
                let waiting = self.connections.get(slot).map_or(0, Connection::waiting_bytes);
                if waiting < limits::REPLAY_CHUNK {
                    self.push(slot, &frame::pong(&payload));
                }
                Input::Continue
            }
            Message::Pong => Input::Continue,
            Message::Close(code) => {
                self.close(slot, code, None);
                Input::Stop
            }
        }
    }

    pub(super) fn apply_outcome(&mut self, slot: usize, outcome: CommandOutcome) -> Input {
        match outcome {
            CommandOutcome::Accepted(accepted) => {
                self.accepted.push(*accepted);
                if self.accepted.len() == limits::COMMAND_BATCH {
                    self.send_accepted();
                }
                Input::Continue
            }
            CommandOutcome::Answer(payload) => {
                self.push_answer(slot, &payload);
                Input::Continue
            }
            CommandOutcome::InboxFull(command) => {
                if let Some(connection) = self.connections.get_mut(slot) {
                    connection.paused.get_or_insert_default().command = Some(*command);
                }
                Input::Stop
            }
            CommandOutcome::Flood => self.close_flooding(slot),
        }
    }

    /// Sends a frame back; the connection is not read while too much waits for it.
    fn echo(&mut self, slot: usize, frame: &[u8]) -> Input {
        self.push(slot, frame);
        self.flush(slot);
        match self.connections.get_mut(slot) {
            None => Input::Stop,
            Some(connection) if connection.waiting_bytes() > limits::WAITING_BYTES => {
                connection.paused.get_or_insert_default();
                Input::Stop
            }
            Some(_) => Input::Continue,
        }
    }

    /// Goes on with what had to wait: a command for a full inbox, then the bytes behind it.
    pub(super) fn retry(&mut self, slot: usize) {
        let Some(connection) = self.connections.get_mut(slot) else { return };
        if connection.is_echo() && connection.waiting_bytes() > limits::WAITING_BYTES {
            return; // the flush that empties the send queue lists it again
        }
        if connection.paused.as_ref().is_some_and(|paused| paused.reason == PauseReason::Rate) {
            return; // the timers list it again
        }
        let Some(mut paused) = connection.paused.take() else { return };
        if let Some((room, post)) = paused.command.take() {
            let outcome = reserve_permit(room, post, &self.rooms);
            if self.apply_outcome(slot, outcome) == Input::Stop {
                if let Some(connection) = self.connections.get_mut(slot)
                    && let Some(again) = connection.paused.as_mut()
                {
                    again.bytes = paused.bytes;
                    self.to_retry.push(slot);
                }
                return;
            }
        }
        self.handle_bytes(slot, &mut paused.bytes);
        // Epoll is edge-triggered: it has reported already what came while the connection was paused.
        if self.connections.get(slot).is_some_and(|connection| connection.paused.is_none()) {
            self.to_read.push(slot);
        }
    }
}

/// What is unfinished behind the frames that were decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Partial {
    /// A frame or message that has begun in these bytes.
    Begun,
    /// Nothing, or what was unfinished before.
    NotBegun,
}

/// Takes frame after frame out of `input` until `handle` returns [`Input::Stop`].
fn decode_frames<'a>(
    codec: &mut Codec,
    limits: Limits,
    input: &mut &'a mut [u8],
    mut handle: impl FnMut(Progress<'a>) -> Input,
) -> Result<Partial, Fault> {
    let mut is_old = codec.is_partial();
    while let Some(progress) = codec.advance(limits, input)? {
        // A control frame between the fragments of a message finishes nothing.
        is_old &= codec.is_partial();
        if handle(progress) == Input::Stop {
            break;
        }
    }
    Ok(if codec.is_partial() && !is_old { Partial::Begun } else { Partial::NotBegun })
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
        let mut decode = |pieces: &[&[u8]]| {
            let mut bytes = pieces.concat();
            decode_frames(&mut codec, LIMITS, &mut bytes.as_mut_slice(), |_| Input::Continue)
        };
        assert_eq!(decode(&[&text]), Ok(Partial::NotBegun));
        assert_eq!(decode(&[&text, &text[..3]]), Ok(Partial::Begun));
        assert_eq!(decode(&[&text[3..5]]), Ok(Partial::NotBegun), "the same frame");
        assert_eq!(decode(&[&text[5..], &text[..8]]), Ok(Partial::Begun), "the next one");
        assert_eq!(decode(&[&text[8..]]), Ok(Partial::NotBegun));
        assert_eq!(decode(&[&part]), Ok(Partial::Begun));
        assert_eq!(decode(&[&ping, &ping[..1]]), Ok(Partial::NotBegun), "still the same message");
    }
}
