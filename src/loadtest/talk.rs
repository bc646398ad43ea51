//! What lines say and hear: the upgrade, commands and messages out, frames in, and the books that are
//! kept of them.

use super::line::{Phase, Said, number_after, read};
use super::swarm::Swarm;
use super::tally::{Books, Tally, record};
use crate::ws::client::{self, Frame};

/// The `id` of every subscribe command; those of messages are numbers.
const SUBSCRIBE: &str = "s";
/// The status of a server whose limits are met.
const TOO_MANY: u16 = 429;

impl Swarm {
    /// Works on bytes of a line.
    pub(super) fn feed(&mut self, index: usize, bytes: &[u8]) -> Result<(), String> {
        let now = self.now_ns();
        let Some(line) = self.lines.get_mut(index) else { return Ok(()) };
        let mut held = std::mem::take(&mut line.held);
        let mut input = bytes;
        if !held.is_empty() {
            held.extend_from_slice(bytes);
            input = &held;
        }
        if line.phase == Phase::Upgrading {
            match client::accepted(input) {
                Ok(None) => {
                    line.held = input.to_vec();
                    return Ok(());
                }
                Ok(Some(length)) => {
                    input = input.get(length..).unwrap_or_default();
                    line.phase = Phase::Greeting;
                    if self.target.is_plain {
                        self.greeted(index, now)?;
                    }
                }
                Err(status) => return Err(self.refused_with(status)),
            }
        }
        while let Some(frame) = client::next(&mut input).map_err(|broken| broken.to_string())? {
            match frame {
                Frame::Text(payload) => self.hear(index, payload, now)?,
                Frame::Ping(payload) => {
                    let mut pong = Vec::new();
                    client::pong(payload, self.author.mask(), &mut pong);
                    self.say(index, &pong)?;
                }
                Frame::Close(code) => {
                    let code = code.map_or("no code".to_owned(), |code| code.to_string());
                    return Err(format!("the server closed with {code}"));
                }
                Frame::Other => {}
            }
        }
        if !input.is_empty()
            && let Some(line) = self.lines.get_mut(index)
        {
            line.held = input.to_vec();
        }
        Ok(())
    }

    /// What is no fault of the moment is noted: people's limits stay, and who is a stranger stays one.
    fn refused_with(&mut self, status: u16) -> String {
        let mut why = format!("the upgrade was refused with {status}");
        if status == TOO_MANY && !self.target.is_plain {
            why.push_str("; run the server with IMPULSE_RATE_LIMIT_SCALE=0, or be more users");
        }
        if (400..500).contains(&status) {
            self.denied.get_or_insert_with(|| why.clone());
        }
        why
    }

    fn say(&mut self, index: usize, bytes: &[u8]) -> Result<(), String> {
        let Some(line) = self.lines.get_mut(index) else { return Ok(()) };
        line.write(bytes).map_err(|error| error.to_string())
    }

    fn hear(&mut self, index: usize, payload: &[u8], now: u64) -> Result<(), String> {
        if self.target.is_plain {
            if let Some(number) = number_after(payload, br#""n":"#) {
                self.delivered(index, number, now, payload);
            }
            return Ok(());
        }
        match read(payload) {
            Said::Message { seq } => self.delivered(index, seq, now, payload),
            Said::Hello => return self.greeted(index, now),
            Said::Ok { id, truncated, .. } if id == SUBSCRIBE => {
                if truncated {
                    self.tally.refuse("more was missed than the server replays at once");
                }
                self.subscribed(index);
            }
            Said::Ok { id, .. } => {
                if let (Ok(number), Some(books)) = (id.parse(), self.books_of(index)) {
                    books.0.answer(number, now, books.1);
                }
            }
            Said::Err { id, sentence, .. } => {
                self.tally.refuse(&sentence);
                if id == SUBSCRIBE {
                    return Err(sentence);
                }
                if let (Ok(number), Some(books)) = (id.parse(), self.books_of(index)) {
                    books.0.forget(number);
                }
            }
            Said::Other => {}
        }
        Ok(())
    }

