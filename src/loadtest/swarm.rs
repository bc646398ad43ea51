//! All connections of a load test on one thread with one epoll, so that thousands of them cost the
//! machine little beside the server they are there to measure.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Token};

use super::line::{Came, Line, Phase, Said, Seat, number_after, read};
use super::message::Author;
use super::progress::Progress;
use super::tally::{self, Books, Tally, record};
use super::target::{Room, Target};
use crate::limits::loadtest as limits;
use crate::ws::client::{self, Frame};

/// Sockets looked at per turn.
const EVENTS: usize = 1_024;

/// The connections and what they have in common.
pub struct Swarm {
    target: Arc<Target>,
    author: Author,
    poll: mio::Poll,
    events: Events,
    scratch: Vec<u8>,
    began: Instant,
    pub lines: Vec<Line>,
    pub rooms: Vec<RoomBooks>,
    /// Lines to connect, and not before when.
    waiting: VecDeque<(u64, usize)>,
    connecting: usize,
    /// Lines that are ready.
    pub ready: usize,
    /// Whether a line that is cut off comes back.
    pub comes_back: bool,
    pub tally: Tally,
    /// From the first SYN to the first frame, in microseconds.
    pub connects: Histogram<u64>,
    /// Attempts to connect that were refused, and lines that were cut off.
    pub refused: u64,
    pub closed: u64,
    /// Why it is no use to try again, if the server has said so.
    denied: Option<String>,
    pub progress: Progress,
    stop: Arc<AtomicBool>,
}

/// A room, its books, and who writes into it.
pub struct RoomBooks {
    /// Where it is.
    pub room: Room,
    /// What was sent into it.
    pub books: Books,
    /// The lines that write, in turn.
    pub writers: Vec<usize>,
    next_writer: usize,
}

impl Swarm {
    /// Nobody yet. `stop` ends every wait.
    ///
    /// # Errors
    /// The kernel refused an epoll.
    pub fn new(
        target: Arc<Target>,
        rooms: Vec<Room>,
        size: usize,
        progress: Progress,
        stop: Arc<AtomicBool>,
    ) -> Result<Self, String> {
        let books = |room: Room| RoomBooks {
            books: Books::at(room.seq),
            room,
            writers: Vec::new(),
            next_writer: 0,
        };
        Ok(Self {
            author: Author::new(target.is_plain, size)?,
            target,
            poll: mio::Poll::new().map_err(|error| format!("cannot wait for sockets: {error}"))?,
            events: Events::with_capacity(EVENTS),
            scratch: vec![0; limits::SCRATCH],
            began: Instant::now(),
            lines: Vec::new(),
            rooms: rooms.into_iter().map(books).collect(),
            waiting: VecDeque::new(),
            connecting: 0,
            ready: 0,
            comes_back: false,
            tally: Tally::default(),
            connects: tally::histogram(),
            refused: 0,
            closed: 0,
            denied: None,
            progress,
            stop,
        })
    }

    /// Nanoseconds since the swarm began.
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether somebody asked to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Adds lines, which connect from the next turn on.
    pub fn seat(&mut self, seats: impl IntoIterator<Item = Seat>) {
        for seat in seats {
            self.waiting.push_back((0, self.lines.len()));
            self.lines.push(Line::new(seat));
        }
    }

    /// Works until everybody is ready.
    ///
    /// # Errors
    /// Not everybody was within the time, or the server will not have them.
    pub fn gather(&mut self, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        while self.ready < self.lines.len() {
            if self.is_stopped() {
                return Err("stopped".to_owned());
            }
            if let Some(why) = self.denied.take() {
                return Err(format!("only {} connections are ready: {why}", self.ready));
            }
            if Instant::now() >= until {
                let why = self.tally.first_error.as_deref().unwrap_or("no answer in time");
                return Err(format!(
                    "only {} of {} connections are ready: {why}",
                    self.ready,
                    self.lines.len()
                ));
            }
            self.turn(Duration::from_millis(50))?;
        }
        Ok(())
    }

    /// One look at the sockets.
    ///
    /// # Errors
    /// What makes going on senseless.
    pub fn turn(&mut self, timeout: Duration) -> Result<(), String> {
        self.connect_some()?;
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        match self.poll.poll(&mut events, Some(timeout)) {
            Err(error) if error.kind() != ErrorKind::Interrupted => {
                return Err(format!("cannot wait for sockets: {error}"));
            }
            _ => {}
        }
        for event in events.iter() {
            self.look(event);
        }
        self.events = events;
        self.progress.tell(self.ready, &self.tally);
        Ok(())
    }

    /// Starts as many connections as may be on their way at once.
    fn connect_some(&mut self) -> Result<(), String> {
        while self.connecting < limits::CONNECTING {
            let now = self.now_ns();
            let Some(&(due, index)) = self.waiting.front() else { break };
            if due > now {
                break;
            }
            self.waiting.pop_front();
            let mut stream = TcpStream::connect(self.target.address).map_err(cannot_connect)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registered = self.poll.registry().register(&mut stream, Token(index), interest);
            registered.map_err(|error| format!("cannot wait for a socket: {error}"))?;
            let _ = stream.set_nodelay(true); // slower without, but not wrong
            if let Some(line) = self.lines.get_mut(index) {
                line.connected(stream, now);
                self.connecting += 1;
            }
        }
        Ok(())
    }

