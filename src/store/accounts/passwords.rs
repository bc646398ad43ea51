//! Passwords of users: reading the current one, keeping a pending one, making it the current one.
//!
//! Every change of slots locks the user's row first, so of two changes one comes after the other.

use tokio_postgres::{Row, Transaction};

use super::auth_slots::{AuthSlot, drop_slot, insert_slot, retire_current, slot};
use super::sessions::{Ending, end_sessions};
use super::{AccountStore, failed};
use crate::base::error::{Code, Error, Result};
use crate::base::ids::{SessionId, Uid};
use crate::base::time::now_ms;

/// What login needs to know.
pub struct LoginRecord {
    /// The user.
    pub uid: Uid,
    /// The name as it is compared.
    pub username_key: String,
    /// Whether the default rooms know the user.
    pub has_joined: bool,
    /// Whether an administrator has shut this account.
    pub is_disabled: bool,
    /// The slot of the current password.
    pub slot: AuthSlot,
}

/// A password that waits to become the current one.
pub struct PendingSlot<'a> {
    /// The slot of the password.
    pub slot: &'a AuthSlot,
    /// The SHA-256 of its secret.
    pub digest: &'a [u8; 32],
    /// The ticket that allowed it; none if the old password did.
    pub ticket: Option<&'a [u8; 32]>,
    /// Until when.
    pub expires_at: i64,
}

/// A password that became the current one.
pub struct Switched {
    /// Whose.
    pub uid: Uid,
    /// Their name.
    pub username: String,
    /// Whether a ticket allowed it.
    pub by_ticket: bool,
    /// The sessions that ended with it: their sockets are the caller's matter.
    pub ended: Vec<SessionId>,
}

/// Who switches the password, and which sessions end with it.
#[derive(Debug, Clone, Copy)]
pub struct Switch {
    /// The session that switches it, and its user.
    pub session: Option<(Uid, SessionId)>,
    /// Whether the other browsers are signed out.
    pub sign_out_others: bool,
}

const LOGIN: &str = "SELECT u.id, u.has_joined, u.disabled_at IS NOT NULL, s.kdf, s.kdf_salt,
         s.kdf_iterations, s.server_salt, s.argon_memory_kib, s.argon_passes,
         s.argon_lanes, s.verifier, u.username_key
     FROM accounts.users u JOIN accounts.auth_slots s ON s.user_id = u.id AND s.kind = 'current'";

