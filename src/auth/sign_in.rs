//! Signing in.
//!
//! An unknown name takes the same time and gets the same answer as a wrong password: a salt made from a secret and the
//! name, a full computation, one error.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::credentials::{ALGORITHM, Credentials, Kdf, check_device, decode};
use super::device_cookie::DeviceCookies;
use super::fair_queue::Client;
use super::login_throttle::KnownBy;
use super::password_hasher::{matches, new_params};
use super::secret::{digest, new_token};
use super::state::Auth;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::auth::{ITERATIONS, SESSION_LIFE, SESSIONS};
use crate::base::names;
use crate::base::time::{millis, now_ms};
use crate::store::accounts::{
    AccountKeys, AuthSlot, Invite, KdfParams, LoginRecord, NewSession, Scope, SessionKind,
    StretchParams,
};

/// Where a sign-in comes from.
#[derive(Debug, Clone, Copy)]
pub struct SignInSource<'a> {
    /// The address.
    pub peer: IpAddr,
    /// The cookie by which a browser shows that it has signed in before; empty without one.
    pub device_cookie: &'a str,
}

/// A new session.
pub struct SignedIn {
    /// The user.
    pub uid: Uid,
    /// What the client's wrapping key needs, base64url.
    pub share: String,
    /// The session's token, which is shown only once.
    pub token: String,
    /// The cookie by which the browser shows from now on that it has signed in before.
    pub device_cookie: String,
    /// Whether the default rooms know the user.
    pub has_joined: bool,
    /// The session.
    pub session: SessionId,
    /// When it began.
    pub created_at: i64,
    /// What it calls its device.
    pub device: String,
    /// The keys of the user, if there are any.
    pub keys: Option<AccountKeys>,
    /// Sessions that ended because there were too many: their sockets are the caller's matter.
    pub ended: Vec<SessionId>,
    /// The invitation that let the user in; its rooms are the caller's matter.
    pub invite: Option<Invite>,
}

/// What a new session is made of besides the password.
pub(super) struct SessionDetails<'a> {
    label: &'a str,
    scope: Scope,
    device_cookie: &'a str,
}

impl<'a> SessionDetails<'a> {
    /// A program that asks for the token gets one that neither administrates nor changes how the
    /// account is signed in to.
    pub fn new(label: &'a str, wants_token: bool, from: SignInSource<'a>) -> Self {
        let scope = if wants_token { Scope::Write } else { Scope::Full };
        Self { label, scope, device_cookie: from.device_cookie }
    }
}

impl Auth {
    /// The salt of a name, made up if nobody has it.
    ///
    /// # Errors
    /// `rate_limited`, `unavailable`.
    pub async fn prelogin(&self, username: &str, peer: IpAddr) -> Result<Kdf> {
        let key = names::key(username);
        let known = self.find_record(&key, peer).await?.map(|record| record.slot.kdf);
        let made_up = self.made_up_salt(&key)?;
        let kdf = known.unwrap_or_else(|| KdfParams {
            alg: ALGORITHM.to_owned(),
            salt: made_up,
            iterations: ITERATIONS,
        });
        Ok(Kdf::new(&kdf))
    }

    /// Signs somebody in.
    ///
    /// # Errors
    /// `bad_credentials`, the same for an unknown name; `rate_limited`.
    pub async fn login(
        &self,
        credentials: Credentials,
        from: SignInSource<'_>,
    ) -> Result<SignedIn> {
        let auth = decode("auth", &credentials.auth)?;
        let device = check_device(credentials.device)?;
        let key = names::key(&credentials.username);
        let record = self.find_record(&key, from.peer).await?;
        let known = record.as_ref().and_then(|record| {
            self.device_cookies(record.uid, &record.slot).find(from.device_cookie)
        });
        let by = known.map_or(KnownBy::Address, KnownBy::Device);
        let account = digest(&key);
        let client = self.login_throttle.client(&account, from.peer, by);
        let checking = self.check_credentials(&key, record, auth, client);
        let (record, share) = self.login_throttle.guard(account, from.peer, by, checking).await?;
        let details = SessionDetails::new(&device, credentials.token, from);
        let started = self.start_session(record.uid, &record.slot, &share, details).await?;
        Ok(SignedIn { has_joined: record.has_joined, ..started })
    }

    /// The cookie by which a browser of this user shows that it has signed in before; for one that
    /// has just set another password.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn renew_device_cookie(&self, uid: Uid, cookie: &str) -> Result<Option<String>> {
        let record = self.store.login_record_of(uid).await?;
        record.map(|record| self.device_cookies(uid, &record.slot).renew(cookie)).transpose()
    }

    fn device_cookies<'a>(&'a self, uid: Uid, slot: &'a AuthSlot) -> DeviceCookies<'a> {
        DeviceCookies { secret: &self.instance.salt_secret, uid, salt: &slot.stretch.salt }
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
            None => StretchParams { salt: self.made_up_salt(key)?, ..new_params()? },
        };
        let stretched = self.hasher.hash(auth, params, client).await?;
        let record = record.ok_or_else(wrong)?;
        if !matches(&stretched.verifier, &record.slot.verifier) || record.is_disabled {
            return Err(wrong());
        }
        Ok((record, stretched.share))
    }

    /// Starts a session of a user who proved that they know the password.
    pub(super) async fn start_session(
        &self,
        uid: Uid,
        slot: &AuthSlot,
        share: &[u8; 32],
        details: SessionDetails<'_>,
    ) -> Result<SignedIn> {
        let (token, digest) = new_token()?;
        let device_cookie = self.device_cookies(uid, slot).renew(details.device_cookie)?;
        let new = NewSession {
            digest: &digest,
            label: details.label,
            scope: details.scope,
            expires_at: now_ms().saturating_add(millis(SESSION_LIFE)),
        };
        let started = self.store.sign_in(uid, &slot.verifier, &new).await?.ok_or_else(wrong)?;
        let ended = self.store.trim_sessions(uid, SessionKind::Browser, SESSIONS).await?;
        self.sessions.end(&ended);
        Ok(SignedIn {
            uid,
            share: URL_SAFE_NO_PAD.encode(share),
            token,
            device_cookie,
            has_joined: false,
            session: started.id,
            created_at: started.created_at,
            device: details.label.to_owned(),
            keys: started.keys,
            ended,
            invite: None,
        })
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

fn wrong() -> Error {
    Error::new(Code::BadCredentials, "Wrong user name or password.")
}
