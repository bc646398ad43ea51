//! My profile: what others see of me, how I like things, and leaving for good.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::api::caller::clear_cookie;
use crate::api::context::Call;
use crate::api::fields::is_language_tag;
use crate::base::error::{Error, Result};
use crate::base::ids::Uid;
use crate::base::limits;
use crate::base::principal::Principal;
use crate::base::text::{bounded, line};
use crate::base::time;
use crate::http::Response;
use crate::protocol::presence::{PresenceState, Status};
use crate::service::{Profiles, RemovedMessages};
use crate::store::accounts::ProfileChange;

/// `GET /api/me`
pub async fn show(call: Call<'_>) -> Result<Response> {
    Ok(Response::json(200, &own(&call.services.profiles, call.caller.uid).await?))
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
pub async fn change(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Change { display_name, bio, locale, status } = request.json()?;
    let display_name =
        display_name.map(|text| line("display_name", &text, limits::api::DISPLAY_NAME));
    let change = ProfileChange {
        display_name: display_name.transpose()?,
        bio: bio.map(|text| bounded("bio", &text, limits::api::BIO)).transpose()?,
        locale: locale.map(check_locale).transpose()?,
        status: status.map(check_status).transpose()?,
    };
    services.allowances.of(caller.uid).profile_change()?;
    services.profiles.change(caller.uid, change).await?;
    Ok(Response::json(200, &own(&services.profiles, caller.uid).await?))
}

/// What others see of me, and what only I see: the status I chose instead of how it looks to others.
async fn own(profiles: &Profiles, uid: Uid) -> Result<Value> {
    let profile = profiles.active(uid).await?;
    let mut me = profiles.public(&profile);
    let Status { state, text, until } = profiles.chosen_status(&profile);
    me["locale"] = json!(profile.locale);
    me["admin"] = json!(profile.is_admin);
    me["status"] = json!({"state": state, "text": text, "until": until});
    Ok(me)
}

/// Empty means "as the browser says".
fn check_locale(locale: String) -> Result<String> {
    if is_language_tag(&locale) {
        return Ok(locale);
    }
    Err(Error::field("locale", "is not a language tag"))
}

fn check_status(status: NewStatus) -> Result<Status> {
    let NewStatus { state, text, until } = status;
    let text = line("status", &text, limits::chat::STATUS)?;
    let until = until.map(|until| time::ahead("until", until)).transpose()?;
    Ok(Status { state, text, until })
}

#[derive(Deserialize)]
struct Deletion {
    auth: String,
    messages: RemovedMessages,
}

/// `DELETE /api/me`: takes the password, because a browser left open must not be enough. An admin can
/// restore the account for thirty days.
pub async fn delete(Call { services, caller, request, .. }: Call<'_>) -> Result<Response> {
    let Deletion { auth, messages } = request.json()?;
    services.auth.check_password(caller.uid, caller.id, &auth, request.peer.ip()).await?;
    let by = Principal::User { uid: caller.uid, is_admin: false };
    services.accounts.remove(by, caller.uid, messages).await?;
    Ok(clear_cookie(request, Response::empty(204)))
}
