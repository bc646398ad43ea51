//! Who is let in: so many in total, so many from one address, so many as there are descriptors.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use super::connection::linger;
use super::counts::Refused;
use super::head::Refusal;
use super::listener::Options;
use super::socket::Socket;
use super::spare::refuse_at_once;
use super::{Response, Service};

/// What is said when the house is full.
pub(super) const FULL: Refusal = Refusal::Answer(503, "There are too many connections right now.");

/// Counts who is in.
pub(super) struct Doorman {
    options: Options,
    service: Arc<dyn Service>,
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
pub(super) struct Ticket {
    doorman: Arc<Doorman>,
    address: IpAddr,
}

impl Doorman {
    pub fn new(options: Options, service: Arc<dyn Service>) -> Self {
        let refusals = Arc::new(Semaphore::new(options.refusals));
        Self { options, service, inside: Mutex::default(), refusals }
    }

    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Ticket, Refusal> {
        self.check(address).map_err(|reason| {
            self.options.counts.refuse(reason);
            match reason {
                Refused::Address => {
                    Refusal::Answer(429, "There are too many connections from your address.")
                }
                _ => FULL,
            }
        })
    }

    fn check(self: &Arc<Self>, address: IpAddr) -> Result<Ticket, Refused> {
        let mut inside = self.inside.lock().unwrap_or_else(PoisonError::into_inner);
        // Behind a proxy everybody has its address.
        let is_proxy = self.options.trusted_proxies.contains(&address);
        let address = household(address);
        let from_here = inside.by_address.get(&address).copied().unwrap_or(0);
        if !is_proxy && from_here >= self.options.max_per_address {
            return Err(Refused::Address);
        }
        let open = &self.options.counts.open;
        let sockets = open.get().saturating_add(self.service.upgraded());
        if inside.total >= self.options.max_connections || sockets >= self.options.max_sockets {
            return Err(Refused::Total);
        }
        inside.total += 1;
        open.up();
        *inside.by_address.entry(address).or_default() += 1;
        Ok(Ticket { doorman: self.clone(), address })
    }

    /// Says no, and reads on for a moment so that it arrives; while that is done for many already, it
    /// is only said.
    pub fn turn_away(&self, mut socket: Socket, refusal: Refusal) {
        let Some(response) = Response::refusal(refusal) else { return };
        let bytes = response.encode(false, false);
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else {
            return refuse_at_once(&socket, &bytes);
        };
        let most = self.options.deadlines.linger;
        tokio::spawn(async move {
            if let Ok(stream) = socket.joined() {
                let _ = tokio::time::timeout(most, stream.write_all(&bytes)).await;
                linger(stream, most).await;
            }
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
        self.doorman.options.counts.open.down();
        let left = inside.by_address.get(&self.address).copied().unwrap_or(0).saturating_sub(1);
        if left == 0 {
            inside.by_address.remove(&self.address);
        } else {
            inside.by_address.insert(self.address, left);
        }
    }
}
