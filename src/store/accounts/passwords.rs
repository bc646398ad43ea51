//! Passwords of users: reading the current one, keeping a pending one, making it the current one.
//!
//! Every change of slots locks the user's row first, so of two changes one comes after the other.

use tokio_postgres::{Row, Transaction};

use super::auth_slots::{
    AuthSlot, drop_slot, insert_slot, make_pending_current, retire_current, slot,
};
use super::key_changes::{
    Earlier, Generation, KeyChange, OpenedBy, key_state, lock_keys, replace_keys,
};
use super::keys::use_challenge;
use super::sessions::{Ending, device, end_sessions};
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

/// What allowed somebody to set a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowedBy {
    /// The old password.
    Password,
    /// A ticket.
    Ticket,
    /// The recovery code.
    Recovery,
}

/// A password that waits to become the current one.
pub struct PendingSlot<'a> {
    /// The slot of the password.
    pub slot: &'a AuthSlot,
    /// The SHA-256 of its secret.
    pub digest: &'a [u8; 32],
    /// What allowed it.
    pub by: AllowedBy,
    /// The ticket, if one did.
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
    /// What allowed it.
    pub by: AllowedBy,
    /// Whether the account has keys that it does not open.
    pub is_locked: bool,
    /// The device of the session that switched it; empty without one.
    pub device: String,
    /// The sessions that ended with it: their sockets are the caller's matter.
    pub ended: Vec<SessionId>,
}

/// Who switches the password, and what changes with it.
#[derive(Clone, Copy)]
pub struct Switch<'a> {
    /// The session that switches it, and its user.
    pub session: Option<(Uid, SessionId)>,
    /// Whether the other browsers are signed out.
    pub sign_out_others: bool,
    /// The keys under the new password, and the digest of the challenge that was signed with the current key.
    pub keys: Option<(&'a KeyChange, &'a [u8; 32])>,
}

/// The password that waits, and its user, whose row is locked.
struct Waiting {
    uid: Uid,
    username: String,
    by: AllowedBy,
    ticket: Option<Vec<u8>>,
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
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        lock_open_user(&transaction, uid).await?.ok_or_else(gone)?;
        drop_slot(&transaction, uid, "pending").await?;
        insert_slot(&transaction, uid, "pending", pending.slot).await?;
        let is_recovery = pending.by == AllowedBy::Recovery;
        transaction
            .execute(
                "UPDATE accounts.auth_slots SET pending_digest = $2, ticket_digest = $3,
                     expires_at = $4, by_recovery = $5
                 WHERE user_id = $1 AND kind = 'pending'",
                &[
                    &uid.0,
                    &pending.digest.as_slice(),
                    &pending.ticket.map(<[u8; 32]>::as_slice),
                    &pending.expires_at,
                    &is_recovery,
                ],
            )
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    /// Whose password waits under this digest, and what allowed it.
    ///
    /// # Errors
    /// `not_found` if none does.
    pub async fn pending_of(&self, digest: &[u8; 32]) -> Result<(Uid, AllowedBy)> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let waiting = lock_waiting(&transaction, digest).await?;
        Ok((waiting.uid, waiting.by))
    }

    /// Makes the waiting password of this digest the current one, with the keys under it. In the same transaction the
    /// user's tickets are used up and the sessions end that shall. If the old password allowed it, it needs a session
    /// of the user: one that was ended meanwhile changes no password. Of an account that has keys the old password and
    /// the recovery code change nothing without them; by a ticket they are locked (`e2ee.md` 13.1).
    ///
    /// # Errors
    /// `not_found` if nothing waits under this digest, or its ticket or the challenge is not good any more;
    /// `bad_request` without keys, or with keys for an account that has none; `keys_conflict`.
    pub async fn switch_password(&self, digest: &[u8; 32], switch: Switch<'_>) -> Result<Switched> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let waiting = lock_waiting(&transaction, digest).await?;
        let uid = waiting.uid;
        let own = switch.session.filter(|(owner, _)| *owner == uid).map(|(_, session)| session);
        if waiting.by == AllowedBy::Password && own.is_none() {
            return Err(gone());
        }
        let device = device(&transaction, own).await?;
        let is_compromised = use_tickets(&transaction, &waiting).await?;
        let mut is_locked = false;
        match (key_state(&transaction, uid).await?, switch.keys) {
            (Some(_), Some((change, challenge))) => {
                use_challenge(&transaction, uid, challenge).await?;
                let by = OpenedBy::Pending;
                replace_keys(&transaction, uid, change, Generation::Same, by, Earlier::Keep)
                    .await?;
            }
            (None, Some(_)) => return Err(Error::field("keys", "is for accounts that have keys")),
            (Some(_), None) if waiting.by != AllowedBy::Ticket => {
                return Err(Error::field("keys", "is missing: this account has keys"));
            }
            (_, None) => {
                retire_current(&transaction, uid).await?;
                make_pending_current(&transaction, uid, None).await?;
                is_locked = lock_keys(&transaction, uid).await?;
            }
        }
        let ended = match (is_compromised, switch.sign_out_others) {
            (true, _) => end_sessions(&transaction, uid, Ending::Everything).await?,
            (false, true) => {
                end_sessions(&transaction, uid, Ending::Browsers { except: own }).await?
            }
            (false, false) => Vec::new(),
        };
        transaction.commit().await.map_err(failed)?;
        let Waiting { username, by, .. } = waiting;
        Ok(Switched { uid, username, by, is_locked, device, ended })
    }
}

