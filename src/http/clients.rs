//! How much one client may ask: so much work in a time, and so much of it at once.
//!
//! Every request has a cost, which each network of the client pays; what it has spent comes back steadily.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::base::bucket::Bucket;
use crate::base::limits::Rate;
use crate::base::limits::http as limits;
use crate::base::lock::MutexExt as _;
use crate::base::net::{ClientPrefix, client_prefixes};

/// What a request costs the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// Answered out of memory, without a wait: files of the page, `/health`.
    Light,
    /// One look into the database: a picture.
    Lookup,
    /// A call of the interface.
    Call,
    /// A call that waits for its turn in a queue of its own, networks in turns: signing in.
    Queued,
    /// A page about all of the server: `/metrics`, `/ready`.
    Heavy,
}

impl Cost {
    fn units(self) -> f64 {
        let units = match self {
            Self::Light => limits::COST_LIGHT,
            Self::Lookup => limits::COST_LOOKUP,
            Self::Call | Self::Queued => limits::COST_CALL,
            Self::Heavy => limits::COST_HEAVY,
        };
        f64::from(units)
    }
}

/// All clients of all listeners.
#[derive(Debug)]
pub struct Clients {
    /// Nothing if limits are lifted.
    scale: Option<f64>,
    started: Instant,
    /// How long one more request waits for its turn.
    turn_wait: Duration,
    known: Mutex<HashMap<ClientPrefix, Client>>,
}

#[derive(Debug)]
struct Client {
    /// What it may still ask for.
    asking: Bucket,
    /// Requests that may be worked on at once.
    slots: Arc<Semaphore>,
}

/// The right to be worked on, in each of the client's networks; given back when dropped.
#[derive(Debug, Default)]
pub(super) struct Slots {
    _held: [Option<OwnedSemaphorePermit>; 3],
}

impl Default for Clients {
    fn default() -> Self {
        Self::new(1.0)
    }
}

impl Clients {
    /// Every bound times `scale`; 0 lifts them.
    pub fn new(scale: f64) -> Self {
        let scale = (scale > 0.0).then_some(scale);
        let turn_wait = limits::AT_ONCE_WAIT;
        Self { scale, started: Instant::now(), turn_wait, known: Mutex::default() }
    }

    /// Pays for one request.
    ///
    /// # Errors
    /// It would be too much: how long until enough has come back. Nothing is paid then.
    pub(super) fn pay(&self, address: IpAddr, cost: Cost) -> Result<(), Duration> {
        let Some(scale) = self.scale else { return Ok(()) };
        let now_us = u64::try_from(self.started.elapsed().as_micros()).unwrap_or(u64::MAX);
        self.pay_at(now_us, scale, address, cost)
    }

    fn pay_at(&self, now_us: u64, scale: f64, address: IpAddr, cost: Cost) -> Result<(), Duration> {
        let mut known = self.known.lock_unpoisoned();
        make_room(&mut known, now_us);
        for (paid, network) in client_prefixes(address).enumerate() {
            let client = known.entry(network).or_insert_with(|| Client::new(network, scale));
            let Err(wait_ms) = client.asking.take(rate_of(network, scale), cost.units(), now_us)
            else {
                continue;
            };
            for network in client_prefixes(address).take(paid) {
                if let Some(client) = known.get(&network) {
                    client.asking.give_back(rate_of(network, scale), cost.units());
                }
            }
            return Err(Duration::from_millis(wait_ms.into()));
        }
        Ok(())
    }

