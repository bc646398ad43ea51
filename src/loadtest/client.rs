//! One connection of the load test: its socket, and how far it is.

use std::io::{self, ErrorKind, Read, Write};
use std::time::Duration;

use mio::net::TcpStream;

use super::assignment::Assignment;
use super::ledger::RoomCursor;
use super::read_outcome::ReadOutcome;
use super::secure::Session;

/// How far a client is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Never connected, or not any more.
    Disconnected,
    /// TCP connects.
    Connecting,
    /// The upgrade is requested.
    Upgrading,
    /// Upgraded; the first frame is awaited.
    AwaitingHello,
    /// The subscription is requested.
    Subscribing,
    /// It does what it is there for.
    Ready,
}

/// A connection.
pub struct Client {
    /// What it does.
    pub assignment: Assignment,
    /// How far it is.
    pub phase: Phase,
    /// The socket.
    pub stream: Option<TcpStream>,
    /// Its TLS.
    session: Option<Session>,
    /// Received bytes of a frame that is not complete.
    pub partial: Vec<u8>,
    /// Bytes that the kernel has not taken.
    unsent: Vec<u8>,
    /// What it has received of its room.
    pub cursor: RoomCursor,
    /// Whether the room's ledger counts it as a follower.
    pub is_counted: bool,
    /// When this attempt to connect began, in nanoseconds of the swarm's clock.
    pub began_ns: u64,
}

/// How a client ends its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    /// TCP ends in order.
    Orderly,
    /// TCP is reset, as by a machine that loses its power.
    Reset,
}

impl Client {
    /// One that has not connected.
    pub fn new(assignment: Assignment) -> Self {
        Self {
            assignment,
            phase: Phase::Disconnected,
            stream: None,
            session: None,
            partial: Vec::new(),
            unsent: Vec::new(),
            cursor: RoomCursor::default(),
            is_counted: false,
            began_ns: 0,
        }
    }

    /// Begins an attempt to connect.
    pub fn begin(&mut self, stream: TcpStream, session: Option<Session>, now_ns: u64) {
        self.stream = Some(stream);
        self.session = session;
        self.phase = Phase::Connecting;
        self.began_ns = now_ns;
        self.partial.clear();
        self.unsent.clear();
    }

    /// Ends the connection.
    pub fn disconnect(&mut self, how: Hangup) {
        let session = self.session.take();
        if let Some(mut stream) = self.stream.take() {
            match (how, session) {
                (Hangup::Reset, _) => {
                    // A socket that has ended already needs no reset.
                    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
                }
                (Hangup::Orderly, Some(mut session)) => session.end(&mut stream),
                (Hangup::Orderly, None) => {}
            }
        }
        self.phase = Phase::Disconnected;
    }

    /// Sends bytes, now or when the kernel takes them.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.session {
            None => self.unsent.extend_from_slice(bytes),
            Some(session) => session.seal(bytes)?,
        }
        self.flush()
    }

    /// Sends what the kernel has not taken yet.
    pub fn flush(&mut self) -> io::Result<()> {
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if let Some(session) = &mut self.session {
            return session.flush(stream);
        }
        while !self.unsent.is_empty() {
            match stream.write(&self.unsent) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.unsent.drain(..count);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads once.
    pub fn read(&mut self, scratch: &mut [u8]) -> ReadOutcome {
        let Some(stream) = &mut self.stream else { return ReadOutcome::WouldBlock };
        if let Some(session) = &mut self.session {
            return session.read(stream, scratch);
        }
        match stream.read(scratch) {
            Ok(0) => ReadOutcome::Closed,
            Ok(count) if count < scratch.len() => ReadOutcome::Drained(count),
            Ok(count) => ReadOutcome::More(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => ReadOutcome::WouldBlock,
            Err(error) if error.kind() == ErrorKind::Interrupted => ReadOutcome::More(0),
            Err(_) => ReadOutcome::Closed,
        }
    }

    /// The error of its socket, if there is one.
    pub fn socket_error(&self) -> Option<io::Error> {
        self.stream.as_ref()?.take_error().ok().flatten()
    }
}
