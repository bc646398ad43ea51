//! Slows down guessing of passwords without slowing down the owner of the account.
//!
//! Wrong passwords count by account and network, so guesses from elsewhere do not concern the owner. A browser that has
//! signed in before has a count of its own. Only if very many networks guess the password of one account, or one
//! network those of very many accounts, do the attempts of strangers queue there: a right password then waits a little
//! and passes. Decision 21 says why.

use std::collections::HashMap;
use std::future::Future;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use sha2::{Digest as _, Sha256};

use super::attempt_queue::{AttemptQueues, AttemptTurn, Party};
use super::device_cookie::DeviceId;
use super::fair_queue::Client;
use super::rate_limit::{Attempt, RateLimit};
use crate::base::error::{Code, Result};
use crate::base::ids::SessionId;
use crate::base::limits::auth as limits;
use crate::base::lock::MutexExt as _;
use crate::base::net::sign_in_networks;

/// An account by the digest of its name: a name in a request can be long.
pub(super) type Account = [u8; 32];

/// How somebody who tries a password is recognised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KnownBy {
    /// A browser that has signed in to this account before.
    Device(DeviceId),
    /// A session of this account.
    Session(SessionId),
    /// Only by the address.
    Address,
}

/// Counts wrong passwords.
pub(super) struct LoginThrottle {
    /// By account and network: the address, its site, its block.
    by_network: [RateLimit<(Account, IpAddr)>; 3],
    by_device: RateLimit<[u8; 32]>,
    of_strangers: RateLimit<Account>,
    /// By account and block, remembered for longer: in a queue the fewest failures come first.
    recent: RateLimit<(Account, IpAddr)>,
    of_network: RateLimit<IpAddr>,
    known: KnownNetworks,
    queues: Arc<AttemptQueues>,
}

/// What an attempt has taken of the limits until its outcome is known.
struct Held<'a> {
    network: Option<[Attempt<'a, (Account, IpAddr)>; 3]>,
    device: Option<Attempt<'a, [u8; 32]>>,
    turns: Vec<AttemptTurn>,
}

impl LoginThrottle {
    pub fn new(scale: f64) -> Self {
        let period = limits::FAILURES_PERIOD;
        Self {
            by_network: [
                RateLimit::new(limits::FAILURES, period, scale).with_growing_delay(),
                RateLimit::new(limits::FAILURES_OF_SITE, period, scale),
                RateLimit::new(limits::FAILURES_OF_BLOCK, period, scale),
            ],
            by_device: RateLimit::new(limits::FAILURES_OF_DEVICE, period, scale)
                .with_growing_delay(),
            of_strangers: RateLimit::new(limits::FAILURES_OF_STRANGERS, period, scale),
            recent: RateLimit::new(limits::FAILURES_OF_LATE, limits::LATE, scale),
            of_network: RateLimit::new(limits::FAILURES_OF_NETWORK, period, scale),
            known: KnownNetworks::default(),
            queues: Arc::default(),
        }
    }

    /// The client of the password queue for somebody who tries a password of this account.
    pub fn client(&self, account: &Account, peer: IpAddr, by: KnownBy) -> Client {
        let [line, ..] = sign_in_networks(peer);
        let is_known = by != KnownBy::Address || self.known.has(account, line);
        Client { is_known, ..Client::stranger(peer) }
    }

    /// Checks a password unless too many were wrong before. Only `bad_credentials` counts as wrong: an outage must not
    /// slow anybody down once it is over.
    ///
    /// # Errors
    /// `rate_limited`, and those of `checking`.
    pub async fn guard<T>(
        &self,
        account: Account,
        peer: IpAddr,
        by: KnownBy,
        checking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let networks = sign_in_networks(peer);
        let is_stranger = by == KnownBy::Address && !self.known.has(&account, networks[0]);
        let mut held = self.hold(account, networks, by)?;
        if by == KnownBy::Address {
            self.wait_in_queues(&mut held, account, networks, is_stranger).await?;
        }
        let checked = checking.await;
        match &checked {
            Ok(_) => self.known.insert(account, networks[0]),
            Err(error) if error.code() == Code::BadCredentials => {
                held.count();
                if by == KnownBy::Address {
                    self.of_network.count(networks[0]);
                    self.recent.count((account, networks[2]));
                }
                if is_stranger {
                    self.of_strangers.count(account);
                }
            }
            Err(_) => {}
        }
        checked
    }

