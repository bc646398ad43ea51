//! Who you are: passwords, sessions, tokens, rate limits.
//!
//! The server never sees a password. A client sends AUTH, which costs it a million rounds; the
//! server stretches that with Argon2id and keeps a verifier of the result (`e2ee.md` 4.2, 4.3).
//! Whoever knows it gets a token of 256 random bits, of which only the SHA-256 is kept.

mod change;
mod device;
mod fair_queue;
mod guesses;
mod invite;
mod password;
mod rate_limit;
mod session;
mod sign_in;
mod ticket;
mod token;
mod turns;

pub use crate::store::accounts::{
    Invite, InviteFilter, Maker, Scope, SessionInfo, SessionKind, Switched, TicketRecord,
};
pub use change::{NewPassword, Prepared, Proof};
pub use invite::InviteWish;
pub use password::Hashing;
pub use rate_limit::RateLimit;
pub use session::{Session, digest, new_token};
pub use sign_in::{Credentials, Kdf, NewAccount, Origin, SignedIn};
pub use ticket::IssuedTicket;
pub use token::{IssuedToken, TokenWish};

use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::base::error::Result;
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::auth as limits;
use crate::base::limits::rooms::{BLOCK_CHANGES_PER_HOUR, DIRECT_PER_HOUR, MADE_PER_HOUR};
use crate::base::lock::MutexExt as _;
use crate::base::names as name;
use crate::base::net::sign_in_networks;
use crate::base::principal::Principal;
use crate::base::time::{millis, now_ms};
use crate::settings::Settings;
use crate::store::accounts::{AccountStore, Instance};

use fair_queue::{Bounds, Client, FairQueue, Permit};
use guesses::Guesses;
use password::Stretcher;
use session::Sessions;

/// Iterations new passwords get in the browser.
const ITERATIONS: u32 = 1_000_000;

/// The one who knows.
pub struct Auth {
    store: AccountStore,
    settings: Arc<Settings>,
    instance: Instance,
    stretcher: Stretcher,
    sessions: Sessions,
    setup_code: Mutex<Option<String>>,
    /// What people who are not signed in ask the account store.
    lookups: Arc<FairQueue>,
    guesses: Guesses,
    /// By the address, its site and its block.
    registrations: [RateLimit<IpAddr>; 3],
    /// Tickets and invitations that are not good.
    bad_links: RateLimit<IpAddr>,
    inviting: RateLimit<Uid>,
    /// Rooms made, and direct ones begun.
    making: [RateLimit<Uid>; 2],
    blocking: RateLimit<Uid>,
}

