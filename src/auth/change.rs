//! Setting a password, in two steps (`e2ee.md` 13.1): `prepare` answers the share, with which a
//! client wraps its keys; `commit` makes the new password the current one. Between the two nothing
//! has changed, and whoever loses his connection there still gets in with the old one.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::fair_queue::Client;
use super::guesses::KnownBy;
use super::password::{self, matches};
use super::sign_in::{ALGORITHM, decode};
use super::{Auth, Session, session, stranger};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::auth::{ITERATIONS, PENDING};
use crate::base::time::{millis, now_ms};
use crate::store::accounts::{AuthSlot, KdfParams, PendingSlot, Switch, Switched};

/// A new password as a client derived it.
#[derive(Deserialize)]
pub struct NewPassword {
    /// The algorithm.
    pub alg: String,
    /// Base64url.
    pub salt: String,
    /// Iterations.
    pub iter: u32,
    /// Base64url.
    pub auth: String,
}

/// The same, checked.
pub(super) struct CheckedPassword {
    kdf: KdfParams,
    auth: [u8; 32],
}

/// What allows somebody to set a password.
pub enum Proof {
    /// The user is signed in by this session and knows the old one, given as AUTH in base64url.
    Old(Uid, SessionId, String),
    /// The user holds a ticket.
    Ticket(String),
}

/// A password that waits to be committed.
pub struct Prepared {
    /// The secret by which it is found, told this once.
    pub pending: String,
    /// What the client's new wrapping key needs, base64url.
    pub share: String,
}

impl NewPassword {
    /// Refuses what no client should derive (`e2ee.md` 4.2).
    pub(super) fn check(self) -> Result<CheckedPassword> {
        if self.alg != ALGORITHM {
            return Err(Error::field("alg", "must be pbkdf2-sha256"));
        }
        let salt = decode("salt", &self.salt)?;
        if !ITERATIONS.contains(&self.iter) {
            return Err(Error::field("iter", "must be 600000 to 5000000"));
        }
        let auth = decode("auth", &self.auth)?;
        Ok(CheckedPassword { kdf: KdfParams { alg: self.alg, salt, iterations: self.iter }, auth })
    }
}

impl Auth {
    /// Checks the current password of somebody who is signed in; `auth` in base64url. Wrong ones
    /// count for the session.
    ///
    /// # Errors
    /// `bad_credentials`, `bad_request`, `rate_limited`, `unavailable`.
    pub async fn check_password(
        &self,
        uid: Uid,
        session: SessionId,
        auth: &str,
        peer: IpAddr,
    ) -> Result<()> {
        self.unlock(uid, session, auth, peer).await.map(drop)
    }

    /// The share of the current password, for who knows it; base64url.
    ///
    /// # Errors
    /// As [`Auth::check_password`].
    pub async fn unlock(
        &self,
        uid: Uid,
        asking: SessionId,
        auth: &str,
        peer: IpAddr,
    ) -> Result<String> {
        let auth = decode("auth", auth)?;
        let wrong = || Error::new(Code::BadCredentials, "That is not your password.");
        let record = self.store.login_record_of(uid).await?.ok_or_else(wrong)?;
        let (account, by) = (session::digest(&record.username_key), KnownBy::Session(asking));
        let client = self.guesses.client(&account, peer, by);
        let checking = async {
            let stretched = self.stretcher.run(auth, record.slot.stretch, client).await?;
            if record.is_disabled || !matches(&stretched.verifier, &record.slot.verifier) {
                return Err(wrong());
            }
            Ok(URL_SAFE_NO_PAD.encode(stretched.share))
        };
        self.guesses.guarded(account, peer, by, checking).await
    }

    /// Keeps a new password for as long as the client needs to wrap its keys, in the place of
    /// another one that waited.
    ///
    /// # Errors
    /// `bad_credentials`, `not_found` for a ticket that is not good, `bad_request`, `rate_limited`.
    pub async fn prepare(&self, proof: Proof, new: NewPassword, peer: IpAddr) -> Result<Prepared> {
        let new = new.check()?;
        let (uid, ticket) = match proof {
            Proof::Old(uid, session, auth) => {
                self.check_password(uid, session, &auth, peer).await?;
                (uid, None)
            }
            Proof::Ticket(ticket) => {
                let found = self.ticket(&ticket, peer).await?;
                (found.uid, Some(session::digest(&ticket)))
            }
        };
        let (slot, share) =
            self.stretch_new(new, Client { is_known: true, ..stranger(peer) }).await?;
        let (pending, digest) = session::new_token()?;
        let expires_at = now_ms() + millis(PENDING);
        let waiting =
            PendingSlot { slot: &slot, digest: &digest, ticket: ticket.as_ref(), expires_at };
        self.store.put_pending(uid, &waiting).await?;
        Ok(Prepared { pending, share: URL_SAFE_NO_PAD.encode(share) })
    }

    /// Makes a prepared password the current one and ends what shall end with the old one. Without
    /// a ticket only a session of the same user may.
    ///
    /// # Errors
    /// `not_found` if it waited too long or what allowed it is not good any more.
    pub async fn commit(
        &self,
        pending: &str,
        session: Option<&Session>,
        sign_out_others: bool,
        peer: IpAddr,
    ) -> Result<Switched> {
        let session = session.map(|session| (session.uid, session.id));
        let switch = Switch { session, sign_out_others };
        let permit = self.lookup(peer).await?;
        let switched = self.store.switch_password(&session::digest(pending), switch).await;
        drop(permit);
        let switched = self.good_link(peer, switched)?;
        self.sessions.end(&switched.ended);
        Ok(switched)
    }

    /// What is kept of a new password, and its share.
    pub(super) async fn stretch_new(
        &self,
        new: CheckedPassword,
        client: Client,
    ) -> Result<(AuthSlot, [u8; 32])> {
        let stretch = password::new_params()?;
        let stretched = self.stretcher.run(new.auth, stretch, client).await?;
        let slot = AuthSlot { kdf: new.kdf, stretch, verifier: stretched.verifier };
        Ok((slot, stretched.share))
    }
}
