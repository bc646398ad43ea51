//! Settings that an administrator changes while the server runs.
//!
//! What was chosen once stands above the start-up settings. Reading them never waits: a request
//! takes the present values and keeps them until it is answered.

use std::sync::{Arc, RwLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::Auth;
use crate::base::error::{Code, Error, Result};
use crate::base::lock::RwLockExt as _;
use crate::base::principal::Principal;
use crate::config::{Config, Registration};
use crate::store::accounts::Chosen;

/// Who may make open and closed rooms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RoomCreation {
    /// Anybody.
    Members,
    /// Administrators.
    Admins,
}

/// The present values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
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
    /// The language of whoever has chosen none and whose browser asks for none we have.
    pub default_locale: String,
}

impl Live {
    /// As the server was started.
    pub fn of(config: &Config) -> Self {
        Self {
            name: config.name.clone(),
            registration: config.registration,
            member_invites: true,
            room_creation: RoomCreation::Members,
            users_max: None,
            default_locale: "en".to_owned(),
        }
    }

    /// What was chosen, above these. What this version does not understand is as if not chosen.
    fn with(&self, chosen: Chosen) -> Result<Self> {
        let mut live = self.clone();
        for (key, value) in chosen {
            let mut fields = live.fields()?;
            fields.insert(key.clone(), value);
            match serde_json::from_value(Value::Object(fields)) {
                Ok(next) => live = next,
                Err(error) => tracing::warn!(key, %error, "a stored setting is not understood"),
            }
        }
        Ok(live)
    }

    /// The same as an object.
    ///
    /// # Errors
    /// `internal`.
    pub fn fields(&self) -> Result<Map<String, Value>> {
        match serde_json::to_value(self).map_err(Error::internal)? {
            Value::Object(fields) => Ok(fields),
            _ => Err(Error::internal("settings are an object")),
        }
    }
}

/// The present values and those the server was started with.
pub(super) struct Settings {
    defaults: Live,
    live: RwLock<Arc<Live>>,
    /// Held while choosing, so that what was chosen last is what is read.
    choosing: tokio::sync::Mutex<()>,
}

impl Settings {
    pub fn new(defaults: Live, chosen: Chosen) -> Result<Self> {
        let live = RwLock::new(Arc::new(defaults.with(chosen)?));
        Ok(Self { defaults, live, choosing: tokio::sync::Mutex::default() })
    }

    fn live(&self) -> Arc<Live> {
        self.live.read_unpoisoned().clone()
    }

    fn set(&self, live: Live) {
        *self.live.write_unpoisoned() = Arc::new(live);
    }
}

impl Auth {
    /// The settings of this moment.
    pub fn live(&self) -> Arc<Live> {
        self.settings.live()
    }

    /// Chooses other values for some settings, if those `expected` still are what is said; how they are
    /// then.
    ///
    /// # Errors
    /// `conflict` if somebody else was first, `forbidden` for somebody who is no administrator any more,
    /// `unavailable`.
    pub async fn choose(
        &self,
        by: Principal,
        change: Map<String, Value>,
        expected: &Map<String, Value>,
    ) -> Result<Arc<Live>> {
        let _choosing = self.settings.choosing.lock().await;
        let defaults = &self.settings.defaults;
        let chosen = self.store.choose_settings(by, |chosen| {
            let before = defaults.with(chosen)?;
            let fields = before.fields()?;
            if expected.iter().any(|(key, value)| fields.get(key) != Some(value)) {
                return Err(Error::new(
                    Code::Conflict,
                    "Somebody else has changed these settings. Please look at them again.",
                ));
            }
            let differs = |(key, to): &(String, Value)| fields.get(key) != Some(to);
            let change: Chosen = change.into_iter().filter(differs).collect();
            let from_to = |(key, to): &(String, Value)| {
                (key.clone(), json!({"from": fields.get(key), "to": to}))
            };
            let detail = Value::Object(change.iter().map(from_to).collect());
            let after = before.with(change.clone())?;
            Ok((change, detail, after))
        });
        let after = chosen.await?;
        self.settings.set(after.clone());
        Ok(Arc::new(after))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn started() -> Live {
        Live {
            name: "Impulse".into(),
            registration: Registration::Open,
            member_invites: true,
            room_creation: RoomCreation::Members,
            users_max: None,
            default_locale: "en".into(),
        }
    }

    #[test]
    fn what_was_chosen_stands_above_and_what_is_not_understood_does_not_count() {
        let chosen = vec![
            ("registration".to_owned(), json!("closed")),
            ("users_max".to_owned(), json!(3)),
            ("room_creation".to_owned(), json!("nobody")),
            ("colour".to_owned(), json!("green")),
        ];
        let live = started().with(chosen).unwrap();
        let wanted = Live { registration: Registration::Closed, users_max: Some(3), ..started() };
        assert_eq!(live, wanted);
        let again = live.with(vec![("users_max".to_owned(), Value::Null)]).unwrap();
        assert_eq!(again.users_max, None);
    }
}
