//! Who you are: passwords, sessions, tokens, rate limits.
//!
//! The server never sees a password. A client sends AUTH, which costs it a million rounds; the
//! server stretches that with Argon2id and keeps a verifier of the result (`e2ee.md` 4.2, 4.3).
//! Whoever knows it gets a token of 256 random bits, of which only the SHA-256 is kept.

mod change;
mod invite;
mod live;
mod password;
mod rate_limit;
mod session;
mod sign_in;
mod ticket;

pub use crate::store::accounts::{
    Invite, InviteFilter, Maker, SessionInfo, SessionKind, Switched, TicketRecord,
};
pub use change::{NewPassword, Prepared, Proof};
pub use invite::InviteWish;
pub use live::{Live, RoomCreation};
pub use password::Hashing;
pub use rate_limit::RateLimit;
pub use session::{Session, digest, new_token};
pub use sign_in::{Credentials, Kdf, NewAccount, SignedIn};
pub use ticket::IssuedTicket;

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use crate::config::Config;
use crate::error::{Code, Error, Result};
use crate::ids::{SessionId, Uid};
use crate::limits::api::LABEL;
use crate::limits::auth::INVITES_PER_HOUR;
use crate::limits::rooms::{BLOCK_CHANGES_PER_HOUR, DIRECT_PER_HOUR, MADE_PER_HOUR};
use crate::names as name;
use crate::store::accounts::{AccountStore, Authority, Instance};
use crate::store::now_ms;

use live::Settings;
use password::Stretcher;
use session::Sessions;

/// How logins are set up.
#[derive(Debug, Clone)]
pub struct AuthSettings {
    /// Multiplies every limit; 0 lifts them.
    pub rate_limit_scale: f64,
    /// What holds until an administrator chooses otherwise.
    pub defaults: Live,
}

impl AuthSettings {
    /// As the server was started.
    pub fn of(config: &Config) -> Self {
        Self { rate_limit_scale: config.rate_limit_scale, defaults: Live::of(config) }
    }
}

/// Iterations new passwords get in the browser.
const ITERATIONS: u32 = 1_000_000;
/// A browser that was away for longer signs in again.
const IDLE: Duration = Duration::from_secs(90 * 24 * 3600);
/// How often the last use of a session is written down.
const TOUCH: Duration = Duration::from_secs(10 * 60);
/// Sessions, or tokens, of one user; beyond this the oldest end.
const SESSIONS_MAX: usize = 100;

/// The one who knows.
pub struct Auth {
    store: AccountStore,
    settings: Settings,
    instance: Instance,
    stretcher: Stretcher,
    sessions: Sessions,
    setup_code: Mutex<Option<String>>,
    prelogins: RateLimit<IpAddr>,
    logins: RateLimit<IpAddr>,
    /// By the digest of the name: a name in a request can be long.
    failures: RateLimit<[u8; 32]>,
    /// Tickets and invitations that are looked at and used.
    links: RateLimit<IpAddr>,
    inviting: RateLimit<Uid>,
    /// Rooms made, and direct ones begun.
    making: [RateLimit<Uid>; 2],
    blocking: RateLimit<Uid>,
}

impl Auth {
    /// Reads what the installation made up at its first start; makes a setup code while there is no
    /// administrator.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn new(store: AccountStore, settings: AuthSettings) -> Result<Arc<Self>> {
        let scale = settings.rate_limit_scale;
        let minute = Duration::from_secs(60);
        let setup_code =
            if store.has_admin().await? { None } else { Some(session::new_token()?.0) };
        Ok(Arc::new(Self {
            instance: store.instance().await?,
            settings: Settings::new(settings.defaults, store.chosen_settings().await?)?,
            store,
            stretcher: Stretcher::new(),
            sessions: Sessions::default(),
            setup_code: Mutex::new(setup_code),
            prelogins: RateLimit::new(10, minute, scale),
            logins: RateLimit::new(10, minute, scale),
            failures: RateLimit::new(20, 60 * minute, scale).with_growing_delay(),
            links: RateLimit::new(30, minute, scale),
            inviting: RateLimit::new(INVITES_PER_HOUR, 60 * minute, scale),
            making: [MADE_PER_HOUR, DIRECT_PER_HOUR]
                .map(|most| RateLimit::new(most, 60 * minute, scale)),
            blocking: RateLimit::new(BLOCK_CHANGES_PER_HOUR, 60 * minute, scale),
        }))
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
        self.setup_code.lock().unwrap_or_else(PoisonError::into_inner).clone()
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
        *self.setup_code.lock().unwrap_or_else(PoisonError::into_inner) = None;
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
        let Some(row) = self.store.session(&digest, now - millis(IDLE)).await? else {
            return Ok(None);
        };
        if row.seen_at < now - millis(TOUCH) {
            self.store.touch_session(row.id, row.uid).await?;
        }
        let session = Session {
            id: row.id,
            uid: row.uid,
            username: row.username,
            admin: row.is_admin,
            kind: row.kind,
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

    /// A user's personal access tokens.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn tokens(&self, uid: Uid) -> Result<Vec<SessionInfo>> {
        self.store.sessions(uid, SessionKind::Token).await
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
    pub async fn end_sessions_by(&self, by: Authority<'_>, uid: Uid) -> Result<Vec<SessionId>> {
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

    /// A new personal access token, told this once, for who is signed in.
    ///
    /// # Errors
    /// `conflict` if the user has too many, `unauthorized` if the session has just ended.
    pub async fn create_token(&self, by: &Session, label: &str) -> Result<(SessionId, String)> {
        self.check_tokens(by.uid).await?;
        let (token, digest) = session::new_token()?;
        let id = self.store.create_token(by.uid, by.id, &digest, label).await?;
        let ended = || Error::new(Code::Unauthorized, "This session has ended.");
        Ok((id.ok_or_else(ended)?, token))
    }

    async fn check_tokens(&self, uid: Uid) -> Result<()> {
        if self.tokens(uid).await?.len() < SESSIONS_MAX {
            return Ok(());
        }
        Err(Error::new(Code::Conflict, "You have too many tokens. Please delete one first."))
    }

    /// A token for a user by name, for the operator's shell.
    ///
    /// # Errors
    /// `not_found` without such a user.
    pub async fn issue_token(&self, username: &str, label: &str) -> Result<String> {
        let label = crate::text::line("label", label, LABEL)?;
        let found = self.store.user_named(&name::key(username)).await?;
        let uid = found
            .ok_or_else(|| Error::new(Code::NotFound, format!("There is no user {username}.")))?;
        self.check_tokens(uid).await?;
        let (token, digest) = session::new_token()?;
        self.store.create_session(uid, SessionKind::Token, &digest, &label).await?;
        Ok(token)
    }
}

/// What counts as one address: of IPv6 the first half, because whoever has one has them all.
fn neighbourhood(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        v4 => v4,
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_ipv6_network_share_their_attempts() {
        let of = |text: &str| neighbourhood(text.parse().unwrap());
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
        assert_ne!(of("192.0.2.1"), of("192.0.2.2"));
    }
}
