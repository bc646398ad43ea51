//! Settings that administrators changed while the server ran: a value per key. What the keys mean is decided in
//! `settings.rs` of the server.

use serde_json::Value;
use tokio_postgres::Row;

use super::administration::begin;
use super::audit::{self, AuditEntry};
use super::{AccountStore, failed};
use crate::base::error::Result;
use crate::base::principal::Principal;

/// Values come as text and are parsed one by one, so that one that cannot be read spoils no other.
const STORED: &str = "SELECT key, value::text FROM accounts.settings";

/// Keys and their values.
pub type StoredSettings = Vec<(String, Value)>;

/// What an update writes.
pub struct SettingsUpdate<T> {
    /// The values to write; nothing is written without any.
    pub change: StoredSettings,
    /// The detail of the entry in the audit log.
    pub detail: Value,
    /// What the caller is given.
    pub outcome: T,
}

impl AccountStore {
    /// All stored values.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn stored_settings(&self) -> Result<StoredSettings> {
        let client = self.database.get().await?;
        Ok(stored(&client.query(STORED, &[]).await.map_err(failed)?))
    }

    /// Writes what `decide` makes of the stored values, which nobody else changes meanwhile. The entry of the
    /// audit log is part of the transaction.
    ///
    /// # Errors
    /// Those of `decide`, `forbidden` for somebody who is no administrator any more, `unavailable`.
    pub async fn update_settings<T>(
        &self,
        by: Principal,
        decide: impl FnOnce(StoredSettings) -> Result<SettingsUpdate<T>> + Send,
    ) -> Result<T> {
        let mut client = self.database.get_to_change().await?;
        let transaction = client.transaction().await.map_err(failed)?;
        let actor = begin(&transaction, by).await?;
        let lock = "LOCK TABLE accounts.settings IN SHARE ROW EXCLUSIVE MODE";
        transaction.batch_execute(lock).await.map_err(failed)?;
        let rows = transaction.query(STORED, &[]).await.map_err(failed)?;
        let SettingsUpdate { change, detail, outcome } = decide(stored(&rows))?;
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

fn stored(rows: &[Row]) -> StoredSettings {
    let stored = |row: &Row| {
        let key: String = row.get(0);
        match serde_json::from_str(row.get(1)) {
            Ok(value) => Some((key, value)),
            Err(error) => {
                tracing::warn!(key, %error, "a stored setting cannot be read");
                None
            }
        }
    };
    rows.iter().filter_map(stored).collect()
}
