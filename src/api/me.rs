//! My profile: what others see of me, and how I like things.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::auth::Session;
use crate::base::error::{Error, Result};
use crate::base::limits;
use crate::base::time;
use crate::http::{Request, Response};
use crate::protocol::presence::{PresenceState, Status};
use crate::store::accounts::ProfileChange;

use super::Api;
use super::text::{bounded, line};
use super::users::{chosen, profile, public, tell_profile};

/// `GET /api/me`
pub(super) async fn show(api: &Api, caller: &Session) -> Result<Response> {
    Ok(Response::json(200, &own(api, caller).await?))
}

#[derive(Deserialize)]
struct Change {
    display_name: Option<String>,
    bio: Option<String>,
    locale: Option<String>,
    status: Option<NewStatus>,
}

#[derive(Deserialize)]
struct NewStatus {
    state: PresenceState,
    #[serde(default)]
    text: String,
    #[serde(default)]
    until: Option<i64>,
}

/// `PATCH /api/me`: only what is named changes.
pub(super) async fn change(api: &Api, caller: &Session, request: &Request) -> Result<Response> {
    let Change { display_name, bio, locale, status } = request.json()?;
    let display_name =
        display_name.map(|text| line("display_name", &text, limits::api::DISPLAY_NAME));
    let change = ProfileChange {
        display_name: display_name.transpose()?,
        bio: bio.map(|text| bounded("bio", &text, limits::api::BIO)).transpose()?,
        locale: locale.map(check_locale).transpose()?,
        status: status.map(check_status).transpose()?,
    };
    api.allowances.of(caller.uid).profile_change()?;
    let is_written = api.accounts.change_profile(caller.uid, &change).await?;
    // What was said on a socket may be newer than what the account knows.
    let presence = api.rooms.presence();
    let is_new = |status: &Status| presence.status(caller.uid).is_some_and(|now| now != *status);
    let status = change.status.filter(|status| is_written || is_new(status));
    let is_changed = is_written || status.is_some();
    if let Some(status) = status {
        // A session that is remembered carries the old one to the next first connection.
        api.auth.forget(caller.uid);
        presence.set_status(caller.uid, status);
    }
    if is_changed {
        tell_profile(api, caller.uid).await;
    }
    Ok(Response::json(200, &own(api, caller).await?))
}

/// As others see me, and what only I see: what I chose instead of what that looks like.
async fn own(api: &Api, caller: &Session) -> Result<Value> {
    let profile = profile(api, caller.uid).await?;
    let mut me = public(api, &profile);
    let Status { state, text, until } = chosen(api, &profile);
    me["locale"] = json!(profile.locale);
    me["admin"] = json!(profile.is_admin);
    me["status"] = json!({"state": state, "text": text, "until": until});
    Ok(me)
}

/// A language tag such as `en` or `pt-BR`; empty means "as the browser says".
pub(super) fn check_locale(locale: String) -> Result<String> {
    let plain = locale.len() <= limits::api::LOCALE
        && locale.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain { Ok(locale) } else { Err(Error::field("locale", "is not a language tag")) }
}

fn check_status(status: NewStatus) -> Result<Status> {
    let NewStatus { state, text, until } = status;
    let text = line("status", &text, limits::chat::STATUS)?;
    let until = until.map(|until| time::ahead("until", until)).transpose()?;
    Ok(Status { state, text, until })
}
