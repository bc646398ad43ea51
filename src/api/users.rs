//! The directory: who is here, and what they say about themselves.

use serde_json::{Value, json};

use crate::base::error::{Code, Error, Result};
use crate::base::ids::Uid;
use crate::base::limits;
use crate::http::{Request, Response};
use crate::protocol::presence::Status;
use crate::store::accounts::Profile;

use super::Api;
use super::page::{Page, cursor};

/// `GET /api/users?q=&after=&limit=`: open accounts whose name contains `q`, in the order of their
/// user names.
pub(super) async fn directory(api: &Api, request: &Request) -> Result<Response> {
    let mut page = Page::of(request)?;
    if request.query("limit").is_none() {
        page.limit = limits::api::DIRECTORY;
    }
    let after = page.after.as_deref().unwrap_or_default();
    let found = api.accounts.profiles(&page.q, after, page.limit + 1).await?;
    let last = page.limit.checked_sub(1).and_then(|last| found.get(last));
    let next = last.filter(|_| found.len() > page.limit).map(|(_, key)| cursor(key));
    let users = found.iter().take(page.limit).map(|(profile, _)| public(api, profile));
    let users: Vec<_> = users.collect();
    let mut told = json!({"users": users});
    if let Some(next) = next {
        told["next"] = json!(next);
    }
    Ok(Response::json(200, &told))
}

/// `GET /api/users/{id}`: also of those who are gone, because what they wrote is still there.
pub(super) async fn show(api: &Api, uid: Uid) -> Result<Response> {
    let profile = api.accounts.profile(uid).await?.ok_or_else(no_user)?;
    Ok(Response::json(200, &public(api, &profile)))
}

/// The profile of a user who is there: neither disabled nor removed.
///
/// # Errors
/// `not_found`.
pub(super) async fn profile(api: &Api, uid: Uid) -> Result<Profile> {
    let found = api.accounts.profile(uid).await?;
    found.filter(|profile| !profile.is_disabled).ok_or_else(no_user)
}

/// The profile of an account that is not removed, disabled or not.
///
/// # Errors
/// `not_found`.
pub(super) async fn known(api: &Api, uid: Uid) -> Result<Profile> {
    let found = api.accounts.profile(uid).await?;
    found.filter(|profile| !profile.is_removed).ok_or_else(no_user)
}

fn no_user() -> Error {
    Error::new(Code::NotFound, "There is no such user.")
}

/// What a user is called, for the audit log; nothing if that cannot be told now.
pub(super) async fn name_of(api: &Api, uid: Uid) -> String {
    let found = api.accounts.profile(uid).await.ok().flatten();
    found.map_or_else(String::new, |profile| profile.username)
}

/// Tells those who see this user what he is like now. Whoever misses it sees it at the next look. If
/// his name has changed, others may be told apart by their user names from now on, or need not any more.
pub(super) async fn tell_profile(api: &Api, uid: Uid) {
    settle_names(api, uid).await;
    tell_one(api, uid).await;
}

/// An account has another name than before, or is new: whoever is marked by that, or no longer, is
/// told of, too.
pub(super) async fn settle_names(api: &Api, uid: Uid) {
    match api.accounts.update_ambiguous_names(&[uid]).await {
        Ok(changed) => {
            for other in changed.into_iter().filter(|other| *other != uid) {
                tell_one(api, other).await;
            }
        }
        // The next start does it.
        Err(error) => tracing::warn!(%uid, ?error, "a changed name was not compared with others"),
    }
}

async fn tell_one(api: &Api, uid: Uid) {
    match api.accounts.profile(uid).await {
        Ok(Some(profile)) => api.rooms.publish_profile(uid, &public(api, &profile)).await,
        Ok(None) => {}
        Err(error) => tracing::warn!(%uid, ?error, "a changed profile was not told"),
    }
}

/// What anybody signed in may see. Of a removed account a neutral author is left.
pub(super) fn public(api: &Api, profile: &Profile) -> Value {
    if profile.is_removed {
        return json!({
            "id": profile.uid,
            "uid": profile.uid,
            "username": "",
            "display_name": "",
            "bio": "",
            "avatar": null,
            "status": {"state": "offline", "text": null, "until": null},
            "removed": true,
        });
    }
    let mut seen = api.rooms.presence().view(profile.uid);
    if seen.state == "offline" {
        // Nobody carries the words while there is no connection; the account does.
        let Status { text, until, .. } = chosen(api, profile);
        seen.until = until.filter(|_| !text.is_empty());
        seen.text = Some(text).filter(|text| !text.is_empty());
    }
    let mut told = json!({
        "id": profile.uid,
        "uid": profile.uid,
        "username": profile.username,
        "display_name": profile.display_name,
        "bio": profile.bio,
        "avatar": picture(profile.avatar.as_deref()),
        "status": {"state": seen.state, "text": seen.text, "until": seen.until},
    });
    for (word, holds) in [
        ("admin", profile.is_admin),
        ("disabled", profile.is_disabled),
        ("ambiguous", profile.is_ambiguous),
    ] {
        if holds {
            told[word] = json!(true);
        }
    }
    told
}

/// What the user chose, be it so new that the account does not know it yet.
pub(super) fn chosen(api: &Api, profile: &Profile) -> Status {
    let newer = api.rooms.presence().status(profile.uid);
    newer.unwrap_or_else(|| profile.status.clone())
}

/// Where the sizes of a picture are, by the name of its files: `{"96": URL, "384": URL}`.
pub(super) fn picture(name: Option<&str>) -> Value {
    let Some((name, extension)) = name.and_then(|name| name.split_once('.')) else {
        return Value::Null;
    };
    let url = |size: &u32| (size.to_string(), json!(format!("/avatars/{name}-{size}.{extension}")));
    Value::Object(crate::avatars::SIZES.iter().map(url).collect())
}
