//! Settings that hold from the next request on.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::api::Api;
use crate::api::fields::present;
use crate::api::text::name;
use crate::auth::Session;
use crate::base::error::{Error, Result};
use crate::base::limits::api as limits;
use crate::base::limits::auth::USERS_MAX;
use crate::config::Registration;
use crate::http::{Request, Response};
use crate::settings::{RoomCreation, RuntimeSettings};

/// `GET /api/admin/settings`
pub(super) fn show(api: &Api) -> Result<Response> {
    Ok(answer(&api.auth.settings().current()))
}

fn answer(settings: &RuntimeSettings) -> Response {
    Response::json(200, settings)
}

#[derive(Deserialize)]
struct Change {
    name: Option<String>,
    registration: Option<Registration>,
    member_invites: Option<bool>,
    room_creation: Option<RoomCreation>,
    /// `null`: as many as like.
    #[serde(default, deserialize_with = "present")]
    users_max: Option<Option<u32>>,
    default_locale: Option<String>,
    /// What the caller took the settings for.
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
        if let Some(most) = self.users_max {
            if most.is_some_and(|most| !(1..=USERS_MAX).contains(&most)) {
                let rule = format!("must be 1 to {USERS_MAX}, or null");
                return Err(Error::field("users_max", &rule));
            }
            fields.insert("users_max".into(), json!(most));
        }
        if let Some(tag) = &self.default_locale {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
            if tag.is_empty() || tag.len() > limits::LOCALE || !tag.bytes().all(plain) {
                return Err(Error::field("default_locale", "is not a language tag"));
            }
            fields.insert("default_locale".into(), json!(tag));
        }
        Ok(fields)
    }
}

/// `PATCH /api/admin/settings`: what is named changes, unless somebody else has changed what is
/// `expected`.
pub(super) async fn change(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let change: Change = request.json()?;
    let fields = change.check()?;
    let after = api.auth.settings().update(caller.principal(), fields, &change.expected).await?;
    Ok(answer(&after))
}
