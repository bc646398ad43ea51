//! How many requests one client may make: so much work in a time, and so many requests at once. The same for TLS
//! handshakes, which cost as much as a call of the interface, and for transfers, which last for minutes and so have
//! slots of their own.
//!
//! Every request has a cost, which is charged to each network of the client and comes back steadily.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::transfers::{Patience, Slots, Transfer, TransferSlots, Transfers};
use crate::base::limits::Rate;
use crate::base::limits::http as limits;
use crate::base::lock::MutexExt as _;
use crate::base::net::{ClientPrefix, client_prefixes};
use crate::base::token_bucket::TokenBucket;

/// What a request costs the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Answered from memory, without a wait: files of the page, `/health`.
    Light,
    /// One query: a picture.
    Lookup,
    /// The same with an answer that is sent as it is read: a file.
    Download,
    /// A call of the interface.
    Call,
    /// A call that waits in a queue of its own, which serves networks in turns: signing in.
    Queued,
    /// A page about all of the server: `/metrics`, `/ready`.
    Heavy,
}

impl Cost {
    fn units(self) -> f64 {
        let units = match self {
            Self::Light => limits::COST_LIGHT,
            Self::Lookup | Self::Download => limits::COST_LOOKUP,
            Self::Call | Self::Queued => limits::COST_CALL,
            Self::Heavy => limits::COST_HEAVY,
        };
        f64::from(units)
    }
}

/// Whose slots were all taken for too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoSlot {
    /// Those of the client.
    Client,
    /// Those of all clients.
    All,
}

/// What all clients of all listeners have spent.
#[derive(Debug)]
pub struct RequestLimiter {
    /// `None` if limits are lifted.
    scale: Option<f64>,
    started: Instant,
    /// How long a request waits for a slot.
    slot_wait: Duration,
    /// TLS handshakes at once, of all clients together. They are not scaled: what bounds them is memory.
    handshakes: Arc<Semaphore>,
    /// Transfers at once, of all clients together. They are not scaled either.
    transfers: Transfers,
    clients: Mutex<HashMap<ClientPrefix, Client>>,
}

#[derive(Debug)]
struct Client {
    /// What it may still spend.
    budget: TokenBucket,
    /// Requests that may be served at once.
    slots: Arc<Semaphore>,
    /// TLS handshakes that may be made at once.
    handshakes: Arc<Semaphore>,
    /// Transfers that may be under way at once.
    transfers: Transfers,
}

/// The right of a request to be served, one slot in each of the client's networks; given back when dropped.
#[derive(Debug, Default)]
pub(super) struct RequestSlots {
    _held: [Option<OwnedSemaphorePermit>; 3],
}

/// The right to make a TLS handshake: one of the client's networks each, and one of all; given back when dropped.
#[derive(Debug)]
pub(super) struct HandshakeSlots {
    _client: [Option<OwnedSemaphorePermit>; 3],
    _all: OwnedSemaphorePermit,
}

impl Default for RequestLimiter {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl RequestLimiter {
    /// Every bound times `scale`; 0 lifts them.
    pub fn new(scale: f64) -> Self {
        let scale = (scale > 0.0).then_some(scale);
        let slot_wait = limits::AT_ONCE_WAIT;
        let handshakes = Arc::new(Semaphore::new(limits::HANDSHAKES));
        let transfers = Transfers::new(limits::UPLOADS, limits::DOWNLOADS);
        let (started, clients) = (Instant::now(), Mutex::default());
        Self { scale, started, slot_wait, handshakes, transfers, clients }
    }

    /// Charges one request to its client.
    ///
    /// # Errors
    /// The client has not enough left: how long until it has. Nothing is charged then.
    pub(super) fn charge(&self, address: IpAddr, cost: Cost) -> Result<(), Duration> {
        let Some(scale) = self.scale else { return Ok(()) };
        let now_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.charge_at(now_us, scale, address, cost)
    }

    fn charge_at(
        &self,
        now_us: u64,
        scale: f64,
        address: IpAddr,
        cost: Cost,
    ) -> Result<(), Duration> {
        let mut clients = self.clients.lock_unpoisoned();
        forget_unspent(&mut clients, now_us);
        for (charged, network) in client_prefixes(address).enumerate() {
            let client = clients.entry(network).or_insert_with(|| Client::new(network, scale));
            let Err(wait_ms) = client.budget.take(rate_of(network, scale), cost.units(), now_us)
            else {
                continue;
            };
            for network in client_prefixes(address).take(charged) {
                if let Some(client) = clients.get(&network) {
                    client.budget.give_back(rate_of(network, scale), cost.units());
                }
            }
            return Err(Duration::from_millis(wait_ms.into()));
        }
        Ok(())
    }