    fn books_of(&mut self, index: usize) -> Option<(&mut Books, &mut Tally)> {
        let room = self.lines.get(index)?.seat.room;
        Some((&mut self.rooms.get_mut(room)?.books, &mut self.tally))
    }

    fn delivered(&mut self, index: usize, seq: u64, now: u64, payload: &[u8]) {
        let Some(line) = self.lines.get_mut(index) else { return };
        let Some(room) = self.rooms.get_mut(line.seat.room) else { return };
        let author = &self.author;
        let which = || author.number(payload);
        room.books.deliver(seq, &mut line.place, now, &mut self.tally, which);
    }

    /// The first frame is here: who follows a room asks for it, the others are ready.
    fn greeted(&mut self, index: usize, now: u64) -> Result<(), String> {
        let Some(line) = self.lines.get_mut(index) else { return Ok(()) };
        record(&mut self.connects, now.saturating_sub(line.began_ns));
        let room = self.rooms.get(line.seat.room).filter(|_| line.seat.follows);
        let Some(room) = room else {
            self.is_ready(index);
            return Ok(());
        };
        let is_new = line.place.expected == 0;
        if is_new {
            line.place.expected = room.books.newest + 1;
        }
        if self.target.is_plain {
            self.subscribed(index);
            return Ok(());
        }
        line.phase = Phase::Subscribing;
        let since = line.place.expected - 1;
        let id = &room.room.id;
        let text = format!(
            r#"{{"op":"room.subscribe","id":"{SUBSCRIBE}","room":"{id}","since":{since}}}"#
        );
        let mut frame = Vec::new();
        client::text(text.as_bytes(), self.author.mask(), &mut frame);
        self.say(index, &frame)
    }

    fn subscribed(&mut self, index: usize) {
        let Some(line) = self.lines.get_mut(index) else { return };
        if let Some(room) = self.rooms.get_mut(line.seat.room)
            && !line.is_counted
            && line.seat.reads
        {
            line.is_counted = true;
            room.books.followers += 1;
        }
        self.is_ready(index);
    }

    fn is_ready(&mut self, index: usize) {
        let Some(line) = self.lines.get_mut(index) else { return };
        line.phase = Phase::Ready;
        self.ready += 1;
        self.connecting = self.connecting.saturating_sub(1);
        let room = line.seat.room;
        let Some(books) = self.rooms.get(room).filter(|room| room.writers.contains(&index)) else {
            return;
        };
        // The same message again: the server knows it by its mid and answers what it answered.
        for number in books.books.unanswered() {
            let _ = self.write(room, index, number);
        }
    }

    /// Sends the next message into a room. False: nobody who may write is there now.
    ///
    /// # Errors
    /// The connection broke.
    pub fn send(&mut self, room: usize) -> bool {
        let now = self.now_ns();
        let Some(books) = self.rooms.get_mut(room) else { return false };
        for _ in 0..books.writers.len() {
            let writer = books.writers.get(books.next_writer % books.writers.len()).copied();
            books.next_writer = books.next_writer.wrapping_add(1);
            let is_ready = |index: &usize| {
                self.lines.get(*index).is_some_and(|line| line.phase == Phase::Ready)
            };
            if let Some(writer) = writer.filter(is_ready) {
                let number = books.books.send(now, !self.target.is_plain);
                self.tally.sent += 1;
                if let Err(reason) = self.write(room, writer, number) {
                    self.cut(writer, &reason);
                }
                return true;
            }
        }
        false
    }

    fn write(&mut self, room: usize, writer: usize, number: u64) -> Result<(), String> {
        let Some(books) = self.rooms.get(room) else { return Ok(()) };
        let frame = self.author.frame(room, &books.room.id, number);
        self.say(writer, &frame)
    }
}
