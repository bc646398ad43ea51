//! Which connections are served: so many in total, so many of one client, as many as there are descriptors.
//!
//! When there are too many, the connection that has been idle for the longest time gives way. If all
//! connections of a client are busy, its next one waits for a moment: a page with many files opens many
//! connections at once, and an office has many pages.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

use tokio::sync::Semaphore;

use super::close::{linger, send_and_shut_down};
use super::connection_table::ConnectionTable;
use super::counters::RefusalReason;
use super::options::Options;
use super::permit_state::{PermitState, WaitQueue, millis};
use super::refusal::{HANDSHAKE_REFUSED, Refusal};
use super::request_limiter::Cost;
use super::response::Response;
use super::service::Service;
use super::socket::Socket;
use crate::base::limits::http as limits;
use crate::base::lock::MutexExt as _;
use crate::base::net::{ClientPrefix, client_prefixes};

/// The answer when the server has as many connections as it may.
pub(super) const FULL: Refusal = Refusal::Answer(503, "There are too many connections right now.");
/// The answer when one client has too many.
const TOO_MANY: Refusal = Refusal::Answer(429, "There are too many connections from your address.");

/// Gives out permits for connections.
pub(super) struct AdmissionControl {
    options: Options,
    service: Arc<dyn Service>,
    started: Instant,
    state: Mutex<State>,
    /// Refusals being written; beyond this many a refused connection is closed at once.
    refusals: Arc<Semaphore>,
}

#[derive(Default)]
struct State {
    connections: ConnectionTable,
    /// No connection can give way before, in milliseconds.
    none_idle_until: u64,
}

/// What becomes of a new connection.
pub(super) enum Decision {
    Admitted(ConnectionPermit),
    Queued(QueuedConnection),
    Refused(Refusal),
}

/// The right of a connection to be served, given back when dropped.
pub(super) struct ConnectionPermit {
    admission: Arc<AdmissionControl>,
    state: Arc<PermitState>,
}

/// A connection that waits for a permit. It no longer does when this is dropped.
pub(super) struct QueuedConnection {
    admission: Arc<AdmissionControl>,
    address: IpAddr,
    queue: Arc<WaitQueue>,
}

impl AdmissionControl {
    pub fn new(options: Options, service: Arc<dyn Service>) -> Self {
        let refusals = Arc::new(Semaphore::new(options.max_refusals));
        let started = Instant::now();
        Self { options, service, started, state: Mutex::default(), refusals }
    }

    /// Decides about a new connection.
    pub fn admit(self: &Arc<Self>, address: IpAddr) -> Decision {
        let refuse = |reason, refusal| {
            self.options.counters.count_refused(reason);
            Decision::Refused(refusal)
        };
        if !self.is_proxy(address) && self.options.limiter.charge(address, Cost::Light).is_err() {
            return refuse(
                RefusalReason::Rate,
                Refusal::Answer(429, "There are too many requests."),
            );
        }
        let mut state = self.state();
        // Connections of one client get their permits in the order in which they came.
        let must_queue = state.connections.queue_length(address) > 0;
        let issued = match must_queue {
            true => Err(RefusalReason::Address),
            false => self.issue(&mut state, address),
        };
        match issued {
            Ok(permit) => Decision::Admitted(permit),
            Err(RefusalReason::Address) => match self.enqueue(&mut state, address) {
                Some(queued) => Decision::Queued(queued),
                None => refuse(RefusalReason::Address, TOO_MANY),
            },
            Err(reason) => refuse(reason, FULL),
        }
    }

    /// A permit, if there is one or another connection gives way.
    fn issue(
        self: &Arc<Self>,
        state: &mut State,
        address: IpAddr,
    ) -> Result<ConnectionPermit, RefusalReason> {
        let now = millis(self.started.elapsed());
        if !self.is_proxy(address) {
            for network in client_prefixes(address) {
                let most = self.options.max_per_client.saturating_mul(network.share());
                let count = state.connections.count(network);
                if count >= most && !self.evict_idle(state, now, Some(network)) {
                    return Err(RefusalReason::Address);
                }
            }
        }
        if self.is_full(state) {
            if now < state.none_idle_until {
                return Err(RefusalReason::Total);
            }
            if !self.evict_idle(state, now, None) {
                // All connections were searched. In a storm that is not repeated for each new one.
                state.none_idle_until = now + millis(limits::PERMIT_POLL);
                return Err(RefusalReason::Total);
            }
        }
        self.options.counters.open.up();
        let state = state.connections.insert(address);
        Ok(ConnectionPermit { admission: self.clone(), state })
    }

    /// Puts a connection into the queue of its client, as long as all queues together leave half of what
    /// is free to others.
    fn enqueue(self: &Arc<Self>, state: &mut State, address: IpAddr) -> Option<QueuedConnection> {
        let table = &mut state.connections;
        let sockets = self.sockets(table).saturating_sub(table.waiting);
        let free = self.options.max_sockets.saturating_sub(sockets);
        let free = free.min(self.options.max_connections.saturating_sub(table.total));
        let is_long = table.queue_length(address) >= limits::WAITING_PER_ADDRESS;
        if is_long || table.waiting >= free / 2 {
            return None;
        }
        // A refused client is not entered in the table: nothing would remove it again.
        let queue = table.enqueue(address);
        Some(QueuedConnection { admission: self.clone(), address, queue })
    }

    /// Takes the permit of the connection that has been idle for the longest time, in that network or
    /// anywhere. False: all are busy, or have not been idle for long enough.
    fn evict_idle(&self, state: &mut State, now: u64, network: Option<ClientPrefix>) -> bool {
        let latest = now.saturating_sub(millis(limits::GIVES_WAY));
        let Some((since, permit)) = state.connections.longest_idle(latest, network) else {
            return false;
        };
        let evicted = permit.evict(since);
        if evicted {
            self.release(state, &permit);
        }
        evicted
    }

