//! Registering and logging in.
//!
//! An unknown name costs the same time and gets the same answer as a wrong password: a salt made
//! from a secret and the name, a full computation, one error.

use std::future::Future;
use std::net::IpAddr;
use std::sync::PoisonError;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;

use super::change::NewPassword;
use super::password::{self, matches};
use super::{Auth, ITERATIONS, SESSIONS_MAX, name, neighbourhood, session};
use crate::config::Registration;
use crate::error::{Code, Error, Result};
use crate::ids::{SessionId, Uid};
use crate::store::accounts::{
    AuthSlot, Invite, InviteUse, KdfParams, LoginRecord, NewUser, SessionKind, StretchParams,
};

/// The one algorithm a browser has for this.
pub(super) const ALGORITHM: &str = "pbkdf2-sha256";
/// Characters of a device's name.
const DEVICE: usize = 100;

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

/// A new session.
pub struct SignedIn {
    /// Who.
    pub uid: Uid,
    /// What the client's wrapping key needs, base64url.
    pub share: String,
    /// The session's token, told this once.
    pub token: String,
    /// Whether the default rooms know the user.
    pub has_joined: bool,
    /// Sessions that ended because there were too many: their sockets are the caller's matter.
    pub ended: Vec<SessionId>,
    /// The invitation that let the user in; its rooms are the caller's matter.
    pub invite: Option<Invite>,
}

impl Auth {
    /// The salt of a name, made up if nobody has it.
    ///
    /// # Errors
    /// `rate_limited`, `unavailable`.
    pub async fn prelogin(&self, username: &str, peer: IpAddr) -> Result<Kdf> {
        self.prelogins.take(neighbourhood(peer))?;
        let key = name::key(username);
        let known = self.store.login_record(&key).await?.map(|record| record.slot.kdf);
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
    pub async fn register(&self, new: NewAccount, peer: IpAddr) -> Result<SignedIn> {
        self.logins.take(neighbourhood(peer))?;
        name::check(&new.username)?;
        let NewAccount { username, alg, salt, iter, auth, setup, invite, device, .. } = new;
        let password = NewPassword { alg, salt, iter, auth }.check()?;
        let device = check_device(device)?;
        let way = self.way_in(setup, invite)?;
        let (slot, share) = self.stretch_new(password).await?;
        let (uid, invite) = self.create(&username, &slot, way).await?;
        let entered = self.enter(uid, &slot.verifier, &share, false, &device).await?;
        Ok(SignedIn { invite, ..entered })
    }

    /// Signs somebody in.
    ///
    /// # Errors
    /// `bad_credentials`, the same for an unknown name; `rate_limited`.
    pub async fn login(&self, credentials: Credentials, peer: IpAddr) -> Result<SignedIn> {
        self.logins.take(neighbourhood(peer))?;
        let auth = decode("auth", &credentials.auth)?;
        let device = check_device(credentials.device)?;
        let key = name::key(&credentials.username);
        let (record, share) = self.guarded(&key, self.check_credentials(&key, auth)).await?;
        self.enter(record.uid, &record.slot.verifier, &share, record.has_joined, &device).await
    }

    /// Counts wrong passwords of one account, whatever they were sent for.
    pub(super) async fn guarded<T>(
        &self,
        key: &str,
        checking: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let account = session::digest(key);
        self.failures.take(account)?;
        let checked = checking.await;
        // Only a wrong password counts: an outage must not lock people out of what follows it.
        if !matches!(&checked, Err(error) if error.code() == Code::BadCredentials) {
            self.failures.give_back(&account);
        }
        checked
    }

    /// The user of that name, if `auth` is right, and the share. Unknown names cost the same.
    async fn check_credentials(
        &self,
        key: &str,
        auth: [u8; 32],
    ) -> Result<(LoginRecord, [u8; 32])> {
        let record = self.store.login_record(key).await?;
        let params = match &record {
            Some(record) => record.slot.stretch,
            None => StretchParams { salt: self.made_up_salt(key)?, ..password::new_params()? },
        };
        let stretched = self.stretcher.run(auth, params).await?;
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
        match (setup, invite, self.live().registration) {
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
        let wanted = self.setup_code.lock().unwrap_or_else(PoisonError::into_inner);
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
        let live = self.live();
        let invite = match &way {
            WayIn::Setup(code) => return Ok((self.create_first_admin(&new, code).await?, None)),
            WayIn::Invite(digest) => {
                Some(InviteUse { digest, members_invite: live.member_invites })
            }
            WayIn::Open => None,
        };
        self.store.register_user(&new, live.users_max, invite).await
    }

    /// The setup code is taken before and put back if that fails, so that of two who use it at once
    /// only one becomes the administrator. Where the command line has made one meanwhile, it is over.
    async fn create_first_admin(&self, new: &NewUser<'_>, code: &str) -> Result<Uid> {
        let take = |place: &mut Option<String>| {
            place.take_if(|wanted| matches(wanted.as_bytes(), code.as_bytes()))
        };
        let place = || self.setup_code.lock().unwrap_or_else(PoisonError::into_inner);
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
        verifier: &[u8; 32],
        share: &[u8; 32],
        has_joined: bool,
        device: &str,
    ) -> Result<SignedIn> {
        let (token, digest) = session::new_token()?;
        self.store.sign_in(uid, verifier, &digest, device).await?.ok_or_else(wrong)?;
        let ended = self.store.trim_sessions(uid, SessionKind::Browser, SESSIONS_MAX).await?;
        self.sessions.end(&ended);
        let share = URL_SAFE_NO_PAD.encode(share);
        Ok(SignedIn { uid, share, token, has_joined, ended, invite: None })
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
    crate::text::line("device", &device.unwrap_or_default(), DEVICE)
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