    /// Waits until one more request of the client may be served. What is answered from memory needs no
    /// slot, and neither does what waits in another queue: colleagues who sign in would hold up each other
    /// and everybody else behind the same address.
    ///
    /// # Errors
    /// All slots of the client were taken for too long.
    pub(super) async fn acquire_slots(
        &self,
        address: IpAddr,
        cost: Cost,
    ) -> Result<RequestSlots, ()> {
        let has_no_slot = matches!(cost, Cost::Light | Cost::Queued | Cost::Download);
        let Some(scale) = self.scale.filter(|_| !has_no_slot) else {
            return Ok(RequestSlots::default());
        };
        let mut slots = RequestSlots::default();
        for (slot, network) in slots._held.iter_mut().zip(client_prefixes(address)) {
            let semaphore = self.client(network, scale, |client| client.slots.clone());
            *slot = match semaphore.clone().try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => Some(Box::pin(wait_for_slot(semaphore, self.slot_wait)).await?),
            };
        }
        Ok(slots)
    }

    /// Waits until one more transfer of the client may begin; slow ones give way. It holds none of those of all clients
    /// while it waits for its own. Nobody's are bounded with all others only.
    ///
    /// # Errors
    /// All slots were taken for too long.
    pub(super) async fn acquire_transfer(
        &self,
        client: Option<IpAddr>,
        transfer: Transfer,
        patience: Patience,
    ) -> Result<TransferSlots, NoSlot> {
        let by = tokio::time::Instant::now() + self.slot_wait;
        let take = async |slots: Arc<Slots>| {
            tokio::time::timeout_at(by, slots.take(patience)).await.ok().flatten()
        };
        let mut held = Vec::new();
        if let (Some(address), Some(scale)) = (client, self.scale) {
            for network in client_prefixes(address) {
                let slots = self.client(network, scale, |client| client.transfers.of(transfer));
                held.push(take(slots).await.ok_or(NoSlot::Client)?);
            }
        }
        held.push(take(self.transfers.of(transfer)).await.ok_or(NoSlot::All)?);
        Ok(TransferSlots::begin(held))
    }

    /// Waits until a client may make one more TLS handshake. It holds none of those of all clients while it waits
    /// for its own. The caller bounds the wait. None: the server stops.
    ///
    /// Those of a proxy are bounded with all others only, because they are those of all its clients.
    pub(super) async fn acquire_handshake(&self, client: Option<IpAddr>) -> Option<HandshakeSlots> {
        let mut held = [None, None, None];
        if let (Some(address), Some(scale)) = (client, self.scale) {
            for (slot, network) in held.iter_mut().zip(client_prefixes(address)) {
                let semaphore = self.client(network, scale, |client| client.handshakes.clone());
                *slot = Some(semaphore.acquire_owned().await.ok()?);
            }
        }
        let all = self.handshakes.clone().acquire_owned().await.ok()?;
        Some(HandshakeSlots { _client: held, _all: all })
    }

    fn client<T>(&self, network: ClientPrefix, scale: f64, read: impl Fn(&Client) -> T) -> T {
        let mut clients = self.clients.lock_unpoisoned();
        read(clients.entry(network).or_insert_with(|| Client::new(network, scale)))
    }
}

impl Client {
    fn new(network: ClientPrefix, scale: f64) -> Self {
        let at_once = |most: usize| {
            let most = (most * network.share()) as f64 * scale;
            (most.max(1.0) as usize).min(Semaphore::MAX_PERMITS)
        };
        Self {
            budget: TokenBucket::default(),
            slots: Arc::new(Semaphore::new(at_once(limits::AT_ONCE))),
            handshakes: Arc::new(Semaphore::new(at_once(limits::HANDSHAKES_PER_ADDRESS))),
            transfers: Transfers::new(
                at_once(limits::UPLOADS_PER_ADDRESS),
                at_once(limits::DOWNLOADS_PER_ADDRESS),
            ),
        }
    }

    /// Whether a request, a handshake or a transfer holds one of its slots, or waits for one.
    fn is_in_use(&self) -> bool {
        let others = [&self.slots, &self.handshakes];
        self.transfers.are_in_use() || others.into_iter().any(|slots| Arc::strong_count(slots) > 1)
    }

    /// Whether forgetting it changes nothing.
    fn is_unspent(&self, now_us: u64) -> bool {
        self.budget.is_full(now_us) && !self.is_in_use()
    }
}

async fn wait_for_slot(
    semaphore: Arc<Semaphore>,
    most: Duration,
) -> Result<OwnedSemaphorePermit, ()> {
    let waiting = tokio::time::timeout(most, semaphore.acquire_owned());
    waiting.await.map_err(|_| ())?.map_err(|_| ())
}

