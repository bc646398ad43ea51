//! How a listener is set up.

use std::sync::Arc;
use std::time::Duration;

use super::counters::HttpCounters;
use super::proxies::TrustedProxies;
use super::request_limiter::RequestLimiter;
use super::transfers::Patience;
use crate::base::limits::http as limits;
use crate::base::memory::MemoryBudget;

/// How a listener is set up.
#[derive(Debug, Clone)]
pub struct Options {
    /// Connections that speak HTTP at once. Upgraded ones no longer count.
    pub max_connections: usize,
    /// The same from one client: an IPv4 address or an IPv6 /64. Wider networks may have a few times it.
    pub max_per_client: usize,
    /// Sockets at once, including upgraded ones and those of other listeners.
    pub max_sockets: usize,
    /// Refusals that are written and closed properly at the same time.
    pub max_refusals: usize,
    /// How to speak TLS; plain if there is nothing here.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are trusted.
    pub trusted_proxies: TrustedProxies,
    /// How long everything may take.
    pub deadlines: Deadlines,
    /// When a slow transfer gives way to others.
    pub patience: Patience,
    /// Shared by all listeners.
    pub counters: Arc<HttpCounters>,
    /// What clients spend; shared by all listeners, too.
    pub limiter: Arc<RequestLimiter>,
    /// What requests that are not complete may hold.
    pub memory: MemoryBudget,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            max_connections: limits::CONNECTIONS,
            max_per_client: limits::CONNECTIONS_PER_ADDRESS,
            max_sockets: usize::MAX,
            max_refusals: limits::REFUSALS,
            tls: None,
            trusted_proxies: TrustedProxies::default(),
            deadlines: Deadlines::default(),
            patience: Patience::default(),
            counters: Arc::default(),
            limiter: Arc::default(),
            memory: MemoryBudget::default(),
        }
    }
}

/// How long each step of a connection may take. Tests shorten what `limits` says.
#[derive(Debug, Clone, Copy)]
pub struct Deadlines {
    /// From the accept to the end of the first head, and from the first byte of a later one to its last.
    pub head: Duration,
    /// From the head to the end of the body.
    pub body: Duration,
    /// Of each piece of a body that is read, or an answer that is sent, piece by piece.
    pub piece: Duration,
    /// Without a request, after the first one.
    pub idle: Duration,
    /// Writing one response; of one that is sent piece by piece, until some of it is taken.
    pub write: Duration,
    /// Reading on before the close.
    pub linger: Duration,
    /// From the accept to the end of the TLS handshake.
    pub handshake: Duration,
    /// Waiting for a permit while one client has as many connections as it may.
    pub permit: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            head: limits::HEAD_DEADLINE,
            body: limits::BODY_DEADLINE,
            piece: limits::PIECE_DEADLINE,
            idle: limits::IDLE,
            write: limits::WRITE_DEADLINE,
            linger: limits::LINGER,
            handshake: limits::HANDSHAKE_DEADLINE,
            permit: limits::PERMIT_WAIT,
        }
    }
}
