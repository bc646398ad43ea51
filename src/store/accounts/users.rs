//! Users: making one, finding one.

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use super::auth_slots::{AuthSlot, insert_slot};
use super::invite_uses::{InviteUse, lock_invite, use_locked_invite};
use super::invites::Invite;
use super::locks::{Lock, lock};
use super::{AccountStore, directory_names, failed, name_skeletons};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::names;
use crate::base::time::now_ms;

/// A user to be made.
pub struct NewUser<'a> {
    /// The name as people see it.
    pub username: &'a str,
    /// The name as it is compared.
    pub username_key: &'a str,
    /// Whether it is an administrator.
    pub is_admin: bool,
    /// The name it is shown with; empty for the user name.
    pub display_name: &'a str,
    /// The slot of the password; without one a ticket sets the first.
    pub slot: Option<&'a AuthSlot>,
}

impl AccountStore {
    /// Whether there is an administrator who can sign in.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn has_admin(&self) -> Result<bool> {
        let query =
            "SELECT EXISTS (SELECT 1 FROM accounts.users WHERE is_admin AND disabled_at IS NULL)";
        let row = self.database.get().await?.query_one(query, &[]).await.map_err(failed)?;
        Ok(row.get(0))
    }

    /// Makes a user.
    ///
    /// # Errors
    /// `conflict` if the name is taken.
    pub async fn create_user(&self, new: &NewUser<'_>) -> Result<Uid> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let uid = insert_user(&transaction, new).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(uid)
    }

    /// Makes a user who registers: not more than `users_max`, and with the invitation used in the same transaction,
    /// so that it is used exactly if the account exists.
    ///
    /// # Errors
    /// `conflict` if the name is taken, `registration_closed` if there are enough, `not_found` if
    /// the invitation is not live.
    pub async fn register_user(
        &self,
        new: &NewUser<'_>,
        users_max: Option<u32>,
        invite: Option<InviteUse<'_>>,
    ) -> Result<(Uid, Option<Invite>)> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        if let Some(most) = users_max {
            check_room_for_one_more(&transaction, most).await?;
        }
        let spent = || Error::new(Code::NotFound, "This invitation is not valid any more.");
        let locked = match invite {
            None => None,
            Some(using) => {
                let locked = lock_invite(&transaction, using).await?;
                Some(locked.filter(|locked| locked.has_left).ok_or_else(spent)?)
            }
        };
        let uid = insert_user(&transaction, new).await?;
        let invite = match &locked {
            None => None,
            Some(locked) => use_locked_invite(&transaction, locked, uid).await?,
        };
        transaction.commit().await.map_err(failed)?;
        Ok((uid, invite))
    }

    /// The user of this name, if the account is open.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn user_named(&self, username_key: &str) -> Result<Option<Uid>> {
        let query = "SELECT id FROM accounts.users WHERE username_key = $1 AND disabled_at IS NULL AND NOT is_bot";
        let client = self.database.get().await?;
        let row = client.query_opt(query, &[&username_key]).await.map_err(failed)?;
        Ok(row.map(|row| Uid(row.get(0))))
    }

    /// The account of this name that is not removed, also one that is disabled or of a hook.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn account_named(&self, username_key: &str) -> Result<Option<Uid>> {
        let query = "SELECT id FROM accounts.users WHERE username_key = $1 AND removed_at IS NULL";
        let client = self.database.get().await?;
        let row = client.query_opt(query, &[&username_key]).await.map_err(failed)?;
        Ok(row.map(|row| Uid(row.get(0))))
    }

    /// Remembers that the default rooms know the user.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn mark_joined(&self, uid: Uid) -> Result<()> {
        let statement = "UPDATE accounts.users SET has_joined = true WHERE id = $1";
        self.database.get().await?.execute(statement, &[&uid.0]).await.map_err(failed)?;
        Ok(())
    }
}

/// While the number of accounts is limited, registrations run one after the other: each counts those before it.
async fn check_room_for_one_more(transaction: &Transaction<'_>, most: u32) -> Result<()> {
    lock(transaction, Lock::Registration).await?;
    let count = "SELECT count(*) FROM accounts.users WHERE removed_at IS NULL AND NOT is_bot";
    let there: i64 = transaction.query_one(count, &[]).await.map_err(failed)?.get(0);
    if there < i64::from(most) {
        return Ok(());
    }
    Err(Error::new(
        Code::RegistrationClosed,
        "This server has as many accounts as it may have. Please ask an admin.",
    ))
}

/// Inserts a user. Whoever takes the name of somebody whom the directory knows and no account is of, which is so after a
/// restore, gets that account back, without its keys (`e2ee.md` 11.4).
pub(super) async fn insert_user(transaction: &Transaction<'_>, new: &NewUser<'_>) -> Result<Uid> {
    let lost = match directory_names::owner_of(transaction, new.username).await? {
        Some(owner) if owner.has_account => return Err(directory_names::taken()),
        owner => owner.map(|owner| owner.uid),
    };
    let made = transaction
        .query_one(
            "INSERT INTO accounts.users
                 (id, username, username_key, is_admin, created_at, display_name, display_key)
             OVERRIDING SYSTEM VALUE
             VALUES (coalesce($7, nextval(pg_get_serial_sequence('accounts.users', 'id'))),
                     $1, $2, $3, $4, $5, $6) RETURNING id",
            &[
                &new.username,
                &new.username_key,
                &new.is_admin,
                &now_ms(),
                &new.display_name,
                &names::key(new.display_name),
                &lost.map(|uid| uid.0),
            ],
        )
        .await;
    let uid = match made {
        Ok(row) => Uid(row.get(0)),
        Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {
            return Err(directory_names::taken());
        }
        Err(error) => return Err(failed(error)),
    };
    directory_names::check_free(transaction, uid, new.username).await?;
    name_skeletons::reserve(transaction, uid, new.username).await?;
    if let Some(slot) = new.slot {
        insert_slot(transaction, uid, "current", slot).await?;
    }
    Ok(uid)
}
