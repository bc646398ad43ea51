//! Settings that administrators change while the server runs.
//!
//! What an administrator chose once takes precedence over the settings the server was started with. Reading them
//! never waits: a request takes the present values and keeps them until it is answered.

use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::base::error::{Code, Error, Result};
use crate::base::limits::files;
use crate::base::lock::RwLockExt as _;
use crate::base::principal::Principal;
use crate::config::{Config, Registration};
use crate::store::accounts::{AccountStore, SettingsUpdate, StoredSettings};

/// Who may make open and closed rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomCreation {
    /// Anybody.
    Members,
    /// Administrators.
    Admins,
}

/// Whether chats are encrypted end to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Encryption {
    /// No new ones are.
    Off,
    /// Those that people wish to be.
    On,
    /// All new direct chats are.
    Required,
}

/// The values of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuntimeSettings {
    /// The name people see.
    pub name: String,
    /// Who may register.
    pub registration: Registration,
    /// Whether members may make invite links.
    pub member_invites: bool,
    /// Who may make rooms.
    pub room_creation: RoomCreation,
    /// How many accounts there may be before nobody registers any more.
    pub users_max: Option<u32>,
    /// Whether chats are encrypted end to end.
    pub encryption: Encryption,
    /// Bytes of the largest file.
    pub file_size_max: u64,
    /// Bytes that the files of one person may have.
    pub files_user_max: Option<u64>,
    /// Bytes that the files of one room may have.
    pub files_room_max: Option<u64>,
    /// Bytes that all files may have.
    pub files_server_max: Option<u64>,
    /// The language for people who have chosen none and whose browsers ask for none that we have.
    pub default_locale: String,
}

impl RuntimeSettings {
    /// As the server was started.
    pub fn of(config: &Config) -> Self {
        Self {
            name: config.name.clone(),
            registration: config.registration,
            member_invites: true,
            room_creation: RoomCreation::Members,
            users_max: None,
            encryption: Encryption::On,
            file_size_max: files::SIZE,
            files_user_max: Some(files::PERSON),
            files_room_max: None,
            files_server_max: None,
            default_locale: "en".to_owned(),
        }
    }

    /// These with the stored values in their place. A value that this version does not understand is ignored.
    fn with(&self, stored: StoredSettings) -> Result<Self> {
        let mut settings = self.clone();
        for (key, value) in stored {
            let mut fields = settings.fields()?;
            fields.insert(key.clone(), value);
            match serde_json::from_value(Value::Object(fields)) {
                Ok(next) => settings = next,
                Err(error) => tracing::warn!(key, %error, "a stored setting is not understood"),
            }
        }
        Ok(settings)
    }

    fn fields(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self).map_err(Error::internal)? {
            Value::Object(fields) => Ok(fields),
            _ => Err(Error::internal("settings are an object")),
        }
    }
}

/// The present values, and where they are stored.
pub struct Settings {
    accounts: AccountStore,
    defaults: RuntimeSettings,
    current: RwLock<Arc<RuntimeSettings>>,
    /// Held during an update, so that the values committed last are the ones that are read.
    updating: tokio::sync::Mutex<()>,
}

impl Settings {
    /// Reads the stored values; `defaults` hold where there are none.
    ///
    /// # Errors
    /// `unavailable`.
    pub async fn open(accounts: AccountStore, defaults: RuntimeSettings) -> Result<Arc<Self>> {
        let current = defaults.with(accounts.stored_settings().await?)?;
        Ok(Arc::new(Self {
            accounts,
            defaults,
            current: RwLock::new(Arc::new(current)),
            updating: tokio::sync::Mutex::default(),
        }))
    }

    /// The values of this moment.
    pub fn current(&self) -> Arc<RuntimeSettings> {
        self.current.read_unpoisoned().clone()
    }

    /// Changes some settings, if the `expected` ones still have these values; all of them afterwards.
    ///
    /// # Errors
    /// `conflict` if somebody else was first, `forbidden` for somebody who is no administrator any more,
    /// `unavailable`.
    pub async fn update(
        &self,
        by: Principal,
        change: Map<String, Value>,
        expected: &Map<String, Value>,
    ) -> Result<Arc<RuntimeSettings>> {
        let _updating = self.updating.lock().await;
        let updated = self.accounts.update_settings(by, |stored| {
            let before = self.defaults.with(stored)?;
            let fields = before.fields()?;
            if expected.iter().any(|(key, value)| fields.get(key) != Some(value)) {
                return Err(Error::new(
                    Code::Conflict,
                    "Somebody else has changed these settings. Please look at them again.",
                ));
            }
            let differs = |(key, to): &(String, Value)| fields.get(key) != Some(to);
            let change: StoredSettings = change.into_iter().filter(differs).collect();
            let from_to = |(key, to): &(String, Value)| {
                (key.clone(), json!({"from": fields.get(key), "to": to}))
            };
            let detail = Value::Object(change.iter().map(from_to).collect());
            let outcome = Arc::new(before.with(change.clone())?);
            Ok(SettingsUpdate { change, detail, outcome })
        });
        let after = updated.await?;
        *self.current.write_unpoisoned() = after.clone();
        Ok(after)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> RuntimeSettings {
        RuntimeSettings {
            name: "Impulse".into(),
            registration: Registration::Open,
            member_invites: true,
            room_creation: RoomCreation::Members,
            users_max: None,
            encryption: Encryption::On,
            file_size_max: files::SIZE,
            files_user_max: Some(files::PERSON),
            files_room_max: None,
            files_server_max: None,
            default_locale: "en".into(),
        }
    }

    #[test]
    fn stored_values_take_precedence_and_values_nobody_understands_are_ignored() {
        let stored = vec![
            ("registration".to_owned(), json!("closed")),
            ("users_max".to_owned(), json!(3)),
            ("room_creation".to_owned(), json!("nobody")),
            ("colour".to_owned(), json!("green")),
        ];
        let settings = started().with(stored).unwrap();
        let wanted =
            RuntimeSettings { registration: Registration::Closed, users_max: Some(3), ..started() };
        assert_eq!(settings, wanted);
        let again = settings.with(vec![("users_max".to_owned(), Value::Null)]).unwrap();
        assert_eq!(again.users_max, None);
    }
}
