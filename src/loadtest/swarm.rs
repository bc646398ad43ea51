//! All connections of a load test on one thread with one epoll, so that thousands of them cost the
//! machine little beside the server that is measured.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use mio::event::Event;
use mio::net::TcpStream;
use mio::{Events, Interest, Token};

use super::assignment::Assignment;
use super::client::{Client, Hangup, Phase};
use super::message::Author;
use super::progress::Progress;
use super::read_outcome::ReadOutcome;
use super::room_load::RoomLoad;
use super::secure::Secure;
use super::tally::{self, Tally};
use super::target::{Dialect, Room, Target};
use crate::base::limits::loadtest as limits;
use crate::ws::client;

/// The connections and what they have in common.
pub struct Swarm {
    pub(super) target: Arc<Target>,
    pub(super) author: Author,
    epoll: mio::Poll,
    events: Events,
    scratch: Vec<u8>,
    began: Instant,
    pub clients: Vec<Client>,
    pub rooms: Vec<RoomLoad>,
    /// Clients to connect, and not before when.
    to_connect: VecDeque<(u64, usize)>,
    pub(super) connecting: usize,
    /// Clients that are ready.
    pub ready: usize,
    /// Whether a client that is disconnected connects again.
    pub reconnects: bool,
    pub tally: Tally,
    /// From the first SYN to the first frame, in microseconds.
    pub connects: Histogram<u64>,
    /// Attempts to connect that were refused.
    pub refused: u64,
    /// Why further attempts are useless, if the server has said so.
    pub(super) denied: Option<String>,
    pub progress: Progress,
    /// How long there was nothing to do, asleep or polling.
    pub idle_time: Duration,
    stop: Arc<AtomicBool>,
}

