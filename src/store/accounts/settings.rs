//! What administrators chose while the server ran: a value per key. What the keys mean is the
//! caller's matter.

use serde_json::Value;

use super::administration::{Authority, begin};
use super::audit::{self, AuditEntry};
use super::{AccountStore, failed};
use crate::error::Result;

/// Keys and what was chosen for them.
pub type Chosen = Vec<(String, Value)>;

impl AccountStore {
    /// Everything that was chosen.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn chosen_settings(&self) -> Result<Chosen> {
        let client = self.database.get().await?;
        let query = "SELECT key, value FROM accounts.settings";
        let rows = client.query(query, &[]).await.map_err(failed)?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    /// Chooses what `decide` makes of everything chosen so far; nobody else chooses meanwhile. The entry
    /// of the audit log, with the detail it gives, is part of the transaction. Nothing to choose writes
    /// nothing.
    ///
    /// # Errors
    /// Those of `decide`, `forbidden` for somebody who is no administrator any more, `unavailable`.
    pub async fn choose_settings<T>(
        &self,
        by: Authority<'_>,
        decide: impl FnOnce(Chosen) -> Result<(Chosen, Value, T)> + Send,
    ) -> Result<T> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        begin(&transaction, by).await?;
        let lock = "LOCK TABLE accounts.settings IN SHARE ROW EXCLUSIVE MODE";
        transaction.batch_execute(lock).await.map_err(failed)?;
        let query = "SELECT key, value FROM accounts.settings";
        let rows = transaction.query(query, &[]).await.map_err(failed)?;
        let chosen = rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        let (change, detail, outcome) = decide(chosen)?;
        if change.is_empty() {
            return Ok(outcome);
        }
        for (key, value) in change {
            transaction
                .execute(
                    "INSERT INTO accounts.settings (key, value) VALUES ($1, $2)
                     ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    &[&key, &value],
                )
                .await
                .map_err(failed)?;
        }
        let (actor, actor_name) = by.entry_of();
        let entry = AuditEntry {
            actor,
            actor_name,
            action: "settings.update",
            target_kind: "settings",
            target_id: "",
            target_name: "",
            detail: &detail,
        };
        audit::append(&transaction, &entry).await?;
        transaction.commit().await.map_err(failed)?;
        Ok(outcome)
    }
}
