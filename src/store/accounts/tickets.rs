//! Tickets: one-time secrets by which a user who has no password, or forgot it, sets one. Only their
//! SHA-256 is kept.

use super::passwords::{drop_slot, lock_open_user, retire_current};
use super::sessions::end_sessions;
use super::{AccountStore, failed, now_ms};
use crate::error::{Code, Error, Result};
use crate::ids::{SessionId, Uid};

/// A ticket to be kept.
pub struct NewTicket<'a> {
    /// Whose password it sets.
    pub uid: Uid,
    /// By which it is found.
    pub digest: &'a [u8; 32],
    /// The administrator; nobody for the command line.
    pub issued_by: Option<Uid>,
    /// Whether somebody else knows the old password.
    pub is_compromised: bool,
    /// Until when it is good.
    pub expires_at: i64,
}

/// Whose password a ticket sets.
#[derive(Debug, Clone)]
pub struct TicketRecord {
    /// The user.
    pub uid: Uid,
    /// The name they log in with.
    pub username: String,
    /// The name they are shown with.
    pub display_name: String,
    /// Whether they never had a password.
    pub is_new: bool,
}

impl AccountStore {
    /// Keeps a ticket in the place of earlier ones of its user. If the old password is in wrong
    /// hands it opens nothing from now on, and all that was opened with it ends: the sessions and
    /// tokens that did.
    ///
    /// # Errors
    /// `not_found` if there is no such user, or the account is not open.
    pub async fn put_ticket(&self, ticket: &NewTicket<'_>) -> Result<Vec<SessionId>> {
        let uid = ticket.uid;
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let user = lock_open_user(&transaction, uid).await?;
        user.ok_or_else(|| Error::new(Code::NotFound, "There is no such active user."))?;
        let statement = "DELETE FROM accounts.tickets WHERE user_id = $1";
        transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
        drop_slot(&transaction, uid, "pending").await?;
        let ended = if ticket.is_compromised {
            retire_current(&transaction, uid).await?;
            end_sessions(&transaction, uid, None, true).await?
        } else {
            Vec::new()
        };
        transaction
            .execute(
                "INSERT INTO accounts.tickets
                     (digest, user_id, issued_by, is_compromised, created_at, expires_at)
                 VALUES ($1, $2, $3, $4, $5, $6)",
                &[
                    &ticket.digest.as_slice(),
                    &uid.0,
                    &ticket.issued_by.map(|by| by.0),
                    &ticket.is_compromised,
                    &now_ms(),
                    &ticket.expires_at,
                ],
            )
            .await
            .map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        Ok(ended)
    }

    /// Whose password the ticket of this digest sets, as long as it is good.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn ticket(&self, digest: &[u8; 32]) -> Result<Option<TicketRecord>> {
        let client = self.database.get().await?;
        let row = client
            .query_opt(
                "SELECT u.id, u.username, u.display_name, NOT EXISTS (
                     SELECT 1 FROM accounts.auth_slots s
                     WHERE s.user_id = u.id AND s.kind IN ('current', 'previous'))
                 FROM accounts.tickets t JOIN accounts.users u ON u.id = t.user_id
                 WHERE t.digest = $1 AND t.expires_at > $2
                   AND u.disabled_at IS NULL AND u.removed_at IS NULL",
                &[&digest.as_slice(), &now_ms()],
            )
            .await
            .map_err(failed)?;
        Ok(row.map(|row| TicketRecord {
            uid: Uid(row.get(0)),
            username: row.get(1),
            display_name: row.get(2),
            is_new: row.get(3),
        }))
    }
}
