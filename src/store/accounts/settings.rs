//! What administrators chose while the server ran: a value per key. What the keys mean is the
//! caller's matter.

use serde_json::Value;
use tokio_postgres::Row;

use super::administration::begin;
use super::audit::{self, AuditEntry};
use super::{AccountStore, failed};
use crate::base::error::Result;
use crate::base::principal::Principal;

/// Values come as text and are parsed one by one, so that one that cannot be read spoils no other.
const CHOSEN: &str = "SELECT key, value::text FROM accounts.settings";

/// Keys and what was chosen for them.
pub type Chosen = Vec<(String, Value)>;

impl AccountStore {
    /// Everything that was chosen.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn chosen_settings(&self) -> Result<Chosen> {
        let client = self.database.get().await?;
        Ok(chosen(&client.query(CHOSEN, &[]).await.map_err(failed)?))
    }

    /// Chooses what `decide` makes of everything chosen so far; nobody else chooses meanwhile. The entry
    /// of the audit log, with the detail it gives, is part of the transaction. Nothing to choose writes
    /// nothing.
    ///
    /// # Errors
    /// Those of `decide`, `forbidden` for somebody who is no administrator any more, `unavailable`.
    pub async fn choose_settings<T>(
        &self,
        by: Principal,
        decide: impl FnOnce(Chosen) -> Result<(Chosen, Value, T)> + Send,
    ) -> Result<T> {
        let mut client = self.database.get().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let lock = "LOCK TABLE accounts.settings IN SHARE ROW EXCLUSIVE MODE";
        transaction.batch_execute(lock).await.map_err(failed)?;
        let rows = transaction.query(CHOSEN, &[]).await.map_err(failed)?;
        let (change, detail, outcome) = decide(chosen(&rows))?;
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
        let entry = AuditEntry {
            actor: actor.uid,
            actor_name: &actor.name,
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

fn chosen(rows: &[Row]) -> Chosen {
    let chosen = |row: &Row| {
        let key: String = row.get(0);
        match serde_json::from_str(row.get(1)) {
            Ok(value) => Some((key, value)),
            Err(error) => {
                tracing::warn!(key, %error, "a stored setting cannot be read");
                None
            }
        }
    };
    rows.iter().filter_map(chosen).collect()
}
