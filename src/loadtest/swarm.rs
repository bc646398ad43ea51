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

use super::line::{Came, Line, Phase, Seat};
use super::message::Author;
use super::progress::Progress;
use super::tally::{self, Books, Tally};
use super::target::{Room, Target};
use crate::base::limits::loadtest as limits;
use crate::ws::client;

/// Sockets looked at per turn.
const EVENTS: usize = 1_024;

/// The connections and what they have in common.
pub struct Swarm {
    pub(super) target: Arc<Target>,
    pub(super) author: Author,
    poll: mio::Poll,
    events: Events,
    scratch: Vec<u8>,
    began: Instant,
    pub lines: Vec<Line>,
    pub rooms: Vec<RoomBooks>,
    /// Lines to connect, and not before when.
    waiting: VecDeque<(u64, usize)>,
    pub(super) connecting: usize,
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
    pub(super) denied: Option<String>,
    pub progress: Progress,
    /// How long there was nothing to do, asleep or awake.
    pub waited: Duration,
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
    pub(super) next_writer: usize,
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
            waited: Duration::ZERO,
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
        self.wait(&mut events, timeout)
            .map_err(|error| format!("cannot wait for sockets: {error}"))?;
        for event in events.iter() {
            self.look(event);
        }
        self.events = events;
        self.progress.tell(self.ready, &self.tally);
        Ok(())
    }

    /// Waits for sockets that have something, awake at first: whoever writes to a reader that sleeps pays
    /// for waking it, often as much as for the write, and readers on other machines cost a server no such
    /// thing.
    fn wait(&mut self, events: &mut Events, timeout: Duration) -> std::io::Result<()> {
        let began = Instant::now();
        let mut waited = Duration::ZERO;
        loop {
            let is_awake = waited < limits::AWAKE.min(timeout);
            let left = if is_awake { Duration::ZERO } else { timeout.saturating_sub(waited) };
            match self.poll.poll(events, Some(left)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            // A first look that finds something is work.
            if !events.is_empty() && waited.is_zero() {
                return Ok(());
            }
            waited = began.elapsed();
            if !events.is_empty() || !is_awake {
                self.waited += waited;
                return Ok(());
            }
        }
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

    /// A line is gone.
    pub(super) fn cut(&mut self, index: usize, reason: &str) {
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

    /// Messages on their way.
    pub fn in_flight(&self) -> usize {
        self.rooms.iter().map(|room| room.books.in_flight).sum()
    }

    /// Deliveries that were promised and have not come.
    pub fn lost(&self) -> u64 {
        self.rooms.iter().map(|room| room.books.lost()).sum()
    }
}

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
