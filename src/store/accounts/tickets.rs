//! Tickets: one-time secrets by which a user who has no password, or forgot it, sets one. Only their
//! SHA-256 is stored.

use tokio_postgres::Transaction;
use tokio_postgres::types::ToSql;

use super::auth_slots::{drop_slot, retire_current};
use super::sessions::{Ending, end_sessions};
use super::{AccountStore, failed};
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::time::now_ms;

/// A ticket to be stored.
pub struct NewTicket {
    /// The SHA-256 of its secret.
    pub digest: [u8; 32],
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

/// Stores a ticket of a user and removes earlier ones. If somebody else knows the old password, it opens nothing from
/// now on, and all sessions and tokens end.
pub(super) async fn store_ticket(
    transaction: &Transaction<'_>,
    uid: Uid,
    issued_by: Option<Uid>,
    ticket: &NewTicket,
) -> Result<()> {
    let statement = "DELETE FROM accounts.tickets WHERE user_id = $1";
    transaction.execute(statement, &[&uid.0]).await.map_err(failed)?;
    drop_slot(transaction, uid, "pending").await?;
    if ticket.is_compromised {
        retire_current(transaction, uid).await?;
        end_sessions(transaction, uid, Ending::Everything).await?;
    }
    let statement = "INSERT INTO accounts.tickets
             (digest, user_id, issued_by, is_compromised, created_at, expires_at)
         VALUES ($1, $2, $3, $4, $5, $6)";
    let (digest, issued_by) = (ticket.digest.as_slice(), issued_by.map(|by| by.0));
    let values: [&(dyn ToSql + Sync); 6] =
        [&digest, &uid.0, &issued_by, &ticket.is_compromised, &now_ms(), &ticket.expires_at];
    transaction.execute(statement, &values).await.map_err(failed)?;
    Ok(())
}