    /// Waits until the client may have one more request worked on. What is answered out of memory
    /// needs no right, and neither does what waits elsewhere: colleagues who sign in would hold up each other
    /// and everybody else behind the same address.
    ///
    /// # Errors
    /// So many of its requests were being worked on for so long.
    pub(super) async fn enter(&self, address: IpAddr, cost: Cost) -> Result<Slots, ()> {
        let Some(scale) = self.scale.filter(|_| !matches!(cost, Cost::Light | Cost::Queued)) else {
            return Ok(Slots::default());
        };
        let mut slots = Slots::default();
        for (place, network) in slots._held.iter_mut().zip(client_prefixes(address)) {
            let semaphore = self.slots_of(network, scale);
            *place = match semaphore.clone().try_acquire_owned() {
                Ok(permit) => Some(permit),
                Err(_) => Some(Box::pin(wait_for_slot(semaphore, self.turn_wait)).await?),
            };
        }
        Ok(slots)
    }

    fn slots_of(&self, network: ClientPrefix, scale: f64) -> Arc<Semaphore> {
        let mut known = self.known.lock_unpoisoned();
        known.entry(network).or_insert_with(|| Client::new(network, scale)).slots.clone()
    }
}

impl Client {
    fn new(network: ClientPrefix, scale: f64) -> Self {
        let most = (limits::AT_ONCE * network.share()) as f64 * scale;
        let most = (most.max(1.0) as usize).min(Semaphore::MAX_PERMITS);
        Self { asking: Bucket::default(), slots: Arc::new(Semaphore::new(most)) }
    }

    /// Whether forgetting it changes nothing.
    fn is_even(&self, now_us: u64) -> bool {
        self.asking.is_full(now_us) && Arc::strong_count(&self.slots) == 1
    }
}

async fn wait_for_slot(
    semaphore: Arc<Semaphore>,
    most: Duration,
) -> Result<OwnedSemaphorePermit, ()> {
    let waiting = tokio::time::timeout(most, semaphore.acquire_owned());
    waiting.await.map_err(|_| ())?.map_err(|_| ())
}

/// What the clients of a network may ask for together.
fn rate_of(network: ClientPrefix, scale: f64) -> Rate {
    let times = network.share() as f64 * scale;
    Rate { at_once: f64::from(limits::BURST) * times, per_second: f64::from(limits::RATE) * times }
}