impl Swarm {
    /// One without clients. `stop` ends every wait.
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
        Ok(Self {
            author: Author::new(target.dialect, size)?,
            target,
            epoll: mio::Poll::new().map_err(|error| format!("cannot wait for sockets: {error}"))?,
            events: Events::with_capacity(limits::EVENTS),
            scratch: vec![0; limits::SCRATCH],
            began: Instant::now(),
            clients: Vec::new(),
            rooms: rooms.into_iter().map(RoomLoad::new).collect(),
            to_connect: VecDeque::new(),
            connecting: 0,
            ready: 0,
            reconnects: false,
            tally: Tally::default(),
            connects: tally::histogram(),
            refused: 0,
            denied: None,
            progress,
            idle_time: Duration::ZERO,
            stop,
        })
    }

    /// Nanoseconds since the swarm began.
    pub fn now_ns(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// Whether the load test is to stop.
    pub fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Adds clients, which connect from the next poll on.
    pub fn add_clients(&mut self, assignments: impl IntoIterator<Item = Assignment>) {
        for assignment in assignments {
            self.to_connect.push_back((0, self.clients.len()));
            self.clients.push(Client::new(assignment));
        }
    }

    /// Polls until all clients are ready.
    ///
    /// # Errors
    /// Not all were ready in time, or the server refuses them.
    pub fn wait_until_ready(&mut self, within: Duration) -> Result<(), String> {
        let until = Instant::now() + within;
        while self.ready < self.clients.len() {
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
                    self.clients.len()
                ));
            }
            self.poll(limits::READY_POLL)?;
        }
        Ok(())
    }

    /// Handles what has happened on the sockets, or waits for something to happen.
    ///
    /// # Errors
    /// It cannot go on.
    pub fn poll(&mut self, timeout: Duration) -> Result<(), String> {
        self.connect_some()?;
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        self.wait(&mut events, timeout)
            .map_err(|error| format!("cannot wait for sockets: {error}"))?;
        for event in events.iter() {
            self.handle_event(event);
        }
        self.events = events;
        self.progress.update(self.ready, &self.tally);
        Ok(())
    }

    /// Waits for events, at first without sleeping: a server that writes to a reader that sleeps pays for
    /// waking it, often as much as for the write, and with readers on other machines it would not.
    fn wait(&mut self, events: &mut Events, timeout: Duration) -> std::io::Result<()> {
        let began = Instant::now();
        let mut waited = Duration::ZERO;
        loop {
            let is_polling = waited < limits::BUSY_POLL.min(timeout);
            let left = if is_polling { Duration::ZERO } else { timeout.saturating_sub(waited) };
            match self.epoll.poll(events, Some(left)) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            // A first poll that finds something is work and not waiting.
            if !events.is_empty() && waited.is_zero() {
                return Ok(());
            }
            waited = began.elapsed();
            if !events.is_empty() || !is_polling {
                self.idle_time += waited;
                return Ok(());
            }
        }
    }

    /// Starts as many connections as may be connecting at once.
    fn connect_some(&mut self) -> Result<(), String> {
        while self.connecting < limits::CONNECTING {
            let now = self.now_ns();
            let Some(&(due, index)) = self.to_connect.front() else { break };
            if due > now {
                break;
            }
            self.to_connect.pop_front();
            let mut stream = TcpStream::connect(self.target.address).map_err(cannot_connect)?;
            let interest = Interest::READABLE | Interest::WRITABLE;
            let registered = self.epoll.registry().register(&mut stream, Token(index), interest);
            registered.map_err(|error| format!("cannot wait for a socket: {error}"))?;
            let _ = stream.set_nodelay(true); // slower without, but not wrong
            if let Some(client) = self.clients.get_mut(index) {
                let session = self.target.secure.as_ref().map(Secure::begin).transpose()?;
                client.begin(stream, session, now);
                self.connecting += 1;
            }
        }
        Ok(())
    }

    fn handle_event(&mut self, event: &Event) {
        let index = event.token().0;
        if event.is_writable() && self.write_waiting(index).is_err() {
            return self.disconnect(index, "the connection was refused");
        }
        let has_ended = event.is_read_closed() || event.is_error();
        let Some(client) = self.clients.get(index) else { return };
        if client.phase == Phase::Ready && !client.assignment.reads {
            return; // what it gets stays in the kernel, then with the server
        }
        if event.is_readable() || has_ended {
            self.read(index, has_ended);
        } else if let Some(error) = client.socket_error() {
            self.disconnect(index, &error.to_string());
        }
    }

    /// Sends what waits. A client that is connected now requests the upgrade.
    fn write_waiting(&mut self, index: usize) -> std::io::Result<()> {
        let Some(client) = self.clients.get_mut(index) else { return Ok(()) };
        if client.phase != Phase::Connecting {
            return client.flush();
        }
        let Some(stream) = &client.stream else { return Ok(()) };
        if stream.peer_addr().is_err() {
            return client.socket_error().map_or(Ok(()), Err);
        }
        client.phase = Phase::Upgrading;
        let assignment = client.assignment;
        let path = match self.rooms.get(assignment.room) {
            Some(load) => &load.room.path,
            None => &self.target.path,
        };
        let subprotocol = match self.target.dialect {
            Dialect::Impulse => "impulse.v1",
            Dialect::Plain => "",
        };
        let token = self.target.token(assignment.token);
        client.write(&client::request(&self.target.authority, path, token, subprotocol))
    }

    fn read(&mut self, index: usize, has_ended: bool) {
        let mut scratch = std::mem::take(&mut self.scratch);
        while let Some(client) = self.clients.get_mut(index) {
            let outcome = client.read(&mut scratch);
            if let ReadOutcome::More(count) | ReadOutcome::Drained(count) = outcome {
                let bytes = scratch.get(..count).unwrap_or_default();
                if let Err(reason) = self.handle_bytes(index, bytes) {
                    self.disconnect(index, &reason);
                    break;
                }
            }
            match outcome {
                ReadOutcome::Closed => self.disconnect(index, "the server hung up"),
                ReadOutcome::More(_) => continue,
                // epoll reports the end of a connection once: it is read now or never.
                ReadOutcome::Drained(_) if has_ended => continue,
                ReadOutcome::Drained(_) | ReadOutcome::WouldBlock => {}
            }
            break;
        }
        self.scratch = scratch;
    }

    /// Ends a connection that failed.
    pub(super) fn disconnect(&mut self, index: usize, reason: &str) {
        let now = self.now_ns();
        let Some(client) = self.clients.get_mut(index) else { return };
        let was = client.phase;
        client.disconnect(Hangup::Orderly);
        match was {
            Phase::Disconnected => return,
            Phase::Ready => {
                self.ready -= 1;
                if !self.reconnects {
                    self.tally.count_error(reason);
                    let load = self.rooms.get_mut(client.assignment.room);
                    if let Some(load) = load.filter(|_| client.is_counted) {
                        load.ledger.remove_follower(&client.cursor);
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
        // Clients that were disconnected together do not all connect again at the same moment.
        let wait_ms = limits::RECONNECT_MS + (index as u64 * 7) % limits::RECONNECT_MS;
        self.to_connect.push_back((now + wait_ms * 1_000_000, index));
    }

    /// Resets all connections at once.
    pub fn reset_all(&mut self) {
        for (index, client) in self.clients.iter_mut().enumerate() {
            if client.phase == Phase::Ready {
                client.disconnect(Hangup::Reset);
                self.ready -= 1;
                if self.reconnects {
                    self.to_connect.push_back((0, index));
                }
            }
        }
    }

    /// Messages that were sent and have not arrived everywhere.
    pub fn in_flight(&self) -> usize {
        self.rooms.iter().map(|load| load.ledger.in_flight).sum()
    }

    /// Deliveries that were promised and have not arrived.
    pub fn lost(&self) -> u64 {
        self.rooms.iter().map(|load| load.ledger.lost()).sum()
    }
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
