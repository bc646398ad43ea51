//! Accepting: a deep backlog for reconnect storms, caps in total and per address, and a stop that
//! lets requests in flight finish.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::BytesMut;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, watch};

use super::connection::{Connection, linger};
use super::head::Refusal;
use super::{Response, Service};
use crate::limits::http as limits;

/// How a listener is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that speak HTTP at once. Upgraded ones no longer count.
    pub max_connections: usize,
    /// The same from one address.
    pub max_per_address: usize,
    /// Whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// How long everything may take.
    pub deadlines: Deadlines,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: limits::CONNECTIONS,
            max_per_address: limits::CONNECTIONS_PER_ADDRESS,
            trusted_proxies: Vec::new(),
            deadlines: Deadlines::default(),
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
    let deadlines = options.deadlines;
    let doorman = Arc::new(Doorman::new(options));
    // Every connection holds a sender; the last one gone ends the wait below.
    let (alive, mut all_gone) = mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, most likely: they come back when others close.
                tracing::warn!(%error, "cannot accept");
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
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

/// Counts who is in.
struct Doorman {
    options: Options,
    inside: Mutex<Inside>,
    /// Refusals being said; beyond this many a refused connection is just closed.
    refusals: Arc<Semaphore>,
}

#[derive(Default)]
struct Inside {
    total: usize,
    by_address: HashMap<IpAddr, usize>,
}

/// A place inside, given back when dropped.
struct Ticket {
    doorman: Arc<Doorman>,
    address: IpAddr,
}

impl Doorman {
    fn new(options: Options) -> Self {
        let refusals = Arc::new(Semaphore::new(limits::REFUSALS));
        Self { options, inside: Mutex::default(), refusals }
    }

    fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Ticket, Refusal> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        // Behind a proxy everybody has its address.
        let is_proxy = self.options.trusted_proxies.contains(&address);
        let address = household(address);
        let from_here = inside.by_address.get(&address).copied().unwrap_or(0);
        if !is_proxy && from_here >= self.options.max_per_address {
            return Err(Refusal::Answer(429, "There are too many connections from your address."));
        }
        if inside.total >= self.options.max_connections {
            return Err(Refusal::Answer(503, "There are too many connections right now."));
        }
        inside.total += 1;
        *inside.by_address.entry(address).or_default() += 1;
        Ok(Ticket { doorman: self.clone(), address })
    }

    fn turn_away(&self, mut stream: TcpStream, refusal: Refusal) {
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else { return };
        let most = self.options.deadlines.linger;
        tokio::spawn(async move {
            if let Some(response) = Response::refusal(refusal) {
                let bytes = response.encode(false, false);
                let _ = tokio::time::timeout(most, stream.write_all(&bytes)).await;
            }
            linger(stream, most).await;
            drop(permit);
        });
    }
}

/// What counts as one address: in IPv6 a household has 2^64 of them.
fn household(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let mut inside = self.doorman.inside.lock().unwrap_or_else(PoisonError::into_inner);
        inside.total = inside.total.saturating_sub(1);
        let left = inside.by_address.get(&self.address).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            inside.by_address.remove(&self.address);
        } else {
            inside.by_address.insert(self.address, left);
        }
    }
}