impl Auth {
    /// Reads what the installation made up at its first start; makes a setup code while there is no
    /// administrator. `scale` multiplies every rate limit; 0 lifts them.
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
        let setup_code =
            if store.has_admin().await? { None } else { Some(session::new_token()?.0) };
        Ok(Arc::new(Self {
            instance: store.instance().await?,
            settings,
            store,
            stretcher: Stretcher::new(),
            sessions: Sessions::default(),
            setup_code: Mutex::new(setup_code),
            lookups: FairQueue::new(lookups),
            guesses: Guesses::new(scale),
            registrations: [registrations(1), registrations(2), registrations(4)],
            bad_links: RateLimit::new(limits::BAD_LINKS, limits::BAD_LINKS_PERIOD, scale),
            inviting: RateLimit::new(limits::INVITES_PER_HOUR, hour, scale),
            making: [MADE_PER_HOUR, DIRECT_PER_HOUR].map(|most| RateLimit::new(most, hour, scale)),
            blocking: RateLimit::new(BLOCK_CHANGES_PER_HOUR, hour, scale),
        }))
    }

    /// The settings that administrators change while the server runs.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Takes one of the user's changes of whom he blocks.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn take_block_change(&self, uid: Uid) -> Result<()> {
        self.blocking.take(uid)
    }

    /// The one-time code that makes its user the administrator, while there is none.
    pub fn setup_code(&self) -> Option<String> {
        self.setup_code.lock_unpoisoned().clone()
    }

    /// Counts one more room that the user makes, or a direct one.
    ///
    /// # Errors
    /// `rate_limited`.
    pub fn take_room(&self, uid: Uid, is_direct: bool) -> Result<()> {
        let [rooms, direct] = &self.making;
        if is_direct { direct } else { rooms }.take(uid)
    }

    /// The direct room was there already: it does not count.
    pub fn give_direct_back(&self, uid: Uid) {
        let [_, direct] = &self.making;
        direct.give_back(&uid);
    }

    /// How busy the computation of passwords is.
    pub fn hashing(&self) -> Hashing {
        self.stretcher.busy()
    }

    /// There is an administrator now, whoever made one: the setup code is over.
    pub fn end_setup(&self) {
        *self.setup_code.lock_unpoisoned() = None;
    }

    /// `GET /api/e2ee/info`. The directory's key comes with the directory.
    pub fn encryption_info(&self) -> serde_json::Value {
        json!({
            "instance": URL_SAFE_NO_PAD.encode(self.instance.id),
            "dir_key": null,
            "kdf": {"alg": sign_in::ALGORITHM, "iter": ITERATIONS},
            "suites": [1],
        })
    }

    /// The live session of a token.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn session(&self, token: &str) -> Result<Option<Arc<Session>>> {
        let digest = session::digest(token);
        if let Some(session) = self.sessions.get(&digest) {
            return Ok(Some(session));
        }
        let (moment, now, asked_at) = (self.sessions.moment(), now_ms(), Instant::now());
        let Some(row) = self.store.session(&digest, now - millis(limits::SESSION_IDLE)).await?
        else {
            return Ok(None);
        };
        if row.seen_at < now - millis(limits::SESSION_TOUCH) {
            self.store.touch_session(row.id, row.uid).await?;
        }
        let session = Session {
            id: row.id,
            uid: row.uid,
            username: row.username,
            admin: row.is_admin && row.scope.administers(),
            kind: row.kind,
            scope: row.scope,
            expires_at: row.expires_at,
            status: row.status,
            asked_at,
        };
        Ok(self.sessions.put(moment, digest, session))
    }

    /// Whether a session that was live a moment ago still is.
    pub fn is_live(&self, session: &Session) -> bool {
        self.sessions.is_live(session)
    }

    /// Where a user is signed in.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn sessions(&self, uid: Uid) -> Result<Vec<SessionInfo>> {
        self.store.sessions(uid, SessionKind::Browser).await
    }

    /// Ends a session or token of a user; whether there was one. Its sockets are the caller's matter.
    ///
    /// # Errors
    /// `unavailable`: then it lives on.
    pub async fn revoke(&self, uid: Uid, kind: SessionKind, id: SessionId) -> Result<bool> {
        let was_there = self.store.remove_session(uid, kind, id).await?;
        if was_there {
            self.sessions.end(&[id]);
        }
        Ok(was_there)
    }

    /// Ends a user's sessions but one, and with `tokens_too` the personal access tokens; which ones.
    /// Their sockets are the caller's matter.
    ///
    /// # Errors
    /// `unavailable`: then they live on.
    pub async fn end_sessions(
        &self,
        uid: Uid,
        except: Option<SessionId>,
        tokens_too: bool,
    ) -> Result<Vec<SessionId>> {
        let ended = self.store.end_sessions(uid, except, tokens_too).await?;
        self.sessions.end(&ended);
        Ok(ended)
    }

    /// Ends a user's sessions, tokens left out, in an administrator's name; which ones. Their sockets
    /// are the caller's matter.
    ///
    /// # Errors
    /// `forbidden` for somebody who is no administrator any more, `not_found`.
    pub async fn end_sessions_by(&self, by: Principal, uid: Uid) -> Result<Vec<SessionId>> {
        let ended = self.store.end_sessions_by(by, uid).await?;
        self.sessions.end(&ended);
        Ok(ended)
    }

    /// Looks a user up anew at the next request: name or status have changed.
    pub fn forget(&self, uid: Uid) {
        self.sessions.forget(uid);
    }

    /// The same for a user who was shut out or has other rights: also a socket that is being opened
    /// right now with what was looked up before is closed. Open ones are the caller's matter: those that
    /// were looked up no later than the moment this returns.
    pub fn shut(&self, uid: Uid) -> Instant {
        self.sessions.shut(uid)
    }

    /// Ends sessions and tokens that have come to their end; which ones. Their sockets are the
    /// caller's matter.
    ///
    /// # Errors
    /// `unavailable`: then they are ended by the next attempt, and open nothing until then.
    pub async fn end_expired(&self) -> Result<Vec<SessionId>> {
        let now = now_ms();
        let idle_since = now - millis(limits::SESSION_IDLE);
        let ended = self.store.end_expired(now, idle_since, limits::SESSIONS_SWEPT).await?;
        self.sessions.end(&ended);
        Ok(ended)
    }

    /// The right to ask the account store something for somebody who is not signed in: networks take
    /// turns, so that one that asks without pause holds up no other.
    async fn lookup(&self, peer: IpAddr) -> Result<Permit> {
        self.lookups.enter(stranger(peer)).await
    }
}

/// Somebody of whom only the address is known.
fn stranger(peer: IpAddr) -> Client {
    let [address, _, block] = sign_in_networks(peer);
    Client { network: if block.is_ipv6() { block } else { address }, is_known: false }
}

/// The address as it counts for what is bounded by address alone.
fn client_network(peer: IpAddr) -> IpAddr {
    let [address, ..] = sign_in_networks(peer);
    address
}
