//! Making an account: who may, and the first administrator by the setup code.

use super::credentials::{NewAccount, NewPassword, check_device};
use super::fair_queue::Client;
use super::password_hasher::matches;
use super::secret::digest;
use super::sign_in::{SessionDetails, SignInSource, SignedIn};
use super::state::Auth;
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::lock::MutexExt as _;
use crate::base::names;
use crate::base::net::sign_in_networks;
use crate::config::Registration;
use crate::store::accounts::{AuthSlot, Invite, InviteUse, NewUser};

/// What allows somebody to register.
enum RegistrationGrant {
    /// Everybody may.
    Open,
    /// The invitation of this digest.
    Invite([u8; 32]),
    /// The code that makes the first administrator.
    Setup(String),
}

impl Auth {
    /// Makes an account and signs it in.
    ///
    /// # Errors
    /// `bad_request` naming the field, `registration_closed`, `conflict` for a taken name,
    /// `not_found` for an invitation that is not live.
    pub async fn register(&self, new: NewAccount, from: SignInSource<'_>) -> Result<SignedIn> {
        names::check(&new.username)?;
        let NewAccount { username, alg, salt, iter, auth, setup, invite, device, token } = new;
        let password = NewPassword { alg, salt, iter, auth }.check()?;
        let device = check_device(device)?;
        let grant = self.registration_grant(setup, invite)?;
        for (limit, network) in self.registrations.iter().zip(sign_in_networks(from.peer)) {
            limit.take(network)?;
        }
        let (slot, share) = self.hasher.hash_new(password, Client::stranger(from.peer)).await?;
        let (uid, invite) = self.create(&username, &slot, grant).await?;
        let details = SessionDetails::new(&device, token, from);
        let started = self.start_session(uid, &slot, &share, details).await?;
        Ok(SignedIn { invite, ..started })
    }

    /// What allows somebody to register. Whether an invitation is live is checked when the account is made.
    fn registration_grant(
        &self,
        setup: Option<String>,
        invite: Option<String>,
    ) -> Result<RegistrationGrant> {
        let closed = |text| Err(Error::new(Code::RegistrationClosed, text));
        match (setup, invite, self.settings.current().registration) {
            (Some(code), _, _) if self.is_setup_code(&code) => Ok(RegistrationGrant::Setup(code)),
            (Some(_), _, _) => Err(setup_used()),
            (None, _, Registration::Closed) => {
                closed("Registration is closed. Please ask an admin.")
            }
            (None, Some(code), _) => Ok(RegistrationGrant::Invite(digest(&code))),
            (None, None, Registration::Open) => Ok(RegistrationGrant::Open),
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
        grant: RegistrationGrant,
    ) -> Result<(Uid, Option<Invite>)> {
        let username_key = names::key(username);
        let new = NewUser {
            username,
            username_key: &username_key,
            is_admin: matches!(grant, RegistrationGrant::Setup(_)),
            display_name: "",
            slot: Some(slot),
        };
        let settings = self.settings.current();
        let invite = match &grant {
            RegistrationGrant::Setup(code) => {
                return Ok((self.create_first_admin(&new, code).await?, None));
            }
            RegistrationGrant::Invite(digest) => {
                Some(InviteUse { digest, members_invite: settings.member_invites })
            }
            RegistrationGrant::Open => None,
        };
        self.store.register_user(&new, settings.users_max, invite).await
    }

    /// Takes the setup code first and puts it back if the account cannot be created, so that of two people who use it
    /// at once only one becomes the administrator. If the command line has created an administrator meanwhile, the
    /// code is not valid any more.
    async fn create_first_admin(&self, new: &NewUser<'_>, code: &str) -> Result<Uid> {
        let is_right = |wanted: &mut String| matches(wanted.as_bytes(), code.as_bytes());
        let taken = self.setup_code.lock_unpoisoned().take_if(is_right);
        let taken = taken.ok_or_else(setup_used)?;
        let creating = async {
            if self.store.has_admin().await? {
                Ok(None)
            } else {
                self.store.create_user(new).await.map(Some)
            }
        };
        let created = creating.await;
        if created.is_err() {
            *self.setup_code.lock_unpoisoned() = Some(taken);
        }
        created?.ok_or_else(setup_used)
    }
}

fn setup_used() -> Error {
    Error::new(Code::Forbidden, "This setup link is not valid any more.")
}
