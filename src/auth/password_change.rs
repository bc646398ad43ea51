//! Setting a password, in two steps (`e2ee.md` 13.1): `prepare` returns the share, with which a client wraps its keys;
//! `commit` makes the new password the current one, with the keys under it. Between the two nothing has changed, and
//! somebody who loses their connection there still signs in with the old one.

use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::credentials::{NewPassword, decode};
use super::fair_queue::Client;
use super::login_throttle::KnownBy;
use super::password_hasher::matches;
use super::secret::{digest, new_token};
use super::session::Session;
use super::state::Auth;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::limits::auth::PENDING;
use crate::base::time::{millis, now_ms};
use crate::store::accounts::{
    AccountKeys, AllowedBy, KeyChange, LoginRecord, PendingSlot, Switch, Switched,
};

/// What allows somebody to set a password.
pub enum Proof {
    /// The user is signed in by this session and knows the old one, given as AUTH in base64url.
    Old(Uid, SessionId, String),
    /// The user holds a ticket.
    Ticket(String),
    /// The user has the recovery code.
    Recovery {
        /// The name they log in with.
        username: String,
        /// RAUTH, in base64url.
        rauth: String,
    },
}

/// What the current password opens.
pub struct Unlocked {
    /// What the client's wrapping key needs, base64url.
    pub share: String,
    /// The keys, if there are any.
    pub keys: Option<AccountKeys>,
}

/// A password that waits to be committed.
pub struct Prepared {
    /// The secret by which it is found, shown only once.
    pub pending: String,
    /// What the client's new wrapping key needs, base64url.
    pub share: String,
}

impl Auth {
    /// Checks the current password of somebody who is signed in; `auth` in base64url. Wrong ones
    /// count for the session. Returns the verifier, by which a change is bound to the password that was checked.
    ///
    /// # Errors
    /// `bad_credentials`, `bad_request`, `rate_limited`, `unavailable`.
    pub async fn check_password(
        &self,
        uid: Uid,
        session: SessionId,
        auth: &str,
        peer: IpAddr,
    ) -> Result<[u8; 32]> {
        let (record, _) = self.stretch_current(uid, session, auth, peer).await?;
        Ok(record.slot.verifier)
    }

    /// The share of the current password, in base64url, and the keys that it opens, for somebody who knows the
    /// password.
    ///
    /// # Errors
    /// As [`Auth::check_password`].
    pub async fn unlock(
        &self,
        uid: Uid,
        asking: SessionId,
        auth: &str,
        peer: IpAddr,
    ) -> Result<Unlocked> {
        let (record, share) = self.stretch_current(uid, asking, auth, peer).await?;
        // It may have been replaced while it was computed.
        let keys = self.store.keys_opened_by(uid, &record.slot.verifier).await?;
        Ok(Unlocked { share: URL_SAFE_NO_PAD.encode(share), keys: keys.ok_or_else(wrong)? })
    }

    async fn stretch_current(
        &self,
        uid: Uid,
        asking: SessionId,
        auth: &str,
        peer: IpAddr,
    ) -> Result<(LoginRecord, [u8; 32])> {
        let auth = decode("auth", auth)?;
        let record = self.store.login_record_of(uid).await?.ok_or_else(wrong)?;
        let (account, by) = (digest(&record.username_key), KnownBy::Session(asking));
        let client = self.login_throttle.client(&account, peer, by);
        let checking = async {
            let stretched = self.hasher.hash(auth, record.slot.stretch, client).await?;
            if record.is_disabled || !matches(&stretched.verifier, &record.slot.verifier) {
                return Err(wrong());
            }
            Ok((record, stretched.share))
        };
        self.login_throttle.guard(account, peer, by, checking).await
    }

    /// Stores a pending password until the client has wrapped its keys, and replaces an earlier pending one.
    ///
    /// # Errors
    /// `bad_credentials`, also for a wrong recovery code; `not_found` for a ticket that is not good, `bad_request`,
    /// `rate_limited`.
    pub async fn prepare(&self, proof: Proof, new: NewPassword, peer: IpAddr) -> Result<Prepared> {
        let new = new.check()?;
        let (uid, by, ticket) = match proof {
            Proof::Old(uid, session, auth) => {
                self.check_password(uid, session, &auth, peer).await?;
                (uid, AllowedBy::Password, None)
            }
            Proof::Ticket(ticket) => {
                let found = self.ticket(&ticket, peer).await?;
                (found.uid, AllowedBy::Ticket, Some(digest(&ticket)))
            }
            Proof::Recovery { username, rauth } => {
                (self.recover(&username, &rauth, peer).await?, AllowedBy::Recovery, None)
            }
        };
        let (slot, share) =
            self.hasher.hash_new(new, Client { is_known: true, ..Client::stranger(peer) }).await?;
        let (pending, pending_digest) = new_token()?;
        let expires_at = now_ms() + millis(PENDING);
        let waiting = PendingSlot {
            slot: &slot,
            digest: &pending_digest,
            by,
            ticket: ticket.as_ref(),
            expires_at,
        };
        self.store.put_pending(uid, &waiting).await?;
        Ok(Prepared { pending, share: URL_SAFE_NO_PAD.encode(share) })
    }

    /// Whose password a prepared one is, and what allowed it.
    ///
    /// # Errors
    /// `not_found` if it waited too long.
    pub async fn prepared_for(&self, pending: &str, peer: IpAddr) -> Result<(Uid, AllowedBy)> {
        let permit = self.lookup(peer).await?;
        let found = self.store.pending_of(&digest(pending)).await;
        drop(permit);
        self.good_link(peer, found)
    }

    /// Makes a prepared password the current one, with the keys under it, and ends what shall end with the old one.
    /// `proven` are the keys and the challenge that was signed for them. What the old password allowed only a session
    /// of the same user may do.
    ///
    /// # Errors
    /// `not_found` if it waited too long or what allowed it is not good any more; `bad_request` if an account that has
    /// keys needs them here; `keys_conflict`.
    pub async fn commit(
        &self,
        pending: &str,
        session: Option<&Session>,
        sign_out_others: bool,
        proven: Option<(&KeyChange, &str)>,
        peer: IpAddr,
    ) -> Result<Switched> {
        let session = session.map(|session| (session.uid, session.id));
        let challenge = proven.map(|(_, challenge)| digest(challenge));
        let keys = proven.map(|(keys, _)| keys).zip(challenge.as_ref());
        let switch = Switch { session, sign_out_others, keys };
        let permit = self.lookup(peer).await?;
        let switched = self.store.switch_password(&digest(pending), switch).await;
        drop(permit);
        let switched = self.good_link(peer, switched)?;
        self.sessions.end(&switched.ended);
        Ok(switched)
    }
}

fn wrong() -> Error {
    Error::new(Code::BadCredentials, "That is not your password.")
}
