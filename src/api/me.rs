//! My profile: what others see of me, and how I like things.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Session;
use crate::error::{Error, Result};
use crate::http::{Request, Response};
use crate::limits;
use crate::protocol::command::PresenceState;
use crate::store::accounts::ProfileChange;

use super::Api;
use super::text::bounded;
use super::users::{profile, public};

/// `GET /api/me`
pub(super) async fn show(api: &Api, caller: &Session) -> Result<Response> {
    Ok(Response::json(200, &own(api, caller).await?))
}

#[derive(Deserialize)]
struct Change {
    display_name: Option<String>,
    bio: Option<String>,
    locale: Option<String>,
    status: Option<Status>,
}

#[derive(Deserialize)]
struct Status {
    state: PresenceState,
    #[serde(default)]
    text: String,
    #[serde(default)]
    until: Option<i64>,
}

/// `PATCH /api/me`: only what is named changes.
pub(super) async fn change(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let Change { display_name, bio, locale, status } = request.json()?;
    let checked = |field, text: Option<String>, most| {
        text.map(|text| bounded(field, &text, most).map(str::to_owned)).transpose()
    };
    let change = ProfileChange {
        display_name: checked("display_name", display_name, limits::api::DISPLAY_NAME)?,
        bio: checked("bio", bio, limits::api::BIO)?,
        locale: locale.map(check_locale).transpose()?,
        status: status.map(check_status).transpose()?,
    };
    api.accounts.change_profile(caller.uid, &change).await?;
    let seen = public(api, &profile(api, caller.uid).await?);
    api.rooms.tell_profile(caller.uid, &seen).await;
    Ok(Response::json(200, &own(api, caller).await?))
}

async fn own(api: &Api, caller: &Session) -> Result<Value> {
    let profile = profile(api, caller.uid).await?;
    let mut me = public(api, &profile);
    me["locale"] = json!(profile.locale);
    me["admin"] = json!(caller.admin);
    let chosen = json!({
        "state": profile.status_state,
        "text": profile.status_text,
        "until": profile.status_until,
    });
    me["status"] = chosen;
    Ok(me)
}

/// A language tag such as `en` or `pt-BR`; empty means "as the browser says".
fn check_locale(locale: String) -> Result<String> {
    let plain = locale.len() <= limits::api::LOCALE
        && locale.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain { Ok(locale) } else { Err(Error::field("locale", "is not a language tag")) }
}

fn check_status(status: Status) -> Result<(String, String, Option<i64>)> {
    let text = bounded("status", &status.text, limits::chat::STATUS)?;
    Ok((status.state.as_str().to_owned(), text.to_owned(), status.until))
}
