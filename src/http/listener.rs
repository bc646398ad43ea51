//! Accepting: a deep backlog for reconnect storms, a no for whom there is no place or no descriptor,
//! and a stop that lets requests in flight finish.

use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use super::clients::Clients;
use super::connection::{Connection, House};
use super::counts::{Counts, Refused};
use super::doorman::{Doorman, FULL, Waiting};
use super::socket::{Listener, Socket};
use super::spare::{Spare, is_out_of_descriptors};
use super::{Response, Service};
use crate::base::limits::{descriptors, http as limits};
use crate::base::memory::MemoryBudget;

/// How a listener is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that speak HTTP at once. Upgraded ones no longer count.
    pub max_connections: usize,
    /// The same from one client: an IPv4 address, an IPv6 /64; wider networks may have a few times it.
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
    /// What clients spend; shared by all listeners, too.
    pub clients: Arc<Clients>,
    /// What requests that are not complete may hold.
    pub memory: MemoryBudget,
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
            clients: Arc::default(),
            memory: MemoryBudget::default(),
        }
    }
}

/// How long a connection may take, step by step; those of `limits` unless a test is in a hurry.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// From the accept to the end of the first head, and from the first byte of a later one to its last.
    pub head: Duration,
    /// From the head to the end of the body.
    pub body: Duration,
    /// Without a request, after the first one.
    pub idle: Duration,
    /// One response.
    pub write: Duration,
    /// Reading on before the close.
    pub linger: Duration,
    /// Waiting for a place while one client has as many connections as it may.
    pub place: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head: limits::HEAD_DEADLINE,
            body: limits::BODY_DEADLINE,
            idle: limits::IDLE,
            write: limits::WRITE_DEADLINE,
            linger: limits::LINGER,
            place: limits::PLACE_WAIT,
        }
    }
}

/// Accepts until `stop` turns true, then waits for the requests in flight.
pub async fn serve(
    listener: Listener,
    service: Arc<dyn Service>,
    options: Options,
    mut stop: watch::Receiver<bool>,
) {
    // Every connection holds the house, and the house the sender; the last one gone ends the wait below.
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    let house = Arc::new(House {
        service: service.clone(),
        trusted_proxies: options.trusted_proxies.clone(),
        stop: stop.clone(),
        deadlines: options.deadlines,
        counts: options.counts.clone(),
        clients: options.clients.clone(),
        memory: options.memory.clone(),
        _alive: alive,
    });
    let counts = options.counts.clone();
    let doorman = Arc::new(Doorman::new(options, service));
    let mut want = Want::new(counts.clone());
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (socket, peer) = match accepted {
            Ok(accepted) => accepted,
            // Who left before his turn has cost nothing.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => continue,
            Err(error) => {
                want.of_descriptors(&error, &listener).await;
                continue;
            }
        };
        counts.accepted.inc();
        match doorman.admit(peer.ip()) {
            Ok(ticket) => {
                tokio::spawn(Connection::new(socket, peer, house.clone(), ticket).run());
            }
            Err(Ok(waiting)) => {
                tokio::spawn(wait_for_place(socket, peer, house.clone(), waiting));
            }
            Err(Err(refusal)) => doorman.turn_away(socket, refusal),
        }
    }
    drop((listener, house));
    let _ = all_gone.recv().await;
}

/// Serves a connection as soon as there is a place for it.
async fn wait_for_place(socket: Socket, peer: SocketAddr, house: Arc<House>, waiting: Waiting) {
    let (mut stop, doorman) = (house.stop.clone(), waiting.doorman());
    let placed = tokio::select! {
        placed = waiting.place() => placed,
        _ = stop.wait_for(|stop| *stop) => return,
    };
    match placed {
        Ok(ticket) => Connection::new(socket, peer, house, ticket).run().await,
        Err(refusal) => doorman.turn_away(socket, refusal),
    }
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
    async fn of_descriptors(&mut self, error: &std::io::Error, listener: &Listener) {
        if self.complained.is_none_or(|at| at.elapsed() >= descriptors::COMPLAINT) {
            self.complained = Some(Instant::now());
            tracing::warn!(%error, "cannot accept connections; those that are here are served");
        }
        if is_out_of_descriptors(error) && self.spare.refuse_one(listener, &self.answer) {
            self.counts.accepted.inc();
            self.counts.refuse(Refused::Descriptors);
        } else {
            tokio::time::sleep(descriptors::PAUSE).await;
        }
    }
}
