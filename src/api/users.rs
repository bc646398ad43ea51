//! The directory: who is here, and what they say about themselves.

use serde_json::{Value, json};

use crate::error::{Code, Error, Result};
use crate::http::{Request, Response};
use crate::ids::Uid;
use crate::limits;
use crate::store::accounts::Profile;

use super::Api;

/// `GET /api/users?q=`: names that contain `q`, in alphabetical order.
pub(super) async fn directory(api: &Api, request: &Request) -> Result<Response> {
    let q = request.query("q").unwrap_or_default();
    let found = api.accounts.profiles(q.trim(), limits::api::DIRECTORY).await?;
    let users: Vec<Value> = found.iter().map(|profile| public(api, profile)).collect();
    Ok(Response::json(200, &json!({"users": users})))
}

/// `GET /api/users/{id}`
pub(super) async fn show(api: &Api, uid: Uid) -> Result<Response> {
    let profile = profile(api, uid).await?;
    Ok(Response::json(200, &public(api, &profile)))
}

/// The profile of a user who is there.
///
/// # Errors
/// `not_found`.
pub(super) async fn profile(api: &Api, uid: Uid) -> Result<Profile> {
    let found = api.accounts.profile(uid).await?;
    found.ok_or_else(|| Error::new(Code::NotFound, "There is no such user."))
}

/// What a user is called, for the audit log; nothing if that cannot be told now.
pub(super) async fn name_of(api: &Api, uid: Uid) -> String {
    let found = api.accounts.profile(uid).await.ok().flatten();
    found.map_or_else(String::new, |profile| profile.username)
}

/// What anybody signed in may see.
pub(super) fn public(api: &Api, profile: &Profile) -> Value {
    let seen = api.rooms.presence().seen(profile.uid);
    json!({
        "id": profile.uid,
        "uid": profile.uid,
        "username": profile.username,
        "display_name": profile.display_name,
        "bio": profile.bio,
        "avatar": null,
        "status": {"state": seen.state, "text": seen.text},
    })
}
