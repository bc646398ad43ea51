//! Accepting: a deep backlog for reconnect storms, a no for whom there is no place or no descriptor,
//! and a stop that lets requests in flight finish.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};

use super::connection::Connection;
use super::counts::{Counts, Refused};
use super::doorman::{Doorman, FULL};
use super::spare::{Spare, is_out_of_descriptors};
use super::{Response, Service};
use crate::limits::{descriptors, http as limits};

/// How a listener is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that speak HTTP at once. Upgraded ones no longer count.
    pub max_connections: usize,
    /// The same from one address.
    pub max_per_address: usize,
    /// Sockets at once, those that were upgraded and those of other listeners among them.
    pub max_sockets: usize,
    /// Refused connections that are told so at once.
    pub refusals: usize,
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long everything may take.
    pub deadlines: Deadlines,
    /// Shared by all listeners.
    pub counts: Arc<Counts>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: limits::CONNECTIONS,
            max_per_address: limits::CONNECTIONS_PER_ADDRESS,
            max_sockets: usize::MAX,
            refusals: limits::REFUSALS,
            trusted_proxies: Vec::new(),
            deadlines: Deadlines::default(),
            counts: Arc::default(),
        }
    }
}

/// How long a connection may take, step by step; those of `limits` unless a test is in a hurry.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// From the first byte of a head to its last.
    pub head: Duration,
    /// From the head to the end of the body.
    pub body: Duration,
    /// Without a request.
    pub idle: Duration,
    /// One response.
    pub write: Duration,
    /// Reading on before the close.
    pub linger: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head: limits::HEAD_DEADLINE,
            body: limits::BODY_DEADLINE,
            idle: limits::IDLE,
            write: limits::WRITE_DEADLINE,
            linger: limits::LINGER,
        }
    }
}

/// Binds with a backlog that takes a reconnect storm.
///
/// # Errors
/// The address is taken or not ours.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(limits::BACKLOG)?;
    TcpListener::from_std(socket.into())
}

/// Accepts until `stop` turns true, then waits for the requests in flight.
pub async fn serve(
    listener: TcpListener,
    service: Arc<dyn Service>,
    options: Options,
    mut stop: watch::Receiver<bool>,
) {
    let trusted_proxies: Arc<[IpAddr]> = options.trusted_proxies.clone().into();
    let (deadlines, counts) = (options.deadlines, options.counts.clone());
    let doorman = Arc::new(Doorman::new(options, service.clone()));
    let mut want = Want::new(counts.clone());
    // Every connection holds a sender; the last one gone ends the wait below.
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            // Who left before his turn has cost nothing.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                want.of_descriptors(&error, &listener).await;
                continue;
            }
        };
        counts.accepted.inc();
        let _ = stream.set_nodelay(true);
        let ticket = match doorman.admit(peer.ip()) {
            Ok(ticket) => ticket,
            Err(refusal) => {
                doorman.turn_away(stream, refusal);
                continue;
            }
        };
        let connection = Connection {
            stream,
            peer,
            service: service.clone(),
            trusted_proxies: trusted_proxies.clone(),
            stop: stop.clone(),
            deadlines,
            input: BytesMut::new(),
            counts: counts.clone(),
        };
        let alive = alive.clone();
        tokio::spawn(async move {
            connection.run().await;
            drop((ticket, alive));
        });
    }
    drop((listener, alive));
    let _ = all_gone.recv().await;
}

/// What is done while nobody can be let in.
struct Want {
    counts: Arc<Counts>,
    spare: Spare,
    answer: Vec<u8>,
    complained: Option<Instant>,
}

impl Want {
    fn new(counts: Arc<Counts>) -> Self {
        let answer = Response::refusal(FULL).map(|response| response.encode(false, false));
        let answer = answer.unwrap_or_default();
        Self { counts, spare: Spare::new(), answer, complained: None }
    }

    /// `accept` has failed: whoever waits is refused, or waits for a moment. Descriptors come back
    /// when others close.
    async fn of_descriptors(&mut self, error: &std::io::Error, listener: &TcpListener) {
        if self.complained.is_none_or(|at| at.elapsed() >= descriptors::COMPLAINT) {
            self.complained = Some(Instant::now());
            tracing::warn!(%error, "cannot accept connections; those that are here are served");
        }
        if is_out_of_descriptors(error) && self.spare.refuse_one(listener, &self.answer).await {
            self.counts.accepted.inc();
            self.counts.refuse(Refused::Descriptors);
        } else {
            tokio::time::sleep(descriptors::PAUSE).await;
        }
    }
}