    fn look(&mut self, event: &Event) {
        let index = event.token().0;
        if event.is_writable() && self.is_broken_when_writable(index) {
            return self.cut(index, "the connection was refused");
        }
        let has_ended = event.is_read_closed() || event.is_error();
        if self.lines.get(index).is_some_and(|line| line.phase == Phase::Ready && !line.seat.reads)
        {
            return; // what it gets stays in the kernel, then with the server
        }
        if event.is_readable() || has_ended {
            self.read(index, has_ended);
        } else if let Some(error) = line_error(&self.lines, index) {
            self.cut(index, &error);
        }
    }

    /// Says what waits; a new connection asks for the upgrade.
    fn is_broken_when_writable(&mut self, index: usize) -> bool {
        let Some(line) = self.lines.get_mut(index) else { return false };
        if line.phase != Phase::Connecting {
            return line.flush().is_err();
        }
        let Some(stream) = &line.stream else { return false };
        if stream.peer_addr().is_err() {
            return stream.take_error().is_ok_and(|error| error.is_some());
        }
        line.phase = Phase::Upgrading;
        let seat = line.seat;
        let (token, room) = (self.target.token(seat.token), self.rooms.get(seat.room));
        let path = room.map_or(self.target.path.as_str(), |room| &room.room.path);
        let subprotocol = if self.target.is_plain { "" } else { "impulse.v1" };
        let request = client::request(&self.target.authority, path, token, subprotocol);
        line.write(&request).is_err()
    }

    fn read(&mut self, index: usize, has_ended: bool) {
        let mut scratch = std::mem::take(&mut self.scratch);
        while let Some(line) = self.lines.get_mut(index) {
            let came = line.read(&mut scratch);
            if let Came::More(count) | Came::All(count) = came {
                let fed = self.feed(index, scratch.get(..count).unwrap_or_default());
                if let Err(reason) = fed {
                    self.cut(index, &reason);
                    break;
                }
            }
            match came {
                Came::End => self.cut(index, "the server hung up"),
                Came::More(_) => continue,
                // Of an end that epoll has told of it does not tell again.
                Came::All(_) if has_ended => continue,
                Came::All(_) | Came::Nothing => {}
            }
            break;
        }
        self.scratch = scratch;
    }

    /// Works on bytes of a line.
    fn feed(&mut self, index: usize, bytes: &[u8]) -> Result<(), String> {
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

    /// A line is gone.
    fn cut(&mut self, index: usize, reason: &str) {
        let now = self.now_ns();
        let Some(line) = self.lines.get_mut(index) else { return };
        let was = line.phase;
        line.hang_up(false);
        match was {
            Phase::Away => return,
            Phase::Ready => {
                self.ready -= 1;
                self.closed += 1;
                if !self.comes_back {
                    self.tally.refuse(reason);
                    if let Some(room) =
                        self.rooms.get_mut(line.seat.room).filter(|_| line.is_counted)
                    {
                        room.books.leave(&line.place);
                    }
                    return;
                }
            }
            _ => {
                self.connecting = self.connecting.saturating_sub(1);
                self.refused += 1;
                self.tally.first_error.get_or_insert_with(|| reason.to_owned());
            }
        }
        // Spread a little, so that those who were cut off together do not stay together.
        let wait_ms = limits::AGAIN_MS + (index as u64 * 7) % limits::AGAIN_MS;
        self.waiting.push_back((now + wait_ms * 1_000_000, index));
    }

    /// Everybody hangs up at once, without a word.
    pub fn hang_up(&mut self) {
        for index in 0..self.lines.len() {
            if let Some(line) = self.lines.get_mut(index)
                && line.phase == Phase::Ready
            {
                line.hang_up(true);
                self.ready -= 1;
                if self.comes_back {
                    self.waiting.push_back((0, index));
                }
            }
        }
    }

    /// Sends the next message into a room. False: nobody who may write is there now.
    ///
    /// # Errors
    /// The connection broke.
    pub fn send(&mut self, room: usize) -> bool {
        let Some(books) = self.rooms.get_mut(room) else { return false };
        for _ in 0..books.writers.len() {
            let writer = books.writers.get(books.next_writer % books.writers.len()).copied();
            books.next_writer = books.next_writer.wrapping_add(1);
            let is_ready = |index: &usize| {
                self.lines.get(*index).is_some_and(|line| line.phase == Phase::Ready)
            };
            if let Some(writer) = writer.filter(is_ready) {
                let now = u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX);
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

    /// Messages on their way.
    pub fn in_flight(&self) -> usize {
        self.rooms.iter().map(|room| room.books.in_flight).sum()
    }

    /// Deliveries that were promised and have not come.
    pub fn lost(&self) -> u64 {
        self.rooms.iter().map(|room| room.books.lost()).sum()
    }
}

/// The status of a server whose limits are met.
const TOO_MANY: u16 = 429;
/// The `id` of every subscribe command; those of messages are numbers.
const SUBSCRIBE: &str = "s";

fn line_error(lines: &[Line], index: usize) -> Option<String> {
    let stream = lines.get(index)?.stream.as_ref()?;
    stream.take_error().ok().flatten().map(|error| error.to_string())
}

fn cannot_connect(error: std::io::Error) -> String {
    match error.raw_os_error() {
        Some(code) if code == nix::errno::Errno::EMFILE as i32 => {
            "this process may not open more sockets; raise the limit (ulimit -n)".to_owned()
        }
        Some(code) if code == nix::errno::Errno::EADDRNOTAVAIL as i32 => {
            "this machine has no more ports towards that address".to_owned()
        }
        _ => format!("cannot connect: {error}"),
    }
}