/// What the clients of a network may spend together.
fn rate_of(network: ClientPrefix, scale: f64) -> Rate {
    let times = network.share() as f64 * scale;
    Rate { at_once: f64::from(limits::BURST) * times, per_second: f64::from(limits::RATE) * times }
}

/// Keeps the table bounded. Clients that have spent nothing are forgotten first, which changes nothing.
fn forget_unspent(clients: &mut HashMap<ClientPrefix, Client>, now_us: u64) {
    if clients.len() >= limits::CLIENTS {
        clients.retain(|_, client| !client.is_unspent(now_us));
    }
    if clients.len() >= limits::CLIENTS {
        // So many clients at once are not the flood of a single one: all start anew.
        clients.retain(|_, client| client.is_in_use());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// How many requests of that cost pass at one moment.
    fn passing(limiter: &RequestLimiter, now: u64, from: &str, cost: Cost) -> u32 {
        let mut passed = 0;
        while limiter.charge_at(now, 1.0, address(from), cost).is_ok() {
            passed += 1;
        }
        passed
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds_and_the_wait_is_named() {
        let limiter = RequestLimiter::default();
        assert_eq!(
            passing(&limiter, 0, "192.0.2.1", Cost::Call),
            limits::BURST / limits::COST_CALL
        );
        let wait = limiter.charge_at(0, 1.0, address("192.0.2.1"), Cost::Call).unwrap_err();
        let expected = f64::from(limits::COST_CALL) / f64::from(limits::RATE);
        assert!((wait.as_secs_f64() - expected).abs() < 0.001, "{wait:?}");
        let a_second = limits::RATE / limits::COST_LIGHT;
        assert_eq!(passing(&limiter, SECOND, "192.0.2.1", Cost::Light), a_second);
        assert_eq!(passing(&limiter, 2 * SECOND, "192.0.2.1", Cost::Lookup), {
            limits::RATE / limits::COST_LOOKUP
        });
        assert_eq!(passing(&limiter, 3 * SECOND, "192.0.2.1", Cost::Heavy), {
            limits::RATE / limits::COST_HEAVY
        });
        limiter.charge_at(0, 1.0, address("192.0.2.2"), Cost::Call).unwrap();
    }

    #[test]
    fn a_whole_ipv6_network_has_a_few_times_the_bound_of_one_client() {
        let limiter = RequestLimiter::default();
        let one = limits::BURST / limits::COST_CALL;
        let mut all = 0;
        for subnet in 0..200 {
            all += passing(&limiter, 0, &format!("2001:db8:0:{subnet:x}::1"), Cost::Call);
        }
        assert_eq!(all, 2 * one, "a /56 counts as two");
        for subnet in 0..20 {
            all += passing(&limiter, 0, &format!("2001:db8:0:{subnet:x}00::1"), Cost::Call);
        }
        assert_eq!(all, 4 * one, "and a /48 as four");
    }

    #[test]
    fn an_office_of_two_hundred_behind_one_address_loads_the_page_and_signs_in_within_a_minute() {
        let limiter = RequestLimiter::default();
        // A person: connections and files, some pictures of colleagues, and thirty calls.
        let person: Vec<_> = [(Cost::Light, 106), (Cost::Lookup, 20), (Cost::Call, 30)]
            .into_iter()
            .flat_map(|(cost, count)| std::iter::repeat_n(cost, count))
            .collect();
        for _ in 0..200 {
            for cost in &person {
                limiter.charge_at(0, 1.0, address("192.0.2.1"), *cost).unwrap();
            }
        }
    }

    #[test]
    fn the_table_is_bounded_and_forgets_only_who_has_nothing_spent() {
        let limiter = RequestLimiter::default();
        let busy = address("192.0.2.1");
        while limiter.charge_at(0, 1.0, busy, Cost::Heavy).is_ok() {}
        for each in 0..u32::try_from(limits::CLIENTS).unwrap() + 10 {
            let other = std::net::Ipv4Addr::from_bits(0x0a00_0000 + each).into();
            limiter.charge_at(u64::from(each) * SECOND / 10_000, 1.0, other, Cost::Light).unwrap();
        }
        assert!(limiter.clients.lock().unwrap().len() <= limits::CLIENTS);
        assert!(limiter.charge_at(10 * SECOND, 1.0, busy, Cost::Call).is_ok());
        assert!(passing(&limiter, 10 * SECOND, "192.0.2.1", Cost::Light) < limits::BURST);
    }

    #[tokio::test]
    async fn so_many_requests_of_a_client_are_served_at_once_and_the_next_waits_for_a_while() {
        let slot_wait = Duration::from_millis(50);
        let limiter = RequestLimiter { slot_wait, ..RequestLimiter::default() };
        let (busy, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let mut held = Vec::new();
        for _ in 0..limits::AT_ONCE {
            held.push(limiter.acquire_slots(busy, Cost::Call).await.unwrap());
        }
        limiter.acquire_slots(busy, Cost::Light).await.unwrap();
        limiter.acquire_slots(busy, Cost::Queued).await.unwrap();
        limiter.acquire_slots(other, Cost::Call).await.unwrap();
        let began = Instant::now();
        assert!(limiter.acquire_slots(busy, Cost::Call).await.is_err());
        assert!(began.elapsed() >= slot_wait);
        let waiting = limiter.acquire_slots(busy, Cost::Call);
        let free = async {
            tokio::task::yield_now().await;
            drop(held.pop());
        };
        assert!(tokio::join!(waiting, free).0.is_ok());
    }

    #[tokio::test]
    async fn all_clients_together_make_so_many_handshakes_at_once_and_the_next_one_waits() {
        let limiter = RequestLimiter::default();
        let client = |n: usize| Some(IpAddr::from([192, 0, 2, u8::try_from(n).unwrap()]));
        let mut held = Vec::new();
        for n in 0..limits::HANDSHAKES / limits::HANDSHAKES_PER_ADDRESS {
            for _ in 0..limits::HANDSHAKES_PER_ADDRESS {
                held.push(limiter.acquire_handshake(client(n)).await.unwrap());
            }
        }
        let soon = Duration::from_millis(50);
        for next in [client(250), None] {
            let waiting = tokio::time::timeout(soon, limiter.acquire_handshake(next));
            assert!(waiting.await.is_err(), "{next:?}");
        }
        held.pop();
        assert!(limiter.acquire_handshake(None).await.is_some(), "a proxy has no bound of its own");
        // Who waits for its own client's turn holds none of all.
        let own = tokio::time::timeout(soon, limiter.acquire_handshake(client(0)));
        assert!(own.await.is_err());
        assert!(limiter.acquire_handshake(client(250)).await.is_some());
    }

    #[tokio::test]
    async fn transfers_have_slots_of_their_own_of_a_client_and_of_all() {
        let slot_wait = Duration::from_millis(50);
        let limiter = RequestLimiter { slot_wait, ..RequestLimiter::default() };
        let client = |n: usize| Some(IpAddr::from([192, 0, 2, u8::try_from(n).unwrap()]));
        for (transfer, most, all) in [
            (Transfer::Upload, limits::UPLOADS_PER_ADDRESS, limits::UPLOADS),
            (Transfer::Download, limits::DOWNLOADS_PER_ADDRESS, limits::DOWNLOADS),
        ] {
            let mut held = Vec::new();
            for n in 0..all / most {
                for _ in 0..most {
                    held.push(
                        limiter
                            .acquire_transfer(client(n), transfer, Patience::default())
                            .await
                            .unwrap(),
                    );
                }
                if n == 0 {
                    let refused =
                        limiter.acquire_transfer(client(0), transfer, Patience::default()).await;
                    assert_eq!(refused.unwrap_err(), NoSlot::Client);
                }
            }
            for next in [client(250), None] {
                let refused = limiter.acquire_transfer(next, transfer, Patience::default()).await;
                assert_eq!(refused.unwrap_err(), NoSlot::All, "{next:?}");
            }
            limiter.acquire_slots(address("192.0.2.0"), Cost::Call).await.unwrap();
            let waiting = limiter.acquire_transfer(client(0), transfer, Patience::default());
            let free = async {
                tokio::task::yield_now().await;
                drop(held.remove(0));
            };
            assert!(tokio::join!(waiting, free).0.is_ok(), "one of the client's own is free");
        }
        // What is lifted is what each client may have; what all have together is memory.
        let lifted = RequestLimiter { slot_wait, ..RequestLimiter::new(0.0) };
        let mut held = Vec::new();
        for _ in 0..limits::UPLOADS {
            let transfer =
                lifted.acquire_transfer(client(0), Transfer::Upload, Patience::default());
            held.push(transfer.await.unwrap());
        }
        let refused = lifted.acquire_transfer(client(0), Transfer::Upload, Patience::default());
        assert!(refused.await.is_err());
    }

    #[tokio::test]
    async fn a_scale_of_zero_lifts_every_bound_and_a_larger_one_widens_it() {
        let (lifted, wide) = (RequestLimiter::new(0.0), RequestLimiter::new(2.0));
        let from = address("192.0.2.1");
        for _ in 0..2 * limits::BURST / limits::COST_HEAVY {
            lifted.charge(from, Cost::Heavy).unwrap();
            wide.charge_at(0, 2.0, from, Cost::Heavy).unwrap();
        }
        lifted.charge(from, Cost::Heavy).unwrap();
        wide.charge_at(0, 2.0, from, Cost::Heavy).unwrap_err();
        assert!(lifted.clients.lock().unwrap().is_empty());
    }
}
