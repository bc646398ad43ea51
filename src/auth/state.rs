//! What signing in is made of, and what it remembers between requests.

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::json;
use sha2::Sha256;

use super::credentials::ALGORITHM;
use super::fair_queue::{Bounds, Client, FairQueue, Permit};
use super::login_throttle::{Account, LoginThrottle};
use super::password_hasher::{HasherLoad, PasswordHasher};
use super::rate_limit::RateLimit;
use super::secret::new_token;
use super::session_cache::SessionCache;
use crate::base::error::{Error, Result};
use crate::base::ids::Uid;
use crate::base::limits::auth as limits;
use crate::base::limits::keys::RECOVERIES;
use crate::base::limits::rooms::{BLOCK_CHANGES_PER_HOUR, DIRECT_PER_HOUR, MADE_PER_HOUR};
use crate::base::lock::MutexExt as _;
use crate::base::net::sign_in_networks;
use crate::settings::Settings;
use crate::store::accounts::{AccountStore, Instance};

/// Everything that signing in needs: the store, the hasher, and what is remembered between requests.
pub struct Auth {
    pub(super) store: AccountStore,
    pub(super) settings: Arc<Settings>,
    pub(super) instance: Instance,
    pub(super) hasher: PasswordHasher,
    pub(super) sessions: SessionCache,
    pub(super) setup_code: Mutex<Option<String>>,
    /// Queries of the account store on behalf of people who are not signed in.
    pub(super) lookups: Arc<FairQueue>,
    pub(super) login_throttle: LoginThrottle,
    /// By address, site and block.
    pub(super) registrations: [RateLimit<IpAddr>; 3],
    /// Tickets and invitations that are not good.
    pub(super) bad_links: RateLimit<IpAddr>,
    /// Recovery codes that are tried for an account from one network.
    pub(super) recoveries: RateLimit<(Account, IpAddr)>,
    pub(super) invite_creations: RateLimit<Uid>,
    /// Rooms that a user makes.
    room_creations: RateLimit<Uid>,
    /// Direct rooms that a user begins.
    direct_creations: RateLimit<Uid>,
    block_changes: RateLimit<Uid>,
}

impl Auth {
    /// Reads the installation's own values, and makes a setup code while there is no administrator. `scale` multiplies
    /// every rate limit; 0 lifts them.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn new(
        store: AccountStore,
        settings: Arc<Settings>,
        scale: f64,
    ) -> Result<Arc<Self>> {
        let registrations = |times| {
            let burst = limits::REGISTRATIONS.saturating_mul(times);
            RateLimit::new(burst, limits::REGISTRATIONS_PERIOD, scale)
        };
        let lookups = Bounds {
            at_once: limits::LOOKUPS,
            waiting_per_network: limits::LOOKUPS_WAITING_PER_NETWORK,
            waiting: limits::LOOKUPS_WAITING,
        };
        let hour = Duration::from_secs(3_600);
        let setup_code = if store.has_admin().await? { None } else { Some(new_token()?.0) };
        Ok(Arc::new(Self {
            instance: store.instance().await?,
            settings,
            store,
            hasher: PasswordHasher::new(),
            sessions: SessionCache::default(),
            setup_code: Mutex::new(setup_code),
            lookups: FairQueue::new(lookups),
            login_throttle: LoginThrottle::new(scale),
            registrations: [registrations(1), registrations(2), registrations(4)],
            bad_links: RateLimit::new(limits::BAD_LINKS, limits::BAD_LINKS_PERIOD, scale),
            recoveries: RateLimit::new(RECOVERIES, hour, scale),
            invite_creations: RateLimit::new(limits::INVITES_PER_HOUR, hour, scale),
            room_creations: RateLimit::new(MADE_PER_HOUR, hour, scale),
            direct_creations: RateLimit::new(DIRECT_PER_HOUR, hour, scale),
            block_changes: RateLimit::new(BLOCK_CHANGES_PER_HOUR, hour, scale),
        }))
    }

    /// The settings that administrators change while the server runs.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Counts one more change of the people a user blocks.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn count_block_change(&self, uid: Uid) -> Result<()> {
        self.block_changes.take(uid)
    }

    /// A digest that only this installation can compute, the same after a restart. What it is for keeps those of
    /// different uses apart.
    ///
    /// # Errors
    /// `internal`.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> Result<[u8; 32]> {
        let secret = &self.instance.salt_secret;
        let mut mac = Hmac::<Sha256>::new_from_slice(secret).map_err(Error::internal)?;
        for part in [b"impulse/derive/1", purpose.as_bytes()].iter().chain(parts) {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        Ok(mac.finalize().into_bytes().into())
    }

    /// The one-time code that makes its user the administrator, while there is none.
    pub fn setup_code(&self) -> Option<String> {
        self.setup_code.lock_unpoisoned().clone()
    }

    /// Counts one more room that the user makes.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn count_room(&self, uid: Uid) -> Result<()> {
        self.room_creations.take(uid)
    }

    /// Counts one more direct room that the user begins.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn count_direct(&self, uid: Uid) -> Result<()> {
        self.direct_creations.take(uid)
    }

    /// Gives back what [`count_direct`](Self::count_direct) counted: the room was there already.
    pub fn return_direct(&self, uid: Uid) {
        self.direct_creations.give_back(&uid);
    }

    /// How many computations of passwords run and wait.
    pub fn hasher_load(&self) -> HasherLoad {
        self.hasher.load()
    }

    /// Invalidates the setup code, because there is an administrator now.
    pub fn end_setup(&self) {
        *self.setup_code.lock_unpoisoned() = None;
    }

    /// Which installation this is.
    pub fn instance(&self) -> [u8; 16] {
        self.instance.id
    }

    /// How passwords become keys in browsers.
    pub fn kdf(&self) -> serde_json::Value {
        json!({"alg": ALGORITHM, "iter": limits::ITERATIONS})
    }

    /// A permit for a query to the account store on behalf of somebody who is not signed in. Networks take turns, so
    /// that a network that sends requests without pause holds up no other.
    ///
    /// # Errors
    /// `rate_limited`, `unavailable`.
    pub async fn lookup(&self, peer: IpAddr) -> Result<Permit> {
        self.lookups.acquire(Client::stranger(peer)).await
    }
}

/// The address as it counts for what is bounded by address alone.
pub(super) fn client_network(peer: IpAddr) -> IpAddr {
    let [address, ..] = sign_in_networks(peer);
    address
}