    fn hold(&self, account: Account, networks: [IpAddr; 3], by: KnownBy) -> Result<Held<'_>> {
        let mut held = Held { network: None, device: None, turns: Vec::new() };
        let device = match by {
            KnownBy::Device(id) => Some(key(&account, b"device", &id)),
            KnownBy::Session(id) => Some(key(&account, b"session", &id.0.to_be_bytes())),
            KnownBy::Address => None,
        };
        match device {
            Some(device) => held.device = Some(self.by_device.begin(device)?),
            None => {
                let [address, site, block] = &self.by_network;
                held.network = Some([
                    address.begin((account, networks[0]))?,
                    site.begin((account, networks[1]))?,
                    block.begin((account, networks[2]))?,
                ]);
            }
        }
        Ok(held)
    }

    async fn wait_in_queues(
        &self,
        held: &mut Held<'_>,
        account: Account,
        [address, _, block]: [IpAddr; 3],
        is_stranger: bool,
    ) -> Result<()> {
        let failures = self.recent.used(&(account, block));
        if self.of_network.is_used_up(&address) {
            let attacked = Party::Network(address);
            held.turns.push(self.queues.wait(attacked, Party::Account(account), failures).await?);
        }
        if is_stranger && self.of_strangers.is_used_up(&account) {
            let attacked = Party::Account(account);
            held.turns.push(self.queues.wait(attacked, Party::Network(block), failures).await?);
        }
        Ok(())
    }
}

impl Held<'_> {
    fn count(self) {
        self.network.into_iter().flatten().for_each(Attempt::count);
        self.device.into_iter().for_each(Attempt::count);
        self.turns.into_iter().for_each(AttemptTurn::pause);
    }
}

fn key(account: &Account, kind: &[u8], id: &[u8]) -> [u8; 32] {
    Sha256::new().chain_update(account).chain_update(kind).chain_update(id).finalize().into()
}

/// Networks from which somebody has signed in to an account. The table is bounded; a network that is forgotten only
/// counts as a stranger again.
#[derive(Default)]
struct KnownNetworks {
    since: Mutex<HashMap<(Account, IpAddr), Instant>>,
}

impl KnownNetworks {
    fn has(&self, account: &Account, network: IpAddr) -> bool {
        let since = self.since.lock_unpoisoned();
        since.get(&(*account, network)).is_some_and(is_recent)
    }

    fn insert(&self, account: Account, network: IpAddr) {
        let mut since = self.since.lock_unpoisoned();
        if since.len() >= limits::KNOWN_NETWORKS {
            since.retain(|_, at| is_recent(at));
        }
        if since.len() >= limits::KNOWN_NETWORKS {
            since.clear();
        }
        since.insert((account, network), Instant::now());
    }
}

fn is_recent(at: &Instant) -> bool {
    at.elapsed() < limits::KNOWN_NETWORK
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::error::Error;

    async fn attempt(throttle: &LoginThrottle, address: &str, is_right: bool) -> Result<()> {
        let checking = async {
            match is_right {
                true => Ok(()),
                false => Err(Error::new(Code::BadCredentials, "Wrong.")),
            }
        };
        throttle.guard([1; 32], address.parse().unwrap(), KnownBy::Address, checking).await
    }

    #[tokio::test]
    async fn the_addresses_of_one_block_have_a_bound_together_and_other_blocks_do_not() {
        let throttle = LoginThrottle::new(1.0);
        for n in 0..limits::FAILURES_OF_BLOCK {
            let address = format!("192.0.2.{n}");
            // Known ones do not take turns.
            attempt(&throttle, &address, true).await.unwrap();
            let wrong = attempt(&throttle, &address, false).await.unwrap_err();
            assert_eq!(wrong.code(), Code::BadCredentials);
        }
        let refused = attempt(&throttle, "192.0.2.254", true).await.unwrap_err();
        assert_eq!(refused.code(), Code::RateLimited);
        attempt(&throttle, "192.0.3.1", true).await.unwrap();
    }

    #[tokio::test]
    async fn right_passwords_and_outages_count_for_nothing_however_many_there_are() {
        let throttle = LoginThrottle::new(1.0);
        for _ in 0..100 {
            attempt(&throttle, "192.0.2.1", true).await.unwrap();
            let outage = async { Err::<(), _>(Error::new(Code::Unavailable, "Away.")) };
            let peer = "192.0.2.1".parse().unwrap();
            let error = throttle.guard([1; 32], peer, KnownBy::Address, outage).await.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable);
        }
    }

    #[tokio::test]
    async fn wrong_passwords_are_remembered_for_a_day_up_to_a_bound() {
        let throttle = LoginThrottle::new(1.0);
        let used = || throttle.recent.used(&([1; 32], "192.0.2.0".parse().unwrap()));
        for n in 0..limits::FAILURES_OF_LATE + 5 {
            attempt(&throttle, &format!("192.0.2.{n}"), false).await.unwrap_err();
        }
        assert!((used() - f64::from(limits::FAILURES_OF_LATE)).abs() < 0.1, "{}", used());
        assert_eq!(throttle.recent.used(&([1; 32], "192.0.3.0".parse().unwrap())), 0.0);
    }

    #[test]
    fn no_more_networks_are_remembered_than_may_be() {
        let known = KnownNetworks::default();
        for n in 0..limits::KNOWN_NETWORKS as u32 + 10 {
            known.insert([1; 32], IpAddr::V4(n.into()));
        }
        assert!(known.since.lock().unwrap().len() <= limits::KNOWN_NETWORKS);
        assert!(known.has(&[1; 32], IpAddr::V4((limits::KNOWN_NETWORKS as u32 + 9).into())));
    }
}
