//! Settings that hold from the next request on.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::context::{AdminCall, Call};
use crate::api::fields::{is_language_tag, present};
use crate::base::error::{Error, Result};
use crate::base::limits::api as limits;
use crate::base::limits::auth::USERS_MAX;
use crate::base::limits::files::SIZE_MAX;
use crate::base::text::name;
use crate::config::Registration;
use crate::http::Response;
use crate::settings::{Encryption, RoomCreation};

/// `GET /api/admin/settings`
pub async fn show(call: AdminCall<'_>) -> Result<Response> {
    Ok(Response::json(200, &*call.services.auth.settings().current()))
}

#[derive(Deserialize)]
struct Change {
    name: Option<String>,
    registration: Option<Registration>,
    member_invites: Option<bool>,
    room_creation: Option<RoomCreation>,
    /// `null`: any number.
    #[serde(default, deserialize_with = "present")]
    users_max: Option<Option<u32>>,
    encryption: Option<Encryption>,
    file_size_max: Option<u64>,
    /// `null`: as much as there is place for, as in the next two.
    #[serde(default, deserialize_with = "present")]
    files_user_max: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    files_room_max: Option<Option<u64>>,
    #[serde(default, deserialize_with = "present")]
    files_server_max: Option<Option<u64>>,
    default_locale: Option<String>,
    /// What the settings were when the caller read them.
    #[serde(default)]
    expected: Map<String, Value>,
}

impl Change {
    /// The fields that shall change, checked.
    fn check(&self) -> Result<Map<String, Value>> {
        let mut fields = Map::new();
        if let Some(text) = &self.name {
            fields.insert("name".into(), json!(name("name", text, limits::SERVER_NAME)?));
        }
        if let Some(mode) = self.registration {
            fields.insert("registration".into(), json!(mode));
        }
        if let Some(may) = self.member_invites {
            fields.insert("member_invites".into(), json!(may));
        }
        if let Some(who) = self.room_creation {
            fields.insert("room_creation".into(), json!(who));
        }
        if let Some(mode) = self.encryption {
            fields.insert("encryption".into(), json!(mode));
        }
        if let Some(most) = self.users_max {
            if most.is_some_and(|most| !(1..=USERS_MAX).contains(&most)) {
                let rule = format!("must be 1 to {USERS_MAX}, or null");
                return Err(Error::field("users_max", &rule));
            }
            fields.insert("users_max".into(), json!(most));
        }
        self.check_files(&mut fields)?;
        if let Some(tag) = &self.default_locale {
            if tag.is_empty() || !is_language_tag(tag) {
                return Err(Error::field("default_locale", "is not a language tag"));
            }
            fields.insert("default_locale".into(), json!(tag));
        }
        Ok(fields)
    }

    fn check_files(&self, fields: &mut Map<String, Value>) -> Result<()> {
        let in_bytes = |name: &str, most: Option<u64>, or: &str| {
            if most.is_none_or(|most| (1..=SIZE_MAX).contains(&most)) {
                return Ok(json!(most));
            }
            Err(Error::field(name, &format!("must be 1 to {SIZE_MAX} bytes{or}")))
        };
        if let Some(most) = self.file_size_max {
            let name = "file_size_max";
            fields.insert(name.into(), in_bytes(name, Some(most), "")?);
        }
        for (name, most) in [
            ("files_user_max", self.files_user_max),
            ("files_room_max", self.files_room_max),
            ("files_server_max", self.files_server_max),
        ] {
            if let Some(most) = most {
                fields.insert(name.into(), in_bytes(name, most, ", or null")?);
            }
        }
        Ok(())
    }
}

/// `PATCH /api/admin/settings`: what is named changes, unless somebody else has changed what is
/// `expected`.
pub async fn change(Call { services, caller, request, .. }: AdminCall<'_>) -> Result<Response> {
    let change: Change = request.json()?;
    let fields = change.check()?;
    let after = services.auth.settings().update(caller.principal, fields, &change.expected).await?;
    services.files.follow_settings();
    Ok(Response::json(200, &*after))
}
