//! Registering and logging in.
//!
//! An unknown name costs the same time and gets the same answer as a wrong password: a salt made
//! from a secret and the name, a full computation, one error.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::change::NewPassword;
use super::device::Devices;
use super::fair_queue::Client;
use super::guesses::KnownBy;
use super::password::{self, matches};
use super::{Auth, ITERATIONS, name, session, stranger};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::api::LABEL;
use crate::base::limits::auth::{SESSION_LIFE, SESSIONS};
use crate::base::lock::MutexExt as _;
use crate::base::net::sign_in_networks;
use crate::base::text;
use crate::base::time::{millis, now_ms};
use crate::config::Registration;
use crate::store::accounts::{
    AuthSlot, Invite, InviteUse, KdfParams, LoginRecord, NewSession, NewUser, Scope, SessionKind,
    StretchParams,
};

/// The one algorithm a browser has for this.
pub(super) const ALGORITHM: &str = "pbkdf2-sha256";

/// How to turn a password into AUTH: the answer of `prelogin`.
#[derive(Debug, Serialize)]
pub struct Kdf {
    alg: String,
    salt: String,
    iter: u32,
}

/// The body of `register`.
#[derive(Deserialize)]
pub struct NewAccount {
    username: String,
    alg: String,
    salt: String,
    iter: u32,
    auth: String,
    #[serde(default)]
    setup: Option<String>,
    #[serde(default)]
    invite: Option<String>,
    #[serde(default)]
    device: Option<String>,
    /// The answer shall carry the session's token.
    #[serde(default)]
    pub token: bool,
}

impl NewAccount {
    /// An account the server makes by itself: `auth` as a client would have derived it.
    pub fn made_here(username: &str, salt: [u8; 16], iterations: u32, auth: [u8; 32]) -> Self {
        Self {
            username: username.to_owned(),
            alg: ALGORITHM.to_owned(),
            salt: URL_SAFE_NO_PAD.encode(salt),
            iter: iterations,
            auth: URL_SAFE_NO_PAD.encode(auth),
            setup: None,
            invite: None,
            device: None,
            token: false,
        }
    }
}

/// The body of `login`.
#[derive(Deserialize)]
pub struct Credentials {
    username: String,
    auth: String,
    #[serde(default)]
    device: Option<String>,
    /// The answer shall carry the session's token.
    #[serde(default)]
    pub token: bool,
}

/// By which right somebody registers.
enum WayIn {
    /// Everybody may.
    Open,
    /// The invitation of this digest.
    Invite([u8; 32]),
    /// The code that makes the first administrator.
    Setup(String),
}

/// Where a sign-in comes from.
#[derive(Debug, Clone, Copy)]
pub struct Origin<'a> {
    /// The address.
    pub peer: IpAddr,
    /// The cookie by which a browser shows that it has signed in before; empty without one.
    pub devices: &'a str,
}

/// A new session.
pub struct SignedIn {
    /// Who.
    pub uid: Uid,
    /// What the client's wrapping key needs, base64url.
    pub share: String,
    /// The session's token, told this once.
    pub token: String,
    /// The cookie by which the browser shows from now on that it has signed in before.
    pub devices: String,
    /// Whether the default rooms know the user.
    pub has_joined: bool,
    /// Sessions that ended because there were too many: their sockets are the caller's matter.
    pub ended: Vec<SessionId>,
    /// The invitation that let the user in; its rooms are the caller's matter.
    pub invite: Option<Invite>,
}

/// What a new session is made of besides the password.
struct Entry<'a> {
    device: &'a str,
    scope: Scope,
    devices: &'a str,
}

impl<'a> Entry<'a> {
    /// A program that asks for the token gets one that neither administrates nor changes how the
    /// account is signed in to.
    fn new(device: &'a str, wants_token: bool, from: Origin<'a>) -> Self {
        let scope = if wants_token { Scope::Write } else { Scope::Full };
        Self { device, scope, devices: from.devices }
    }
}

impl Auth {
    /// The salt of a name, made up if nobody has it.
    ///
    /// # Errors
    /// `rate_limited`, `unavailable`.
    pub async fn prelogin(&self, username: &str, peer: IpAddr) -> Result<Kdf> {
        let key = name::key(username);
        let known = self.find_record(&key, peer).await?.map(|record| record.slot.kdf);
        let made_up = self.made_up_salt(&key)?;
        let kdf = known.unwrap_or_else(|| KdfParams {
            alg: ALGORITHM.to_owned(),
            salt: made_up,
            iterations: ITERATIONS,
        });
        Ok(Kdf { alg: kdf.alg, salt: URL_SAFE_NO_PAD.encode(kdf.salt), iter: kdf.iterations })
    }