impl AccountStore {
    /// What the user of this name logs in with.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn login_record(&self, username_key: &str) -> Result<Option<LoginRecord>> {
        let query = format!("{LOGIN} WHERE u.username_key = $1");
        let client = self.database.get().await?;
        let row = client.query_opt(&query, &[&username_key]).await.map_err(failed)?;
        row.as_ref().map(login_record).transpose()
    }

    /// What this user logs in with.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn login_record_of(&self, uid: Uid) -> Result<Option<LoginRecord>> {
        let query = format!("{LOGIN} WHERE u.id = $1");
        let client = self.database.get().await?;
        let row = client.query_opt(&query, &[&uid.0]).await.map_err(failed)?;
        row.as_ref().map(login_record).transpose()
    }

    /// Stores a pending password and replaces an earlier pending one.
    ///
    /// # Errors
    /// `not_found` if the account is not open.
    pub async fn put_pending(&self, uid: Uid, pending: &PendingSlot<'_>) -> Result<()> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        lock_open_user(&transaction, uid).await?.ok_or_else(gone)?;
        drop_slot(&transaction, uid, "pending").await?;
        insert_slot(&transaction, uid, "pending", pending.slot).await?;
        transaction
            .execute(
                "UPDATE accounts.auth_slots
                 SET pending_digest = $2, ticket_digest = $3, expires_at = $4
                 WHERE user_id = $1 AND kind = 'pending'",
                &[
                    &uid.0,
                    &pending.digest.as_slice(),
                    &pending.ticket.map(<[u8; 32]>::as_slice),
                    &pending.expires_at,
                ],
            )
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Makes the waiting password of this digest the current one. In the same transaction the
    /// user's tickets are used up and the sessions end that shall. Without a ticket it needs a
    /// session of the user: one that was ended meanwhile changes no password.
    ///
    /// # Errors
    /// `not_found` if nothing waits under this digest, or its ticket is not good any more.
    pub async fn switch_password(&self, digest: &[u8; 32], switch: Switch) -> Result<Switched> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let row = transaction
            .query_opt(
                "SELECT u.id, u.username, s.ticket_digest
                 FROM accounts.users u JOIN accounts.auth_slots s ON s.user_id = u.id
                 WHERE s.kind = 'pending' AND s.pending_digest = $1 AND s.expires_at > $2
                   AND u.disabled_at IS NULL AND u.removed_at IS NULL
                 FOR UPDATE",
                &[&digest.as_slice(), &now_ms()],
            )
            .await
            .map_err(failed)?;
        let row = row.ok_or_else(gone)?;
        let (uid, username) = (Uid(row.get(0)), row.get(1));
        let ticket: Option<&[u8]> = row.get(2);
        let own = switch.session.filter(|(owner, _)| *owner == uid).map(|(_, session)| session);
        let is_compromised = match ticket {
            Some(ticket) => use_ticket(&transaction, ticket).await?,
            None => {
                own.ok_or_else(gone)?;
                false
            }
        };
        replace_current(&transaction, uid).await?;
        let statement = "DELETE FROM accounts.tickets WHERE user_id = $1";
        transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
        let ended = if is_compromised {
            end_sessions(&transaction, uid, Ending::Everything).await?
        } else if switch.sign_out_others {
            end_sessions(&transaction, uid, Ending::Browsers { except: own }).await?
        } else {
            Vec::new()
        };
        transaction.commit().await.map_err(failed)?;
        Ok(Switched { uid, username, by_ticket: ticket.is_some(), ended })
    }
}

fn gone() -> Error {
    Error::new(Code::NotFound, "This took too long or is not valid any more. Please start again.")
}

/// Locks an account that is open; its name.
pub(super) async fn lock_open_user(
    transaction: &Transaction<'_>,
    uid: Uid,
) -> Result<Option<String>> {
    let query = "SELECT username FROM accounts.users
         WHERE id = $1 AND disabled_at IS NULL AND removed_at IS NULL FOR UPDATE";
    let row = transaction.query_opt(query, &[&uid.0]).await.map_err(failed)?;
    Ok(row.map(|row| row.get(0)))
}

/// Whether the ticket says that the old password is in wrong hands; `not_found` if it is not good.
async fn use_ticket(transaction: &Transaction<'_>, digest: &[u8]) -> Result<bool> {
    let query = "DELETE FROM accounts.tickets WHERE digest = $1 AND expires_at > $2
         RETURNING is_compromised";
    let row = transaction.query_opt(query, &[&digest, &now_ms()]).await.map_err(failed)?;
    Ok(row.ok_or_else(gone)?.get(0))
}

/// `current` becomes `previous` and `pending` becomes `current`.
async fn replace_current(transaction: &Transaction<'_>, uid: Uid) -> Result<()> {
    retire_current(transaction, uid).await?;
    transaction
        .execute(
            "UPDATE accounts.auth_slots SET kind = 'current', pending_digest = NULL,
                 ticket_digest = NULL, expires_at = NULL
             WHERE user_id = $1 AND kind = 'pending'",
            &[&uid.0],
        )
        .await
        .map_err(failed)?;
    Ok(())
}

fn login_record(row: &Row) -> Result<LoginRecord> {
    Ok(LoginRecord {
        uid: Uid(row.get(0)),
        username_key: row.get(11),
        has_joined: row.get(1),
        is_disabled: row.get(2),
        slot: slot(row, 3)?,
    })
}
