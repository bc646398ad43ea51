//! Who is let in: so many in total, so many from one client, so many as there are descriptors.
//!
//! When there are too many, the connection that has been without a request for the longest time gives
//! way. If all of a client's have one, the next waits for a moment: a page with many files opens many
//! connections at once, and an office has many pages.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::io::AsyncWriteExt as _;
use tokio::sync::Semaphore;

use super::clients::Cost;
use super::connection::linger;
use super::counts::Refused;
use super::head::Refusal;
use super::listener::Options;
use super::seat::{Queue, Seat, millis};
use super::socket::Socket;
use super::spare::refuse_at_once;
use super::{Response, Service};
use crate::base::limits::http as limits;
use crate::base::lock::MutexExt as _;
use crate::base::net::{ClientPrefix, client_prefix, client_prefixes};

/// What is said when the house is full.
pub(super) const FULL: Refusal = Refusal::Answer(503, "There are too many connections right now.");
/// What one client is told that has too many.
const TOO_MANY: Refusal = Refusal::Answer(429, "There are too many connections from your address.");

/// How often whoever waits for a place looks whether an idle connection can give way by now.
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// Counts who is in.
pub(super) struct Doorman {
    options: Options,
    service: Arc<dyn Service>,
    started: Instant,
    inside: Mutex<Inside>,
    /// Refusals being said; beyond this many a refused connection is just closed.
    refusals: Arc<Semaphore>,
}

#[derive(Default)]
struct Inside {
    total: usize,
    /// Connections that wait for a place: they have a descriptor, too.
    waiting: usize,
    /// By the narrowest network.
    clients: HashMap<ClientPrefix, Client>,
    /// How many connections the wider ones have.
    wider: HashMap<ClientPrefix, usize>,
    next_id: u64,
    /// Nobody can give way before, in milliseconds.
    nobody_idle_until: u64,
}

#[derive(Default)]
struct Client {
    seats: HashMap<u64, Arc<Seat>>,
    queue: Arc<Queue>,
}

/// A place inside, given back when dropped.
pub(super) struct Ticket {
    doorman: Arc<Doorman>,
    seat: Arc<Seat>,
}

/// A connection that waits for a place. It no longer does when this is dropped.
pub(super) struct Waiting {
    doorman: Arc<Doorman>,
    address: IpAddr,
    queue: Arc<Queue>,
}

impl Doorman {
    pub fn new(options: Options, service: Arc<dyn Service>) -> Self {
        let refusals = Arc::new(Semaphore::new(options.refusals));
        let started = Instant::now();
        Self { options, service, started, inside: Mutex::default(), refusals }
    }