    /// Makes an account and signs it in.
    ///
    /// # Errors
    /// `bad_request` naming the field, `registration_closed`, `conflict` for a taken name,
    /// `not_found` for an invitation that is not live.
    pub async fn register(&self, new: NewAccount, from: Origin<'_>) -> Result<SignedIn> {
        name::check(&new.username)?;
        let NewAccount { username, alg, salt, iter, auth, setup, invite, device, token } = new;
        let password = NewPassword { alg, salt, iter, auth }.check()?;
        let device = check_device(device)?;
        let way = self.way_in(setup, invite)?;
        for (limit, network) in self.registrations.iter().zip(sign_in_networks(from.peer)) {
            limit.take(network)?;
        }
        let (slot, share) = self.stretch_new(password, stranger(from.peer)).await?;
        let (uid, invite) = self.create(&username, &slot, way).await?;
        let entered = self.enter(uid, &slot, &share, Entry::new(&device, token, from)).await?;
        Ok(SignedIn { invite, ..entered })
    }

    /// Signs somebody in.
    ///
    /// # Errors
    /// `bad_credentials`, the same for an unknown name; `rate_limited`.
    pub async fn login(&self, credentials: Credentials, from: Origin<'_>) -> Result<SignedIn> {
        let auth = decode("auth", &credentials.auth)?;
        let device = check_device(credentials.device)?;
        let key = name::key(&credentials.username);
        let record = self.find_record(&key, from.peer).await?;
        let known = record
            .as_ref()
            .and_then(|record| self.devices(record.uid, &record.slot).find(from.devices));
        let by = known.map_or(KnownBy::Address, KnownBy::Device);
        let account = session::digest(&key);
        let client = self.guesses.client(&account, from.peer, by);
        let checking = self.check_credentials(&key, record, auth, client);
        let (record, share) = self.guesses.guarded(account, from.peer, by, checking).await?;
        let entry = Entry::new(&device, credentials.token, from);
        let entered = self.enter(record.uid, &record.slot, &share, entry).await?;
        Ok(SignedIn { has_joined: record.has_joined, ..entered })
    }