/// Keeps the table bounded: clients that have nothing spent are forgotten first, which changes nothing.
fn make_room(known: &mut HashMap<ClientPrefix, Client>, now_us: u64) {
    if known.len() >= limits::CLIENTS {
        known.retain(|_, client| !client.is_even(now_us));
    }
    if known.len() >= limits::CLIENTS {
        // So many clients at once are no single one's flood: all may start anew.
        known.retain(|_, client| Arc::strong_count(&client.slots) > 1);
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
    fn passing(clients: &Clients, now: u64, from: &str, cost: Cost) -> u32 {
        let mut passed = 0;
        while clients.pay_at(now, 1.0, address(from), cost).is_ok() {
            passed += 1;
        }
        passed
    }

    #[test]
    fn a_burst_passes_then_the_rate_holds_and_the_wait_is_named() {
        let clients = Clients::default();
        assert_eq!(
            passing(&clients, 0, "192.0.2.1", Cost::Call),
            limits::BURST / limits::COST_CALL
        );
        let wait = clients.pay_at(0, 1.0, address("192.0.2.1"), Cost::Call).unwrap_err();
        let expected = f64::from(limits::COST_CALL) / f64::from(limits::RATE);
        assert!((wait.as_secs_f64() - expected).abs() < 0.001, "{wait:?}");
        let a_second = limits::RATE / limits::COST_LIGHT;
        assert_eq!(passing(&clients, SECOND, "192.0.2.1", Cost::Light), a_second);
        assert_eq!(passing(&clients, 2 * SECOND, "192.0.2.1", Cost::Lookup), {
            limits::RATE / limits::COST_LOOKUP
        });
        assert_eq!(passing(&clients, 3 * SECOND, "192.0.2.1", Cost::Heavy), {
            limits::RATE / limits::COST_HEAVY
        });
        clients.pay_at(0, 1.0, address("192.0.2.2"), Cost::Call).unwrap();
    }

    #[test]
    fn a_whole_ipv6_network_has_a_few_times_the_bound_of_one_client() {
        let clients = Clients::default();
        let one = limits::BURST / limits::COST_CALL;
        let mut all = 0;
        for subnet in 0..200 {
            all += passing(&clients, 0, &format!("2001:db8:0:{subnet:x}::1"), Cost::Call);
        }
        assert_eq!(all, 2 * one, "a /56 counts as two");
        for subnet in 0..20 {
            all += passing(&clients, 0, &format!("2001:db8:0:{subnet:x}00::1"), Cost::Call);
        }
        assert_eq!(all, 4 * one, "and a /48 as four");
    }

    #[test]
    fn an_office_of_two_hundred_behind_one_address_loads_the_page_and_signs_in_within_a_minute() {
        let clients = Clients::default();
        // A person: connections and files, some pictures of colleagues, and thirty calls.
        let person: Vec<_> = [(Cost::Light, 106), (Cost::Lookup, 20), (Cost::Call, 30)]
            .into_iter()
            .flat_map(|(cost, count)| std::iter::repeat_n(cost, count))
            .collect();
        for _ in 0..200 {
            for cost in &person {
                clients.pay_at(0, 1.0, address("192.0.2.1"), *cost).unwrap();
            }
        }
    }

    #[test]
    fn the_table_is_bounded_and_forgets_only_who_has_nothing_spent() {
        let clients = Clients::default();
        let busy = address("192.0.2.1");
        while clients.pay_at(0, 1.0, busy, Cost::Heavy).is_ok() {}
        for each in 0..u32::try_from(limits::CLIENTS).unwrap() + 10 {
            let other = std::net::Ipv4Addr::from_bits(0x0a00_0000 + each).into();
            clients.pay_at(u64::from(each) * SECOND / 10_000, 1.0, other, Cost::Light).unwrap();
        }
        assert!(clients.known.lock().unwrap().len() <= limits::CLIENTS);
        assert!(clients.pay_at(10 * SECOND, 1.0, busy, Cost::Call).is_ok());
        assert!(passing(&clients, 10 * SECOND, "192.0.2.1", Cost::Light) < limits::BURST);
    }

    #[tokio::test]
    async fn so_many_requests_of_a_client_are_worked_on_at_once_and_the_next_waits_for_a_while() {
        let turn_wait = Duration::from_millis(50);
        let clients = Clients { turn_wait, ..Clients::default() };
        let (busy, other) = (address("192.0.2.1"), address("192.0.2.2"));
        let mut held = Vec::new();
        for _ in 0..limits::AT_ONCE {
            held.push(clients.enter(busy, Cost::Call).await.unwrap());
        }
        clients.enter(busy, Cost::Light).await.unwrap();
        clients.enter(busy, Cost::Queued).await.unwrap();
        clients.enter(other, Cost::Call).await.unwrap();
        let began = Instant::now();
        assert!(clients.enter(busy, Cost::Call).await.is_err());
        assert!(began.elapsed() >= turn_wait);
        let waiting = clients.enter(busy, Cost::Call);
        let free = async {
            tokio::task::yield_now().await;
            drop(held.pop());
        };
        assert!(tokio::join!(waiting, free).0.is_ok());
    }

    #[tokio::test]
    async fn a_scale_of_zero_lifts_every_bound_and_a_larger_one_widens_it() {
        let (lifted, wide) = (Clients::new(0.0), Clients::new(2.0));
        let from = address("192.0.2.1");
        for _ in 0..2 * limits::BURST / limits::COST_HEAVY {
            lifted.pay(from, Cost::Heavy).unwrap();
            wide.pay_at(0, 2.0, from, Cost::Heavy).unwrap();
        }
        lifted.pay(from, Cost::Heavy).unwrap();
        wide.pay_at(0, 2.0, from, Cost::Heavy).unwrap_err();
        assert!(lifted.known.lock().unwrap().is_empty());
    }
}