/// Prepares the waiting password of this digest to become the present one of `uid` by a change of the keys, and uses up
/// the tickets of the user, whose row is locked.
///
/// # Errors
/// `not_found` if nothing of this user waits under it, or its ticket is not good any more.
pub(super) async fn take_pending(
    transaction: &Transaction<'_>,
    uid: Uid,
    digest: &[u8; 32],
) -> Result<()> {
    let waiting = lock_waiting(transaction, digest).await?;
    if waiting.uid != uid {
        return Err(gone());
    }
    use_tickets(transaction, &waiting).await?;
    Ok(())
}

fn gone() -> Error {
    Error::new(Code::NotFound, "This took too long or is not valid any more. Please start again.")
}

async fn lock_waiting(transaction: &Transaction<'_>, digest: &[u8; 32]) -> Result<Waiting> {
    let query = "SELECT u.id, u.username, s.ticket_digest, s.by_recovery
         FROM accounts.users u JOIN accounts.auth_slots s ON s.user_id = u.id
         WHERE s.kind = 'pending' AND s.pending_digest = $1 AND s.expires_at > $2
           AND u.disabled_at IS NULL AND u.removed_at IS NULL
         FOR UPDATE";
    let row = transaction.query_opt(query, &[&digest.as_slice(), &now_ms()]).await;
    let row = row.map_err(failed)?.ok_or_else(gone)?;
    let ticket: Option<Vec<u8>> = row.get(2);
    let by = match (&ticket, row.get(3)) {
        (Some(_), _) => AllowedBy::Ticket,
        (None, true) => AllowedBy::Recovery,
        (None, false) => AllowedBy::Password,
    };
    Ok(Waiting { uid: Uid(row.get(0)), username: row.get(1), by, ticket })
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

/// Uses up the user's tickets, one of which may have to be good still. Whether it says that the old password is in wrong
/// hands.
async fn use_tickets(transaction: &Transaction<'_>, waiting: &Waiting) -> Result<bool> {
    let query = "DELETE FROM accounts.tickets WHERE digest = $1 AND expires_at > $2
         RETURNING is_compromised";
    let is_compromised = match &waiting.ticket {
        None => false,
        Some(digest) => {
            let used = transaction.query_opt(query, &[digest, &now_ms()]).await.map_err(failed)?;
            used.ok_or_else(gone)?.get(0)
        }
    };
    let statement = "DELETE FROM accounts.tickets WHERE user_id = $1";
    transaction.execute(statement, &[&waiting.uid.0]).await.map_err(failed)?;
    Ok(is_compromised)
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