    /// The cookie by which a browser of this user shows that it has signed in before; for one that
    /// has just set another password.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn renew_devices(&self, uid: Uid, cookie: &str) -> Result<Option<String>> {
        let record = self.store.login_record_of(uid).await?;
        record.map(|record| self.devices(uid, &record.slot).renew(cookie)).transpose()
    }

    fn devices<'a>(&'a self, uid: Uid, slot: &'a AuthSlot) -> Devices<'a> {
        Devices { secret: &self.instance.salt_secret, uid, salt: &slot.stretch.salt }
    }

    async fn find_record(&self, key: &str, peer: IpAddr) -> Result<Option<LoginRecord>> {
        let _permit = self.lookup(peer).await?;
        self.store.login_record(key).await
    }

    /// The user of that name, if `auth` is right, and the share. Unknown names cost the same.
    async fn check_credentials(
        &self,
        key: &str,
        record: Option<LoginRecord>,
        auth: [u8; 32],
        client: Client,
    ) -> Result<(LoginRecord, [u8; 32])> {
        let params = match &record {
            Some(record) => record.slot.stretch,
            None => StretchParams { salt: self.made_up_salt(key)?, ..password::new_params()? },
        };
        let stretched = self.stretcher.run(auth, params, client).await?;
        let record = record.ok_or_else(wrong)?;
        if !matches(&stretched.verifier, &record.slot.verifier) || record.is_disabled {
            return Err(wrong());
        }
        Ok((record, stretched.share))
    }

    /// By which right somebody registers, as far as can be told without looking: whether an
    /// invitation is live counts when the account is made.
    fn way_in(&self, setup: Option<String>, invite: Option<String>) -> Result<WayIn> {
        let closed = |text| Err(Error::new(Code::RegistrationClosed, text));
        match (setup, invite, self.settings.current().registration) {
            (Some(code), _, _) if self.is_setup_code(&code) => Ok(WayIn::Setup(code)),
            (Some(_), _, _) => Err(setup_used()),
            (None, _, Registration::Closed) => {
                closed("Registration is closed. Please ask an admin.")
            }
            (None, Some(code), _) => Ok(WayIn::Invite(session::digest(&code))),
            (None, None, Registration::Open) => Ok(WayIn::Open),
            (None, None, Registration::Invite) => {
                closed("You need an invitation to register here.")
            }
        }
    }

    fn is_setup_code(&self, code: &str) -> bool {
        let wanted = self.setup_code.lock_unpoisoned();
        wanted.as_ref().is_some_and(|wanted| matches(wanted.as_bytes(), code.as_bytes()))
    }

    async fn create(
        &self,
        username: &str,
        slot: &AuthSlot,
        way: WayIn,
    ) -> Result<(Uid, Option<Invite>)> {
        let username_key = name::key(username);
        let new = NewUser {
            username,
            username_key: &username_key,
            is_admin: matches!(way, WayIn::Setup(_)),
            display_name: "",
            slot: Some(slot),
        };
        let settings = self.settings.current();
        let invite = match &way {
            WayIn::Setup(code) => return Ok((self.create_first_admin(&new, code).await?, None)),
            WayIn::Invite(digest) => {
                Some(InviteUse { digest, members_invite: settings.member_invites })
            }
            WayIn::Open => None,
        };
        self.store.register_user(&new, settings.users_max, invite).await
    }

    /// The setup code is taken before and put back if that fails, so that of two who use it at once
    /// only one becomes the administrator. Where the command line has made one meanwhile, it is over.
    async fn create_first_admin(&self, new: &NewUser<'_>, code: &str) -> Result<Uid> {
        let take = |place: &mut Option<String>| {
            place.take_if(|wanted| matches(wanted.as_bytes(), code.as_bytes()))
        };
        let place = || self.setup_code.lock_unpoisoned();
        let taken = take(&mut place()).ok_or_else(setup_used)?;
        let making = async {
            if self.store.has_admin().await? {
                Ok(None)
            } else {
                self.store.create_user(new).await.map(Some)
            }
        };
        let made = making.await;
        if made.is_err() {
            *place() = Some(taken);
        }
        made?.ok_or_else(setup_used)
    }

    async fn enter(
        &self,
        uid: Uid,
        slot: &AuthSlot,
        share: &[u8; 32],
        entry: Entry<'_>,
    ) -> Result<SignedIn> {
        let (token, digest) = session::new_token()?;
        let devices = self.devices(uid, slot).renew(entry.devices)?;
        let new = NewSession {
            digest: &digest,
            label: entry.device,
            scope: entry.scope,
            expires_at: now_ms().saturating_add(millis(SESSION_LIFE)),
        };
        self.store.sign_in(uid, &slot.verifier, &new).await?.ok_or_else(wrong)?;
        let ended = self.store.trim_sessions(uid, SessionKind::Browser, SESSIONS).await?;
        self.sessions.end(&ended);
        let share = URL_SAFE_NO_PAD.encode(share);
        Ok(SignedIn { uid, share, token, devices, has_joined: false, ended, invite: None })
    }

    /// Always the same for a name, and nobody without the secret can tell it from a real one.
    fn made_up_salt(&self, key: &str) -> Result<[u8; 16]> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(&self.instance.salt_secret).map_err(Error::internal)?;
        mac.update(key.as_bytes());
        let mut salt = [0; 16];
        for (byte, from) in salt.iter_mut().zip(mac.finalize().into_bytes()) {
            *byte = from;
        }
        Ok(salt)
    }
}

fn setup_used() -> Error {
    Error::new(Code::Forbidden, "This setup link is not valid any more.")
}

fn wrong() -> Error {
    Error::new(Code::BadCredentials, "Wrong user name or password.")
}

pub(super) fn decode<const N: usize>(field: &str, text: &str) -> Result<[u8; N]> {
    let bytes = URL_SAFE_NO_PAD.decode(text).ok();
    let bytes = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.ok_or_else(|| {
        Error::field(field, &format!("must be {N} bytes in base64url without padding"))
    })
}

fn check_device(device: Option<String>) -> Result<String> {
    text::line("device", &device.unwrap_or_default(), LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_spelling_of_bytes_in_base64url_is_taken() {
        assert_eq!(decode::<2>("salt", "_-8").unwrap(), [0xff, 0xef]);
        for other in ["_-8=", "/+8", "_-9", "_-", "_-8A", " _-8", ""] {
            let refused = decode::<2>("salt", other).unwrap_err();
            assert!(refused.message().contains("salt"), "{other:?}");
        }
    }
}
