//! The people of the server: who is here, and what they say about themselves.

use serde_json::json;

use super::context::Call;
use super::page::{Page, cursor};
use crate::base::error::Result;
use crate::base::ids::Uid;
use crate::base::limits;
use crate::http::Response;

/// `GET /api/users?q=&after=&limit=`: open accounts whose name contains `q`, in the order of their
/// user names.
pub async fn directory(Call { services, request, .. }: Call<'_>) -> Result<Response> {
    let mut page = Page::of(request)?;
    if request.query("limit").is_none() {
        page.limit = limits::api::DIRECTORY;
    }
    let profiles = &services.profiles;
    let after = page.after.as_deref().unwrap_or_default();
    let found = profiles.page(&page.q, after, page.limit + 1).await?;
    let last = page.limit.checked_sub(1).and_then(|last| found.get(last));
    let next = last.filter(|_| found.len() > page.limit).map(|(_, key)| cursor(key));
    let users = found.iter().take(page.limit).map(|(profile, _)| profiles.public(profile));
    let users: Vec<_> = users.collect();
    let mut answer = json!({"users": users});
    if let Some(next) = next {
        answer["next"] = json!(next);
    }
    Ok(Response::json(200, &answer))
}

/// `GET /api/users/{id}`: also of those who are gone, because what they wrote is still there.
pub async fn show(Call { services, ids: uid, .. }: Call<'_, Uid>) -> Result<Response> {
    let profile = services.profiles.find(uid).await?;
    Ok(Response::json(200, &services.profiles.public(&profile)))
}