    /// The permit is free. One that was released before is not counted again.
    fn release(&self, state: &mut State, permit: &PermitState) {
        if state.connections.remove(permit) {
            self.options.counters.open.down();
            permit.queue.freed.notify_one();
        }
    }

    /// Behind a proxy all clients have its address.
    fn is_proxy(&self, address: IpAddr) -> bool {
        self.options.trusted_proxies.contains(address)
    }

    fn sockets(&self, table: &ConnectionTable) -> usize {
        let open = self.options.counters.open.get().saturating_add(self.service.upgraded());
        open.saturating_add(table.waiting)
    }

    fn is_full(&self, state: &State) -> bool {
        state.connections.total >= self.options.max_connections
            || self.sockets(&state.connections) >= self.options.max_sockets
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock_unpoisoned()
    }

    /// Sends a refusal and reads on for a moment so that it arrives. While many refusals are being
    /// written already, it is sent without waiting.
    pub fn refuse(&self, mut socket: Socket, refusal: Refusal) {
        let bytes = refusal_bytes(&self.options, refusal);
        let Ok(permit) = self.refusals.clone().try_acquire_owned() else {
            return send_and_shut_down(&socket, &bytes);
        };
        let most = self.options.deadlines.linger;
        tokio::spawn(async move {
            let _ = tokio::time::timeout(most, socket.write_all(&bytes)).await;
            linger(&mut socket, most).await;
            drop(permit);
        });
    }
}

/// What refuses a connection, before its handshake if it speaks TLS: a handshake costs more than all that follows.
pub(super) fn refusal_bytes(options: &Options, refusal: Refusal) -> Vec<u8> {
    match (&options.tls, Response::refusal(refusal)) {
        (Some(_), _) => HANDSHAKE_REFUSED.to_vec(),
        (None, Some(response)) => response.encode(false, false),
        (None, None) => Vec::new(),
    }
}

impl QueuedConnection {
    /// A permit, as soon as there is one.
    ///
    /// # Errors
    /// There was none for too long.
    pub async fn permit(self) -> Result<ConnectionPermit, Refusal> {
        let most = self.admission.options.deadlines.permit;
        match tokio::time::timeout(most, self.poll()).await {
            Ok(issued) => issued,
            Err(_) => {
                self.admission.options.counters.count_refused(RefusalReason::Address);
                Err(TOO_MANY)
            }
        }
    }

    async fn poll(&self) -> Result<ConnectionPermit, Refusal> {
        loop {
            let issued = {
                let mut state = self.admission.state();
                // A waiting connection has a descriptor already: its own counts as free.
                state.connections.waiting = state.connections.waiting.saturating_sub(1);
                let issued = self.admission.issue(&mut state, self.address);
                state.connections.waiting += 1;
                issued
            };
            match issued {
                Ok(permit) => return Ok(permit),
                Err(RefusalReason::Address) => {}
                Err(reason) => {
                    self.admission.options.counters.count_refused(reason);
                    return Err(FULL);
                }
            }
            let _ = tokio::time::timeout(limits::PERMIT_POLL, self.queue.freed.notified()).await;
        }
    }

    /// What refuses the connection if it has waited in vain.
    pub fn admission(&self) -> Arc<AdmissionControl> {
        self.admission.clone()
    }
}

impl Drop for QueuedConnection {
    fn drop(&mut self) {
        self.admission.state().connections.dequeue(self.address, &self.queue);
    }
}

impl ConnectionPermit {
    /// From now on the connection has no request, until [`set_busy`](Self::set_busy).
    pub fn set_idle(&self) {
        self.state.set_idle(self.admission.started.elapsed());
    }

    /// A request begins. False: the permit has gone to another connection.
    pub fn set_busy(&self) -> bool {
        self.state.set_busy()
    }

    /// Returns when the connection is to give way.
    pub async fn evicted(&self) {
        self.state.evicted().await;
    }

    /// Whether the connection should end after this answer because another one waits for its permit.
    pub fn is_wanted(&self) -> bool {
        !self.state.queue.is_empty()
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        self.admission.release(&mut self.admission.state(), &self.state);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;

    use super::*;
    use crate::http::Request;

    struct Nothing;

    impl Service for Nothing {
        fn body_limit(&self, _: &crate::http::Head) -> usize {
            0
        }

        fn call<'a>(&'a self, _: Request) -> Pin<Box<dyn Future<Output = Response> + Send + 'a>> {
            Box::pin(async { Response::empty(204) })
        }
    }

    #[test]
    fn a_client_that_is_refused_is_not_remembered() {
        // Two connections fill the wider network, and there is no room in a queue.
        let options = Options { max_per_client: 1, max_sockets: 3, ..Options::default() };
        let admission = Arc::new(AdmissionControl::new(options, Arc::new(Nothing)));
        let from = |subnet: u16| format!("2001:db8:0:{subnet:x}::1").parse().unwrap();
        let permits: Vec<_> = (0..2)
            .map(|subnet| match admission.admit(from(subnet)) {
                Decision::Admitted(permit) => permit,
                _ => panic!("there is room for {subnet}"),
            })
            .collect();
        for subnet in 2..100 {
            assert!(matches!(admission.admit(from(subnet)), Decision::Refused(_)));
        }
        assert_eq!(admission.state().connections.remembered().0, 2);
        drop(permits);
        let left = admission.state();
        assert_eq!((left.connections.remembered(), left.connections.total), ((0, 0), 0));
    }
}