    /// A place, a wait for one, or neither.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Result<Ticket, Result<Waiting, Refusal>> {
        let refuse = |reason, refusal| {
            self.options.counts.refuse(reason);
            Err(Err(refusal))
        };
        if !self.is_proxy(address) && self.options.clients.pay(address, Cost::Light).is_err() {
            return refuse(Refused::Rate, Refusal::Answer(429, "There are too many requests."));
        }
        let mut inside = self.inside();
        // Whoever came before is let in before.
        let is_queued = inside.clients.get(&client_prefix(address)).is_some_and(Client::is_wanted);
        let checked =
            if is_queued { Err(Refused::Address) } else { self.check(&mut inside, address) };
        match checked {
            Ok(ticket) => Ok(ticket),
            Err(Refused::Address) => match self.wait(&mut inside, address) {
                Some(waiting) => Err(Ok(waiting)),
                None => refuse(Refused::Address, TOO_MANY),
            },
            Err(reason) => refuse(reason, FULL),
        }
    }

    fn check(self: &Arc<Self>, inside: &mut Inside, address: IpAddr) -> Result<Ticket, Refused> {
        let now = millis(self.started.elapsed());
        if !self.is_proxy(address) {
            for network in client_prefixes(address) {
                let most = self.options.max_per_address.saturating_mul(network.share());
                if inside.of(network) >= most && !self.make_room(inside, now, Some(network)) {
                    return Err(Refused::Address);
                }
            }
        }
        if self.is_full(inside) {
            if now < inside.nobody_idle_until {
                return Err(Refused::Total);
            }
            if !self.make_room(inside, now, None) {
                // All have been looked at: that is not done again for every one of a storm.
                inside.nobody_idle_until = now + millis(LOOK_AGAIN);
                return Err(Refused::Total);
            }
        }
        Ok(self.seat(inside, address))
    }

    fn seat(self: &Arc<Self>, inside: &mut Inside, address: IpAddr) -> Ticket {
        let network = client_prefix(address);
        for wider in client_prefixes(address).skip(1) {
            *inside.wider.entry(wider).or_default() += 1;
        }
        inside.total += 1;
        self.options.counts.open.up();
        inside.next_id += 1;
        let id = inside.next_id;
        let client = inside.clients.entry(network).or_default();
        let seat = Arc::new(Seat::new(network, id, client.queue.clone()));
        client.seats.insert(id, seat.clone());
        Ticket { doorman: self.clone(), seat }
    }

    /// A place in the queue, as long as queues leave half of what is free to others.
    fn wait(self: &Arc<Self>, inside: &mut Inside, address: IpAddr) -> Option<Waiting> {
        let sockets = self.sockets(inside).saturating_sub(inside.waiting);
        let free = self.options.max_sockets.saturating_sub(sockets);
        let free = free.min(self.options.max_connections.saturating_sub(inside.total));
        let network = client_prefix(address);
        let waiting = |client: &Client| client.queue.length.load(Ordering::Relaxed);
        let length = inside.clients.get(&network).map_or(0, waiting);
        if length >= limits::WAITING_PER_ADDRESS || inside.waiting >= free / 2 {
            return None;
        }
        // Only now: nobody would take a client out again that has no connection.
        let queue = inside.clients.entry(network).or_default().queue.clone();
        queue.length.store(length + 1, Ordering::Relaxed);
        inside.waiting += 1;
        Some(Waiting { doorman: self.clone(), address, queue })
    }

    /// Lets the connection give way that has been without a request for the longest time, in that
    /// network or anywhere. False: all are at work, or have not been idle for long enough.
    fn make_room(&self, inside: &mut Inside, now: u64, network: Option<ClientPrefix>) -> bool {
        let latest = now.saturating_sub(millis(limits::GIVES_WAY));
        let here = |client: &ClientPrefix| network.is_none_or(|network| network.contains(*client));
        let of_clients = inside.clients.iter().filter(|(client, _)| here(client));
        let idle = of_clients.flat_map(|(_, client)| client.seats.values()).filter_map(|seat| {
            let since = seat.idle_since().filter(|since| *since <= latest)?;
            Some((since, seat))
        });
        let longest = idle.min_by_key(|(since, _)| *since);
        let Some((since, seat)) = longest.map(|(since, seat)| (since, seat.clone())) else {
            return false;
        };
        let gives_way = seat.ask_to_leave(since);
        if gives_way {
            self.leave(inside, &seat);
        }
        gives_way
    }

    /// The place is free; a seat that has left already is not counted again.
    fn leave(&self, inside: &mut Inside, seat: &Seat) {
        let Some(client) = inside.clients.get_mut(&seat.client) else { return };
        if client.seats.remove(&seat.id).is_none() {
            return;
        }
        if client.seats.is_empty() && !client.is_wanted() {
            inside.clients.remove(&seat.client);
        }
        inside.total = inside.total.saturating_sub(1);
        self.options.counts.open.down();
        for wider in seat.client.wider() {
            if let Some(count) = inside.wider.get_mut(&wider) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    inside.wider.remove(&wider);
                }
            }
        }
        seat.queue.freed.notify_one();
    }

    /// Behind a proxy everybody has its address.
    fn is_proxy(&self, address: IpAddr) -> bool {
        self.options.trusted_proxies.contains(&address)
    }

    fn sockets(&self, inside: &Inside) -> usize {
        let open = self.options.counts.open.get().saturating_add(self.service.upgraded());
        open.saturating_add(inside.waiting)
    }

    fn is_full(&self, inside: &Inside) -> bool {
        inside.total >= self.options.max_connections
            || self.sockets(inside) >= self.options.max_sockets
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock_unpoisoned()
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

impl Inside {
    /// Connections of a network.
    fn of(&self, network: ClientPrefix) -> usize {
        let narrow = self.clients.get(&network).map(|client| client.seats.len());
        narrow.or_else(|| self.wider.get(&network).copied()).unwrap_or(0)
    }
}

impl Client {
    fn is_wanted(&self) -> bool {
        self.queue.length.load(Ordering::Relaxed) > 0
    }
}

impl Waiting {
    /// A place, as soon as there is one.
    ///
    /// # Errors
    /// There was none for too long.
    pub async fn place(self) -> Result<Ticket, Refusal> {
        let most = self.doorman.options.deadlines.place;
        match tokio::time::timeout(most, self.look()).await {
            Ok(placed) => placed,
            Err(_) => {
                self.doorman.options.counts.refuse(Refused::Address);
                Err(TOO_MANY)
            }
        }
    }

    async fn look(&self) -> Result<Ticket, Refusal> {
        loop {
            let checked = {
                let mut inside = self.doorman.inside();
                // One that waits has a descriptor already: its own counts as free.
                inside.waiting = inside.waiting.saturating_sub(1);
                let checked = self.doorman.check(&mut inside, self.address);
                inside.waiting += 1;
                checked
            };
            match checked {
                Ok(ticket) => return Ok(ticket),
                Err(Refused::Address) => {}
                Err(reason) => {
                    self.doorman.options.counts.refuse(reason);
                    return Err(FULL);
                }
            }
            let _ = tokio::time::timeout(LOOK_AGAIN, self.queue.freed.notified()).await;
        }
    }

    /// Who refuses the connection if it has waited for nothing.
    pub fn doorman(&self) -> Arc<Doorman> {
        self.doorman.clone()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut inside = self.doorman.inside();
        inside.waiting = inside.waiting.saturating_sub(1);
        let left = self.queue.length.load(Ordering::Relaxed).saturating_sub(1);
        self.queue.length.store(left, Ordering::Relaxed);
        let network = client_prefix(self.address);
        let is_empty = |client: &Client| client.seats.is_empty() && !client.is_wanted();
        if inside.clients.get(&network).is_some_and(is_empty) {
            inside.clients.remove(&network);
        }
    }
}

impl Ticket {
    /// From now on the connection has no request, until it [`works`](Self::work).
    pub fn rest(&self) {
        self.seat.rest(self.doorman.started.elapsed());
    }

    /// A request comes. False: the place is somebody else's already.
    pub fn work(&self) -> bool {
        self.seat.work()
    }

    /// Returns when the connection is to give way.
    pub async fn asked_to_leave(&self) {
        self.seat.asked_to_leave().await;
    }

    /// Whether the connection should end after this answer because another one waits for its place.
    pub fn is_wanted(&self) -> bool {
        self.seat.is_wanted()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.doorman.leave(&mut self.doorman.inside(), &self.seat);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;
    use crate::http::Request;

    struct Nothing;

    impl Service for Nothing {
        fn body_limit(&self, _: &super::super::Head) -> usize {
            0
        }

        fn call<'a>(&'a self, _: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
            Box::pin(async { Response::empty(204) })
        }
    }

    #[test]
    fn a_client_that_is_refused_is_not_remembered() {
        // Two connections fill the wider network, and no place is left to wait in.
        let options = Options { max_per_address: 1, max_sockets: 3, ..Options::default() };
        let doorman = Arc::new(Doorman::new(options, Arc::new(Nothing)));
        let from = |subnet: u16| format!("2001:db8:0:{subnet:x}::1").parse().unwrap();
        let inside: Vec<_> = (0..2).map(|n| doorman.admit(from(n)).ok().unwrap()).collect();
        for subnet in 2..100 {
            assert!(matches!(doorman.admit(from(subnet)), Err(Err(_))));
        }
        assert_eq!(doorman.inside().clients.len(), 2);
        drop(inside);
        let left = doorman.inside();
        assert!(left.clients.is_empty() && left.wider.is_empty() && left.total == 0);
    }
}
