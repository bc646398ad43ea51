//! TLS of the load test's connections: whom they trust, and the tickets by which they come back.

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex};

use mio::net::TcpStream;
use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, NamedGroup};

use super::read_outcome::ReadOutcome;
use crate::base::draining_reader::DrainingReader;
use crate::base::limits::loadtest as limits;
use crate::base::lock::MutexExt as _;
use crate::http::client::{Origin, Trust};

/// What every connection to the server begins TLS with.
#[derive(Clone)]
pub struct Secure {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl fmt::Debug for Secure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secure({:?})", self.name)
    }
}

impl Secure {
    /// For the server of this origin.
    ///
    /// # Errors
    /// One sentence.
    pub fn new(origin: &Origin, trust: &Trust) -> Result<Self, String> {
        let name = ServerName::try_from(origin.host.clone());
        let name = name.map_err(|_| format!("{} is no name of a certificate", origin.host))?;
        let mut config = ClientConfig::clone(&trust.config());
        config.resumption = Resumption::store(Arc::new(Tickets::default()));
        Ok(Self { config: Arc::new(config), name })
    }

    /// A new session.
    ///
    /// # Errors
    /// One sentence.
    pub fn begin(&self) -> Result<Session, String> {
        let session = ClientConnection::new(self.config.clone(), self.name.clone());
        let mut session = session.map_err(|error| format!("cannot begin TLS: {error}"))?;
        session.set_buffer_limit(None);
        Ok(Session(Box::new(session)))
    }
}

/// The TLS of one connection.
pub struct Session(Box<ClientConnection>);

impl Session {
    /// Seals bytes, or keeps them until the handshake is done.
    pub fn seal(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.writer().write_all(bytes)
    }

    /// Sends what the kernel takes.
    pub fn flush(&mut self, stream: &mut TcpStream) -> io::Result<()> {
        while self.0.wants_write() {
            match self.0.write_tls(stream) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads and opens what has come.
    pub fn read(&mut self, stream: &mut TcpStream, scratch: &mut [u8]) -> ReadOutcome {
        let mut is_drained = false;
        loop {
            match self.0.reader().read(scratch) {
                Ok(0) => return ReadOutcome::Closed,
                Ok(count) if is_drained => return ReadOutcome::Drained(count),
                Ok(count) => return ReadOutcome::More(count),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return ReadOutcome::Closed,
            }
            let mut source = DrainingReader::new(stream);
            match self.0.read_tls(&mut source) {
                Ok(_) => is_drained = source.is_drained(),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    return ReadOutcome::WouldBlock;
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => return ReadOutcome::Closed,
            }
            if self.0.process_new_packets().is_err() || self.flush(stream).is_err() {
                return ReadOutcome::Closed;
            }
        }
    }

    /// Announces the end, if the kernel takes it.
    pub fn end(&mut self, stream: &mut TcpStream) {
        self.0.send_close_notify();
        // The connection closes in any case.
        let _ = self.flush(stream);
    }
}

/// The tickets of all connections, which all have the same server. Each is used once, as browsers do.
#[derive(Default)]
struct Tickets {
    group: Mutex<Option<NamedGroup>>,
    session: Mutex<Option<Tls12ClientSessionValue>>,
    tickets: Mutex<VecDeque<Tls13ClientSessionValue>>,
}

impl fmt::Debug for Tickets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tickets({})", self.tickets.lock_unpoisoned().len())
    }
}

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _server: ServerName<'static>, group: NamedGroup) {
        *self.group.lock_unpoisoned() = Some(group);
    }

    fn kx_hint(&self, _server: &ServerName<'_>) -> Option<NamedGroup> {
        *self.group.lock_unpoisoned()
    }

    fn set_tls12_session(&self, _server: ServerName<'static>, value: Tls12ClientSessionValue) {
        *self.session.lock_unpoisoned() = Some(value);
    }

    fn tls12_session(&self, _server: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        self.session.lock_unpoisoned().clone()
    }

    fn remove_tls12_session(&self, _server: &ServerName<'static>) {
        *self.session.lock_unpoisoned() = None;
    }

    fn insert_tls13_ticket(&self, _server: ServerName<'static>, value: Tls13ClientSessionValue) {
        let mut tickets = self.tickets.lock_unpoisoned();
        if tickets.len() < limits::TICKETS {
            tickets.push_back(value);
        }
    }

    fn take_tls13_ticket(&self, _server: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        self.tickets.lock_unpoisoned().pop_front()
    }
}
